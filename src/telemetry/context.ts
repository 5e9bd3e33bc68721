/** The trace that the caller is in, as OpenTelemetry knows it. Reads only: nothing is started, nothing registered. */
import { isSpanContextValid, type SpanContext, trace } from '@opentelemetry/api';
import type { TraceRef } from '../cache/events.js';

/** The last one asked for: all requests of a span share one object, so that a traced hit allocates only its event. */
let last: { readonly context: SpanContext; readonly ref: TraceRef } | null = null;

/**
 * The active span's ids, for `openCache(device, { traceSource: activeTrace })`; null where there is no span, none with
 * valid ids, or no SDK. The ids are kept whether the span is sampled or not: `flags` has the W3C trace flags, 1 for sampled.
 */
export function activeTrace(): TraceRef | null {
  const context = trace.getActiveSpan()?.spanContext();
  if (context === undefined) return null;
  if (last !== null && last.context === context) return last.ref;
  if (!isSpanContextValid(context)) return null;
  const { traceId, spanId, traceFlags: flags } = context;
  const ref = { traceId, spanId, flags };
  last = { context, ref };
  return ref;
}
