/** Which event was the last at a time, found by the frames' headers: no more than a frame or two is decoded. */
import { JournalError } from './errors.js';
import { Links } from './link.js';
import { readFrames } from './read-frames.js';
import { openJournal } from './reader.js';
import { namedSegmentsOf } from './segments.js';
import { startBySince } from './seek.js';
import { microsOf, msOf } from './time.js';

/** An event of a journal, by its number. */
export interface Moment {
  readonly seq: number;
  /** Milliseconds since 1970. */
  readonly ms: number;
}

/**
 * The last event at or before `ms` (milliseconds since 1970), or in its microsecond; of the whole journal for `Infinity`. Rejects with
 * JournalError CACHETRAIL_JOURNAL_RANGE if the journal has none, _NOT_FOUND, _NONE or _VERSION.
 */
export async function seqAt(directory: string, ms: number): Promise<Moment> {
  const start = ms === Infinity ? await lastSegmentWithFrames(directory) : await startBySince(directory, ms);
  for (let below = Infinity; ; ) {
    const found = await lastFrameBefore(directory, start, ms, below);
    if (found === null) break;
    const moment = await lastEventBefore(directory, found, ms);
    if (moment !== null) return moment;
    // What is in it is damaged, or all later.
    below = found.from;
  }
  const when = ms === Infinity ? '' : ` at ${new Date(ms).toISOString()} or before`;
  throw new JournalError('CACHETRAIL_JOURNAL_RANGE', `the journal has no event${when}`);
}

/** When an event was. Rejects with JournalError CACHETRAIL_JOURNAL_RANGE if the journal does not hold it. */
export async function momentOf(directory: string, seq: number): Promise<Moment> {
  const moment = await lastEventBefore(directory, { from: seq, to: seq }, Infinity);
  if (moment !== null) return moment;
  throw new JournalError('CACHETRAIL_JOURNAL_RANGE', `the journal does not hold event ${seq}`);
}

interface SeqRange {
  readonly from: number;
  readonly to: number;
}

/** A cache that has only just opened may have begun a segment without a frame: then it is the one before. */
async function lastSegmentWithFrames(directory: string): Promise<number> {
  const segments = await namedSegmentsOf(directory);
  return segments[Math.max(0, segments.length - 2)].number;
}

/** The frame with the highest seq, below `below`, among those that begin at `ms` or before. */
async function lastFrameBefore(
  directory: string,
  segment: number,
  ms: number,
  below: number,
): Promise<SeqRange | null> {
  let found: SeqRange | null = null;
  const quiet = () => undefined;
  const frames = readFrames({
    directory,
    links: new Links(null, quiet),
    report: quiet,
    startsAt: ({ number }) => number >= segment,
    wants: ({ firstSeq, count, minAt }, header) => {
      const isBefore = ms === Infinity || (header !== null && microsOf(msOf(header.epochMs, minAt)) <= microsOf(ms));
      if (isBefore && firstSeq < below && firstSeq > (found?.from ?? 0))
        found = { from: firstSeq, to: firstSeq + count - 1 };
      return false;
    },
    key: quiet,
  });
  for await (const _ of frames);
  return found;
}

async function lastEventBefore(directory: string, { from, to }: SeqRange, ms: number): Promise<Moment | null> {
  let last: Moment | null = null;
  const journal = await openJournal(directory);
  for await (const { event, epochMs } of journal.records({ from, to, onProblem: () => undefined })) {
    const at = msOf(epochMs, event.at);
    if (ms === Infinity || microsOf(at) <= microsOf(ms)) last = { seq: event.seq, ms: at };
  }
  return last;
}
