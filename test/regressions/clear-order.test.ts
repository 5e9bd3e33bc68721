import { expect } from 'chai';
import { type BlockCache, latencyDevice, type MemoryDevice, memoryDevice } from '../../src/index.js';
import { pattern, testCaches } from '../api/support/caches.js';
import { TestClock } from '../api/support/virtual-clock.js';

type Clear = 'zero' | 'discard';
const HOUR_MS = 3_600_000;

/**
 * The original clears the device before its cache, so that an older dirty block can land on top. The memory device's
 * discard makes zeros too, so what is on it in the end shows what came last.
 */
for (const clear of ['zero', 'discard'] as const)
  describe(`a ${clear}`, () => {
    const open = testCaches();

    /** Writes take longer than clears, so that one in flight when a clear is asked for would land after it. */
    async function slowWrites({ zeroMs = 1, discardMs = 1, writebacksInFlightMax = 4 } = {}) {
      const clock = new TestClock();
      const memory = memoryDevice({ bytes: pattern(64 * 4096, 5) });
      const { after: setTimer } = clock;
      const device = latencyDevice(memory, { writeMs: 50, zeroMs, discardMs, barrierMs: 1, setTimer });
      return { clock, memory, ...(await open(device, { clock, limits: { writebacksInFlightMax } })) };
    }

    it('comes after a writeback of its blocks that was in flight', async () => {
      const { clock, memory, cache, of } = await slowWrites();
      await cache.write(4, pattern(8 * 4096, 1));
      const flush = cache.flush();
      await clock.pass(10);
      expect(cache.stats().writingBlocks).to.equal(8);
      await clock.until(cache[clear]({ block: 6, count: 2 }));
      await clock.until(flush);
      await clock.pass(HOUR_MS);

      expectZero(memory, 6, 2);
      expect(memory.bytes.subarray(4 * 4096, 6 * 4096)).to.deep.equal(pattern(8 * 4096, 1).subarray(0, 2 * 4096));
      expect(of('clearStarted')[0].seq).to.be.above(of('writebackFinished')[0].seq);
    });

    it('takes dirty blocks with it, so that none is written later', async () => {
      const { clock, memory, cache, of } = await slowWrites();
      await cache.write(4, pattern(8 * 4096, 1));
      await clock.until(cache[clear]({ block: 5, count: 3 }));
      await clock.pass(HOUR_MS);
      await clock.until(cache.flush());

      expectZero(memory, 5, 3);
      const written = of('writebackStarted').map(({ block, count }) => [block, count]);
      expect(written).to.have.deep.members([
        [4, 1],
        [8, 4],
      ]);
    });

    it('stands against a flush that was asked for before it was granted', async () => {
      const { clock, memory, cache } = await slowWrites();
      await cache.write(4, pattern(4096, 1));
      const clearing = cache[clear]({ block: 4, count: 1 });
      const flush = cache.flush();
      await clock.until(Promise.all([clearing, flush]));
      await clock.pass(HOUR_MS);
      expectZero(memory, 4, 1);
    });

    it('comes after a rewrite that waited for a writeback in flight', async () => {
      const { clock, memory, cache } = await slowWrites();
      await cache.write(4, pattern(4096, 1));
      const flush = cache.flush();
      await clock.pass(10);
      await cache.write(4, pattern(4096, 2));
      await clock.until(cache[clear]({ block: 4, count: 1 }));
      await clock.until(flush);
      await clock.pass(HOUR_MS);
      expectZero(memory, 4, 1);
    });

    it('comes before no write of its blocks that was planned before it', async () => {
      const { clock, memory, cache } = await slowWrites({ zeroMs: 120, discardMs: 120, writebacksInFlightMax: 1 });
      for (const block of [0, 10, 20]) await cache.write(block, pattern(4096, block));
      const flush = cache.flush();
      await clock.pass(10);
      const clearing = cache[clear]({ block: 20, count: 1 });
      await clock.until(Promise.all([flush, clearing]));
      await clock.pass(HOUR_MS);
      expectZero(memory, 20, 1);
      expect(memory.bytes.subarray(10 * 4096, 11 * 4096)).to.deep.equal(pattern(4096, 10));
    });

    it('is followed by what was written after it', async () => {
      const { clock, memory, cache } = await slowWrites();
      await cache.write(4, pattern(4096, 1));
      const clearing = cache[clear]({ block: 4, count: 2 });
      const write = cache.write(4, pattern(4096, 2));
      await clock.until(Promise.all([clearing, write]));
      await clock.until(cache.flush());
      expect(memory.bytes.subarray(4 * 4096, 5 * 4096)).to.deep.equal(pattern(4096, 2));
      expectZero(memory, 5, 1);
    });

    it('leaves no old bytes to read', async () => {
      const { clock, cache } = await slowWrites();
      await clock.until(cache.read(0, 16));
      await cache.write(2, pattern(4096, 1));
      const clearing = cache[clear]({ block: 1, count: 3 });
      await clock.until(clearing);
      const after = await clock.until(cache.read(0, 16));
      expect(after.subarray(4096, 4 * 4096).every((byte) => byte === 0)).to.equal(true);
      expect(after.subarray(0, 4096)).to.deep.equal(pattern(64 * 4096, 5).subarray(0, 4096));
    });

    it('leaves on the device what a model of it in order leaves, whatever takes how long', async () => {
      for (let seed = 1; seed <= 20; seed++) await compareWithModel(seed, clear);
    });

    /** Operations overtake each other at random; one caller, who waits for each request before the next. */
    async function compareWithModel(seed: number, clear: Clear): Promise<void> {
      const clock = new TestClock();
      const model = pattern(16 * 512, 5);
      const memory = memoryDevice({ bytes: model.slice() });
      const { after: setTimer } = clock;
      const waits = { readMs: 3, writeMs: 20, zeroMs: 10, discardMs: 10, barrierMs: 5, jitter: 1, seed, setTimer };
      const limits = { writebacksInFlightMax: 1 + (seed % 4) };
      const { cache } = await open(latencyDevice(memory, waits), { clock, blockSize: 512, capacity: 8, limits });
      const flushes: Promise<void>[] = [];
      for (let step = 0; step < 60; step++) {
        const [kind, block, count] = pattern(3, seed * 1000 + step);
        const range = { block: block % 12, count: 1 + (count % 4) };
        if (kind < 150) await write(cache, clock, model, range, step);
        else if (kind < 200) await clock.until(cleared(cache, model, range, clear));
        else flushes.push(cache.flush());
        await clock.pass(kind % 8);
      }
      await clock.until(Promise.all(flushes));
      await clock.until(cache.flush());
      expect(memory.bytes, `seed ${seed}`).to.deep.equal(model);
    }
  });

type Range = { readonly block: number; readonly count: number };

function write(cache: BlockCache, clock: TestClock, model: Uint8Array, range: Range, seed: number): Promise<void> {
  const data = pattern(range.count * 512, seed);
  model.set(data, range.block * 512);
  return clock.until(cache.write(range.block, data));
}

function cleared(cache: BlockCache, model: Uint8Array, range: Range, clear: Clear): Promise<void> {
  model.fill(0, range.block * 512, (range.block + range.count) * 512);
  return cache[clear](range);
}

function expectZero(memory: MemoryDevice, block: number, count: number): void {
  const left = memory.bytes.subarray(block * 4096, (block + count) * 4096).findIndex((byte) => byte !== 0);
  expect(left, `the first byte from block ${block} on that is not zero`).to.equal(-1);
}
