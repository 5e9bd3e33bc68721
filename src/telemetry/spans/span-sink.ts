/** Where the projection puts spans: an SDK while the cache runs, or plain data after the fact. */
import type { SpanKind } from '@opentelemetry/api';
import type { TraceRef } from '../../cache/events.js';
import type { SpanName } from '../names.js';

export type SpanAttributes = Readonly<Record<string, string | number | boolean | string[]>>;

/** A span's ids: W3C hex, and the trace flags, 1 for sampled. What events have of a caller's span is one as well. */
export interface SpanRef extends TraceRef {}

export interface SpanLink {
  readonly to: SpanRef;
  readonly attributes: SpanAttributes;
}

export interface SpanStart {
  /** Unlike that of any other span of the cache, and the same whenever its events are projected. */
  readonly key: string;
  readonly name: SpanName;
  readonly kind: SpanKind;
  /** Nanoseconds since the cache's epoch. */
  readonly startAt: number;
  /** Null begins a trace. */
  readonly parent: SpanRef | null;
  readonly attributes: SpanAttributes;
  readonly links: readonly SpanLink[];
}

export interface SpanEnd {
  /** Nanoseconds since the cache's epoch; not before the start. */
  readonly endAt: number;
  readonly attributes: SpanAttributes;
  /** `unset` is success: a library does not say more. */
  readonly status: 'unset' | 'error';
  readonly links: readonly SpanLink[];
}

export interface SpanSink {
  start(span: SpanStart): SpanRef;
  /** Once for each that was started. */
  end(ref: SpanRef, end: SpanEnd): void;
}
