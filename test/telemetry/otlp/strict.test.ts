import { expect } from 'chai';
import { otlpJson } from '../../../src/telemetry/otlp.js';
import { decodeRequest } from './protobuf.js';
import { OtlpReceiver } from './receiver.js';
import { SOURCE, sampleSpans } from './sample.js';
import { relationsIn, spansIn } from './strict.js';

type Span = Record<string, unknown>;

/** What is found when the second of two good spans is changed so. */
function findingsOf(change: (span: Span) => void): string[] {
  const request = JSON.parse(otlpJson(sampleSpans(2), SOURCE));
  change(request.resourceSpans[0].scopeSpans[0].spans[1]);
  const findings: string[] = [];
  const spans = spansIn(request, findings);
  return [...findings, ...relationsIn(spans)];
}

describe('the strict receiver', () => {
  it('finds nothing wrong with good spans', () => {
    expect(findingsOf(() => undefined)).to.deep.equal([]);
  });

  const attribute = (value: unknown) => [{ key: 'a', value }];
  const broken: Readonly<Record<string, (span: Span) => void>> = {
    'a trace id that is too short': (span) => Object.assign(span, { traceId: '0af7651916cd43dd' }),
    'a trace id of zeros': (span) => Object.assign(span, { traceId: '0'.repeat(32) }),
    'a span id in capitals': (span) => Object.assign(span, { spanId: 'ABCDEF0123456789' }),
    'a span id of zeros': (span) => Object.assign(span, { spanId: '0'.repeat(16) }),
    'a span id in base64': (span) => Object.assign(span, { spanId: 'q83vASNFZ4k=' }),
    'an empty parent': (span) => Object.assign(span, { parentSpanId: '' }),
    'an orphan': (span) => Object.assign(span, { parentSpanId: 'ffffffffffffffff' }),
    'a parent in another trace': (span) => Object.assign(span, { traceId: 'f'.repeat(32) }),
    'a span id twice': (span) => Object.assign(span, { spanId: '0000000000000001' }),
    'an end before the start': (span) => Object.assign(span, { endTimeUnixNano: '1800000000000000004' }),
    'a time that is a number': (span) => Object.assign(span, { startTimeUnixNano: 1_800_000_000 }),
    'a time that is none': (span) => Object.assign(span, { endTimeUnixNano: '0' }),
    'no name': (span) => Object.assign(span, { name: '' }),
    'no kind': (span) => Object.assign(span, { kind: 0 }),
    'a kind that is a word': (span) => Object.assign(span, { kind: 'SPAN_KIND_INTERNAL' }),
    'a status code that there is not': (span) => Object.assign(span, { status: { code: 3 } }),
    'dropped attributes': (span) => Object.assign(span, { droppedAttributesCount: 1 }),
    'dropped events': (span) => Object.assign(span, { droppedEventsCount: 1 }),
    'dropped links': (span) => Object.assign(span, { droppedLinksCount: 2 }),
    'a link to nowhere': (span) =>
      Object.assign(span, { links: [{ traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) }] }),
    'a link without a span id': (span) => Object.assign(span, { links: [{ traceId: 'a'.repeat(32) }] }),
    'more links than a span keeps': (span) =>
      Object.assign(span, { links: Array.from({ length: 129 }, () => (span['links'] as unknown[])[0]) }),
    'an attribute twice': (span) =>
      Object.assign(span, { attributes: [...attribute({ boolValue: true }), ...attribute({ boolValue: true })] }),
    'an attribute without a value': (span) => Object.assign(span, { attributes: attribute({}) }),
    'an attribute of the wrong type': (span) => Object.assign(span, { attributes: attribute({ intValue: '1.5' }) }),
    'an attribute that is no number': (span) => Object.assign(span, { attributes: attribute({ doubleValue: null }) }),
    'a list of several types': (span) =>
      Object.assign(span, {
        attributes: attribute({ arrayValue: { values: [{ stringValue: 'a' }, { boolValue: true }] } }),
      }),
  };
  for (const [what, change] of Object.entries(broken)) {
    it(`finds ${what}`, () => expect(findingsOf(change)).to.not.be.empty);
  }

  it('knows spans that somebody else sends', () => {
    const [, child] = sampleSpans(2);
    const spans = spansIn(JSON.parse(otlpJson([child], SOURCE)), []);
    expect(relationsIn(spans)).to.have.length(2);
    expect(relationsIn(spans, { elsewhere: new Set([`${child.traceId} ${child.parentSpanId}`]) })).to.deep.equal([]);
  });

  it('finds what is sent elsewhere, as something else, or cannot be read', async () => {
    const receiver = await OtlpReceiver.started();
    const post = async (path: string, type: string, body: string) =>
      (await fetch(receiver.url + path, { method: 'POST', headers: { 'content-type': type }, body })).status;
    expect(await post('/v1/metrics', 'application/json', '{}')).to.equal(404);
    expect(await post('/v1/traces', 'text/plain', '{}')).to.equal(400);
    expect(await post('/v1/traces', 'application/json', '{')).to.equal(400);
    expect(await post('/v1/traces', 'application/x-protobuf', 'text')).to.equal(400);
    expect(await post('/v1/traces', 'application/json', '{}')).to.equal(200);
    expect(receiver.findings()).to.have.length(4);
    await receiver.stop();
  });

  it('refuses protocol buffers with a field that it does not know', () => {
    expect(() => decodeRequest(Buffer.from([0x7a, 0]))).to.throw('not known');
    expect(() => decodeRequest(Buffer.from([0x08, 0]))).to.throw('wire type');
  });
});
