import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { expect } from 'chai';
import { replayWorkload } from '../../../../src/streams/journal/index.js';
import { cachetrail } from '../../command.js';
import { journalFolder, lastSegment, recordTrouble } from '../recorded.js';

describe('cachetrail replay --what-if', () => {
  const folder = journalFolder();
  let directory: string;

  before(async () => {
    directory = folder('trouble');
    await recordTrouble(directory);
  });

  const asked = (...args: string[]) => cachetrail(['replay', directory, '--what-if', ...args]);

  it('prints what the library says as JSON, the recorded options first', async () => {
    const { exitCode, stdout, stderr } = await asked('capacity=4,16 policy=lru|priority', '--json');
    expect([exitCode, stderr]).to.deep.equal([0, '']);
    const report = JSON.parse(stdout);
    const capacities = [4, 4, 16, 16];
    expect(report.runs.map((run: { options: object }) => run.options)).to.deep.equal(
      capacities.map((capacity, at) => ({ capacity, policy: at % 2 === 0 ? 'lru' : 'priority' })),
    );
    const { runs, recorded } = await replayWorkload(directory, { runs: [{}, { capacity: 4 }] });
    expect(report.recorded.figures).to.deep.equal(recorded.figures);
    expect(report.same.figures).to.deep.equal(runs[0].figures);
    expect(report.runs[0].figures).to.deep.equal(runs[1].figures);
    expect(report.problems).to.deep.equal([]);
  });

  it('prints a table and a curve of 80 columns at most, without colors into a pipe', async () => {
    const { exitCode, stdout } = await asked('capacity=2..64');
    expect(exitCode).to.equal(0);
    const lines = stdout.split('\n');
    expect(Math.max(...lines.map((line) => line.length))).to.be.at.most(80);
    expect(lines).to.include('as recorded').and.include('miss ratio of reads by capacity');
    expect(stdout)
      .to.match(/^ +32 +lru +\d/m)
      .and.not.include('\u001b');
    expect(stdout).to.include('operations of the device failed in the recording');
  });

  it('draws no curve of one capacity, and says how long it takes with latencies of a device', async () => {
    const { stdout } = await asked('policy=priority', '--device', 'read=20ms,write=1s');
    expect(stdout).to.include('on a device with read=20ms,write=1s').and.not.include('miss ratio of reads');
    expect(stdout)
      .to.match(/written +time$/m)
      .and.match(/priority .*\d s$/m);
  });

  it('replays the answers that the device gave', async () => {
    const { stdout } = await asked('capacity=8', '--device', 'recorded', '--json');
    const { recorded, same } = JSON.parse(stdout);
    expect(same.figures.deviceErrors).to.equal(recorded.figures.deviceErrors).and.to.be.greaterThan(0);
    expect(same.figures.parks).to.equal(recorded.figures.parks);
  });

  it('writes the curve as SVG', async () => {
    const file = folder('curve.svg');
    const { exitCode, stderr } = await asked('capacity=4..16', '--svg', file);
    expect([exitCode, stderr]).to.deep.equal([0, `the curve is in ${file}\n`]);
    expect(readFileSync(file, 'utf8')).to.match(/^<svg [\s\S]*<\/svg>\n$/);
  });

  it('goes on behind damage, and says what it has left out', async () => {
    const damaged = folder('damaged');
    await recordTrouble(damaged, { bufferBytes: 256 });
    const bytes = readFileSync(lastSegment(damaged));
    // In the last frame but one, so that the opening is whole.
    bytes[bytes.lastIndexOf('CTJF', bytes.lastIndexOf('CTJF') - 1) + 120] ^= 1;
    writeFileSync(lastSegment(damaged), bytes);
    const { exitCode, stdout, stderr } = await cachetrail(['replay', damaged, '--what-if', 'capacity=4']);
    expect(exitCode).to.equal(0);
    expect(stderr).to.match(/^warning: damaged: /);
    expect(stdout).to.match(/; \d+ events left out$/m);
  });

  it('refuses what cannot be with exit code 2, before it writes anything', async () => {
    mkdirSync(folder('empty'));
    const file = folder('never.svg');
    for (const args of [
      [directory, '--what-if', 'capacity=0'],
      [directory, '--what-if', 'policy=fifo'],
      [directory, '--what-if', 'capacity=4', '--at', '3'],
      [directory, '--what-if', 'capacity=4', '--device', 'slow'],
      [directory, '--svg', file],
      [folder('empty'), '--what-if', 'capacity=4'],
    ]) {
      const { exitCode, stdout, stderr } = await cachetrail(['replay', ...args]);
      expect([exitCode, stdout], args.join(' ')).to.deep.equal([2, '']);
      expect(stderr).to.match(/^error CACHETRAIL_/);
    }
    expect(existsSync(file)).to.equal(false);
    expect((await asked('capacity=4', '--svg', folder('none/curve.svg'))).exitCode).to.equal(3);
  });
});
