/** Begins and ends spans for the parts of the projection: counts their links, and keeps time from going back. */
import { SpanKind } from '@opentelemetry/api';
import { isSampled } from '../../streams/sampled.js';
import { ATTRIBUTE, type Relation, SPAN, type SpanName } from '../names.js';
import type { SpanAttributes, SpanLink, SpanRef, SpanSink } from './span-sink.js';

/** An SDK keeps so many links of a span, and drops the oldest of more. */
export const LINKS_MAX = 128;

export interface OpenSpan {
  readonly key: string;
  readonly ref: SpanRef;
  readonly startAt: number;
  /** Links that it has, those moved to spans of their own included. */
  links: number;
}

export interface Beginning {
  /** Unique; see `SpanStart`. */
  readonly key: string;
  readonly name: SpanName;
  /** Nanoseconds since the cache's epoch. */
  readonly at: number;
  readonly parent: SpanRef | null;
  readonly attributes: SpanAttributes;
  readonly kind?: SpanKind;
  readonly links?: readonly SpanLink[];
}

export interface Ending {
  readonly at: number;
  readonly attributes?: SpanAttributes;
  /** What went wrong, of few kinds; '' or left out for success. */
  readonly error?: string;
  readonly links?: readonly SpanLink[];
}

export class Spans {
  readonly #sink: SpanSink;

  constructor(sink: SpanSink) {
    this.#sink = sink;
  }

  begin({ key, name, at, parent, attributes, kind = SpanKind.INTERNAL, links: all = [] }: Beginning): OpenSpan {
    const links = leading(all);
    const kept = links.length <= LINKS_MAX ? links : links.slice(0, LINKS_MAX);
    const ref = this.#sink.start({ key, name, kind, startAt: at, parent, attributes, links: kept });
    const span: OpenSpan = { key, ref, startAt: at, links: kept.length };
    if (kept.length < links.length) this.#overflow(span, links.slice(LINKS_MAX), at);
    return span;
  }

  end(span: OpenSpan, { at, attributes = {}, error = '', links: all = [] }: Ending): void {
    const links = leading(all);
    // What the device answered can be decided on after a request that was made a moment later.
    const endAt = Math.max(at, span.startAt);
    const room = Math.max(0, LINKS_MAX - span.links);
    const kept = links.length <= room ? links : links.slice(0, room);
    span.links += kept.length;
    if (kept.length < links.length) this.#overflow(span, links.slice(room), endAt);
    const told = error === '' ? attributes : { ...attributes, [ATTRIBUTE.errorType]: error };
    this.#sink.end(span.ref, { endAt, attributes: told, status: error === '' ? 'unset' : 'error', links: kept });
  }

  /** One whose end is known when it is told of: of no length, unless `startAt` says otherwise. */
  whole(beginning: Beginning, { at, error = '' }: Pick<Ending, 'at' | 'error'>): SpanRef {
    const span = this.begin(beginning);
    this.end(span, { at, error });
    return span.ref;
  }

  /** Links that a span has no room for are on children of their own, so that none is lost. */
  #overflow(span: OpenSpan, links: readonly SpanLink[], at: number): void {
    for (let from = 0; from < links.length; from += LINKS_MAX) {
      const part = links.slice(from, from + LINKS_MAX);
      const key = `links ${span.key} ${span.links}`;
      const attributes = { [ATTRIBUTE.count]: part.length };
      this.whole({ key, name: SPAN.links, at, parent: span.ref, attributes, links: part }, { at });
      span.links += part.length;
    }
  }
}

/** Those that lead anywhere: of what is in no sampled trace, nobody will have a span. */
function leading(links: readonly SpanLink[]): readonly SpanLink[] {
  return links.every(({ to }) => isSampled(to)) ? links : links.filter(({ to }) => isSampled(to));
}

export function link(to: SpanRef, relation: Relation, attributes: SpanAttributes = {}): SpanLink {
  return { to, attributes: { [ATTRIBUTE.relation]: relation, ...attributes } };
}

/** Links to each span once. */
export function distinctLinks(refs: Iterable<SpanRef>, relation: Relation): SpanLink[] {
  return [...new Set(refs)].map((ref) => link(ref, relation));
}
