/** What a cached read costs in an audit journal: encoded, chained and written, against a bare copy of a block. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DEFAULT_LIMITS, systemClock } from '../../src/index.js';
import { openJournalWriter } from '../../src/streams/journal/index.js';
import { BLOCK_BYTES, type Case } from '../case.js';
import { type Contest, timed } from '../measure.js';
import { uniform } from '../random.js';
import { cachedViews } from '../views.js';

export const journalAppend: Case = {
  name: 'journal.append',
  target: (blocks) => (blocks <= 1024 ? 0.35 : undefined),
  rounds: 15,
  prepare: async ({ blocks, short }): Promise<Contest> => {
    const directory = await mkdtemp(path.join(tmpdir(), 'cachetrail-bench-'));
    const clock = systemClock();
    const writer = await openJournalWriter(directory, { clock, retention: { segments: 2 } });
    const views = cachedViews(blocks);
    const into = new Uint8Array(BLOCK_BYTES);
    const order = uniform(short ? 20_000 : 262_144, blocks, 1);
    let seq = 1;
    const deviceBytes = blocks * BLOCK_BYTES;
    const rest = { policy: 'lru', mode: 'writeback', seed: 1, limits: DEFAULT_LIMITS } as const;
    const config = { deviceBytes, blockSize: BLOCK_BYTES, capacity: blocks, ...rest };
    writer.append({ type: 'opened', seq, at: 0, cause: 0, identity: 'bench', config });
    // Other types too, so that the writer does not know reads alone.
    writer.append({ type: 'ticked', seq: ++seq, at: 0, cause: 0 });
    writer.append({ type: 'evicted', seq: ++seq, at: 0, cause: 0, block: 1, reason: 'room' });

    // One event, used again: a cached read makes its event with a journal or without.
    const event = { type: 'read' as const, seq, at: 0, cause: 0, op: seq, actor: '', trace: null, block: 0, count: 1 };
    const append = (block: number): void => {
      event.seq++;
      event.op++;
      event.at = clock.turn();
      event.block = block;
      writer.append(event);
    };
    const all = () => {
      for (let i = 0; i < order.length; i++) append(order[i]);
    };
    const allCopied = () => {
      for (let i = 0; i < order.length; i++) into.set(views[order[i]]);
    };
    return {
      ours: () => timed(order.length, all),
      peers: [
        {
          against: 'copy',
          lap: () => timed(order.length, allCopied),
        },
      ],
      close: async () => {
        await writer.close();
        await rm(directory, { recursive: true });
      },
    };
  },
};
