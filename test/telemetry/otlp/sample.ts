/** Spans to send: a parent, a child that links to it, with attributes of each type. */
import type { OtlpSource, OtlpSpan } from '../../../src/telemetry/otlp.js';

export const SOURCE: OtlpSource = {
  resource: { 'service.name': 'cachetrail' },
  scope: { name: 'test', version: '1.2.3', schemaUrl: 'https://example.org/schemas/1' },
};

const traceId = '0af7651916cd43dd8448eb211c80319c';

/** `count` spans of one trace, the first of which is the parent of the others. */
export function sampleSpans(count: number, firstNumber = 1): OtlpSpan[] {
  const idOf = (number: number) => (firstNumber + number).toString(16).padStart(16, '0');
  return Array.from({ length: count }, (_, index) => ({
    traceId,
    spanId: idOf(index),
    parentSpanId: index === 0 ? null : idOf(0),
    flags: 1,
    name: index === 0 ? 'parent' : 'child',
    kind: 0,
    startTime: [1_800_000_000, 5] as [number, number],
    endTime: [1_800_000_001, 123_456_789 + index] as [number, number],
    attributes: { text: 'ü"\n', whole: 2 ** 53 - 1, half: 0.5, yes: true, list: ['a', 'b'] },
    links:
      index === 0
        ? []
        : [{ to: { traceId, spanId: idOf(0), flags: 1 }, attributes: { 'cachetrail.relation': 'carries' } }],
    status: index === 1 ? { code: 2, message: 'EIO' } : { code: 0 },
  }));
}
