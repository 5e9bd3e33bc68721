/** Spans of events, and questions about them. */
import { expect } from 'chai';
import type { CacheEvent, TraceRef } from '../../../src/index.js';
import { ATTRIBUTE, type Relation, type SpanData, SpanProjector, type SpanName } from '../../../src/telemetry/index.js';
import type { RandomRun } from './random-run.js';
import type { ProjectionOptions } from '../../../src/telemetry/spans/projection.js';

export const EPOCH_MS = 1_700_000_000_000;
export const JOURNAL_ID = '0123456789abcdef0123456789abcdef';

export function spansOf(events: readonly CacheEvent[], options: ProjectionOptions = {}): Projected {
  const projector = new SpanProjector({ journalId: JOURNAL_ID, ...options });
  const spans = events.flatMap((event) => projector.take(event, EPOCH_MS));
  return new Projected([...spans, ...projector.finish()]);
}

/** The same for a whole run of a cache. */
export function projected({ events, id, epochMs }: RandomRun): Projected {
  const projector = new SpanProjector({ journalId: id });
  const spans = events.flatMap((event) => projector.take(event, epochMs));
  return new Projected([...spans, ...projector.finish()]);
}

export class Projected {
  readonly all: readonly SpanData[];
  readonly #byId: ReadonlyMap<string, SpanData>;

  constructor(spans: readonly SpanData[]) {
    this.all = spans;
    this.#byId = new Map(spans.map((span) => [span.spanId, span]));
  }

  named(name: SpanName): readonly SpanData[] {
    return this.all.filter((span) => span.name === name);
  }

  /** The only one of this name. */
  the(name: SpanName): SpanData {
    const found = this.named(name);
    expect(found.length, `spans named ${name}`).to.equal(1);
    return found[0];
  }

  childrenOf(parent: { readonly spanId: string }): readonly SpanData[] {
    return this.all.filter(({ parentSpanId }) => parentSpanId === parent.spanId);
  }

  parentOf(span: SpanData): SpanData | undefined {
    return span.parentSpanId === null ? undefined : this.#byId.get(span.parentSpanId);
  }

  /** The span that a link leads to, if it is one of these. */
  behind(link: SpanData['links'][number]): SpanData | undefined {
    const found = this.#byId.get(link.to.spanId);
    return found?.traceId === link.to.traceId ? found : undefined;
  }

  /** What must be true of any spans whatever: unique ids, parents in the same trace, time that goes on, few enough links. */
  check(): void {
    expect(this.#byId.size, 'span ids').to.equal(this.all.length);
    for (const span of this.all) {
      const parent = this.parentOf(span);
      if (parent !== undefined) expect(parent.traceId, span.name).to.equal(span.traceId);
      const [from, to] = [span.startTime, span.endTime].map(
        ([seconds, ns]) => BigInt(seconds) * 10n ** 9n + BigInt(ns),
      );
      expect(to >= from, `${span.name} ends after it starts`).to.equal(true);
      expect(span.links.length, span.name).to.be.at.most(128);
      expect(span.status.code === 2, span.name).to.equal(ATTRIBUTE.errorType in span.attributes);
    }
  }
}

export function linksOf(span: SpanData, relation: Relation): readonly SpanData['links'][number][] {
  return span.links.filter(({ attributes }) => attributes[ATTRIBUTE.relation] === relation);
}

/** The trace of a caller's span. */
export function callerTrace(number: number, flags = 1): TraceRef {
  const hex = number.toString(16);
  return { traceId: hex.padStart(32, 'a'), spanId: hex.padStart(16, 'b'), flags };
}
