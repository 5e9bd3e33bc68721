/** Journals recorded by real caches, for the commands to read. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { faultDevice, memoryDevice } from '../../../src/device/index.js';
import { openCache } from '../../../src/streams/open-cache.js';
import type { CacheStats } from '../../../src/streams/stats.js';
import type { JournalPlace } from '../../../src/streams/options.js';

export const BLOCK = 4096;
/** The block whose write fails until the device is cured. */
export const BAD = 5;
export const TRACE = '0af7651916cd43dd8448eb211c80319c';

/** A folder below which journals are recorded; gone after the tests. */
export function journalFolder(): (name: string) => string {
  let folder: string;
  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'cachetrail-test-'));
  });
  after(() => rmSync(folder, { recursive: true }));
  return (name) => path.join(folder, name);
}

/**
 * Two callers read and write, a write fails for good and is parked, a flush is rejected, the device is cured, the next
 * flush succeeds, and reads push blocks out. Gives what the cache itself counted.
 */
export async function recordTrouble(
  directory: string,
  options: Omit<JournalPlace, 'directory'> = {},
): Promise<CacheStats> {
  const device = faultDevice(memoryDevice({ sizeBytes: 64 * BLOCK }));
  const limits = { retryBaseNs: 1e5, retryCapNs: 1e6 };
  const cache = await openCache(device, { capacity: 8, journal: { directory, ...options }, limits });
  const trace = { traceId: TRACE, spanId: 'b7ad6b7169203331', flags: 1 };
  await cache.read(20, 4, undefined, { actor: 'reader' });
  for (let again = 0; again < 30; again++) cache.readNow(20, new Uint8Array(BLOCK), { actor: 'reader' });
  const fault = device.inject({ on: 'write', code: 'EIO', range: { offset: BAD * BLOCK, length: BLOCK } });
  await cache.write(4, new Uint8Array(3 * BLOCK).fill(1), { actor: 'writer', trace });
  await cache.flush(undefined, { actor: 'writer' }).catch(() => undefined);
  fault.cure();
  await cache.flush();
  await cache.read(30, 8, undefined, { actor: 'reader' });
  await cache.close();
  return cache.stats();
}

/** The only or last segment of a journal. */
export function lastSegment(directory: string): string {
  const names = readdirSync(directory).filter((name) => name.endsWith('.ctj'));
  return path.join(directory, names.sort().at(-1) ?? '');
}
