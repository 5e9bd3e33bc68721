/**
 * Device operations: one span for each, made when the device has answered, with the times of the operation itself. State:
 * one entry for each operation that the device has not answered.
 */
import { SpanKind } from '@opentelemetry/api';
import type { FailureOutcome } from '../../cache/events.js';
import { TIMEOUT_CODE } from '../../cache/failure-codes.js';
import { ATTRIBUTE, SPAN, type SpanName } from '../names.js';
import type { EventOf } from './event.js';
import type { SpanAttributes, SpanLink, SpanRef } from './span-sink.js';
import type { Spans } from './spans.js';

export interface DeviceIo {
  readonly name: SpanName;
  /** The event that began it, or null where that is not known. */
  readonly started: { readonly seq: number; readonly at: number } | null;
  readonly parent: SpanRef | null;
  readonly attributes: SpanAttributes;
}

/** An answer of the device: `code` is '' for success. */
export interface DeviceAnswer {
  readonly seq: number;
  readonly at: number;
  readonly io: number;
  readonly startedAt: number;
  readonly code: string;
  readonly outcome?: FailureOutcome;
  readonly links?: readonly SpanLink[];
}

const NS_PER_SECOND = 1e9;

const DIRECTIONS: { readonly [name: string]: string } = { [SPAN.deviceRead]: 'read', [SPAN.deviceWrite]: 'write' };

interface TimedOut {
  readonly ref: SpanRef;
  readonly at: number;
}

export class DeviceSpans {
  /** The device's name, as the cache was opened with it. */
  identity = '';
  readonly #spans: Spans;
  readonly #running = new Map<number, DeviceIo>();
  /** What the device has not answered in time, and may still answer. */
  readonly #timedOut = new Map<number, TimedOut>();

  constructor(spans: Spans) {
    this.#spans = spans;
  }

  started(io: number, operation: DeviceIo): void {
    this.#running.set(io, operation);
  }

  /** The span of the operation. One whose start is not known is `unknown`. */
  answered(answer: DeviceAnswer, unknown: SpanName): SpanRef {
    const { seq, at, io, startedAt, code, outcome = 'failed', links = [] } = answer;
    const operation = this.#take(io, unknown);
    const { name, started, parent } = operation;
    const attributes = this.#attributes(io, operation);
    if (started !== null) attributes[ATTRIBUTE.queueWait] = Math.max(0, startedAt - started.at) / NS_PER_SECOND;
    attributes[ATTRIBUTE.endSeq] = seq;
    if (code !== '') attributes[ATTRIBUTE.outcome] = outcome;
    const beginning = { key: `io ${seq}`, name, at: startedAt, parent, attributes, kind: SpanKind.CLIENT, links };
    const ref = this.#spans.whole(beginning, { at, error: code });
    if (code === TIMEOUT_CODE) this.#timedOut.set(io, { ref, at });
    return ref;
  }

  /** The answer to an operation that had timed out: a child of the span that ended then. */
  answeredLate({ seq, at, io, code }: EventOf<'deviceAnsweredLate'>): SpanRef {
    const late = this.#timedOut.get(io);
    this.#timedOut.delete(io);
    const attributes = { [ATTRIBUTE.seq]: seq };
    const parent = late?.ref ?? null;
    const key = `late ${seq}`;
    const began = Math.min(late?.at ?? at, at);
    return this.#spans.whole({ key, name: SPAN.lateAnswer, at: began, parent, attributes }, { at, error: code });
  }

  /** The span of an operation that has timed out and was not answered since. */
  timedOut(io: number): SpanRef | null {
    return this.#timedOut.get(io)?.ref ?? null;
  }

  get size(): number {
    return this.#running.size + this.#timedOut.size;
  }

  /** What the device has not answered when the events end. */
  finish(at: number): void {
    for (const [io, operation] of this.#running) {
      const { name, started, parent } = operation;
      const began = started ?? { seq: 0, at };
      const attributes = { ...this.#attributes(io, operation), [ATTRIBUTE.unfinished]: true };
      const key = `unanswered ${began.seq}`;
      this.#spans.whole({ key, name, at: began.at, parent, attributes, kind: SpanKind.CLIENT }, { at });
    }
    this.#running.clear();
    this.#timedOut.clear();
  }

  #take(io: number, unknown: SpanName): DeviceIo {
    const found = this.#running.get(io);
    this.#running.delete(io);
    return found ?? { name: unknown, started: null, parent: null, attributes: {} };
  }

  /** Hot: one object and no spreads, which would cost as much as the span. */
  #attributes(io: number, { name, started, attributes: own }: DeviceIo): Record<string, SpanAttributes[string]> {
    const attributes: Record<string, SpanAttributes[string]> = {};
    if (started !== null) attributes[ATTRIBUTE.seq] = started.seq;
    attributes[ATTRIBUTE.io] = io;
    if (this.identity !== '') attributes[ATTRIBUTE.device] = this.identity;
    const direction = DIRECTIONS[name];
    if (direction !== undefined) attributes[ATTRIBUTE.direction] = direction;
    return Object.assign(attributes, own);
  }
}
