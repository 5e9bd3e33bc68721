/** An awaited `write` to blocks that are cached and dirty, against an awaited `lru-cache` with Buffers, and a bare copy. */
import { memoryDevice } from '../../src/device/index.js';
import { BLOCK_BYTES, type Case } from '../case.js';
import { LruPeer } from '../lru-peer.js';
import { type Contest, timed } from '../measure.js';
import { uniform } from '../random.js';
import { cachedViews } from '../views.js';
import { openWatched } from '../watched.js';

// Nothing is written back while the laps run: they are about the write itself.
const NO_WRITEBACK = { dirtyBackgroundShare: 1, dirtyHardShare: 1, dirtyAgeNs: 3600e9 };

export const writeCached: Case = {
  name: 'write.cached',
  target: () => undefined,
  rounds: 15,
  prepare: async ({ blocks, short }): Promise<Contest> => {
    const device = memoryDevice({ sizeBytes: 2 * blocks * BLOCK_BYTES });
    const { cache, seen, firstEvent } = await openWatched(device, { capacity: 2 * blocks, limits: NO_WRITEBACK });
    const views = cachedViews(blocks);
    const peer = new LruPeer(device, blocks);
    const data = new Uint8Array(BLOCK_BYTES).fill(1);
    for (let block = 0; block < blocks; block++) {
      await cache.write(block, data);
      await peer.write(block, data);
    }
    const order = uniform(short ? 20_000 : 262_144, blocks, 3);

    const all = async () => {
      for (let i = 0; i < order.length; i++) await cache.write(order[i], data);
    };
    const allOfPeer = async () => {
      for (let i = 0; i < order.length; i++) await peer.write(order[i], data);
    };
    const allCopied = () => {
      for (let i = 0; i < order.length; i++) views[order[i]].set(data);
    };
    const ours = async (): Promise<number> => {
      seen();
      const ns = await timed(order.length, all);
      if (seen().events !== order.length) throw new Error('a write was more or less than one event');
      return ns;
    };
    const lru = (): Promise<number> => timed(order.length, allOfPeer);
    const copy = (): Promise<number> => timed(order.length, allCopied);
    return {
      ours,
      peers: [
        { against: 'lru-cache', lap: lru },
        { against: 'copy', lap: copy },
      ],
      work: async (operations) => {
        for (let i = 0; i < operations; i++) await cache.write(order[i], data);
      },
      event: () => firstEvent('written'),
      close: () => cache.close(),
    };
  },
};
