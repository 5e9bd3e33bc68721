/** What metrics cost, with an SDK that collects them: nothing on a hit; on a miss, two histograms for its device read. */
import { MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics';
import { memoryDevice } from '../../src/device/index.js';
import type { BlockCache } from '../../src/index.js';
import { instrumentMetrics } from '../../src/telemetry/index.js';
import { BLOCK_BYTES, type Case } from '../case.js';
import { type Contest, timed } from '../measure.js';
import { uniform } from '../random.js';
import { openWatched } from '../watched.js';

export const metricsHit: Case = {
  name: 'metrics.hit',
  target: () => 1.03,
  rounds: 15,
  prepare: async ({ blocks, short }): Promise<Contest> => {
    const { plain, measured, close } = await pair(blocks, blocks);
    const into = new Uint8Array(BLOCK_BYTES);
    for (const cache of [plain, measured]) {
      for (let block = 0; block < blocks; block++) await cache.read(block, 1, into);
    }
    const order = uniform(short ? 20_000 : 262_144, blocks, 1);
    const hits = (cache: BlockCache) => {
      for (let i = 0; i < order.length; i++) if (!cache.readNow(order[i], into)) throw new Error('a miss');
    };
    const ofMeasured = () => hits(measured);
    const ofPlain = () => hits(plain);
    return {
      ours: () => timed(order.length, ofMeasured),
      peers: [{ against: 'no metrics', lap: () => timed(order.length, ofPlain) }],
      close,
    };
  },
};

export const metricsMiss: Case = {
  name: 'metrics.miss',
  target: () => undefined,
  rounds: 9,
  prepare: async ({ blocks, short }): Promise<Contest> => {
    const deviceBlocks = short ? 2 * blocks : 2 ** 20;
    const { plain, measured, close } = await pair(blocks, deviceBlocks);
    const into = new Uint8Array(BLOCK_BYTES);
    const order = uniform(short ? 10_000 : 100_000, deviceBlocks, 5);
    const reads = async (cache: BlockCache) => {
      for (let i = 0; i < order.length; i++) await cache.read(order[i], 1, into);
    };
    const ofMeasured = () => reads(measured);
    const ofPlain = () => reads(plain);
    await ofMeasured();
    await ofPlain();
    return {
      ours: () => timed(order.length, ofMeasured),
      peers: [{ against: 'no metrics', lap: () => timed(order.length, ofPlain) }],
      close,
    };
  },
};

class NeverCollects extends MetricReader {
  protected override async onShutdown(): Promise<void> {}
  protected override async onForceFlush(): Promise<void> {}
}

/** Two caches over memory that are alike, but for the metrics of one. */
async function pair(capacity: number, deviceBlocks: number) {
  const open = () => openWatched(memoryDevice({ sizeBytes: deviceBlocks * BLOCK_BYTES }), { capacity });
  const [{ cache: plain }, { cache: measured }] = [await open(), await open()];
  instrumentMetrics(measured, { meterProvider: new MeterProvider({ readers: [new NeverCollects()] }) });
  const close = async () => {
    await plain.close();
    await measured.close();
  };
  return { plain, measured, close };
}
