import { context, metrics, propagation, trace } from '@opentelemetry/api';
import { expect } from 'chai';
import { type CacheEvent, faultDevice, memoryDevice, openCache } from '../../../src/index.js';
import { instrument, projectSpans, SCOPE, type SpanData } from '../../../src/telemetry/index.js';
import { otlpJson } from '../../../src/telemetry/otlp.js';
import { startTelemetry } from '../../../src/telemetry/sdk.js';
import { OtlpReceiver } from './receiver.js';
import { type ReceivedSpan, spansIn } from './strict.js';

const BLOCK = 4096;
const ENVIRONMENT = { OTEL_METRICS_EXPORTER: 'none', OTEL_LOGS_EXPORTER: 'none', OTEL_NODE_RESOURCE_DETECTORS: 'env' };

describe('spans as OTLP JSON', () => {
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

  for (const protocol of ['http/protobuf', 'http/json']) {
    it(`say what the SDK's exporter says of the live ones (${protocol})`, async () => {
      process.env['OTEL_EXPORTER_OTLP_PROTOCOL'] = protocol;
      const projected = await troubledRun();
      const line = otlpJson(projected, { resource: { 'service.name': 'cachetrail' }, scope: SCOPE });
      const findings: string[] = [];
      const ours = spansIn(JSON.parse(line), findings);
      expect([findings, receiver.findings()]).to.deep.equal([[], []]);
      const theirs = receiver.spans.filter(({ scope }) => scope === SCOPE.name);
      expect(inOrder(ours)).to.deep.equal(inOrder(theirs));
      expect(new Set(ours.map(({ status }) => status.code))).to.deep.equal(new Set([0, 2]));
    });
  }

  /** A write that fails, is retried and then parked, 200 blocks in one writeback, a miss: traced live. Gives the projected spans. */
  async function troubledRun(): Promise<SpanData[]> {
    const telemetry = await startTelemetry();
    const device = faultDevice(memoryDevice({ sizeBytes: 512 * BLOCK }));
    const events: CacheEvent[] = [];
    const limits = { retryBaseNs: 1e5, retryCapNs: 1e6 };
    const journal = { append: (event: CacheEvent) => void events.push(event) };
    const cache = await openCache(device, { journal, limits });
    instrument(cache);
    const { id: journalId, epochMs } = cache;
    const tracer = trace.getTracer('app');
    for (let block = 0; block < 200; block++) {
      await tracer.startActiveSpan('write', async (span) => {
        await cache.write(block, new Uint8Array(BLOCK));
        span.end();
      });
    }
    const fault = device.inject({ on: 'write', code: 'EIO', range: { offset: 5 * BLOCK, length: BLOCK } });
    await tracer.startActiveSpan('flush', async (span) => {
      await cache.flush().catch(() => undefined);
      span.end();
    });
    fault.cure();
    await cache.read(300, 4);
    await cache.close();
    await telemetry.shutdown();
    const spans: SpanData[] = [];
    for await (const span of projectSpans(
      events.map((event) => ({ event, epochMs })),
      { journalId },
    ))
      spans.push(span);
    return spans;
  }
});

/** But for the resource, which is the application's and the journal's own. */
function inOrder(spans: readonly ReceivedSpan[]): Omit<ReceivedSpan, 'resource'>[] {
  return spans.map(({ resource: _, ...span }) => span).sort((a, b) => (a.spanId < b.spanId ? -1 : 1));
}
