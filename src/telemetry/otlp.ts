/**
 * Spans as OTLP JSON, the form that every collector takes over HTTP and that stands in trace files: one
 * `{"resourceSpans":[…]}` for each group of spans. The same spans give the same bytes, anywhere: the resource is fixed, and says
 * nothing of the host or the process.
 */
import type { HrTime } from '@opentelemetry/api';

type AttributeValue = string | number | boolean | readonly string[];
type Attributes = Readonly<Record<string, AttributeValue>>;

/** What `SpanData` is one of. */
export interface OtlpSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | null;
  readonly flags: number;
  readonly name: string;
  /** As OpenTelemetry's API numbers them; OTLP begins with 1. */
  readonly kind: number;
  readonly startTime: HrTime;
  readonly endTime: HrTime;
  readonly attributes: Attributes;
  readonly links: readonly {
    readonly to: { readonly traceId: string; readonly spanId: string; readonly flags: number };
    readonly attributes: Attributes;
  }[];
  readonly status: { readonly code: number; readonly message?: string };
}

export interface OtlpSource {
  /** Attributes of the resource: `service.name` at least. */
  readonly resource: Attributes;
  readonly scope: { readonly name: string; readonly version: string; readonly schemaUrl: string };
}

/** One JSON object, without a line break in it. */
export function otlpJson(spans: readonly OtlpSpan[], { resource, scope }: OtlpSource): string {
  const { name, version, schemaUrl } = scope;
  return JSON.stringify({
    resourceSpans: [
      {
        resource: { attributes: keyValues(resource), droppedAttributesCount: 0 },
        scopeSpans: [{ scope: { name, version }, spans: spans.map(spanObject), schemaUrl }],
        schemaUrl,
      },
    ],
  });
}

function spanObject(span: OtlpSpan) {
  const { traceId, spanId, parentSpanId, flags, name, kind, status } = span;
  return {
    traceId,
    spanId,
    ...(parentSpanId === null ? {} : { parentSpanId }),
    flags,
    name,
    kind: kind + 1,
    startTimeUnixNano: nanoseconds(span.startTime),
    endTimeUnixNano: nanoseconds(span.endTime),
    attributes: keyValues(span.attributes),
    droppedAttributesCount: 0,
    events: [],
    droppedEventsCount: 0,
    links: span.links.map(({ to, attributes }) => ({
      traceId: to.traceId,
      spanId: to.spanId,
      attributes: keyValues(attributes),
      droppedAttributesCount: 0,
      flags: to.flags,
    })),
    droppedLinksCount: 0,
    status: status.message === undefined ? { code: status.code } : { code: status.code, message: status.message },
  };
}

/** Beyond what a number holds, so the digits are put together. */
function nanoseconds([seconds, nanos]: HrTime): string {
  return seconds === 0 ? String(nanos) : `${seconds}${String(nanos).padStart(9, '0')}`;
}

function keyValues(attributes: Attributes) {
  return Object.entries(attributes).map(([key, value]) => ({ key, value: anyValue(value) }));
}

/** 64-bit integers are strings in the JSON of protocol buffers. */
function anyValue(value: AttributeValue): Record<string, unknown> {
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'boolean') return { boolValue: value };
  if (typeof value === 'number') {
    return Number.isSafeInteger(value) ? { intValue: String(value) } : { doubleValue: value };
  }
  return { arrayValue: { values: value.map(anyValue) } };
}
