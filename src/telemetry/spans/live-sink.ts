/** Spans through whatever SDK the application has registered. */
import {
  type Context,
  type Link,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import { ATTRIBUTE } from '../names.js';
import { SPAN_COUNTS } from '../telemetry-stats.js';
import { hrTime } from './hr-time.js';
import { withIdsOf } from './journal-ids.js';
import type { SpanEnd, SpanLink, SpanRef, SpanSink, SpanStart } from './span-sink.js';

interface LiveRef extends SpanRef {
  readonly span: Span;
}

export class LiveSink implements SpanSink {
  readonly #tracer: Tracer;
  readonly #journalId: string;
  readonly #epochMs: number;

  constructor(tracer: Tracer, journalId: string, epochMs: number) {
    this.#tracer = tracer;
    this.#journalId = journalId;
    this.#epochMs = epochMs;
  }

  start({ key, name, kind, startAt, parent, attributes, links }: SpanStart): LiveRef {
    const options = {
      kind,
      startTime: hrTime(this.#epochMs, startAt),
      attributes,
      links: links.map(linkOf),
      root: parent === null,
    };
    const span = withIdsOf(this.#journalId, key, () => this.#tracer.startSpan(name, options, contextOf(parent)));
    const { traceId, spanId, traceFlags: flags } = span.spanContext();
    SPAN_COUNTS.started++;
    return { traceId, spanId, flags, span };
  }

  end(ref: SpanRef, { endAt, attributes, status, links }: SpanEnd): void {
    if (!isLive(ref)) return;
    const { span } = ref;
    SPAN_COUNTS.ended++;
    if (span.isRecording()) {
      span.setAttributes(attributes);
      if (links.length > 0) span.addLinks(links.map(linkOf));
      if (status === 'error') {
        span.setStatus({ code: SpanStatusCode.ERROR, message: String(attributes[ATTRIBUTE.errorType]) });
      }
    }
    span.end(hrTime(this.#epochMs, endAt));
  }
}

/** Nothing of the moment: what is active while an event is delivered has nothing to do with it. */
function contextOf(parent: SpanRef | null): Context {
  return parent === null ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, spanContextOf(parent));
}

function linkOf({ to, attributes }: SpanLink): Link {
  return { context: spanContextOf(to), attributes };
}

function spanContextOf({ traceId, spanId, flags: traceFlags }: SpanRef): SpanContext {
  return { traceId, spanId, traceFlags };
}

function isLive(ref: SpanRef): ref is LiveRef {
  return 'span' in ref;
}
