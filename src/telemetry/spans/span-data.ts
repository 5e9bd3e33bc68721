/** Finished spans as plain data, for what is projected after the fact. */
import { type HrTime, type SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { ATTRIBUTE, type SpanName } from '../names.js';
import { hrTime } from './hr-time.js';
import { spanIdOf, traceIdOf } from './ids.js';
import type { SpanAttributes, SpanEnd, SpanLink, SpanRef, SpanSink, SpanStart } from './span-sink.js';

/** A finished span. Times as OpenTelemetry has them: whole seconds since 1970, and nanoseconds. */
export interface SpanData {
  readonly traceId: string;
  readonly spanId: string;
  /** The parent's; null where the span begins a trace. */
  readonly parentSpanId: string | null;
  /** W3C trace flags; 1, since what is not sampled is not there. */
  readonly flags: number;
  readonly name: SpanName;
  readonly kind: SpanKind;
  readonly startTime: HrTime;
  readonly endTime: HrTime;
  readonly attributes: SpanAttributes;
  readonly links: readonly SpanLink[];
  readonly status: SpanDataStatus;
}

export interface SpanDataStatus {
  readonly code: SpanStatusCode.UNSET | SpanStatusCode.ERROR;
  /** Of an error: its `error.type`. */
  readonly message?: string;
}

const SAMPLED = 1;

interface OpenRef extends SpanRef {
  readonly start: SpanStart;
}

/** Gives each sampled span to `take` when it ends. What is in a trace that was not sampled is left out, as an SDK does. */
export class SpanDataSink implements SpanSink {
  /** Of the cache whose events are projected: milliseconds since 1970 at `at` 0. */
  epochMs: number;
  readonly #journalId: string;
  readonly #take: (span: SpanData) => void;

  constructor(journalId: string, epochMs: number, take: (span: SpanData) => void) {
    this.#journalId = journalId;
    this.epochMs = epochMs;
    this.#take = take;
  }

  start(start: SpanStart): SpanRef {
    const { parent, key } = start;
    const traceId = parent === null ? traceIdOf(this.#journalId, key) : parent.traceId;
    const flags = parent === null ? SAMPLED : parent.flags & SAMPLED;
    const ref: OpenRef = { traceId, spanId: spanIdOf(this.#journalId, key), flags, start };
    return ref;
  }

  end(ref: SpanRef, { endAt, attributes, status, links }: SpanEnd): void {
    if ((ref.flags & SAMPLED) === 0 || !isOpenRef(ref)) return;
    const { traceId, spanId, flags, start } = ref;
    const all = { ...start.attributes, ...attributes };
    this.#take({
      traceId,
      spanId,
      parentSpanId: start.parent?.spanId ?? null,
      flags,
      name: start.name,
      kind: start.kind,
      startTime: hrTime(this.epochMs, start.startAt),
      endTime: hrTime(this.epochMs, endAt),
      attributes: all,
      links: [...start.links, ...links].map(plainLink),
      status: status === 'unset' ? { code: SpanStatusCode.UNSET } : failed(all[ATTRIBUTE.errorType]),
    });
  }
}

function failed(errorType: SpanAttributes[string] | undefined): SpanDataStatus {
  return { code: SpanStatusCode.ERROR, message: String(errorType ?? '') };
}

function plainLink({ to: { traceId, spanId, flags }, attributes }: SpanLink): SpanLink {
  return { to: { traceId, spanId, flags }, attributes };
}

function isOpenRef(ref: SpanRef): ref is OpenRef {
  return 'start' in ref;
}
