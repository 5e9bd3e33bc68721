/** Reads a journal, live or at rest, whatever its size in memory of one frame. */
import { Observable } from 'rxjs';
import type { CacheEvent } from '../../cache/events.js';
import { type Clock, systemClock } from '../clock.js';
import { digesterFor } from './chain.js';
import { MalformedError } from './codec/byte-source.js';
import { EventDecoder } from './codec/decoder.js';
import { eventTest, wantsFrame } from './filter.js';
import { FRAME_HEADER_BYTES } from './frame.js';
import { Links, type Report } from './link.js';
import { type JournalFrame, readFrames } from './read-frames.js';
import { checkReadOptions } from './read-options.js';
import { namedSegmentsOf } from './segments.js';
import { isKeyed, journalIdIn, startBySince } from './seek.js';
import { checkKey } from './tail.js';
import type { JournalProblem, JournalReadOptions, JournalRecord } from './types.js';

export interface OpenJournalOptions {
  /** To check a keyed journal's chain. Without it the events can be read all the same, unchecked. */
  readonly key?: Uint8Array;
}

const POLL_NS = 100 * 1e6;

/** Opens a journal for reading. Rejects with JournalError CACHETRAIL_JOURNAL_NOT_FOUND or _NONE; everything else shows while it is read. */
export async function openJournal(directory: string, options: OpenJournalOptions = {}): Promise<Journal> {
  digesterFor(options.key ?? null);
  await namedSegmentsOf(directory);
  return new Journal(directory, options.key ?? null);
}

export class Journal {
  readonly directory: string;
  readonly #key: Uint8Array | null;

  /** @internal Use `openJournal`. */
  constructor(directory: string, key: Uint8Array | null) {
    this.directory = directory;
    this.#key = key;
  }

  /** 32 hex digits, the same for all that is ever added to it. Rejects with JournalError CACHETRAIL_JOURNAL_NONE. */
  id(): Promise<string> {
    return journalIdIn(this.directory);
  }

  /**
   * The events that match, in order. Each problem is told to `onProblem`, or is a process warning. Rejects with ArgumentError
   * for options that cannot be.
   */
  async *read(options: JournalReadOptions = {}): AsyncGenerator<CacheEvent, void, undefined> {
    for await (const { event } of this.records(options)) yield event;
  }

  /** The same as an Observable: each subscription reads anew, and stops when it is unsubscribed. */
  read$(options: JournalReadOptions = {}): Observable<CacheEvent> {
    return new Observable((subscriber) => {
      checkReadOptions(options);
      const stop = new AbortController();
      const signal = options.signal === undefined ? stop.signal : AbortSignal.any([stop.signal, options.signal]);
      const run = async () => {
        for await (const event of this.read({ ...options, signal })) {
          if (subscriber.closed) return;
          subscriber.next(event);
        }
        subscriber.complete();
      };
      run().catch((error: unknown) => subscriber.error(error));
      return () => stop.abort();
    });
  }

  /** The same with what stands beside each event. Payloads and digests are views that stay as they are. */
  async *records(options: JournalReadOptions = {}): AsyncGenerator<JournalRecord, void, undefined> {
    for await (const batch of this.batches(options)) {
      for (const record of batch) {
        if (options.signal?.aborted) return;
        yield record;
      }
    }
  }

  /**
   * The same, all of a frame at once: some ten thousand events, or as few as were waited for. To wait for each event by itself
   * costs about as much as to read it. A frame of which nothing matches is passed over.
   */
  async *batches(options: JournalReadOptions = {}): AsyncGenerator<readonly JournalRecord[], void, undefined> {
    checkReadOptions(options);
    const { directory } = this;
    const report = options.onProblem ?? warn;
    const { signal, from = 0, to = Infinity, since } = options;
    const seek = since === undefined ? null : await startBySince(directory, since);
    const links = new Links(await this.#digester(), report);
    const frames = readFrames({
      directory,
      links,
      report,
      startsAt: (segment, next) => next.firstSeq > from && (seek === null || segment.number >= seek),
      wants: (frame, segment) => wantsFrame(options, frame, segment?.epochMs ?? Number.NaN),
      key: (header) => {
        if (this.#key !== null) checkKey(header, this.#key);
      },
      ...(options.follow === true ? { more: waiting(options) } : {}),
      ...(options.clock === undefined ? {} : { clock: options.clock }),
    });
    const decoder = new EventDecoder();
    const matches = matchTest(options);
    for await (const found of frames) {
      if (signal?.aborted) return;
      const { firstSeq, count } = found.frame.header;
      if (firstSeq > to) return;
      const records = recordsOf(found, decoder, report, matches);
      if (records.length > 0) yield records;
      options.onFrame?.(found.frame.header.firstSeq + found.frame.header.count - 1);
      // Who follows a live journal to there does not wait for what is written later.
      if (firstSeq + count > to) return;
    }
  }

  /** Null where the journal has a key that was not given. */
  async #digester() {
    if (this.#key !== null) return digesterFor(this.#key);
    return (await isKeyed(this.directory)) ? null : digesterFor(null);
  }
}

function matchTest(options: JournalReadOptions): (event: CacheEvent, epochMs: number) => boolean {
  const matches = eventTest(options);
  const { where } = options;
  return where === undefined ? matches : (event, epochMs) => where(event) && matches(event, epochMs);
}

/** All events of a frame that match, or none: what is half understood is not given. */
export function recordsOf(
  found: JournalFrame,
  decoder: EventDecoder,
  report: Report,
  matches: (event: CacheEvent, epochMs: number) => boolean = () => true,
): readonly JournalRecord[] {
  const records: JournalRecord[] = [];
  const epochMs = found.header?.epochMs ?? Number.NaN;
  const whole = visitEvents(found, decoder, report, (event) => {
    if (!matches(event, epochMs)) return;
    records.push({ event, epochMs, payload: decoder.payload, digests: decoder.digests });
  });
  return whole ? records : [];
}

/**
 * The events of a frame one by one, for who keeps none of them: an event that dies at once costs the collector nothing. False,
 * and reported, if the frame turns out not to be understood; what was given of it until then was right as far as can be told.
 */
export function visitEvents(
  { segment, frame }: JournalFrame,
  decoder: EventDecoder,
  report: Report,
  visit: (event: CacheEvent) => void,
): boolean {
  const { start, end, bytes } = frame;
  if (bytes === null) return true;
  const { firstSeq, count } = frame.header;
  try {
    decoder.begin(bytes, FRAME_HEADER_BYTES, bytes.length, firstSeq, count);
    for (let event = decoder.next(); event !== null; event = decoder.next()) visit(event);
    return true;
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
    const message = `the sums are right, but ${error.message}: was it written by a newer version?`;
    const toSeq = firstSeq + count - 1;
    report({ kind: 'damaged', segment: segment.name, start, end, fromSeq: firstSeq, toSeq, message });
    return false;
  }
}

/** Waits a little for a live journal to grow. */
function waiting({ clock = systemClock(), signal }: JournalReadOptions): () => Promise<boolean> {
  return () => (signal?.aborted ? Promise.resolve(false) : pause(clock, signal));
}

function pause(clock: Clock, signal: AbortSignal | undefined): Promise<boolean> {
  return new Promise((resolve) => {
    const ended = () => {
      cancel();
      resolve(false);
    };
    const cancel = clock.setTimer(clock.now() + POLL_NS, true, () => {
      signal?.removeEventListener('abort', ended);
      resolve(true);
    });
    signal?.addEventListener('abort', ended, { once: true });
  });
}

function warn(problem: JournalProblem): void {
  process.emitWarning(`${problem.segment}: ${problem.message}`, { type: 'CachetrailWarning' });
}
