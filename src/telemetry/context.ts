/** The trace that the caller is in, as OpenTelemetry knows it. Reads only: nothing is started, nothing registered. */
import { type Context, context, isSpanContextValid, ROOT_CONTEXT, type SpanContext, trace } from '@opentelemetry/api';
import type { TraceRef } from '../cache/events.js';

/** The last one asked for: of the process, one context is kept alive. Neither it nor what a span says of itself ever changes. */
let lastActive: Context = ROOT_CONTEXT;
let lastRef: TraceRef | null = null;
/** All requests of a span share one object, so that a traced hit allocates only its event. */
let lastSpan: { readonly context: SpanContext; readonly ref: TraceRef } | null = null;

/**
 * The active span's ids, for `openCache(device, { traceSource: activeTrace })`; null where there is no span, none with
 * valid ids, or no SDK. The ids are kept whether the span is sampled or not: `flags` has the W3C trace flags, 1 for sampled.
 *
 * Hot with an SDK: asked for every request. Guarded by the `traced.hit` benchmarks.
 */
export function activeTrace(): TraceRef | null {
  const active = context.active();
  if (active !== lastActive) {
    lastRef = traceOf(active);
    lastActive = active;
  }
  return lastRef;
}

function traceOf(active: Context): TraceRef | null {
  const found = trace.getSpanContext(active);
  if (found === undefined) return null;
  if (lastSpan !== null && lastSpan.context === found) return lastSpan.ref;
  if (!isSpanContextValid(found)) return null;
  const { traceId, spanId, traceFlags: flags } = found;
  const ref = { traceId, spanId, flags };
  lastSpan = { context: found, ref };
  return ref;
}
