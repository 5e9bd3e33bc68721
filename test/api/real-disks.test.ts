/** What a real disk does when it is full, and a real file when it is made shorter: no fault is injected here. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { openFileDevice } from '../../src/index.js';
import { imageFolder } from '../device/images.js';
import { rejection } from '../device/support.js';
import { expectBytes, pattern, testCaches } from './support/caches.js';
import { blocksOf, survivorsOf } from './support/faulty.js';

const BLOCK = 4096;
const QUICK = { limits: { writeAttemptsMax: 2, retryBaseNs: 1e6, retryCapNs: 2e6, runBytesMax: 8 * BLOCK } };

describe('a sparse image on a disk that is full', () => {
  const open = testCaches();
  let folder = '';
  before(function () {
    folder = mkdtempSync(path.join(tmpdir(), 'cachetrail-full-'));
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'cachetrail-test', folder]);
    if (mounted.status === 0) return;
    rmSync(folder, { recursive: true });
    folder = '';
    console.log('    left out: a full disk, since a small one cannot be mounted here (not root)');
    this.skip();
  });
  after(() => {
    if (folder === '') return;
    spawnSync('umount', ['-l', folder]);
    rmSync(folder, { recursive: true });
  });

  it('takes what has room, the flush names the rest with ENOSPC, and all is durable when there is room', async () => {
    const image = path.join(folder, 'sparse.img');
    const ballast = path.join(folder, 'ballast');
    const device = await openFileDevice(image, { create: { sizeBytes: 256 * BLOCK } });
    writeFileSync(ballast, new Uint8Array(40 * BLOCK));
    const { cache, of } = await open(device, { capacity: 128, ...QUICK });
    const bytes = pattern(48 * BLOCK, 7);
    await cache.write(100, bytes);
    const error = await survivorsOf(cache.flush());
    const left = blocksOf(error);
    expect(error.code).to.equal('CACHETRAIL_FLUSH_FAILED');
    expect(error.cause).to.include({ code: 'ENOSPC', syscall: 'write' });
    expect(new Set(left.map(([, code]) => code))).to.deep.equal(new Set(['ENOSPC']));
    expect(left.length, 'some were taken, some were not').to.be.within(1, 47);
    expect(of('blockParked')).to.have.length(left.length);
    expectBytes(await cache.read(100, 48), bytes);
    expect(blocksOf(await survivorsOf(cache.flush({ block: left[0][0], count: 1 })))).to.have.length(1);
    rmSync(ballast);
    await cache.flush();
    expectBytes(readFileSync(image).subarray(100 * BLOCK, 148 * BLOCK), bytes);
    expect(cache.stats()).to.include({ parkedBlocks: 0, dirtyBlocks: 0, unsyncedBlocks: 0 });
  });
});

describe('a file that is made shorter behind the cache', () => {
  const images = imageFolder();
  const open = testCaches();

  it('fails reads of what is gone, serves what is cached, and is made as long again by what is written', async () => {
    const old = pattern(64 * BLOCK, 1);
    const image = images.make('shrinks.img', old);
    const { cache } = await open(await openFileDevice(image), { capacity: 32, ...QUICK });
    await cache.read(40, 2);
    await cache.write(50, pattern(BLOCK, 2));
    truncateSync(image, 32 * BLOCK + 100);
    expect((await rejection(cache.read(60))).code).to.equal('CACHETRAIL_SHORT_READ');
    expect((await rejection(cache.read(32))).code, 'in part').to.equal('CACHETRAIL_SHORT_READ');
    expectBytes(await cache.read(31), old.subarray(31 * BLOCK, 32 * BLOCK));
    expectBytes(await cache.read(40, 2), old.subarray(40 * BLOCK, 42 * BLOCK));
    expect(cache.inspect(60).state, 'nothing is cached of what failed').to.equal('absent');
    await cache.flush();
    expect(statSync(image).size).to.equal(51 * BLOCK);
    expectBytes(readFileSync(image).subarray(50 * BLOCK), pattern(BLOCK, 2));
  });

  it('is made as long again by a zero, too: what was told to be zero is there', async () => {
    const image = images.make('zeroed.img', pattern(64 * BLOCK, 1));
    const { cache } = await open(await openFileDevice(image), { capacity: 32, ...QUICK });
    truncateSync(image, 8 * BLOCK);
    await cache.zero({ block: 30, count: 2 });
    expect(statSync(image).size).to.equal(32 * BLOCK);
    expectBytes(await cache.read(30, 2), new Uint8Array(2 * BLOCK));
  });
});

describe('a file that is deleted behind the cache', () => {
  const images = imageFolder();
  const open = testCaches();

  it('serves as before, as any open file does; one made anew in its place is another device', async () => {
    const old = pattern(64 * BLOCK, 1);
    const image = images.make('gone.img', old);
    const { cache } = await open(await openFileDevice(image), { capacity: 32, ...QUICK });
    await cache.write(5, pattern(BLOCK, 2));
    rmSync(image);
    await cache.flush();
    await cache.invalidate();
    expectBytes(await cache.read(5), pattern(BLOCK, 2));
    const other = await openFileDevice(images.make('gone.img', old));
    expect((await rejection(cache.replaceDevice(other))).code).to.equal('CACHETRAIL_DEVICE_OTHER');
    await other.close();
    await cache.write(6, pattern(BLOCK, 3));
    await cache.close();
    expectBytes(readFileSync(image), old, 'what was made anew');
  });
});
