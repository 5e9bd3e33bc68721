/** Caches for tests: recorded from their first event, checked and closed after each test. */
import { expect } from 'chai';
import {
  type BlockCache,
  type BlockDevice,
  type CacheEvent,
  type CacheOptions,
  type EventType,
  type FaultDevice,
  openCache,
} from '../../../src/index.js';
import { expectRestorable, expectSameDecisions, foldedHash } from '../../support/refold.js';
import { TestClock } from './virtual-clock.js';

export interface TestCache {
  readonly cache: BlockCache;
  /** Every event so far. */
  readonly events: readonly CacheEvent[];
  /** The events of one type so far. */
  of<Type extends EventType>(type: Type): Extract<CacheEvent, { type: Type }>[];
}

/** Opens caches. After each test all must be sound and repeatable from their events, and are closed. */
export function testCaches(): (device: BlockDevice, options?: CacheOptions) => Promise<TestCache> {
  const opened: { readonly test: TestCache; readonly device: BlockDevice; readonly options: CacheOptions }[] = [];
  afterEach(async () => {
    for (const { test, device, options } of opened.splice(0)) {
      checkHistory(test);
      await end(test.cache, device, options);
    }
  });
  return async (device, options = {}) => {
    const events: CacheEvent[] = [];
    const append = (event: CacheEvent) => {
      if (options.journal !== undefined && 'append' in options.journal) options.journal.append(event);
      events.push(event);
    };
    const cache = await openCache(device, { ...options, journal: { append } });
    const of = <Type extends EventType>(type: Type) => events.filter((event) => isOf(event, type));
    const test = { cache, events, of };
    opened.push({ test, device, options });
    return test;
  };
}

/** Bytes that tell where they are from: no two blocks of a few thousand are alike. */
export function pattern(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = Math.imul(seed + 1, 0x9e3779b1) | 1;
  for (let at = 0; at < length; at++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[at] = state;
  }
  return bytes;
}

/** Compares bytes, many of them in no time, and names the first that differs. */
export function expectBytes(actual: Uint8Array, expected: Uint8Array, what = 'bytes'): void {
  expect(actual.length, `${what}: length`).to.equal(expected.length);
  if (Buffer.compare(actual, expected) === 0) return;
  const at = actual.findIndex((byte, index) => byte !== expected[index]);
  expect.fail(actual[at], expected[at], `${what}: ${actual[at]} instead of ${expected[at]} at ${at}`);
}

/** What has been made of a promise so far, without waiting for it. */
export async function stateOf(promise: Promise<unknown>): Promise<'pending' | 'fulfilled' | 'rejected'> {
  const settled = promise.then(
    () => 'fulfilled' as const,
    () => 'rejected' as const,
  );
  return Promise.race([settled, new Promise<'pending'>((resolve) => setImmediate(resolve, 'pending'))]);
}

/** The whole state is sound, and nothing but its history, which would happen again. */
export function checkHistory({ cache, events }: Pick<TestCache, 'cache' | 'events'>): void {
  cache.checkInvariants();
  expect(foldedHash(events), 'the fold of the events is the live state').to.equal(cache.hash());
  expectSameDecisions(events);
  expectRestorable(events, 97);
}

/** Closes what a test has left open, whatever the test has done to the device. */
async function end(cache: BlockCache, device: BlockDevice, options: CacheOptions): Promise<void> {
  if (isFaulty(device)) {
    device.cure();
    device.release();
  }
  if (cache.closed) return;
  const closing = cache.close({ abandon: 'the test is over' });
  await (options.clock instanceof TestClock ? options.clock.until(closing) : closing);
}

function isFaulty(device: BlockDevice): device is FaultDevice {
  return 'inject' in device;
}

function isOf<Type extends EventType>(event: CacheEvent, type: Type): event is Extract<CacheEvent, { type: Type }> {
  return event.type === type;
}
