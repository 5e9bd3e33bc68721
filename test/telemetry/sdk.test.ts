import { context, metrics, propagation, trace } from '@opentelemetry/api';
import { expect } from 'chai';
import { type CacheEvent, memoryDevice, openCache } from '../../src/index.js';
import { instrument, SPAN } from '../../src/telemetry/index.js';
import { startTelemetry, type Telemetry } from '../../src/telemetry/sdk.js';
import { OtlpReceiver } from './otlp/receiver.js';
import { projected } from './spans/support.js';

const BLOCK = 4096;

/** Only spans, so that the collector needs to know of nothing else. */
const ENVIRONMENT = { OTEL_METRICS_EXPORTER: 'none', OTEL_LOGS_EXPORTER: 'none', OTEL_NODE_RESOURCE_DETECTORS: 'env' };

describe('cachetrail/telemetry/sdk', () => {
  let receiver: OtlpReceiver;
  let before: NodeJS.ProcessEnv = {};

  beforeEach(async () => {
    before = { ...process.env };
    receiver = await OtlpReceiver.started();
    Object.assign(process.env, ENVIRONMENT, { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url });
  });
  afterEach(async () => {
    process.env = before;
    for (const api of [trace, context, metrics, propagation]) api.disable();
    await receiver.stop();
  });

  async function traced(work: (telemetry: Telemetry) => Promise<void>): Promise<void> {
    const telemetry = await startTelemetry();
    await work(telemetry);
    await telemetry.shutdown();
  }

  it('sends the spans of a cache with the ids of the journal, and those of others with ids of their own', async () => {
    const events: CacheEvent[] = [];
    let id = '';
    let epochMs = 0;
    await traced(async () => {
      const cache = await openCache(memoryDevice({ sizeBytes: 64 * BLOCK }), {
        journal: { append: (event) => void events.push(event) },
      });
      instrument(cache);
      ({ id, epochMs } = cache);
      await trace.getTracer('app').startActiveSpan('save', async (span) => {
        for (let block = 0; block < 8; block++) await cache.write(block, new Uint8Array(BLOCK));
        await cache.flush();
        span.end();
      });
      await cache.close();
    });
    expect(receiver.findings()).to.deep.equal([]);
    const ours = receiver.spans.filter(({ scope }) => scope === 'cachetrail').map(({ spanId }) => spanId);
    const wanted = projected({ events, id, epochMs }).all.map(({ spanId }) => spanId);
    expect(ours.sort()).to.deep.equal([...wanted].sort());
    const app = receiver.spans.find(({ name }) => name === 'save');
    const flush = receiver.spans.find(({ name }) => name === SPAN.flush);
    expect(flush?.parentSpanId).to.equal(app?.spanId);
    expect(receiver.spans[0].resource['service.name']).to.equal('cachetrail');
  });

  it('takes the service’s name and the sampler from the environment', async () => {
    Object.assign(process.env, { OTEL_SERVICE_NAME: 'store', OTEL_TRACES_SAMPLER: 'always_off' });
    await traced(async () => trace.getTracer('app').startSpan('nothing').end());
    expect(receiver.spans).to.deep.equal([]);
    process.env['OTEL_TRACES_SAMPLER'] = 'always_on';
    trace.disable();
    await traced(async () => trace.getTracer('app').startSpan('something').end());
    expect(receiver.spans.map(({ name, resource }) => [name, resource['service.name']])).to.deep.equal([
      ['something', 'store'],
    ]);
  });

  it('exports 10,000 spans of one turn, all of them', async () => {
    await traced(async (telemetry) => {
      const { spansDropped } = telemetry.stats();
      const tracer = trace.getTracer('app');
      for (let at = 0; at < 10_000; at++) tracer.startSpan('burst').end();
      await telemetry.forceFlush();
      expect(telemetry.stats().spansDropped - spansDropped).to.equal(0);
    });
    expect(receiver.spans.length).to.equal(10_000);
    expect(receiver.findings()).to.deep.equal([]);
  });

  it('counts in the stats of the cache what a smaller queue drops', async () => {
    process.env['OTEL_BSP_MAX_QUEUE_SIZE'] = '100';
    await traced(async (telemetry) => {
      const cache = await openCache(memoryDevice({ sizeBytes: 64 * BLOCK }));
      instrument(cache);
      const dropped = cache.stats().telemetry?.spansDropped ?? Number.NaN;
      const tracer = trace.getTracer('app');
      for (let at = 0; at < 10_000; at++) tracer.startSpan('burst').end();
      await telemetry.forceFlush();
      const lost = (cache.stats().telemetry?.spansDropped ?? Number.NaN) - dropped;
      expect(lost).to.be.above(0);
      expect(receiver.spans.length + lost).to.equal(10_000);
      await cache.close();
    });
  });
});
