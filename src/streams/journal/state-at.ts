/** The state of the cache at any event of its journal. */
import { evolve } from '../../cache/evolve.js';
import { CacheState } from '../../cache/state.js';
import { JournalError } from './errors.js';
import { openJournal } from './reader.js';
import { openedBefore } from './seek.js';
import type { JournalProblem } from './types.js';

export interface StateAt {
  /** Without the bytes of the blocks. */
  readonly state: CacheState;
  /** Milliseconds since 1970 at the `at` 0 of its events. */
  readonly epochMs: number;
}

/**
 * The state right after the event `seq`. Rejects with JournalError CACHETRAIL_JOURNAL_RANGE if the journal does not go
 * from the cache's opening to `seq`, CACHETRAIL_JOURNAL_DAMAGED if something between is not whole.
 */
export async function stateAt(directory: string, seq: number): Promise<StateAt> {
  const journal = await openJournal(directory);
  const from = await openedBefore(directory, seq);
  let found: StateAt | null = null;
  const problems: JournalProblem[] = [];
  const onProblem = (problem: JournalProblem) => problems.push(problem);
  for await (const { event, epochMs } of journal.records({ from, to: seq, onProblem })) {
    if (event.type === 'opened') {
      const state = new CacheState({ bytes: false });
      state.seq = event.seq - 1;
      found = { state, epochMs };
    }
    if (found === null || event.seq !== found.state.seq + 1) break;
    evolve(found.state, event);
  }
  if (found !== null && found.state.seq === seq) return found;
  const [problem] = problems;
  if (problem !== undefined) {
    const message = `the events up to ${seq} are not whole: ${problem.segment}: ${problem.message}`;
    throw new JournalError('CACHETRAIL_JOURNAL_DAMAGED', message);
  }
  throw new JournalError(
    'CACHETRAIL_JOURNAL_RANGE',
    `the journal does not hold event ${seq} and all since the cache was opened`,
  );
}
