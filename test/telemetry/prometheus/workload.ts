/**
 * A program that uses a cache over a device that fails now and then, with a journal, and serves its metrics to Prometheus until
 * it is told to stop: `workload.js FOLDER`. Prints the address of the metrics. Not a test.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { metrics } from '@opentelemetry/api';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { faultDevice, openCache, openFileDevice } from '../../../src/index.js';
import { instrument } from '../../../src/telemetry/index.js';

const BLOCK = 4096;
const BLOCKS = 1024;
const BAD = 700;

const [, , folder] = process.argv;
const exporter = new PrometheusExporter({ preventServerStart: true });
metrics.setGlobalMeterProvider(new MeterProvider({ readers: [exporter] }));
const server = createServer((request, response) => exporter.getMetricsRequestHandler(request, response));
await once(server.listen(0, '127.0.0.1'), 'listening');

const file = await openFileDevice(path.join(folder, 'image'), { create: { sizeBytes: BLOCKS * BLOCK } });
const device = faultDevice(file);
const limits = { retryBaseNs: 1e6, retryCapNs: 4e6, dirtyAgeNs: 200e6 };
const cache = await openCache(device, { capacity: 64, journal: { directory: path.join(folder, 'journal') }, limits });
instrument(cache, { metrics: { attributes: { 'system.device': 'image' } } });

let running = true;
process.once('SIGTERM', () => {
  running = false;
});
console.log(`127.0.0.1:${(server.address() as AddressInfo).port}`);
for (let round = 0; running; round++) {
  await live(round);
  await wait(20);
}
device.cure();
await cache.close();
server.close();
server.closeAllConnections();

/** Hits, misses, waits, errors that pass and that last, evictions: something for every metric. */
async function live(round: number): Promise<void> {
  const first = (round * 37) % 500;
  await Promise.all([
    cache.read(first, 16),
    cache.read(first + 8, 16),
    cache.writeBytes(first * BLOCK + 100, bytes(BLOCK)),
  ]);
  for (let again = 0; again < 50; again++) cache.readNow(first, new Uint8Array(BLOCK));
  cache.readahead({ block: first + 30, count: 4 });
  (await cache.borrow(first + 40)).release();
  await Promise.all(Array.from({ length: 96 }, (_, at) => cache.write(500 + at, bytes(BLOCK))));
  device.inject({ on: 'write', code: 'EAGAIN', times: 1 });
  const lasting = device.inject({ on: 'write', code: 'EIO', range: { offset: BAD * BLOCK, length: BLOCK } });
  await cache.write(BAD - 2, bytes(4 * BLOCK));
  await cache.flush().catch(expected);
  lasting.cure();
  if (round % 3 === 0) await cache.invalidate({ block: BAD, count: 1 }, { discardDirty: 'the device has lost it' });
  await cache.flush();
  await cache.resize(round % 2 === 0 ? 48 : 64);
  await cache.zero({ block: 900, count: 2 });
}

function bytes(length: number): Uint8Array {
  return new Uint8Array(length).fill(7);
}

function expected(error: unknown): void {
  if (!(error instanceof Error && 'code' in error && error.code === 'CACHETRAIL_FLUSH_FAILED')) throw error;
}
