/** Discards, zeros and drops, and what is lost by them or by a caller's word. */
import { ATTRIBUTE, SPAN, type SpanName } from '../names.js';
import type { Barriers } from './barriers.js';
import type { CarriedWrites } from './carried-writes.js';
import type { DeviceSpans } from './device.js';
import { type Blocks, type EventOf, runAttributes } from './event.js';
import type { Requests } from './requests.js';
import type { Troubles } from './troubles.js';
import type { Writebacks } from './writebacks.js';

export interface ClearParts {
  readonly requests: Requests;
  readonly device: DeviceSpans;
  readonly writes: CarriedWrites;
  readonly troubles: Troubles;
  readonly barriers: Barriers;
  readonly writebacks: Writebacks;
}

export class Clears {
  readonly #parts: ClearParts;

  constructor(parts: ClearParts) {
    this.#parts = parts;
  }

  queued(event: EventOf<'clearQueued'>): void {
    const { block, count, kind, reason } = event;
    const why = reason === '' ? {} : { [ATTRIBUTE.reason]: reason };
    const attributes = { ...runAttributes(event), [ATTRIBUTE.kind]: kind, ...why };
    this.#parts.requests.begin(SPAN.clear, event, attributes, { kind, block, count });
  }

  started(event: EventOf<'clearStarted'>): void {
    const { io, op, kind } = event;
    const attributes = { ...runAttributes(event), [ATTRIBUTE.op]: op };
    const parent = this.#parts.requests.parentFor(op);
    this.#parts.device.started(io, { name: nameOf(kind), started: event, parent, attributes });
  }

  answered(event: EventOf<'clearAnswered'>): void {
    this.#parts.device.answered(event, nameOf(event.kind));
  }

  /** What the clear has replaced is gone: for a drop, that has been told by `dirtyDiscarded` before. */
  finished(event: EventOf<'clearFinished'>): void {
    this.#lose(event, event, event.kind);
    this.#parts.requests.end(event);
  }

  /** What the device had taken of the range, and no barrier has covered, may be gone with it. */
  failed(event: EventOf<'clearFailed'>): void {
    const { op, seq, code } = event;
    const ref = this.#parts.requests.refOf(op);
    if (ref !== null) this.#parts.barriers.doubt(event, { ref, code }, seq);
    this.#parts.requests.end(event, { error: code });
  }

  discarded(event: EventOf<'dirtyDiscarded'>): void {
    this.#lose(event, event, event.reason);
  }

  #lose(blocks: Blocks, event: EventOf<'clearFinished' | 'dirtyDiscarded'>, reason: string): void {
    const { requests, troubles, writebacks, writes } = this.#parts;
    const by = requests.refOf(event.op);
    writebacks.discarded(blocks, event);
    troubles.discarded(blocks, event, reason, by);
    writes.discard(blocks, event, reason, by);
  }
}

function nameOf(kind: EventOf<'clearStarted'>['kind']): SpanName {
  return kind === 'discard' ? SPAN.deviceDiscard : SPAN.deviceZero;
}
