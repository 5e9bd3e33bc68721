/** One line of a block's or a request's life. */
import type { CacheEvent } from '../../../cache/events.js';
import { timeOfDay, timestamp } from '../text.js';

export interface LifeEntry {
  readonly kind: LifeKind;
  /** The event that it tells; for entries that tell several, the first and the last of them. */
  readonly seq: number;
  readonly lastSeq: number;
  /** Nanoseconds since the epoch of the event's cache, and that epoch in milliseconds since 1970. */
  readonly at: number;
  readonly epochMs: number;
  readonly text: string;
  /** The trace that the request was made in; '' for none. */
  readonly traceId: string;
  /** The numbers and codes in the text, for machines. */
  readonly facts: Facts;
}

export type Facts = Readonly<Record<string, number | string | boolean>>;

export type LifeKind =
  | 'opened'
  | 'missed'
  | 'reading'
  | 'read'
  | 'read failed'
  | 'used'
  | 'waits'
  | 'written'
  | 'rewritten'
  | 'borrowed'
  | 'released'
  | 'planned'
  | 'writing'
  | 'at the device'
  | 'failed'
  | 'retry'
  | 'split'
  | 'parked'
  | 'unparked'
  | 'late'
  | 'flush'
  | 'flushed'
  | 'reported'
  | 'barrier'
  | 'durable'
  | 'barrier failed'
  | 'replaced'
  | 'evicted'
  | 'invalidated'
  | 'lost'
  | 'clear'
  | 'cleared'
  | 'clear failed'
  | 'refused'
  | 'ended'
  | 'block size'
  | 'request'
  | 'meanwhile'
  | 'closed';

export function entryOf(
  event: CacheEvent,
  epochMs: number,
  kind: LifeKind,
  text: string,
  facts: Facts = {},
): LifeEntry {
  const { seq, at } = event;
  const traceId = 'trace' in event ? (event.trace?.traceId ?? '') : '';
  return { kind, seq, lastSeq: seq, at, epochMs, text, traceId, facts };
}

/** `TIME  #SEQ  TEXT`, and the trace where there is one that has not been told before. */
export function entryLine(entry: LifeEntry, traceIdTold = ''): string {
  const { seq, lastSeq, at, epochMs, text, traceId } = entry;
  const number = lastSeq === seq ? `#${seq}` : `#${seq}-${lastSeq}`;
  const trace = traceId === '' || traceId === traceIdTold ? '' : `, trace ${traceId}`;
  return `${timeOfDay(epochMs, at)}  ${number.padStart(8)}  ${text}${trace}`;
}

/** The entry in the object of `--json`. Times are ISO 8601, with microseconds. */
export function entryObject(entry: LifeEntry): Record<string, unknown> {
  const { kind, seq, lastSeq, at, epochMs, text, traceId, facts } = entry;
  return {
    kind,
    seq,
    lastSeq,
    at,
    time: timestamp(epochMs, at),
    text,
    ...(traceId === '' ? {} : { traceId }),
    ...facts,
  };
}
