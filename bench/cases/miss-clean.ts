/** Reads all over a device much larger than the cache: nearly each one misses and evicts a clean block. */
import { memoryDevice } from '../../src/device/index.js';
import { BLOCK_BYTES, type Case } from '../case.js';
import { LruPeer } from '../lru-peer.js';
import { type Contest, timed } from '../measure.js';
import { uniform } from '../random.js';
import { openWatched } from '../watched.js';

export const missClean: Case = {
  name: 'miss.clean',
  target: () => 0.8,
  rounds: 9,
  prepare: async ({ blocks, short }): Promise<Contest> => {
    const deviceBlocks = short ? 2 * blocks : 2 ** 20;
    // Nobody writes it, so the system maps one page of zeros for all of it, and it takes no memory.
    const device = memoryDevice({ sizeBytes: deviceBlocks * BLOCK_BYTES });
    const { cache } = await openWatched(device, { capacity: blocks });
    const peer = new LruPeer(device, blocks);
    const into = new Uint8Array(BLOCK_BYTES);
    for (let block = 0; block < blocks; block++) {
      await cache.read(block, 1, into);
      await peer.read(block, into);
    }
    const order = uniform(short ? 10_000 : 200_000, deviceBlocks, 5);

    const all = async () => {
      for (let i = 0; i < order.length; i++) await cache.read(order[i], 1, into);
    };
    const allOfPeer = async () => {
      for (let i = 0; i < order.length; i++) await peer.read(order[i], into);
    };
    const ours = async (): Promise<number> => {
      const before = cache.stats().evictions;
      const ns = await timed(order.length, all);
      if (cache.stats().evictions === before) throw new Error('nothing was evicted');
      return ns;
    };
    const lru = (): Promise<number> => timed(order.length, allOfPeer);
    return { ours, peers: [{ against: 'lru-cache', lap: lru }], close: () => cache.close() };
  },
};
