/** Requests that miss or wait. State: one entry for each request that is open. */
import type { ClearKind, TraceRef } from '../../cache/events.js';
import { ATTRIBUTE, SPAN, type SpanName } from '../names.js';
import { type EventOf, holds, type Run, runAttributes } from './event.js';
import type { SpanAttributes, SpanLink, SpanRef } from './span-sink.js';
import type { Ending, OpenSpan, Spans } from './spans.js';

/** What a request waits for the device to do. `durable`: a flush, a close or a change of block size. */
interface Wait extends Run {
  readonly kind: 'durable' | 'through' | ClearKind;
}

interface OpenRequest {
  readonly span: OpenSpan;
  /** What has come to be known of it since it began. */
  readonly attributes: SpanAttributes;
  /** Found while it is open, told when it ends. */
  readonly links: SpanLink[];
}

/** What the first event of every request has. */
export interface RequestEvent {
  readonly seq: number;
  readonly at: number;
  readonly op: number;
  readonly actor: string;
  readonly trace: TraceRef | null;
}

interface EndEvent {
  readonly seq: number;
  readonly at: number;
  readonly op: number;
}

export class Requests {
  readonly #spans: Spans;
  readonly #open = new Map<number, OpenRequest>();
  /** Those of them that wait for the device, in the order in which they were made. */
  readonly #waits = new Map<number, Wait>();
  /** The last readahead: it waits for nothing, but its fills belong to its caller's trace. */
  #hint: { readonly op: number; readonly trace: TraceRef | null } | null = null;

  constructor(spans: Spans) {
    this.#spans = spans;
  }

  begin(name: SpanName, event: RequestEvent, attributes: SpanAttributes, wait: Wait | null = null): void {
    const { seq, at, op, trace } = event;
    const all = Object.assign(requestAttributes(event), attributes);
    const span = this.#spans.begin({ key: `request ${seq}`, name, at, parent: trace, attributes: all });
    this.#open.set(op, { span, attributes: {}, links: [] });
    if (wait !== null) this.#waits.set(op, wait);
  }

  /** A request that is open waits for the device from now on. */
  waits(op: number, wait: Wait, attributes: SpanAttributes): void {
    const request = this.#open.get(op);
    if (request === undefined) return;
    this.#open.set(op, { ...request, attributes });
    this.#waits.set(op, wait);
  }

  /** A request that is over as soon as it is made. */
  instant(name: SpanName, event: RequestEvent, attributes: SpanAttributes, error = ''): SpanRef {
    const { seq, at, trace } = event;
    const all = Object.assign(requestAttributes(event), attributes);
    return this.#spans.whole({ key: `request ${seq}`, name, at, parent: trace, attributes: all }, { at, error });
  }

  /** Of a request that is not known to be open, there is nothing to end. */
  end(event: EndEvent, { attributes = {}, error = '', links = [] }: Omit<Ending, 'at'> = {}): void {
    const { seq, at, op } = event;
    const request = this.#open.get(op);
    if (request === undefined) return;
    this.#open.delete(op);
    this.#waits.delete(op);
    this.#spans.end(request.span, {
      at,
      attributes: { ...request.attributes, [ATTRIBUTE.endSeq]: seq, ...attributes },
      error,
      links: [...request.links, ...links],
    });
  }

  hinted({ op, trace }: EventOf<'readaheadRequested'>): void {
    this.#hint = { op, trace };
  }

  isOpen(op: number): boolean {
    return this.#open.has(op);
  }

  /** The request's span, or null. */
  refOf(op: number): SpanRef | null {
    return this.#open.get(op)?.span.ref ?? null;
  }

  /** What a device operation for the request is a child of. */
  parentFor(op: number): SpanRef | null {
    return this.refOf(op) ?? (this.#hint?.op === op ? this.#hint.trace : null);
  }

  link(op: number, added: SpanLink): void {
    this.#open.get(op)?.links.push(added);
  }

  /** The request that has waited longest for such a thing, at these blocks if any are given. */
  waiting(kind: Wait['kind'], blocks: Run | null): SpanRef | null {
    for (const [op, wait] of this.#waits) {
      if (wait.kind !== kind) continue;
      if (blocks === null || (holds(wait, blocks.block) && holds(wait, blocks.block + blocks.count - 1))) {
        return this.refOf(op);
      }
    }
    return null;
  }

  get size(): number {
    return this.#open.size;
  }

  finish(at: number): void {
    for (const { span, attributes, links } of this.#open.values()) {
      this.#spans.end(span, { at, attributes: { ...attributes, [ATTRIBUTE.unfinished]: true }, links });
    }
    this.#open.clear();
    this.#waits.clear();
    this.#hint = null;
  }
}

function requestAttributes({ seq, op, actor }: RequestEvent): Record<string, SpanAttributes[string]> {
  const attributes: Record<string, SpanAttributes[string]> = { [ATTRIBUTE.seq]: seq, [ATTRIBUTE.op]: op };
  if (actor !== '') attributes[ATTRIBUTE.actor] = actor;
  return attributes;
}

export function refused(requests: Requests, event: EventOf<'requestRefused'>): void {
  if (requests.isOpen(event.op)) return requests.end(event, { error: event.code });
  const { request, offset, length, code } = event;
  const bytes = request === 'write' ? { [ATTRIBUTE.offset]: offset, [ATTRIBUTE.length]: length } : {};
  const attributes = { [ATTRIBUTE.request]: request, ...runAttributes(event), ...bytes };
  requests.instant(SPAN.refused, event, attributes, code);
}
