/** The trace that the demo's requests are made in: a span for the whole run with the cache, and one below it for each phase. */
import type { TraceRef } from '../../cache/events.js';
import { type Clock, systemClock } from '../../streams/clock.js';
import type { OtlpSpan } from '../../telemetry/otlp.js';
import { hrTime } from '../../telemetry/spans/hr-time.js';
import { spanIdOf, traceIdOf } from '../../telemetry/spans/ids.js';

export interface EndedTrace {
  readonly traceId: string;
  /** The demo's own; those of the cache are in its events. */
  readonly spans: readonly OtlpSpan[];
}

interface OpenSpan {
  readonly ref: TraceRef;
  readonly name: string;
  readonly parentSpanId: string | null;
  /** Nanoseconds since the clock's epoch. */
  readonly startAt: number;
}

const SAMPLED = 1;
const INTERNAL = 0;
const UNSET = 0;

export class DemoTrace {
  /** The cache's clock is to be this one. */
  readonly clock: Clock = systemClock();
  readonly #spans: OtlpSpan[] = [];
  #journalId = '';
  #root: OpenSpan | null = null;
  #phase: OpenSpan | null = null;

  /** Where a request that is made now belongs. */
  get current(): TraceRef | null {
    return (this.#phase ?? this.#root)?.ref ?? null;
  }

  /** The cache is open. Ids are made as those of its spans are, of the journal's: every run has its own. */
  begin(journalId: string): void {
    this.#journalId = journalId;
    this.#root = this.#begin('demo', null, 0);
  }

  /** The phase before ends, and this one begins. */
  phase(name: string): void {
    this.#endPhase();
    this.#phase = this.#begin(`demo: ${name}`, this.#root, this.clock.now());
  }

  ended(): EndedTrace {
    this.#endPhase();
    if (this.#root !== null) this.#end(this.#root);
    return { traceId: this.#root?.ref.traceId ?? '', spans: this.#spans };
  }

  #begin(name: string, parent: OpenSpan | null, startAt: number): OpenSpan {
    const traceId = parent?.ref.traceId ?? traceIdOf(this.#journalId, name);
    const spanId = spanIdOf(this.#journalId, `${name} ${this.#spans.length}`);
    return { ref: { traceId, spanId, flags: SAMPLED }, name, parentSpanId: parent?.ref.spanId ?? null, startAt };
  }

  #endPhase(): void {
    if (this.#phase !== null) this.#end(this.#phase);
    this.#phase = null;
  }

  #end({ ref, name, parentSpanId, startAt }: OpenSpan): void {
    const { epochMs } = this.clock;
    this.#spans.push({
      ...ref,
      name,
      parentSpanId,
      kind: INTERNAL,
      startTime: hrTime(epochMs, startAt),
      endTime: hrTime(epochMs, this.clock.now()),
      attributes: {},
      links: [],
      status: { code: UNSET },
    });
  }
}
