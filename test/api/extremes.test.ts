import { expect } from 'chai';
import { type CacheOptions, latencyDevice, memoryDevice } from '../../src/index.js';
import { expectBytes, pattern, testCaches } from './support/caches.js';
import { runClients } from './support/clients.js';
import { TestClock } from './support/virtual-clock.js';

const BLOCK = 512;
const CLIENTS = 6;
const BLOCKS = 8;

const EXTREMES: Readonly<Record<string, CacheOptions>> = {
  'capacity 1': { capacity: 1 },
  'capacity 2': { capacity: 2 },
  'capacity 3': { capacity: 3 },
  'capacity 1, writethrough': { capacity: 1, mode: 'writethrough' },
  'capacity 3, writethrough': { capacity: 3, mode: 'writethrough' },
  'capacity 5, by priority': { capacity: 5, policy: 'priority' },
  'everything in memory': { capacity: CLIENTS * BLOCKS },
  'more capacity than blocks': { capacity: 1000 },
  'one device operation at a time': { capacity: 12, deviceDepth: 1 },
  'one device write at a time': { capacity: 12, limits: { writebacksInFlightMax: 1 } },
  'device writes of a byte at most, which is a block': { capacity: 12, limits: { runBytesMax: 1 } },
  'batches of a block': { capacity: 12, limits: { batchBlocksMax: 1 } },
  'fills of a block': { capacity: 12, limits: { fillBlocksMax: 1 } },
  'requests of a block': { capacity: 12, limits: { requestBlocksMax: 1 } },
  'readahead of a block': { capacity: 12, limits: { readaheadBlocksMax: 1 } },
  'slabs of a byte, which is a block': { capacity: 12, limits: { slabBytes: 1 } },
  'next to nothing dirty': { capacity: 12, limits: { dirtyBackgroundShare: 1e-9, dirtyHardShare: 1e-9 } },
  'everything dirty': { capacity: 12, limits: { dirtyBackgroundShare: 1, dirtyHardShare: 1 } },
  'next to nothing borrowed': { capacity: 12, limits: { pinnedShare: 1e-9 } },
  'everything borrowed': { capacity: 12, limits: { pinnedShare: 1 } },
  'blocks old at once': { capacity: 12, limits: { dirtyAgeNs: 1 } },
  'memory given back soon': { capacity: 40, limits: { idleShrinkNs: 1e6, slabBytes: BLOCK } },
};

describe('clients at once', () => {
  const open = testCaches();

  for (const [what, options] of Object.entries(EXTREMES)) {
    it(`read what they wrote, and have it on the device in the end: ${what}`, async () => {
      const clock = new TestClock();
      const model = pattern(CLIENTS * BLOCKS * BLOCK, 1);
      const memory = memoryDevice({ bytes: model.slice() });
      const { after: setTimer } = clock;
      const waits = { readMs: 2, writeMs: 3, barrierMs: 2, zeroMs: 2, jitter: 1, seed: 5, setTimer };
      const { cache } = await open(latencyDevice(memory, waits), { clock, blockSize: BLOCK, ...options });
      await clock.until(runClients(cache, model, { clients: CLIENTS, blocks: BLOCKS, steps: 25, seed: 1 }));
      await clock.until(cache.flush());
      expectBytes(memory.bytes, model);
      expect(cache.stats()).to.include({ dirtyBlocks: 0, waitingRequests: 0, pinnedBlocks: 0 });
      expect(cache.stats().residentBlocks).to.be.at.most(cache.capacity);
    });
  }

  it('read what they wrote while the cache is resized and its limits are changed', async () => {
    const clock = new TestClock();
    const model = pattern(CLIENTS * BLOCKS * BLOCK, 1);
    const memory = memoryDevice({ bytes: model.slice() });
    const { after: setTimer } = clock;
    const waits = { readMs: 2, writeMs: 3, barrierMs: 2, zeroMs: 2, jitter: 1, seed: 5, setTimer };
    const { cache } = await open(latencyDevice(memory, waits), { clock, blockSize: BLOCK, capacity: 12 });
    let running = true;
    const running$ = runClients(cache, model, { clients: CLIENTS, blocks: BLOCKS, steps: 60, seed: 2 }).finally(() => {
      running = false;
    });
    const change = async () => {
      for (let step = 0; running; step++) {
        const [kind, value] = pattern(2, step);
        if (kind < 100) await cache.resize(1 + (value % 40));
        else if (kind < 130) await cache.setOption('fillBlocksMax', 1 + (value % 8));
        else if (kind < 160) await cache.setOption('runBytesMax', BLOCK * (1 + (value % 16)));
        else if (kind < 190) await cache.setOption('writebacksInFlightMax', 1 + (value % 4));
        else if (kind < 220) await cache.setOption('requestBlocksMax', 1 + (value % 8));
        else await cache.setOption('dirtyAgeNs', 1e6 * (1 + value));
        await new Promise<void>((resolve) => clock.after(4, resolve));
      }
    };
    const changing = change();
    await clock.until(running$);
    await clock.until(changing);
    await clock.until(cache.flush());
    expectBytes(memory.bytes, model);
  });
});
