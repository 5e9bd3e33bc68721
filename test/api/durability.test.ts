import { expect } from 'chai';
import { faultDevice, latencyDevice, memoryDevice } from '../../src/index.js';
import { rejection } from '../device/support.js';
import { expectBytes, pattern, stateOf, testCaches } from './support/caches.js';
import { DEVICE_KINDS, devicesOf } from './support/devices.js';
import { TestClock } from './support/virtual-clock.js';

const BLOCK = 4096;
const SIZE = 64 * BLOCK + 700;
const OLD = pattern(SIZE, 1);
const blocks = (block: number, count: number) => OLD.slice(block * BLOCK, (block + count) * BLOCK);

for (const kind of DEVICE_KINDS)
  describe(`over a ${kind} device`, () => {
    const open = testCaches();
    const make = devicesOf(kind);

    it('a flush makes everything durable, or what it is asked for', async () => {
      const made = await make(OLD);
      const { cache, of } = await open(made.device);
      await cache.write(3, pattern(2 * BLOCK, 2));
      await cache.write(64, pattern(700, 3));
      await cache.flush({ block: 4, count: 1 });
      expectBytes(made.bytes().subarray(4 * BLOCK, 5 * BLOCK), pattern(2 * BLOCK, 2).subarray(BLOCK));
      expect(cache.inspect(3).state).to.equal('dirty');
      await cache.flush();
      const model = OLD.slice();
      model.set(pattern(2 * BLOCK, 2), 3 * BLOCK);
      model.set(pattern(700, 3), 64 * BLOCK);
      expectBytes(made.bytes(), model);
      expect(of('flushStarted').map(({ block, count, pending }) => [block, count, pending])).to.deep.equal([
        [4, 1, 1],
        [0, 65, 2],
      ]);
    });

    it('an invalidation drops clean copies, so that the device is asked again, and tells how many', async () => {
      const { device } = await make(OLD);
      const { cache, of } = await open(device);
      await cache.read(0, 10);
      expect(await cache.invalidate({ block: 8, count: 10 })).to.deep.equal({ dropped: 2, discarded: [] });
      expect(await cache.invalidate()).to.deep.equal({ dropped: 8, discarded: [] });
      expect(await cache.invalidate()).to.deep.equal({ dropped: 0, discarded: [] });
      expect(cache.stats().residentBlocks).to.equal(0);
      expectBytes(await cache.read(0, 10), blocks(0, 10));
      expect(of('fillStarted')).to.have.lengthOf(2);
    });

    it('an invalidation refuses to lose what is dirty, unless it is told why it may', async () => {
      const made = await make(OLD);
      const { cache, of } = await open(made.device);
      await cache.read(0, 10);
      await cache.write(3, pattern(2 * BLOCK, 2));
      expect((await rejection(cache.invalidate())).code).to.equal('CACHETRAIL_DIRTY');
      expect((await rejection(cache.invalidate({ block: 4, count: 1 }))).code).to.equal('CACHETRAIL_DIRTY');
      expect(cache.stats().residentBlocks, 'all or nothing').to.equal(10);
      const dropped = await cache.invalidate({ block: 2, count: 4 }, { discardDirty: 'a test', actor: 'me' });
      expect(dropped).to.deep.equal({ dropped: 4, discarded: [3, 4] });
      expect(of('dirtyDiscarded').map(({ blocks, reason }) => [blocks, reason])).to.deep.equal([[[3, 4], 'a test']]);
      expect(of('clearQueued').map(({ kind, actor }) => [kind, actor])).to.deep.equal([['drop', 'me']]);
      await cache.flush();
      expectBytes(made.bytes(), OLD);
      expectBytes(await cache.read(2, 4), blocks(2, 4));
    });

    it('a zero is zeros, on the device and in the cache, at the short tail as well', async () => {
      const made = await make(OLD);
      const { cache } = await open(made.device);
      await cache.read(0, 10);
      await cache.write(5, pattern(2 * BLOCK, 2));
      await cache.zero({ block: 4, count: 3 });
      await cache.zero({ block: 63, count: 2 });
      const model = OLD.slice();
      model.fill(0, 4 * BLOCK, 7 * BLOCK);
      model.fill(0, 63 * BLOCK);
      expectBytes(made.bytes(), model);
      expectBytes(await cache.readBytes(0, SIZE), model);
      await cache.close();
      expectBytes(made.bytes(), model);
    });

    it('a discard leaves its neighbours alone, and what is written after it stays', async () => {
      const made = await make(OLD);
      const { cache, of } = await open(made.device);
      await cache.write(5, pattern(BLOCK, 2));
      await cache.discard({ block: 4, count: 3 });
      expect(cache.inspect(5).state).to.equal('absent');
      await cache.write(5, pattern(BLOCK, 3));
      await cache.flush();
      expectBytes(made.bytes().subarray(0, 4 * BLOCK), blocks(0, 4));
      expectBytes(made.bytes().subarray(5 * BLOCK, 6 * BLOCK), pattern(BLOCK, 3));
      expectBytes(made.bytes().subarray(7 * BLOCK), OLD.subarray(7 * BLOCK));
      expect(of('clearFinished').map(({ kind, block, count, dropped }) => [kind, block, count, dropped])).to.deep.equal(
        [['discard', 4, 3, 1]],
      );
    });
  });

describe('clearing', () => {
  const open = testCaches();

  it('by zero works over a device that cannot zero, with a discard refused where there is none', async () => {
    const memory = memoryDevice({ bytes: OLD.slice() }, { zero: false, discard: false });
    const { cache } = await open(memory);
    await cache.write(5, pattern(BLOCK, 2));
    await cache.zero({ block: 4, count: 61 });
    expect(memory.bytes.subarray(4 * BLOCK).every((byte) => byte === 0)).to.equal(true);
    expect((await rejection(cache.discard({ block: 0, count: 1 }))).code).to.equal('CACHETRAIL_UNSUPPORTED');
  });

  for (const clear of ['zero', 'discard'] as const)
    it(`by ${clear} has reads and writes of its range wait, and the others go on`, async () => {
      const clock = new TestClock();
      const memory = memoryDevice({ bytes: OLD.slice() });
      const { after: setTimer } = clock;
      const { cache } = await open(latencyDevice(memory, { zeroMs: 10, discardMs: 10, readMs: 1, setTimer }), {
        clock,
      });
      const clearing = cache[clear]({ block: 4, count: 4 });
      const read = cache.read(3, 3);
      const write = cache.write(7, pattern(BLOCK, 3));
      const borrow = cache.borrow(6);
      await clock.pass(5);
      for (const waits of [clearing, read, write, borrow]) expect(await stateOf(waits)).to.equal('pending');
      await clock.until(cache.read(10, 2));
      expect(clock.now()).to.equal(6e6);
      await clock.until(clearing);
      expectBytes((await clock.until(read)).subarray(BLOCK), new Uint8Array(2 * BLOCK));
      await clock.until(write);
      const borrowed = await clock.until(borrow);
      expect(borrowed.bytes.every((byte) => byte === 0)).to.equal(true);
      borrowed.release();
      expectBytes(await cache.read(7), pattern(BLOCK, 3));
    });

  it('of overlapping ranges happens in order, whatever comes between', async () => {
    const clock = new TestClock();
    const memory = memoryDevice({ bytes: OLD.slice() });
    const { after: setTimer } = clock;
    const slow = latencyDevice(memory, { zeroMs: 20, writeMs: 5, barrierMs: 1, discardMs: 1, setTimer });
    const { cache } = await open(slow, { clock });
    const all = [
      cache.zero({ block: 4, count: 4 }),
      cache.write(5, pattern(BLOCK, 2)),
      cache.discard({ block: 6, count: 10 }),
      cache.write(6, pattern(BLOCK, 3)),
      cache.flush(),
      cache.zero({ block: 7, count: 1 }),
    ];
    await clock.until(Promise.all(all));
    await clock.until(cache.flush());
    const model = OLD.slice();
    model.fill(0, 4 * BLOCK, 16 * BLOCK);
    model.set(pattern(BLOCK, 2), 5 * BLOCK);
    model.set(pattern(BLOCK, 3), 6 * BLOCK);
    expectBytes(memory.bytes, model);
  });

  it('is refused while a block of the range is borrowed', async () => {
    const { cache } = await open(memoryDevice({ bytes: OLD.slice() }));
    const borrowed = await cache.borrow(5);
    for (const asked of [
      () => cache.zero({ block: 4, count: 2 }),
      () => cache.discard({ block: 5, count: 1 }),
      () => cache.invalidate({ block: 5, count: 1 }),
      () => cache.invalidate(undefined, { discardDirty: 'test' }),
    ]) {
      expect((await rejection(asked())).code).to.equal('CACHETRAIL_PINNED');
    }
    await cache.zero({ block: 6, count: 1 });
    borrowed.release();
    await cache.zero({ block: 4, count: 2 });
  });
});

describe('a flush', () => {
  const open = testCaches();

  it('with nothing dirty still is a barrier: what the device was given before is durable after it', async () => {
    const device = faultDevice(memoryDevice({ bytes: OLD.slice() }));
    const { cache } = await open(device);
    await cache.flush();
    expect(device.operations).to.include({ write: 0, barrier: 1 });
  });

  it('by many at once is one barrier, where one is enough for all', async () => {
    const device = faultDevice(memoryDevice({ bytes: OLD.slice() }));
    const { cache } = await open(device);
    await cache.write(3, pattern(BLOCK, 2));
    await Promise.all(Array.from({ length: 10 }, () => cache.flush()));
    expect(device.operations.write).to.equal(1);
    expect(device.operations.barrier).to.be.at.most(2);
  });
});
