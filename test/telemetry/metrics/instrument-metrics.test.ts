import { readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { metrics } from '@opentelemetry/api';
import { expect } from 'chai';
import { type BlockCache, faultDevice, latencyDevice, memoryDevice, openCache } from '../../../src/index.js';
import {
  instrument,
  instrumentMetrics,
  METRIC_BUCKETS,
  METRICS,
  type MetricName,
  SpanQueue,
  telemetryStats,
} from '../../../src/telemetry/index.js';
import { ErrorTypes } from '../../../src/telemetry/metrics/counted.js';
import { pattern, type TestCache, testCaches } from '../../api/support/caches.js';
import { TestClock } from '../../api/support/virtual-clock.js';
import { rejection } from '../../device/support.js';
import { type Collected, collector } from './support/collected.js';
import { History, tally } from './support/folded.js';

const BLOCK = 4096;

describe('instrumentMetrics', () => {
  const open = testCaches();

  async function faulty(capacity = 32) {
    const clock = new TestClock();
    const memory = memoryDevice({ sizeBytes: 256 * BLOCK });
    const delays = { readMs: 2, writeMs: 3, barrierMs: 7, discardMs: 1, zeroMs: 1 };
    const device = faultDevice(latencyDevice(memory, { ...delays, setTimer: clock.after }));
    const fail = (on: 'read' | 'write' | 'barrier', code: string, block?: number, times?: number) => {
      const range = block === undefined ? {} : { range: { offset: block * BLOCK, length: BLOCK } };
      return device.inject({ on, code, ...range, ...(times === undefined ? {} : { times }) });
    };
    const test = await open(device, { clock, capacity, deviceTimeoutMs: 1000, deviceDepth: 2 });
    return { ...test, clock, device, fail };
  }

  /** A bit of everything, with everything that goes wrong on the way. */
  async function busyLife({ cache, clock, fail, device }: Awaited<ReturnType<typeof faulty>>): Promise<void> {
    await clock.until(Promise.all([cache.read(0, 8), cache.read(4, 8), cache.read(100), cache.read(50, 2)]));
    for (let again = 0; again < 20; again++) cache.readNow(3, new Uint8Array(BLOCK));
    cache.readahead({ block: 120, count: 4 });
    await clock.until(cache.writeBytes(200 * BLOCK + 17, pattern(3 * BLOCK, 1)));
    (await clock.until(cache.borrow(60))).release();
    fail('read', 'EIO', 70);
    await rejection(clock.until(cache.read(70)));
    fail('write', 'EAGAIN', 12, 2);
    const lasting = fail('write', 'EIO', 14);
    await clock.until(cache.write(10, pattern(8 * BLOCK, 2)));
    for (let again = 0; again < 5; again++) await cache.write(11, pattern(BLOCK, again));
    await rejection(clock.until(cache.flush()));
    await rejection(clock.until(cache.flush()));
    lasting.cure();
    fail('barrier', 'EIO', undefined, 1);
    await clock.until(cache.flush());
    // More than may be dirty: some of it waits.
    await clock.until(Promise.all(Array.from({ length: 40 }, (_, at) => cache.write(130 + at, pattern(BLOCK, at)))));
    await clock.until(cache.flush());
    for (const block of [240, 242]) {
      fail('write', 'ENOSPC', block);
      await clock.until(cache.write(block, pattern(BLOCK, block)));
    }
    await rejection(clock.until(cache.flush()));
    await clock.until(cache.invalidate({ block: 240, count: 1 }, { discardDirty: 'the disk is full' }));
    await clock.until(cache.zero({ block: 242, count: 1 }));
    device.cure();
    const hangs = device.inject({ on: 'write', hang: 'before', times: 1 });
    await clock.until(cache.write(250, pattern(BLOCK, 3)));
    await rejection(clock.until(cache.flush()));
    hangs.cure();
    device.release('EIO');
    await clock.until(cache.flush());
    await clock.until(cache.discard({ block: 90, count: 4 }));
    await clock.until(cache.invalidate({ block: 0, count: 4 }));
    await clock.until(cache.resize(8));
    await clock.until(cache.write(1, pattern(2 * BLOCK, 5)));
  }

  async function measured(): Promise<{ test: TestCache; collected: Collected; history: History }> {
    const test = await faulty();
    const { meterProvider, collect } = collector();
    instrumentMetrics(test.cache, { meterProvider });
    await busyLife(test);
    return { test, collected: await collect(), history: new History(test.events) };
  }

  const sumsOf = (seconds: Record<string, number[]>) =>
    Object.fromEntries(Object.entries(seconds).map(([key, all]) => [key, [all.length, rounded(all.reduce(plus, 0))]]));
  const collectedSums = (collected: Collected, name: MetricName) =>
    Object.fromEntries(
      Object.entries(collected.histograms(name)).map(([key, { count, sum }]) => [key, [count, rounded(sum ?? 0)]]),
    );
  const plus = (a: number, b: number): number => a + b;
  const rounded = (seconds: number): number => Math.round(seconds * 1e9) / 1e9;

  it('counts requests by kind, hits, misses by kind, fills and evictions by reason', async () => {
    const { collected, history, test } = await measured();
    expect(collected.values('cachetrail.requests')).to.deep.equal({
      read: history.of('read', 'readMissed').length,
      write: history.of('written').length,
      flush: history.of('flushStarted').length,
      readahead: 1,
      borrow: history.of('borrowed').length,
      invalidate: 1,
      clear: history.of('clearQueued').length,
    });
    const missed = history.of('readMissed');
    const readMisses = missed.reduce((sum, { count, hits }) => sum + count - hits, 0);
    const { hits, misses } = test.cache.stats();
    expect(collected.values('cachetrail.hits')).to.deep.equal({ '': hits });
    expect(collected.values('cachetrail.misses')).to.deep.equal({ read: readMisses, write: misses - readMisses });
    expect(misses - readMisses, 'writes missed too').to.be.above(0);
    const fills = history.of('fillStarted');
    expect(collected.values('cachetrail.fills')).to.deep.equal({
      ...tally(
        fills.map(({ reason }) => reason),
        (at) => fills[at].count,
      ),
    });
    expect(Object.keys(collected.values('cachetrail.fills')).sort()).to.deep.equal([
      'borrow',
      'read',
      'readahead',
      'write',
    ]);
    const evicted = tally(history.of('evicted').map(({ reason }) => reason));
    expect(collected.values('cachetrail.evictions')).to.deep.equal({ room: 0, resize: 0, idle: 0, ...evicted });
    expect(evicted['room'] * evicted['resize'], 'both happened').to.be.above(0);
  });

  it('shows what the cache holds and what waits', async () => {
    const { collected, test } = await measured();
    const stats = test.cache.stats();
    expect(stats.dirtyBlocks).to.equal(2);
    expect(collected.values('cachetrail.blocks')).to.deep.equal({
      clean: stats.residentBlocks - 2,
      dirty: 2,
      writing: 0,
      unsynced: 0,
    });
    expect(collected.values('cachetrail.capacity')).to.deep.equal({ '': 8 });
    expect(collected.values('cachetrail.memory')).to.deep.equal({ '': stats.memoryBytes });
    expect(collected.values('cachetrail.request.waiting')).to.deep.equal({ '': 0 });
    expect(collected.values('cachetrail.blocks_parked')).to.deep.equal({ '': 0 });
  });

  it('shows blocks as parked, writing, unsynced and pinned while they are', async () => {
    const { cache, clock, fail, of } = await faulty();
    const { meterProvider, collect } = collector();
    instrumentMetrics(cache, { meterProvider });
    fail('write', 'EROFS', 5);
    await clock.until(cache.write(5, pattern(BLOCK, 1)));
    await rejection(clock.until(cache.flush()));
    const borrowed = await clock.until(cache.borrow(9));
    const through = cache.writeBytes(20 * BLOCK, pattern(BLOCK, 1), { through: true });
    await clock.rest();
    const waiting = cache.read(30).catch(() => undefined);
    let collected = await collect();
    expect(collected.values('cachetrail.blocks_parked')).to.deep.equal({ '': 1 });
    expect(collected.values('cachetrail.blocks_pinned')).to.deep.equal({ '': 1 });
    expect(collected.values('cachetrail.blocks')).to.include({ dirty: 1, writing: 1, unsynced: 0 });
    expect(collected.values('cachetrail.request.waiting')['']).to.equal(2);
    await clock.until(through);
    collected = await collect();
    expect(of('barrierStarted').length).to.equal(1);
    expect(collected.values('cachetrail.blocks')).to.include({ dirty: 1, writing: 0, unsynced: 1 });
    borrowed.release();
    await clock.until(waiting);
  });

  it('times device operations and their queue, in explicit buckets, by operation and error', async () => {
    const { collected, history } = await measured();
    const durations = history.deviceSeconds();
    expect(Object.keys(durations)).to.include.members([
      'read',
      'read,EIO',
      'write,EAGAIN',
      'barrier,EIO',
      'zero',
      'discard',
    ]);
    expect(collectedSums(collected, 'cachetrail.device.operation.duration')).to.deep.equal(sumsOf(durations));
    const queued = history.queuedSeconds();
    expect(collectedSums(collected, 'cachetrail.device.queue.duration')).to.deep.equal(sumsOf(queued));
    expect(
      queued['read'].some((seconds) => seconds > 0),
      'some reads had to wait',
    ).to.equal(true);
    const [histogram] = Object.values(collected.histograms('cachetrail.device.operation.duration'));
    const { boundaries } = histogram.buckets;
    expect(boundaries).to.deep.equal(METRIC_BUCKETS['cachetrail.device.operation.duration']);
    expect([boundaries[0], boundaries.at(-1)]).to.deep.equal([1e-5, 10]);
  });

  it('has the sizes of batches, and bytes by direction', async () => {
    const { collected, history, test } = await measured();
    const batches = history.of('batchPlanned');
    const sizes: Record<string, number[]> = {};
    for (const { reason, blocks } of batches) sizes[reason] = [...(sizes[reason] ?? []), blocks];
    expect(collectedSums(collected, 'cachetrail.batch.size')).to.deep.equal(sumsOf(sizes));
    const { bytesRead, bytesWritten } = test.cache.stats();
    expect(collected.values('cachetrail.device.io')).to.deep.equal({ read: bytesRead, write: bytesWritten });
    expect(bytesRead).to.equal(history.of('fillFinished').reduce((sum, { count }) => sum + count * BLOCK, 0));
  });

  it('counts write errors by type, and what became of each block', async () => {
    const { collected, history } = await measured();
    const failed = tally(history.of('writebackFailed').map(({ code }) => code));
    expect(Object.keys(failed).sort()).to.deep.equal(['CACHETRAIL_DEVICE_TIMEOUT', 'EAGAIN', 'EIO', 'ENOSPC']);
    expect(collected.values('cachetrail.write.errors')).to.deep.equal(failed);
    const outcomes = history.writeErrorOutcomes();
    expect(collected.values('cachetrail.write.error_outcomes')).to.deep.equal(outcomes);
    const kinds = new Set(Object.keys(outcomes).map((key) => key.split(',')[0]));
    const all = ['cleared', 'discarded', 'durable', 'held', 'parked', 'retried', 'split'];
    expect([...kinds].sort(), 'each outcome came about').to.deep.equal(all);
    expect(collected.values('cachetrail.discards')).to.deep.equal({ '': 1 });
  });

  it('times what waits to be admitted, and only that', async () => {
    const { collected, history } = await measured();
    const waited = history.waitedSeconds();
    expect(history.of('writeQueued', 'borrowQueued').length, 'some are queued and admitted at once').to.be.above(
      Object.values(waited).flat().length,
    );
    expect(Object.keys(waited)).to.include.members(['dirty-limit', 'fill']);
    expect(collectedSums(collected, 'cachetrail.admission.duration')).to.deep.equal(sumsOf(waited));
  });

  it('counts requests that failed by what the caller was told', async () => {
    const { collected, history } = await measured();
    expect(collected.values('cachetrail.request.errors')).to.deep.equal({
      CACHETRAIL_READ_FAILED: history.of('readFailed').length,
      CACHETRAIL_FLUSH_FAILED: history.of('flushFailed').length,
    });
  });

  it('says of each metric what its unit and meaning are, and gives none that has no name', async () => {
    const { collected } = await measured();
    const journal = Object.keys(METRICS).filter((name) => name.startsWith('cachetrail.journal'));
    expect([...collected.names, ...journal].sort()).to.deep.equal(Object.keys(METRICS).sort());
    for (const [name, { unit, meaning, attributes }] of Object.entries(METRICS)) {
      const data = collected.data(name as MetricName);
      if (data === undefined) continue;
      expect(data.descriptor).to.include({ unit, description: meaning });
      for (const point of data.dataPoints) expect(attributes, name).to.include.members(Object.keys(point.attributes));
    }
  });

  it('does not time what was under way when the device was replaced', async () => {
    const { cache, clock, of } = await faulty();
    const { meterProvider, collect } = collector();
    instrumentMetrics(cache, { meterProvider });
    const reading = cache.read(3);
    await clock.until(cache.replaceDevice(memoryDevice({ sizeBytes: 256 * BLOCK })));
    await clock.until(reading);
    expect([of('fillFailed').length, of('fillFinished').length]).to.deep.equal([1, 1]);
    const collected = await collect();
    const durations = Object.entries(collected.histograms('cachetrail.device.operation.duration'));
    expect(durations.map(([key, { count }]) => [key, count])).to.deep.equal([['read', 1]]);
  });

  it('changes no event, whether it measures, is collected in between, or is not there', async () => {
    const unmeasured = await faulty();
    await busyLife(unmeasured);
    const { test } = await measured();
    expect(test.events).to.deep.equal(unmeasured.events);
    const collectedOften = await faulty();
    const { meterProvider, collect } = collector();
    instrumentMetrics(collectedOften.cache, { meterProvider });
    const collections: Promise<unknown>[] = [];
    collectedOften.cache.slowEvents$.subscribe(() => collections.push(collect()));
    await busyLife(collectedOften);
    await Promise.all(collections);
    expect(collectedOften.events).to.deep.equal(unmeasured.events);
  });

  it('never looks at the stream that hits are in', async () => {
    const { cache } = await open(memoryDevice({ sizeBytes: 64 * BLOCK }));
    const { meterProvider, collect } = collector();
    const watched = new Proxy(cache, {
      get(target, name) {
        if (name === 'events$') throw new Error('hits would cost');
        const value: unknown = Reflect.get(target, name);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    instrumentMetrics(watched, { meterProvider });
    await cache.read(0);
    for (let again = 0; again < 7; again++) cache.readNow(0, new Uint8Array(BLOCK));
    expect((await collect()).values('cachetrail.hits')).to.deep.equal({ '': 7 });
  });

  it('waits for a meter provider that is registered later', async () => {
    const { cache } = await open(memoryDevice({ sizeBytes: 64 * BLOCK }), { capacity: 16 });
    const { meterProvider, collect } = collector();
    instrumentMetrics(cache);
    await cache.read(0, 4);
    metrics.setGlobalMeterProvider(meterProvider);
    try {
      await cache.read(0, 6);
      await cache.read(0, 8);
      const collected = await collect();
      expect(collected.values('cachetrail.misses')).to.deep.equal({ read: 8, write: 0 });
      expect(collected.histograms('cachetrail.device.operation.duration')['read'].count).to.equal(2);
    } finally {
      metrics.disable();
    }
  });

  it('is what instrument(cache) does too, unless it is told not to', async () => {
    const { meterProvider, collect } = collector();
    const options = { sizeBytes: 64 * BLOCK };
    const [with_, without] = [await open(memoryDevice(options)), await open(memoryDevice(options))];
    const both = instrument(with_.cache, { metrics: { meterProvider } });
    const onlySpans = instrument(without.cache, { metrics: false });
    await with_.cache.read(0);
    await without.cache.read(0);
    expect((await collect()).values('cachetrail.misses')).to.deep.equal({ read: 1, write: 0 });
    both.stop();
    onlySpans.stop();
    await with_.cache.read(1);
    expect((await collect()).values('cachetrail.misses')).to.deep.equal({ read: 1, write: 0 });
  });
});

describe('metrics of several caches', () => {
  const open = testCaches();
  const opened = async () => (await open(memoryDevice({ sizeBytes: 64 * BLOCK }), { capacity: 16 })).cache;

  it('are added up where their attributes are the same, and apart where not', async () => {
    const { meterProvider, collect } = collector();
    const caches = [await opened(), await opened(), await opened()];
    for (const [at, cache] of caches.entries()) {
      instrumentMetrics(cache, { meterProvider, attributes: { 'system.device': at < 2 ? 'a' : 'b' } });
      await cache.read(0, at + 1);
      await cache.read(0, at + 1);
      await cache.flush();
    }
    const collected = await collect();
    expect(collected.values('cachetrail.hits')).to.deep.equal({ a: 3, b: 3 });
    expect(collected.values('cachetrail.capacity')).to.deep.equal({ a: 32, b: 16 });
    const durations = collected.histograms('cachetrail.device.operation.duration');
    expect(Object.entries(durations).map(([key, { count }]) => [key, count])).to.have.deep.members([
      ['read,a', 2],
      ['read,b', 1],
      ['barrier,a', 2],
      ['barrier,b', 1],
    ]);
  });

  it('keep what a closed cache has counted, and forget what it held', async () => {
    const { meterProvider, collect } = collector();
    const first = await opened();
    instrumentMetrics(first, { meterProvider });
    await first.read(0, 4);
    await first.write(0, pattern(BLOCK, 1));
    await first.close();
    expect((await collect()).values('cachetrail.hits')).to.deep.equal({ '': 1 });
    const second = await opened();
    instrumentMetrics(second, { meterProvider });
    await second.read(0, 2);
    await collect();
    const collected = await collect();
    expect(collected.values('cachetrail.requests')).to.include({ read: 2, write: 1 });
    expect(collected.values('cachetrail.misses')).to.deep.equal({ read: 6, write: 0 });
    expect(collected.values('cachetrail.capacity')).to.deep.equal({ '': 16 });
    expect(collected.values('cachetrail.blocks')).to.deep.equal({ clean: 2, dirty: 0, writing: 0, unsynced: 0 });
  });

  it('are not counted twice for one cache, and end when they are stopped', async () => {
    const { meterProvider, collect } = collector();
    const cache = await opened();
    const handle = instrumentMetrics(cache, { meterProvider });
    expect(instrumentMetrics(cache, { meterProvider })).to.equal(handle);
    await cache.read(0);
    expect((await collect()).values('cachetrail.requests')).to.include({ read: 1 });
    handle.stop();
    handle.stop();
    await cache.read(0);
    await cache.flush();
    const collected = await collect();
    expect(collected.values('cachetrail.requests')).to.include({ read: 1, flush: 0 });
    expect(Object.keys(collected.histograms('cachetrail.device.operation.duration'))).to.deep.equal(['read']);
  });
});

describe('metrics of spans', () => {
  const open = testCaches();

  it('count those that an exporter has dropped, once, however many caches there are', async () => {
    const { meterProvider, collect } = collector();
    for (let caches = 0; caches < 2; caches++) {
      instrumentMetrics((await open(memoryDevice({ sizeBytes: 64 * BLOCK }))).cache, { meterProvider });
    }
    const droppedSoFar = async () => (await collect()).values('cachetrail.spans.dropped')[''];
    const before = await droppedSoFar();
    const exporter = { export: (_: unknown, done: (result: { code: number }) => void) => done({ code: 1 }) };
    const queue = new SpanQueue({ ...exporter, shutdown: async () => {} });
    for (let span = 0; span < 3; span++) queue.onEnd({ spanContext: () => ({ traceFlags: 1 }) });
    await queue.forceFlush();
    expect((await droppedSoFar()) - before).to.equal(3);
    expect(await droppedSoFar()).to.equal(telemetryStats().spansDropped);
    expect((await collect()).values('cachetrail.spans.ended')).to.deep.equal({ '': telemetryStats().spansEnded });
  });
});

describe('metrics of a journal', () => {
  const newDirectory = () => mkdtemp(path.join(tmpdir(), 'cachetrail-metrics-'));

  it('show what it has not written, not synced, written and lost', async () => {
    const directory = await newDirectory();
    const { meterProvider, collect } = collector();
    try {
      const cache = await openCache(memoryDevice({ sizeBytes: 64 * BLOCK }), { capacity: 16, journal: { directory } });
      instrumentMetrics(cache, { meterProvider });
      await cache.read(0);
      const { events, journal } = cache.stats();
      const collected = await collect();
      expect(journal?.bufferedEvents).to.equal(events);
      expect(collected.values('cachetrail.journal.buffered')).to.deep.equal({ '': events });
      expect(collected.values('cachetrail.journal.buffered_size')).to.deep.equal({ '': journal?.bufferedBytes });
      expect(collected.values('cachetrail.journal.unsynced')).to.deep.equal({ '': events });
      expect(collected.values('cachetrail.journals')).to.deep.equal({ writing: 1, failed: 0, stopped: 0 });
      expect(collected.values('cachetrail.journal.buffered_age')['']).to.be.within(0, 60);
      for (const name of ['size', 'lost', 'failures'] as const) {
        expect(collected.values(`cachetrail.journal.${name}`), name).to.deep.equal({ '': 0 });
      }
      await cache.close();
      const written = readdirSync(directory).filter((name) => name.endsWith('.ctj'));
      expect(written).to.not.be.empty;
      expect(cache.stats().journal).to.include({ bufferedEvents: 0, unsyncedEvents: 0 });
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  it('show that it has failed, and what is lost', async () => {
    const directory = await newDirectory();
    const { meterProvider, collect } = collector();
    const cache = await openCache(memoryDevice({ sizeBytes: 64 * BLOCK }), {
      capacity: 16,
      journal: { directory, bufferBytes: 1, onFailure: 'continue' },
    });
    instrumentMetrics(cache, { meterProvider });
    await rm(directory, { recursive: true });
    for (let block = 0; block < 3; block++) await cache.read(block);
    const collected = await collect();
    expect(collected.values('cachetrail.journals')).to.deep.equal({ writing: 0, failed: 1, stopped: 0 });
    expect(collected.values('cachetrail.journal.failures')).to.deep.equal({ '': 1 });
    expect(collected.values('cachetrail.journal.lost')).to.deep.equal({ '': cache.stats().journal?.lost });
    expect(cache.stats().journal?.lost).to.be.above(0);
    await cache.close();
  });

  it('have the age of the oldest event of all caches that is not written', async () => {
    const directories = [await newDirectory(), await newDirectory()];
    const { meterProvider, collect } = collector();
    const clock = new TestClock();
    const caches: BlockCache[] = [];
    try {
      for (const [at, directory] of directories.entries()) {
        const journal = { directory, bufferMs: 60_000 };
        caches.push(await openCache(memoryDevice({ sizeBytes: 64 * BLOCK }), { clock, journal }));
        instrumentMetrics(caches[at], { meterProvider });
        await clock.pass(2000 - 1000 * at);
      }
      const collected = await collect();
      expect(collected.values('cachetrail.journal.buffered_age')).to.deep.equal({ '': 3 });
      expect(collected.values('cachetrail.journals')).to.include({ writing: 2 });
    } finally {
      for (const cache of caches) await cache.close();
      for (const directory of directories) await rm(directory, { recursive: true });
    }
  });
});

describe('error types', () => {
  it('are told apart up to a number that a metric can bear, and then are one', () => {
    const types = new ErrorTypes();
    const seen = Array.from({ length: 100 }, (_, at) => types.of(`E${at}`));
    expect(seen.slice(0, 2)).to.deep.equal(['E0', 'E1']);
    expect(new Set(seen).size).to.equal(33);
    expect(seen.at(-1)).to.equal('_OTHER');
    expect(types.of('E1')).to.equal('E1');
  });
});
