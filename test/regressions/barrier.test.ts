import { expect } from 'chai';
import { faultDevice, memoryDevice, WriteError } from '../../src/index.js';
import { pattern, testCaches } from '../api/support/caches.js';
import { TestClock } from '../api/support/virtual-clock.js';
import { drain } from '../support/virtual-clock.js';
import { rejection } from '../device/support.js';

const DATA = pattern(3 * 4096, 1);

/**
 * The original takes a block for clean when the device has answered the write, before any barrier. Its peers report a
 * failed barrier once, and let the next flush succeed without writing anything again.
 */
describe('a block that the device has been given', () => {
  const open = testCaches();

  async function volatile(options: { readonly capacity?: number } = {}) {
    const clock = new TestClock();
    const memory = memoryDevice({ sizeBytes: 64 * 4096 });
    const device = faultDevice(memory, { volatile: true });
    const test = await open(device, { clock, ...options });
    await test.cache.write(4, DATA);
    return { clock, memory, device, ...test };
  }

  it('is still kept when the power is cut between the write and the barrier', async () => {
    const { clock, memory, device, cache } = await volatile();
    device.inject({ on: 'barrier', hang: 'after' });
    const flush = rejection(clock.until(cache.flush()));
    await drain();
    expect(device.operations).to.include({ write: 1, barrier: 1 });
    for (const block of [4, 5, 6]) expect(cache.inspect(block).state).to.equal('unsynced');
    await device.powerCut();

    const error = await flush;
    if (!(error instanceof WriteError)) throw error;
    expect(error.blocks.map(({ block, code }) => [block, code])).to.deep.equal([4, 5, 6].map((at) => [at, 'ENODEV']));
    expect(
      memory.bytes.every((byte) => byte === 0),
      'the power took everything',
    ).to.equal(true);
    for (const block of [4, 5, 6]) expect(cache.inspect(block).state).to.equal('dirty');
    expect(await cache.read(4, 3)).to.deep.equal(DATA);
    await rejection(clock.until(cache.invalidate()));
  });

  it('does not leave to make room before a barrier has covered it', async () => {
    const { clock, device, cache } = await volatile({ capacity: 8 });
    device.inject({ on: 'barrier', hang: 'after' });
    const flush = cache.flush();
    await drain();
    for (let block = 10; block < 30; block++) await cache.read(block);
    for (const block of [4, 5, 6]) expect(cache.inspect(block).state).to.equal('unsynced');
    device.cure();
    device.release();
    await clock.until(flush);
  });

  it('is written again when the barrier failed and lost it, and the flush resolves only then', async () => {
    const { clock, memory, device, cache } = await volatile();
    device.inject({ on: 'barrier', code: 'EIO', loses: true, times: 1 });
    await clock.until(cache.flush());
    expect(memory.bytes.subarray(4 * 4096, 7 * 4096)).to.deep.equal(DATA);
    expect(device.operations).to.include({ write: 2, barrier: 2 });
  });

  it('makes every flush reject while barriers fail, and is written again for each', async () => {
    const { clock, memory, device, cache } = await volatile();
    const rule = device.inject({ on: 'barrier', code: 'EIO', loses: true });
    for (let round = 0; round < 3; round++) {
      const before = device.operations.write;
      const error = await rejection(clock.until(cache.flush()));
      if (!(error instanceof WriteError)) throw error;
      expect(error.code).to.equal('CACHETRAIL_FLUSH_FAILED');
      expect(error.blocks.map(({ block, code }) => [block, code])).to.deep.equal([4, 5, 6].map((at) => [at, 'EIO']));
      expect(error.cause).to.include({ code: 'EIO', syscall: 'fdatasync' });
      expect(device.operations.write).to.be.above(before);
    }
    rule.cure();
    await clock.until(cache.flush());
    expect(memory.bytes.subarray(4 * 4096, 7 * 4096)).to.deep.equal(DATA);
  });

  it('is not forgotten when the barrier that failed was one in the background', async () => {
    const { clock, memory, device, cache, of } = await volatile();
    device.inject({ on: 'barrier', code: 'EIO', loses: true, times: 1 });
    await clock.pass(5_001);
    expect(of('barrierFailed')).to.have.lengthOf(1);
    await clock.until(cache.flush());
    expect(memory.bytes.subarray(4 * 4096, 7 * 4096)).to.deep.equal(DATA);
  });

  it('does not count as durable when the barrier before its completion failed', async () => {
    const { clock, memory, device, cache } = await volatile();
    const slow = device.inject({ on: 'write', hang: 'before', range: { offset: 20 * 4096, length: 4096 }, times: 1 });
    await clock.until(cache.flush());
    await cache.write(20, pattern(4096, 2));
    const late = cache.flush();
    await drain();
    expect(slow.hanging).to.equal(1);
    device.inject({ on: 'barrier', code: 'EIO', loses: true, times: 1 });
    await cache.flush({ block: 50, count: 1 }).catch(() => undefined);
    slow.release();
    await clock.until(late);
    expect(memory.bytes.subarray(20 * 4096, 21 * 4096)).to.deep.equal(pattern(4096, 2));
  });

  it('is told as a failed barrier where nothing at all was dirty', async () => {
    const { clock, device, cache } = await volatile();
    await clock.until(cache.flush());
    const rule = device.inject({ on: 'barrier', code: 'EIO' });
    for (let round = 0; round < 2; round++) {
      expect(await rejection(clock.until(cache.flush()))).to.include({ code: 'CACHETRAIL_BARRIER_FAILED' });
    }
    rule.cure();
    await clock.until(cache.flush());
  });
});
