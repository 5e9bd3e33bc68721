/** What an audit journal adds to a cached `readNow`: a lap over a cache with one, less a lap over a cache without. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { memoryDevice } from '../../src/device/index.js';
import type { BlockCache } from '../../src/index.js';
import { BLOCK_BYTES, type Case } from '../case.js';
import { type Contest, timed } from '../measure.js';
import { uniform } from '../random.js';
import { cachedViews } from '../views.js';
import { openWatched } from '../watched.js';

export const journalHit: Case = {
  name: 'journal.hit',
  target: (blocks) => (blocks <= 1024 ? 0.35 : undefined),
  rounds: 15,
  prepare: async ({ blocks, short }): Promise<Contest> => {
    const directory = await mkdtemp(path.join(tmpdir(), 'cachetrail-bench-'));
    const device = () => memoryDevice({ sizeBytes: blocks * BLOCK_BYTES });
    const { cache: plain } = await openWatched(device(), { capacity: blocks });
    const journal = { directory, retention: { segments: 2 } };
    const { cache: journalled } = await openWatched(device(), { capacity: blocks, journal });
    const views = cachedViews(blocks);
    const into = new Uint8Array(BLOCK_BYTES);
    for (let block = 0; block < blocks; block++) {
      await plain.read(block, 1, into);
      await journalled.read(block, 1, into);
    }
    const order = uniform(short ? 20_000 : 262_144, blocks, 1);

    const hits = (cache: BlockCache) => {
      for (let i = 0; i < order.length; i++) if (!cache.readNow(order[i], into)) throw new Error('a miss');
    };
    const hitsPlain = () => hits(plain);
    const hitsJournalled = () => hits(journalled);
    const copies = () => {
      for (let i = 0; i < order.length; i++) into.set(views[order[i]]);
    };
    const without = () => timed(order.length, hitsPlain);
    return {
      ours: async () => (await timed(order.length, hitsJournalled)) - (await without()),
      peers: [
        { against: 'copy', lap: () => timed(order.length, copies) },
        { against: 'hit', lap: without },
      ],
      close: async () => {
        await plain.close();
        await journalled.close();
        await rm(directory, { recursive: true });
      },
    };
  },
};
