import { context, trace } from '@opentelemetry/api';
import { tracing } from '@opentelemetry/sdk-node';
import { expect } from 'chai';
import { type BlockCache, memoryDevice, openCache } from '../../../src/index.js';
import { instrument, journalIds, SPAN, type SpanData } from '../../../src/telemetry/index.js';
import { randomRun } from './random-run.js';
import { projected } from './support.js';

const RUNS = Number(process.env['CACHETRAIL_SPAN_RUNS'] ?? 8);

type LiveSpan = Omit<SpanData, 'flags'>;

describe('spans made live', () => {
  afterEach(() => {
    trace.disable();
    context.disable();
  });

  it(`are those projected from the events, ids and all, in ${RUNS} random runs with faults of every kind`, async () => {
    const seen = new Set<string>();
    for (let seed = 1; seed <= RUNS; seed++) {
      const finished = register({ idGenerator: journalIds(new tracing.RandomIdGenerator()) });
      const run = await randomRun(seed, { watch });
      const live = finished();
      expect(live, `seed ${seed}`).to.deep.equal(withoutFlags(projected(run).all));
      for (const { name } of live) seen.add(name);
    }
    const rare: readonly string[] = [SPAN.links, SPAN.setBlockSize, SPAN.lateAnswer, SPAN.refused];
    expect([...seen]).to.include.members(Object.values(SPAN).filter((name) => !rare.includes(name)));
  });

  it('are the same but for their ids with an id generator that is not ours', async () => {
    const finished = register();
    const run = await randomRun(3, { watch });
    const live = finished();
    const wanted = withoutFlags(projected(run).all);
    const ids = new Map<string, string>();
    for (const [index, { traceId, spanId }] of live.entries()) {
      ids.set(spanId, wanted[index].spanId);
      ids.set(traceId, wanted[index].traceId);
    }
    const named = (id: string) => ids.get(id) ?? id;
    expect(new Set(live.map(({ spanId }) => spanId))).to.not.deep.equal(new Set(wanted.map(({ spanId }) => spanId)));
    const renamed = live.map((span) => ({
      ...span,
      traceId: named(span.traceId),
      spanId: named(span.spanId),
      parentSpanId: span.parentSpanId === null ? null : named(span.parentSpanId),
      links: span.links.map(({ to, attributes }) => ({
        to: { ...to, traceId: named(to.traceId), spanId: named(to.spanId) },
        attributes,
      })),
    }));
    expect(renamed).to.deep.equal(wanted);
  });

  it('are left out where the caller’s trace is not sampled, and where the sampler wants none', async () => {
    const finished = register({ sampler: new tracing.ParentBasedSampler({ root: new tracing.AlwaysOffSampler() }) });
    const run = await randomRun(4, { watch });
    const live = finished();
    expect(live).to.not.be.empty;
    const sampled = new Set(
      run.events.flatMap((event) => ('trace' in event && event.trace?.flags === 1 ? [event.trace.traceId] : [])),
    );
    for (const { traceId, name } of live) expect(sampled.has(traceId), name).to.equal(true);
  });

  it('begin when an SDK is registered, before the cache is instrumented or after', async () => {
    const cache = await openCache(memoryDevice({ sizeBytes: 64 * 4096 }));
    const instrumentation = instrument(cache);
    await cache.read(1);
    const finished = register();
    await cache.read(2);
    expect(finished().map(({ name }) => name)).to.deep.equal([SPAN.deviceRead, SPAN.read]);
    instrumentation.stop();
    await cache.read(3);
    expect(finished().length).to.equal(2);
    expect(cache.traceSource).to.equal(null);
    await cache.close();
  });

  it('have hits among them only if they are asked for', async () => {
    for (const hits of [false, true]) {
      const finished = register();
      const cache = await openCache(memoryDevice({ sizeBytes: 64 * 4096 }));
      instrument(cache, { hits });
      await cache.read(1);
      await cache.read(1);
      cache.readNow(1, new Uint8Array(4096));
      const reads = finished().filter(({ name }) => name === SPAN.read);
      expect(reads.length).to.equal(hits ? 3 : 1);
      await cache.close();
    }
  });
});

function register(config: tracing.TracerConfig = {}): () => LiveSpan[] {
  trace.disable();
  const exporter = new tracing.InMemorySpanExporter();
  const spanProcessors = [new tracing.SimpleSpanProcessor(exporter)];
  trace.setGlobalTracerProvider(new tracing.BasicTracerProvider({ spanProcessors, ...config }));
  return () => exporter.getFinishedSpans().map(liveSpan);
}

function watch(cache: BlockCache): () => void {
  const instrumentation = instrument(cache);
  return () => instrumentation.stop();
}

function withoutFlags(spans: readonly SpanData[]): LiveSpan[] {
  return spans.map(({ flags: _, ...span }) => span);
}

/** What the SDK has, in the words of the projection; its objects have no prototype. */
function liveSpan(span: tracing.ReadableSpan): LiveSpan {
  const { traceId, spanId } = span.spanContext();
  return {
    traceId,
    spanId,
    parentSpanId: span.parentSpanContext?.spanId ?? null,
    name: span.name as SpanData['name'],
    kind: span.kind,
    startTime: span.startTime,
    endTime: span.endTime,
    attributes: { ...span.attributes } as SpanData['attributes'],
    links: span.links.map(({ context: { traceFlags: flags, ...to }, attributes = {} }) => ({
      to: { ...to, flags },
      attributes: { ...attributes } as SpanData['attributes'],
    })),
    status: span.status as SpanData['status'],
  };
}
