import { expect } from 'chai';
import { faultDevice, memoryDevice, WriteError } from '../../src/index.js';
import { pattern, testCaches } from '../api/support/caches.js';
import { withParts } from '../api/support/devices.js';
import { TestClock } from '../api/support/virtual-clock.js';
import { rejection } from '../device/support.js';

/** The original makes every error an EIO, counts write errors where nobody can see them, and writes block by block. */
describe('a write error', () => {
  const open = testCaches();

  /** A device that fails the operations named in `failing`, with these very errors. */
  function failingDevice(failing: Partial<Record<'read' | 'write' | 'barrier' | 'discard' | 'zero', unknown>>) {
    const memory = memoryDevice({ sizeBytes: 64 * 4096 });
    const or = <T>(operation: keyof typeof failing, work: () => Promise<T>) => {
      return operation in failing ? Promise.reject(failing[operation]) : work();
    };
    return withParts(memory, {
      read: (offset, buffers) => or('read', () => memory.read(offset, buffers)),
      write: (offset, buffers) => or('write', () => memory.write(offset, buffers)),
      barrier: () => or('barrier', () => memory.barrier()),
      discard: (offset, length) => or('discard', () => memory.discard(offset, length)),
      zero: (offset, length) => or('zero', () => memory.zero(offset, length)),
    });
  }

  for (const code of ['ENOSPC', 'EDQUOT', 'EIO', 'EROFS', 'EREMOTEIO', 'E_OF_MY_OWN']) {
    it(`stays ${code}, with the device's own error as the cause, from flush, writes that wait, and close`, async () => {
      const own = Object.assign(new Error('no more of this'), { code });
      const clock = new TestClock();
      const { cache, of } = await open(failingDevice({ write: own }), { clock });
      await cache.write(3, pattern(2 * 4096, 1));
      const through = rejection(clock.until(cache.writeBytes(0, pattern(10, 2), { through: true })));
      const errors = [await through, await rejection(clock.until(cache.flush()))];
      errors.push(await rejection(clock.until(cache.close())));
      for (const error of errors) {
        if (!(error instanceof WriteError)) throw error;
        expect(error.cause).to.equal(own);
        for (const failed of error.blocks) expect(failed).to.include({ code, cause: own });
      }
      expect(errors.map((error) => error.code)).to.deep.equal([
        'CACHETRAIL_WRITE_FAILED',
        'CACHETRAIL_FLUSH_FAILED',
        'CACHETRAIL_CLOSE_FAILED',
      ]);
      expect(new Set(of('writebackFailed').map((failed) => failed.code))).to.deep.equal(new Set([code]));
    });
  }

  it('of one block is not told as that of another', async () => {
    const clock = new TestClock();
    const device = faultDevice(memoryDevice({ sizeBytes: 64 * 4096 }));
    const { cache } = await open(device, { clock });
    device.inject({ on: 'write', code: 'ENOSPC', range: { offset: 4096, length: 1 } });
    device.inject({ on: 'write', code: 'EIO', range: { offset: 3 * 4096, length: 1 } });
    device.inject({ on: 'write', short: 100, range: { offset: 5 * 4096, length: 1 } });
    await cache.write(0, pattern(8 * 4096, 1));
    const error = await rejection(clock.until(cache.flush()));
    if (!(error instanceof WriteError)) throw error;
    expect(error.blocks.map(({ block, code }) => [block, code])).to.deep.equal([
      [1, 'ENOSPC'],
      [3, 'EIO'],
      [5, 'CACHETRAIL_SHORT_WRITE'],
    ]);
  });

  it('is the cause of failed reads, clears and barriers as it came, whatever it is', async () => {
    const own = { read: new RangeError('r'), discard: 'a text', zero: { code: 'EZERO' }, barrier: new Error('b') };
    const { cache } = await open(failingDevice(own));
    expect(await rejection(cache.read(0))).to.include({ code: 'CACHETRAIL_READ_FAILED', cause: own.read });
    const range = { block: 0, count: 1 };
    expect(await rejection(cache.discard(range))).to.include({ code: 'CACHETRAIL_CLEAR_FAILED', cause: own.discard });
    expect(await rejection(cache.zero(range))).to.include({ code: 'CACHETRAIL_CLEAR_FAILED', cause: own.zero });
    expect(await rejection(cache.flush())).to.include({ code: 'CACHETRAIL_BARRIER_FAILED', cause: own.barrier });
    await rejection(cache.close());
    await cache.close({ abandon: 'its barriers fail' });
  });

  it('is counted and exported: in the stats, in the events, and at its block', async () => {
    const clock = new TestClock();
    const device = faultDevice(memoryDevice({ sizeBytes: 64 * 4096 }));
    const { cache, of } = await open(device, { clock, limits: { writeAttemptsMax: 3 } });
    device.inject({ on: 'write', code: 'EIO' });
    await cache.write(3, pattern(2 * 4096, 1));
    await rejection(clock.until(cache.flush()));
    // Three tries of the run, and one of each half.
    expect(cache.stats()).to.include({ writeErrors: 5, retries: 2, splits: 1, parks: 2, parkedBlocks: 2 });
    expect(of('writebackFailed').map(({ block, count, attempt }) => [block, count, attempt])).to.deep.equal([
      [3, 2, 1],
      [3, 2, 2],
      [3, 2, 3],
      [3, 1, 3],
      [4, 1, 3],
    ]);
    expect(of('blockParked').map(({ block, code }) => [block, code])).to.deep.equal([
      [3, 'EIO'],
      [4, 'EIO'],
    ]);
    expect(cache.inspect(4)).to.include({ lastError: 'EIO', parked: true, state: 'dirty' });
    device.cure();
    await clock.until(cache.flush());
    expect(cache.stats()).to.include({ writeErrors: 5, parkedBlocks: 0, dirtyBlocks: 0 });
    expect(cache.inspect(4)).to.include({ lastError: null, parked: false, state: 'clean' });
  });
});

describe('dirty blocks next to each other', () => {
  const open = testCaches();

  it('are one device write, in whatever order they were written', async () => {
    const device = faultDevice(memoryDevice({ sizeBytes: 256 * 4096 }));
    const { cache } = await open(device);
    for (let at = 0; at < 64; at++) await cache.write(10 + ((at * 37) % 64), pattern(4096, at));
    await cache.flush();
    expect(device.operations).to.include({ write: 1, barrier: 1 });
    expect(cache.stats()).to.include({ deviceWrites: 1, writebackBlocks: 64, meanRunBlocks: 64, batches: 1 });
  });

  it('are as many device writes as there are gaps, and one more', async () => {
    const device = faultDevice(memoryDevice({ sizeBytes: 256 * 4096 }));
    const { cache, of } = await open(device);
    for (const block of [200, 5, 7, 6, 100, 101, 4]) await cache.write(block, pattern(4096, block));
    await cache.flush();
    expect(of('writebackStarted').map(({ block, count }) => [block, count])).to.deep.equal([
      [4, 4],
      [100, 2],
      [200, 1],
    ]);
    expect(device.operations.write).to.equal(3);
  });

  it('are cut where a device write would be too long', async () => {
    const device = faultDevice(memoryDevice({ sizeBytes: 256 * 4096 }));
    const { cache } = await open(device, { limits: { runBytesMax: 16 * 4096 } });
    await cache.write(0, pattern(40 * 4096, 1));
    await cache.flush();
    expect(device.operations.write).to.equal(3);
  });
});
