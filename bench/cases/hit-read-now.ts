/** `readNow` of blocks that are cached, against a bare copy from as many views: the floor. */
import { memoryDevice } from '../../src/device/index.js';
import { BLOCK_BYTES, type Case } from '../case.js';
import { LruPeer } from '../lru-peer.js';
import { type Contest, timed } from '../measure.js';
import { uniform } from '../random.js';
import { cachedViews } from '../views.js';
import { openWatched } from '../watched.js';

export const hitReadNow: Case = {
  name: 'hit.readNow',
  target: (blocks) => (blocks <= 1024 ? 1.8 : 1.6),
  rounds: 15,
  prepare: async ({ blocks, short }): Promise<Contest> => {
    const device = memoryDevice({ sizeBytes: blocks * BLOCK_BYTES });
    const { cache, seen, firstEvent } = await openWatched(device, { capacity: blocks });
    const views = cachedViews(blocks);
    const peer = new LruPeer(device, blocks);
    const into = new Uint8Array(BLOCK_BYTES);
    for (let block = 0; block < blocks; block++) {
      await cache.read(block, 1, into);
      await peer.read(block, into);
    }
    const order = uniform(short ? 20_000 : 262_144, blocks, 1);

    const all = () => {
      for (let i = 0; i < order.length; i++) if (!cache.readNow(order[i], into)) throw new Error('a miss');
    };
    const allCopied = () => {
      for (let i = 0; i < order.length; i++) into.set(views[order[i]]);
    };
    const allOfPeer = () => {
      for (let i = 0; i < order.length; i++) if (!peer.readNow(order[i], into)) throw new Error('a miss');
    };
    const ours = async (): Promise<number> => {
      seen();
      const ns = await timed(order.length, all);
      if (seen().reads !== order.length) throw new Error('a hit without its event');
      return ns;
    };
    const copy = (): Promise<number> => timed(order.length, allCopied);
    const lru = (): Promise<number> => timed(order.length, allOfPeer);
    return {
      ours,
      peers: [
        { against: 'copy', lap: copy },
        { against: 'lru-cache', lap: lru },
      ],
      work: async (operations) => {
        for (let i = 0; i < operations; i++) cache.readNow(order[i], into);
      },
      event: () => firstEvent('read'),
      close: () => cache.close(),
    };
  },
};
