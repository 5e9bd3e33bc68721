/** Workloads recorded by real caches on a virtual clock: the same on any machine. */
import { type BlockCache, type CacheOptions, latencyDevice, memoryDevice, openCache } from '../../../../src/index.js';
import type { CacheEvent } from '../../../../src/cache/events.js';
import type { ModelledOperation } from '../../../../src/streams/journal/index.js';
import { VirtualClock } from '../../../support/virtual-clock.js';
import { writeJournal } from '../support/recorded.js';

export const BLOCK = 4096;
export const BLOCKS = 128;
const [READ_MS, WRITE_MS, BARRIER_MS] = [1, 2, 5];

/** The latencies of the device that `record` uses, as a model. */
export function latencyNs({ kind }: ModelledOperation): number {
  return 1e6 * (kind === 'read' ? READ_MS : kind === 'write' ? WRITE_MS : kind === 'barrier' ? BARRIER_MS : 0);
}

export type Client = (cache: BlockCache, pause: (ms: number) => Promise<void>) => Promise<void>;

/** Runs a client, closes the cache after it, and gives its events. */
export async function eventsOf(options: CacheOptions, client: Client): Promise<readonly CacheEvent[]> {
  const clock = new VirtualClock();
  const memory = memoryDevice({ sizeBytes: BLOCKS * BLOCK });
  const waits = { readMs: READ_MS, writeMs: WRITE_MS, barrierMs: BARRIER_MS };
  const device = latencyDevice(memory, { ...waits, setTimer: clock.after });
  const events: CacheEvent[] = [];
  const journal = { append: (event: CacheEvent) => void events.push(event) };
  const cache = await openCache(device, { ...options, clock, journal });
  const pause = (ms: number) => new Promise<void>((resolve) => clock.after(ms, resolve));
  await clock.until(client(cache, pause).then(() => cache.close()));
  return events;
}

/** The same, written to a journal. */
export async function record(directory: string, options: CacheOptions, client: Client): Promise<void> {
  await writeJournal(directory, await eventsOf(options, client));
}

/** Random reads and writes of one to four blocks, flushes and hints, one after the other. */
export function randomClient(seed: number, steps: number): Client {
  let state = seed;
  const below = (limit: number) => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return Math.floor((state / 0x80000000) * limit);
  };
  return async (cache, pause) => {
    for (let step = 0; step < steps; step++) {
      const block = below(3) === 0 ? below(BLOCKS - 4) : below(24);
      const count = 1 + below(4);
      const what = below(20);
      if (what < 10) await cache.read(block, count);
      else if (what < 16) await cache.write(block, new Uint8Array(count * BLOCK));
      else if (what === 16) await cache.writeBytes(block * BLOCK + 100, new Uint8Array(300));
      else if (what === 17) await cache.flush();
      else if (what === 18) cache.readahead({ block, count });
      else await pause(below(50));
    }
  };
}
