import { mkdirSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import { openFileDevice } from '../../../../src/device/index.js';
import { openCache } from '../../../../src/streams/open-cache.js';
import { deviceFrom } from '../../../../src/cli/journal/replay/device-option.js';
import { cachetrail } from '../../command.js';
import { BLOCK, journalFolder, recordTrouble } from '../recorded.js';

const DEVICE_BYTES = 64 * BLOCK;

describe('cachetrail replay --device PATH', () => {
  const folder = journalFolder();
  let directory: string;
  let place: string;

  before(async () => {
    directory = folder('trouble');
    await recordTrouble(directory);
  });
  beforeEach(function () {
    place = folder(`place-${this.currentTest?.title.replaceAll(/\W+/g, '-')}`);
    mkdirSync(place);
  });

  const replayed = async (...args: string[]) => {
    const { exitCode, stdout, stderr } = await cachetrail(['replay', directory, '--json', ...args]);
    expect([exitCode, stderr]).to.deep.equal([0, '']);
    return JSON.parse(stdout);
  };
  const image = (name: string, bytes: number): string => {
    const file = path.join(place, name);
    writeFileSync(file, Buffer.alloc(bytes, name));
    return file;
  };

  it('asks a new file in a folder for real, measures it beside the recording, and leaves nothing there', async () => {
    const { on, latencies, recorded, same, runs } = await replayed('--device', place, '--what-if', 'capacity=4');
    expect(on).to.include(place);
    expect(readdirSync(place)).to.deep.equal([]);
    for (const [index, { figures }] of [same, ...runs].entries()) {
      const { read, write, barrier } = latencies.runs[index];
      expect([read.count, write.count, barrier.count]).to.deep.equal([
        figures.deviceReads,
        figures.deviceWrites,
        figures.barriers,
      ]);
      expect(barrier.p50Ns).to.be.above(0);
    }
    // Of those that succeeded.
    expect(latencies.recorded.write.count).to.be.within(1, recorded.figures.deviceWrites - 1);
    const { stdout } = await cachetrail(['replay', directory, '--device', place]);
    expect(stdout)
      .to.match(/write +recorded +\d+ .*\n +replayed +\d+ /)
      .and.include(`on a new file of 256K in ${place}`)
      .and.not.include('replayed with others');
  });

  it('writes to a copy of an image, which stays as it is', async () => {
    const file = image('disk.img', DEVICE_BYTES + 512);
    const [before, { mtimeMs }] = [readFileSync(file), statSync(file)];
    const { on, same } = await replayed('--device', file);
    expect(on).to.equal(`on a copy of ${file}`);
    expect(same.figures.deviceWrites).to.be.above(0);
    expect(readFileSync(file).equals(before)).to.equal(true);
    expect(statSync(file).mtimeMs).to.equal(mtimeMs);
    expect(readdirSync(place)).to.deep.equal(['disk.img']);
  });

  it('writes to the image itself where --overwrite says so, at the blocks that the recording wrote', async () => {
    const file = image('disk.img', DEVICE_BYTES);
    const before = readFileSync(file);
    expect((await replayed('--device', file, '--overwrite')).on).to.equal(`on ${file}`);
    const after = readFileSync(file);
    const changed = Array.from({ length: 64 }, (_, block) => block).filter((block) => {
      const [start, end] = [block * BLOCK, (block + 1) * BLOCK];
      return !after.subarray(start, end).equals(before.subarray(start, end));
    });
    expect(changed).to.deep.equal([4, 5, 6]);
  });

  it('never writes to the device that the journal was recorded of', async () => {
    const file = image('recorded.img', DEVICE_BYTES);
    const recording = folder('of-a-file');
    const cache = await openCache(await openFileDevice(file), { capacity: 8, journal: { directory: recording } });
    await cache.write(1, new Uint8Array(BLOCK));
    await cache.close();
    const before = readFileSync(file);
    const { exitCode, stderr } = await cachetrail(['replay', recording, '--device', file, '--overwrite']);
    expect(exitCode).to.equal(2);
    expect(stderr).to.include('is the device that the journal was recorded of');
    expect((await cachetrail(['replay', recording, '--device', file])).exitCode).to.equal(0);
    expect(readFileSync(file).equals(before)).to.equal(true);
  });

  it('is refused where it cannot be, and changes nothing', async () => {
    const small = image('small.img', DEVICE_BYTES - 1);
    const before = readFileSync(small);
    for (const args of [
      ['--device', small, '--overwrite'],
      ['--device', place, '--overwrite'],
      ['--device', place, '--what-if', 'capacity=0'],
    ]) {
      const { exitCode, stdout, stderr } = await cachetrail(['replay', directory, ...args]);
      expect([exitCode, stdout], args.join(' ')).to.deep.equal([2, '']);
      expect(stderr).to.match(/^error CACHETRAIL_INVALID_/);
    }
    expect(readFileSync(small).equals(before)).to.equal(true);
    expect(() => deviceFrom(path.join(place, 'nothing'), false)).to.throw('path of a folder, image or disk');
    expect(() => deviceFrom('modelled', true)).to.throw('--overwrite');
    expect(() => deviceFrom(undefined, true)).to.throw('--overwrite');
    truncateSync(small, 0);
    const { exitCode, stderr } = await cachetrail(['replay', directory, '--device', small]);
    expect(exitCode).to.equal(3);
    expect(stderr).to.match(/^error CACHETRAIL_DEVICE_EMPTY: /);
    expect(readdirSync(place)).to.deep.equal(['small.img']);
  });
});
