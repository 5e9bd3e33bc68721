/** The state of the cache at any event of its journal: from the last snapshot before it, and the events since. */
import type { CacheEvent } from '../../cache/events.js';
import { evolve } from '../../cache/evolve.js';
import { CacheState } from '../../cache/state.js';
import { type Digester, digesterFor } from './chain.js';
import { EventDecoder } from './codec/decoder.js';
import { JournalError } from './errors.js';
import { Links } from './link.js';
import { type JournalFrame, readFrames } from './read-frames.js';
import { visitEvents } from './reader.js';
import { firstHeader, openedBefore } from './seek.js';
import { encodeSnapshot } from './snapshot.js';
import { type FoundSnapshot, findSnapshot, writeSnapshot } from './snapshots.js';
import { checkKey } from './tail.js';
import type { JournalProblem } from './types.js';

export interface StateAt {
  /** Without the bytes of the blocks. */
  readonly state: CacheState;
  /** Milliseconds since 1970 at the `at` 0 of its events. */
  readonly epochMs: number;
  /** Events that were read to get there. */
  readonly folded: number;
}

export interface StateAtOptions {
  /** Of a keyed journal: without it the chain, and its snapshots, are believed unchecked. */
  readonly key?: Uint8Array;
  /** Starts from snapshots where there are some. Default true. */
  readonly snapshots?: boolean;
  /** Leaves a snapshot in the directory whenever so many events had to be read without one. Default: none are left. */
  readonly leaveEvery?: number;
}

/**
 * The state right after the event `seq`. Rejects with JournalError CACHETRAIL_JOURNAL_RANGE if the journal does not go
 * from the cache's opening, or a snapshot since, to `seq`; CACHETRAIL_JOURNAL_DAMAGED if something between is not whole.
 */
export async function stateAt(directory: string, seq: number, options: StateAtOptions = {}): Promise<StateAt> {
  const { key = null, snapshots = true, leaveEvery = Infinity } = options;
  const header = await firstHeader(directory);
  const isChecked = key !== null || header?.keyCheck === null;
  const digester = isChecked ? digesterFor(key) : null;
  const opened = await openedBefore(directory, seq);
  const start = snapshots ? await findSnapshot(directory, opened, seq, digester) : null;
  const problems: JournalProblem[] = [];
  const fold = new Fold(start, seq);
  const report = (problem: JournalProblem) => problems.push(problem);
  const decoder = new EventDecoder();
  const frames = readFrames({
    directory,
    links: new Links(digester, report),
    report,
    ...startOf(start, opened),
    wants: ({ firstSeq, count }) => firstSeq <= seq && firstSeq + count > (start?.state.seq ?? opened),
    key: (found) => {
      if (key !== null) checkKey(found, key);
    },
  });
  for await (const found of frames) {
    if (found.frame.header.firstSeq > seq || fold.isBroken) break;
    fold.epochMs = found.header?.epochMs ?? fold.epochMs;
    visitEvents(found, decoder, report, fold.visit);
    if (fold.sinceStart >= leaveEvery && digester !== null) await leaveSnapshot(directory, fold, found, digester);
  }
  const { state, epochMs, folded } = fold;
  if (state !== null && state.seq === seq) return { state, epochMs, folded };
  throw unreachable(seq, problems[0]);
}

function startOf(start: FoundSnapshot | null, opened: number) {
  if (start === null) return { startsAt: (_: unknown, next: { firstSeq: number }) => next.firstSeq > opened };
  const { seq, segment, chain } = start.place;
  return { resume: { segment, at: start.nextAt, nextSeq: seq + 1, digest: chain } };
}

/** Applies events in order, from an opening or a snapshot to the one that is asked for. */
class Fold {
  state: CacheState | null;
  epochMs: number;
  folded = 0;
  /** Events since the start, or the last snapshot that was left. */
  sinceStart = 0;
  isBroken = false;
  readonly #to: number;

  constructor(start: FoundSnapshot | null, to: number) {
    this.state = start?.state ?? null;
    this.epochMs = start?.place.epochMs ?? Number.NaN;
    this.#to = to;
  }

  readonly visit = (event: CacheEvent): void => {
    if (event.seq > this.#to || this.isBroken) return;
    if (event.type === 'opened') {
      this.state = new CacheState({ bytes: false });
      this.state.seq = event.seq - 1;
    }
    if (this.state === null) return;
    if (event.seq !== this.state.seq + 1) {
      this.isBroken = event.seq > this.state.seq;
      return;
    }
    evolve(this.state, event);
    this.folded++;
    this.sinceStart++;
  };
}

/** A directory that cannot be written is read all the same. */
async function leaveSnapshot(directory: string, fold: Fold, found: JournalFrame, digester: Digester): Promise<void> {
  const { state, epochMs } = fold;
  const { segment, frame, header } = found;
  const seq = frame.header.firstSeq + frame.header.count - 1;
  if (state === null || header === null || state.seq !== seq) return;
  const { journalId } = header;
  const place = { journalId, seq, segment: segment.number, frameAt: frame.start, chain: frame.header.digest, epochMs };
  fold.sinceStart = 0;
  await writeSnapshot(directory, seq, encodeSnapshot(state, place, digester)).catch(() => undefined);
}

function unreachable(seq: number, problem: JournalProblem | undefined): JournalError {
  if (problem !== undefined) {
    const message = `the events up to ${seq} are not whole: ${problem.segment}: ${problem.message}`;
    return new JournalError('CACHETRAIL_JOURNAL_DAMAGED', message);
  }
  const message = `the journal does not hold event ${seq} and all since the cache was opened`;
  return new JournalError('CACHETRAIL_JOURNAL_RANGE', message);
}
