/** Reading a journal for a command: progress on a terminal, problems on stderr, and an end when nobody listens any more. */
import type { CacheEvent } from '../../cache/events.js';
import {
  type JournalFilter,
  type JournalProblem,
  type JournalRecord,
  openJournal,
} from '../../streams/journal/index.js';
import { EXIT } from '../command.js';
import { type Interruption, interruption } from '../interruption.js';
import { narrator } from '../narrator.js';
import type { JournalSource } from './source.js';
import { wholeText } from './text.js';

export interface ReadingOptions {
  readonly filter?: JournalFilter;
  readonly follow?: boolean;
  /** As in `JournalReadOptions`. */
  readonly where?: (event: CacheEvent) => boolean;
}

/** What was found wrong with the journal on the way. */
export interface ReadingResult {
  readonly problems: readonly JournalProblem[];
  /** The user, or the reader of stdout, had enough before the end. */
  readonly interrupted: boolean;
  readonly exitCode: number;
}

/** Seldom enough to cost nothing. */
const RECORDS_PER_TURN = 4096;
const PROBLEMS_TOLD_MAX = 20;
const PROBLEMS_KEPT_MAX = 1000;

/** Gives every record to `take`, in order. Rejects with JournalError for what is no journal. */
export async function readJournal(
  source: JournalSource,
  { filter = {}, follow = false, where = () => true }: ReadingOptions,
  take: (record: JournalRecord) => Promise<void> | void,
): Promise<ReadingResult> {
  const journal = await openJournal(source.directory, source);
  const tell = narrator({ lines: process.stderr, terminal: process.stderr });
  const problems = new Problems((line) => tell.heading(line));
  const interrupted = interruption(() => undefined);
  const { signal } = interrupted;
  const onProblem = (problem: JournalProblem) => problems.add(problem);
  const onFrame = (lastSeq: number) => {
    if (!follow) tell.progress(`read up to #${wholeText(lastSeq)}`);
  };
  let records = 0;
  try {
    for await (const batch of journal.batches({ ...filter, follow, signal, onProblem, where, onFrame })) {
      for (const record of batch) {
        const taking = take(record);
        if (taking !== undefined) await taking;
        if (++records % RECORDS_PER_TURN !== 0 || follow) continue;
        // So that signals, and a reader who has gone, are noticed.
        await new Promise((resolve) => setImmediate(resolve));
        if (signal.aborted) break;
      }
    }
  } finally {
    tell.quiet();
    problems.end();
    interrupted.dispose();
  }
  return { problems: problems.kept, interrupted: signal.aborted, exitCode: exitCodeOf(interrupted, follow) };
}

/** Following ends by an interruption as a rule, and so does what is piped into `head`. */
function exitCodeOf({ signal, isOutputGone }: Interruption, follow: boolean): number {
  return signal.aborted && !follow && !isOutputGone() ? EXIT.interrupted : EXIT.ok;
}

export function problemText({ kind, segment, start, end, fromSeq, toSeq, message }: JournalProblem): string {
  const events = fromSeq === 0 && toSeq === 0 ? '' : `, events ${fromSeq} to ${toSeq === 0 ? '?' : toSeq}`;
  const bytes = end === 0 ? '' : `, bytes ${start} to ${end}`;
  const where = segment === '' ? '' : `: ${segment}${bytes}${events}`;
  return `${kind}${where}: ${message}`;
}

/** Tells of problems as they come, of the first ones each. */
export class Problems {
  readonly kept: JournalProblem[] = [];
  #count = 0;
  readonly #tell: (line: string) => void;

  constructor(tell: (line: string) => void) {
    this.#tell = tell;
  }

  add(problem: JournalProblem): void {
    this.#count++;
    if (this.#count <= PROBLEMS_TOLD_MAX) this.#tell(`warning: ${problemText(problem)}`);
    if (this.kept.length < PROBLEMS_KEPT_MAX) this.kept.push(problem);
  }

  end(): void {
    const more = this.#count - PROBLEMS_TOLD_MAX;
    if (more > 0) this.#tell(`warning: ${more} more problems; \`cachetrail verify\` has them all`);
  }
}
