/** Spans after the fact, from recorded events. */
import type { CacheEvent } from '../../cache/events.js';
import { type ProjectionOptions, SpanProjection } from './projection.js';
import { type SpanData, SpanDataSink } from './span-data.js';

/** An event as a journal has it; what a journal's reader gives is one. */
export interface RecordedEvent {
  readonly event: CacheEvent;
  /** Milliseconds since 1970 at the `at` 0 of the event's cache. */
  readonly epochMs: number;
}

export interface ProjectSpansOptions extends ProjectionOptions {
  /** 32 hex digits: what ids are made of, together with seqs. `openJournal` tells it, and the `id` of a live cache. */
  readonly journalId: string;
}

/**
 * The finished spans of recorded events, in the order in which they end; what is unfinished when the events end, ends with
 * them. The same events give the same spans with the same ids and times, anywhere.
 */
export async function* projectSpans(
  records: Iterable<RecordedEvent> | AsyncIterable<RecordedEvent>,
  options: ProjectSpansOptions,
): AsyncGenerator<SpanData, void, undefined> {
  const projector = new SpanProjector(options);
  for await (const { event, epochMs } of records) yield* projector.take(event, epochMs);
  yield* projector.finish();
}

/** The same, an event at a time. */
export class SpanProjector {
  readonly #sink: SpanDataSink;
  readonly #projection: SpanProjection;
  #finished: SpanData[] = [];

  constructor(options: ProjectSpansOptions) {
    this.#sink = new SpanDataSink(options.journalId, 0, (span) => this.#finished.push(span));
    this.#projection = new SpanProjection(this.#sink, options);
  }

  /** The spans that end with this event. */
  take(event: CacheEvent, epochMs: number): SpanData[] {
    // What the cache before has left unfinished ends by its own clock.
    if (event.type === 'opened') this.#projection.finish();
    this.#sink.epochMs = epochMs;
    this.#projection.apply(event);
    return this.#taken();
  }

  finish(): SpanData[] {
    this.#projection.finish();
    return this.#taken();
  }

  #taken(): SpanData[] {
    const taken = this.#finished;
    this.#finished = [];
    return taken;
  }
}
