/** A Zipf(0.99) trace over a device larger than the cache, 70 % reads, from an empty cache to the end of a flush. */
import { memoryDevice } from '../../src/device/index.js';
import type { BlockCache } from '../../src/index.js';
import { BLOCK_BYTES, type Case } from '../case.js';
import { LruPeer } from '../lru-peer.js';
import { type Contest, timed } from '../measure.js';
import { seededRandom } from '../random.js';
import { openWatched } from '../watched.js';
import { zipfian } from '../zipf.js';

const READ_SHARE = 0.7;

export const zipf: Case = {
  name: 'zipf',
  target: () => 0.8,
  rounds: 5,
  prepare: async ({ blocks, short }): Promise<Contest> => {
    const deviceBlocks = short ? 2 * blocks : 2 ** 20;
    const bytes = new Uint8Array(deviceBlocks * BLOCK_BYTES);
    const order = zipfian(short ? 10_000 : 1_000_000, deviceBlocks, 0.99, 6);
    const random = seededRandom(7);
    const isRead = Uint8Array.from(order, () => (random() < READ_SHARE ? 1 : 0));
    const into = new Uint8Array(BLOCK_BYTES);
    const data = new Uint8Array(BLOCK_BYTES).fill(1);

    const all = async (cache: BlockCache) => {
      for (let i = 0; i < order.length; i++) {
        if (isRead[i] === 0) await cache.write(order[i], data);
        else if (!cache.readNow(order[i], into)) await cache.read(order[i], 1, into);
      }
      await cache.flush();
    };
    const allOfPeer = async (peer: LruPeer) => {
      for (let i = 0; i < order.length; i++) {
        if (isRead[i] === 0) await peer.write(order[i], data);
        else if (!peer.readNow(order[i], into)) await peer.read(order[i], into);
      }
      await peer.flush();
    };
    // Every lap has the same store, and a cache and a device of its own. Both are asked in the same way: at once where they can, else with a promise.
    const ours = async (): Promise<number> => {
      const { cache } = await openWatched(memoryDevice({ bytes }), { capacity: blocks });
      const ns = await timed(order.length, () => all(cache));
      if (cache.stats().dirtyBlocks !== 0) throw new Error('the flush left dirty blocks');
      await cache.close();
      return ns;
    };
    const lru = (): Promise<number> => {
      const peer = new LruPeer(memoryDevice({ bytes }), blocks);
      return timed(order.length, () => allOfPeer(peer));
    };
    return { ours, peers: [{ against: 'lru-cache', lap: lru }], close: async () => {} };
  },
};
