/** Spans and metrics of a cache while it runs. */
import type { Subscription } from 'rxjs';
import type { CacheEvent, TraceRef } from '../cache/events.js';
import type { BlockCache } from '../streams/block-cache.js';
import type { TelemetryStats } from '../streams/stats.js';
import { activeTrace } from './context.js';
import { instrumentMetrics, type MetricsOptions } from './metrics/instrument-metrics.js';
import { SdkPresence } from './sdk-presence.js';
import { LiveSink } from './spans/live-sink.js';
import { SpanProjection } from './spans/projection.js';
import { telemetryStats } from './telemetry-stats.js';

export interface InstrumentOptions {
  /** Cached reads, writes and borrows have spans too, of no length. They then cost what a span costs. Default false. */
  readonly hits?: boolean;
  /** Spans are made. Default true. */
  readonly spans?: boolean;
  /** What metrics are made with, or false for none. */
  readonly metrics?: MetricsOptions | false;
}

/** Ends with the cache, or when it is stopped. */
export interface Instrumentation {
  /** What became of spans, the process's all together. Also in the `stats()` of the cache. */
  stats(): TelemetryStats;
  /** Ends what is open, and makes no more spans and metrics. The cache goes on. */
  stop(): void;
  [Symbol.dispose](): void;
}

/**
 * Makes spans and metrics of what a cache does, through whatever OpenTelemetry SDK the application has registered, or will.
 * Its requests carry the caller's active span from now on, unless the cache has a `traceSource` of its own. Without an SDK a
 * request costs a few nanoseconds more.
 */
export function instrument(cache: BlockCache, options: InstrumentOptions = {}): Instrumentation {
  const spans = options.spans === false ? null : new LiveSpans(cache, options);
  const metrics = options.metrics === false ? null : instrumentMetrics(cache, options.metrics);
  const stop = () => {
    spans?.stop();
    metrics?.stop();
  };
  return { stats: telemetryStats, stop, [Symbol.dispose]: stop };
}

class LiveSpans {
  readonly #cache: BlockCache;
  readonly #options: InstrumentOptions;
  readonly #presence = new SdkPresence();
  readonly #subscription: Subscription;
  /** Set with the first event that finds an SDK. */
  #projection: SpanProjection | null = null;
  readonly #traceSource = (): TraceRef | null => (this.#presence.isPresent ? activeTrace() : null);

  constructor(cache: BlockCache, options: InstrumentOptions) {
    this.#cache = cache;
    this.#options = options;
    cache.traceSource ??= this.#traceSource;
    cache.telemetrySource ??= telemetryStats;
    const events$ = options.hits === true ? cache.events$ : cache.slowEvents$;
    this.#subscription = events$.subscribe((event) => this.#next(event));
  }

  stop(): void {
    this.#subscription.unsubscribe();
    if (this.#cache.traceSource === this.#traceSource) this.#cache.traceSource = null;
    this.#projection?.finish();
    this.#projection = null;
  }

  #next(event: CacheEvent): void {
    this.#projection ??= this.#begin();
    this.#projection?.apply(event);
  }

  #begin(): SpanProjection | null {
    const tracer = this.#presence.tracer();
    if (tracer === null) return null;
    const { id, epochMs, identity: device } = this.#cache;
    return new SpanProjection(new LiveSink(tracer, id, epochMs), { ...this.#options, device });
  }
}
