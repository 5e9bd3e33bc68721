/** An awaited `read` of blocks that are cached, into the caller's buffer, against an awaited `lru-cache` with Buffers. */
import { memoryDevice } from '../../src/device/index.js';
import { BLOCK_BYTES, type Case } from '../case.js';
import { LruPeer } from '../lru-peer.js';
import { type Contest, timed } from '../measure.js';
import { uniform } from '../random.js';
import { openWatched } from '../watched.js';

export const hitRead: Case = {
  name: 'hit.read',
  target: () => 1.4,
  rounds: 15,
  prepare: async ({ blocks, short }): Promise<Contest> => {
    const device = memoryDevice({ sizeBytes: blocks * BLOCK_BYTES });
    const { cache, seen, firstEvent } = await openWatched(device, { capacity: blocks });
    const peer = new LruPeer(device, blocks);
    const into = new Uint8Array(BLOCK_BYTES);
    for (let block = 0; block < blocks; block++) {
      await cache.read(block, 1, into);
      await peer.read(block, into);
    }
    const order = uniform(short ? 20_000 : 262_144, blocks, 2);

    const all = async () => {
      for (let i = 0; i < order.length; i++) await cache.read(order[i], 1, into);
    };
    const allOfPeer = async () => {
      for (let i = 0; i < order.length; i++) await peer.read(order[i], into);
    };
    const ours = async (): Promise<number> => {
      seen();
      const ns = await timed(order.length, all);
      if (seen().reads !== order.length) throw new Error('a read was no hit, or had no event');
      return ns;
    };
    const lru = (): Promise<number> => timed(order.length, allOfPeer);
    return {
      ours,
      peers: [{ against: 'lru-cache', lap: lru }],
      work: async (operations) => {
        for (let i = 0; i < operations; i++) await cache.read(order[i], 1, into);
      },
      event: () => firstEvent('read'),
      close: () => cache.close(),
    };
  },
};
