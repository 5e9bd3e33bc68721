import { expect } from 'chai';
import { lastValueFrom, toArray } from 'rxjs';
import {
  type BlockCache,
  type CacheEvent,
  faultDevice,
  latencyDevice,
  memoryDevice,
  type RequestOptions,
  type TraceRef,
} from '../../src/index.js';
import { rejection } from '../device/support.js';
import { expectBytes, pattern, testCaches } from './support/caches.js';
import { DEVICE_KINDS, devicesOf } from './support/devices.js';
import { TestClock } from './support/virtual-clock.js';

const BLOCK = 4096;
const OLD = pattern(64 * BLOCK, 1);
const A: TraceRef = { traceId: 'a'.repeat(32), spanId: 'a'.repeat(16), flags: 1 };
const B: TraceRef = { traceId: 'b'.repeat(32), spanId: 'b'.repeat(16), flags: 0 };

/** Every request, and the type of the event that first tells of it. Block 3 is cached, 5 and 6 are dirty. */
const REQUESTS: readonly (readonly [
  what: string,
  type: string,
  ask: (cache: BlockCache, options: RequestOptions) => unknown,
])[] = [
  ['read', 'read', (cache, options) => cache.read(3, 1, undefined, options)],
  ['readNow', 'read', (cache, options) => cache.readNow(3, new Uint8Array(BLOCK), options)],
  ['read of what is missing', 'readMissed', (cache, options) => cache.read(20, 4, undefined, options)],
  ['readBytes', 'readMissed', (cache, options) => cache.readBytes(30 * BLOCK + 5, 9, options)],
  ['write', 'written', (cache, options) => cache.write(3, pattern(BLOCK, 2), options)],
  ['write over a dirty block', 'written', (cache, options) => cache.write(5, pattern(BLOCK, 2), options)],
  ['writeBytes', 'written', (cache, options) => cache.writeBytes(5 * BLOCK + 1, pattern(9, 2), options)],
  [
    'writeBytes through',
    'written',
    (cache, options) => cache.writeBytes(5 * BLOCK, pattern(9, 2), { ...options, through: true }),
  ],
  ['write that waits', 'writeQueued', (cache, options) => cache.writeBytes(50 * BLOCK + 1, pattern(9, 2), options)],
  ['flush', 'flushStarted', (cache, options) => cache.flush(undefined, options)],
  ['invalidate', 'invalidated', (cache, options) => cache.invalidate({ block: 3, count: 1 }, options)],
  [
    'drop',
    'clearQueued',
    (cache, options) => cache.invalidate({ block: 5, count: 1 }, { ...options, discardDirty: 'x' }),
  ],
  ['zero', 'clearQueued', (cache, options) => cache.zero({ block: 8, count: 1 }, options)],
  ['discard', 'clearQueued', (cache, options) => cache.discard({ block: 8, count: 1 }, options)],
  ['readahead', 'readaheadRequested', (cache, options) => cache.readahead({ block: 40, count: 2 }, options)],
  ['borrow', 'borrowed', (cache, options) => cache.borrow(3, options).then((borrowed) => borrowed.release())],
  [
    'borrow that waits',
    'borrowQueued',
    (cache, options) => cache.borrow(45, options).then((borrowed) => borrowed.release()),
  ],
  ['resize', 'resized', (cache, options) => cache.resize(50, options)],
  ['setBlockSize', 'blockSizeRequested', (cache, options) => cache.setBlockSize(512, options)],
  ['setOption', 'optionSet', (cache, options) => cache.setOption('dirtyAgeNs', 5, options)],
  [
    'refused invalidate',
    'requestRefused',
    (cache, options) => cache.invalidate(undefined, options).catch(() => undefined),
  ],
  ['close', 'closeStarted', (cache, options) => cache.close(options)],
];

describe('the first event of a request', () => {
  const open = testCaches();

  for (const [what, type, ask] of REQUESTS) {
    it(`says who asks and in which trace: ${what}`, async () => {
      const { cache, events } = await open(memoryDevice({ bytes: OLD.slice() }), { capacity: 64 });
      await cache.read(3);
      await cache.write(5, pattern(2 * BLOCK, 1));
      const before = events.length;
      await ask(cache, { actor: 'Ada', trace: A });
      const [first] = events.slice(before);
      expect(first).to.deep.include({ type, actor: 'Ada', trace: A, cause: 0 });
    });

    it(`takes its trace from the cache’s source where the request has none: ${what}`, async () => {
      const { cache, events } = await open(memoryDevice({ bytes: OLD.slice() }), { capacity: 64 });
      await cache.read(3);
      await cache.write(5, pattern(2 * BLOCK, 1));
      const before = events.length;
      let asked = 0;
      cache.traceSource = () => {
        asked++;
        return B;
      };
      await ask(cache, {});
      cache.traceSource = null;
      expect(events[before]).to.deep.include({ type, actor: '', trace: B });
      expect(asked, 'once a request, a borrow’s release not counted').to.equal(1);
    });
  }
});

describe('an AbortSignal', () => {
  const open = testCaches();

  /** Requests that wait: everything takes 10 ms. */
  const WAITING: Readonly<Record<string, (cache: BlockCache, signal: AbortSignal) => Promise<unknown>>> = {
    read: (cache, signal) => cache.read(20, 2, undefined, { signal }),
    'read in parts': (cache, signal) => cache.read(10, 40, undefined, { signal }),
    readBytes: (cache, signal) => cache.readBytes(20 * BLOCK + 1, 5, { signal }),
    'partial write': (cache, signal) => cache.writeBytes(30 * BLOCK + 1, pattern(5, 1), { signal }),
    'write through': (cache, signal) => cache.writeBytes(30 * BLOCK, pattern(BLOCK, 1), { signal, through: true }),
    flush: (cache, signal) => cache.flush(undefined, { signal }),
    borrow: (cache, signal) => cache.borrow(20, { signal }),
    'zero behind a writeback': (cache, signal) => cache.zero({ block: 5, count: 1 }, { signal }),
    'setOption of the device': (cache, signal) => cache.setOption('other', 1, { signal }),
  };

  async function slow() {
    const clock = new TestClock();
    const device = faultDevice(memoryDevice({ bytes: OLD.slice() }));
    const { after: setTimer } = clock;
    const waits = { readMs: 10, writeMs: 10, barrierMs: 10, zeroMs: 10, discardMs: 10, setTimer };
    const test = await open(latencyDevice(device, waits), { clock, capacity: 64, limits: { requestBlocksMax: 16 } });
    await test.cache.write(5, pattern(2 * BLOCK, 1));
    const flush = test.cache.flush().catch(() => undefined);
    await clock.pass(1);
    return { clock, device, flush, ...test };
  }

  for (const [what, ask] of Object.entries(WAITING)) {
    it(`ends the wait of a ${what}, with its reason, and nothing breaks`, async () => {
      const { clock, cache, of, flush } = await slow();
      const controller = new AbortController();
      const asked = rejection(ask(cache, controller.signal));
      await clock.pass(5);
      controller.abort('enough');
      const error = await asked;
      expect(error).to.include({ code: 'CACHETRAIL_ABORTED', cause: 'enough' });
      expect(of('requestAborted')).to.have.lengthOf(1);
      await clock.until(flush);
      await clock.until(cache.flush());
      expectBytes(await clock.until(cache.read(5, 2)), pattern(2 * BLOCK, 1));
      cache.checkInvariants();
    });

    it(`that has fired already keeps a ${what} from being asked for`, async () => {
      const { clock, cache, of, flush, events } = await slow();
      const before = events.length;
      const error = await rejection(clock.until(ask(cache, AbortSignal.abort('too late'))));
      expect(error).to.include({ code: 'CACHETRAIL_ABORTED', cause: 'too late' });
      expect(events.slice(before)).to.deep.equal([]);
      expect(of('requestAborted')).to.deep.equal([]);
      await clock.until(flush);
    });

    it(`that fires after a ${what} has ended does nothing`, async () => {
      const { clock, cache, of } = await slow();
      const controller = new AbortController();
      const done = ask(cache, controller.signal).catch((error: unknown) => error);
      const result = await clock.until(done);
      controller.abort();
      await clock.rest();
      expect(of('requestAborted')).to.deep.equal([]);
      if (typeof result === 'object' && result !== null && 'release' in result) release(result);
    });
  }

  it('that has fired keeps even a cached block from being read, as it says it does', async () => {
    const { cache } = await slow();
    const signal = AbortSignal.abort();
    expect((await rejection(cache.read(5, 1, undefined, { signal }))).code).to.equal('CACHETRAIL_ABORTED');
    expect((await rejection(cache.write(5, pattern(BLOCK, 1), { signal }))).code).to.equal('CACHETRAIL_ABORTED');
    expect((await rejection(cache.close({ signal }))).code).to.equal('CACHETRAIL_ABORTED');
    expect(cache.closed).to.equal(false);
  });

  it('leaves no listener behind on a signal that is used again and again', async () => {
    const { clock, cache } = await slow();
    const { signal } = new AbortController();
    let listeners = 0;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (type: string, listener: () => void) => {
      listeners++;
      add(type, listener);
    };
    signal.removeEventListener = (type: string, listener: () => void) => {
      listeners--;
      remove(type, listener);
    };
    for (let round = 0; round < 20; round++) await clock.until(cache.read(round, 3, undefined, { signal }));
    await clock.until(cache.flush(undefined, { signal }));
    expect(listeners).to.equal(0);
  });

  it('does not end a close or a change of block size, which go on', async () => {
    const { clock, cache } = await slow();
    const controller = new AbortController();
    const changing = cache.setBlockSize(512, { signal: controller.signal });
    await clock.pass(1);
    controller.abort();
    await clock.until(changing);
    expect(cache.blockSize).to.equal(512);
    const second = new AbortController();
    const closing = cache.close({ signal: second.signal });
    second.abort();
    await clock.until(closing);
    expect(cache.closed).to.equal(true);
  });
});

for (const kind of DEVICE_KINDS)
  describe(`what a cache over a ${kind} device tells of itself`, () => {
    const open = testCaches();
    const make = devicesOf(kind);

    it('are its counts, which add up', async () => {
      const { device } = await make(OLD);
      const { cache, events } = await open(device, { capacity: 32 });
      await cache.read(0, 4);
      await cache.read(2, 4);
      await cache.write(1, pattern(BLOCK, 2));
      await cache.write(10, pattern(4 * BLOCK, 2));
      await cache.flush();
      await cache.zero({ block: 20, count: 1 });
      expect(cache.stats()).to.deep.include({
        requests: 6,
        reads: 2,
        writes: 2,
        flushes: 1,
        hits: 3,
        misses: 4 + 2 + 4,
        hitRatio: 3 / 13,
        deviceReads: 2,
        deviceWrites: 2,
        barriers: 2,
        clears: 1,
        bytesRead: 6 * BLOCK,
        bytesWritten: 5 * BLOCK,
        batches: 1,
        writebackBlocks: 5,
        meanRunBlocks: 2.5,
        evictions: 0,
        writeErrors: 0,
        readErrors: 0,
        residentBlocks: 10,
        dirtyBlocks: 0,
        waitingRequests: 0,
        capacityBlocks: 32,
        events: events.length,
      });
    });

    it('are the state of a block, and its identity', async () => {
      const { device } = await make(OLD);
      const { cache } = await open(device);
      const absent = { state: 'absent', generation: 0, pins: 0, parked: false, dirtySince: null, lastError: null };
      expect(cache.inspect(9)).to.deep.equal({ block: 9, ...absent });
      await cache.read(9);
      expect(cache.inspect(9)).to.deep.equal({ block: 9, ...absent, state: 'clean' });
      await cache.write(9, pattern(BLOCK, 2));
      await cache.write(9, pattern(BLOCK, 3));
      const { dirtySince, ...dirty } = cache.inspect(9);
      expect(dirty).to.deep.equal({ block: 9, state: 'dirty', generation: 2, pins: 0, parked: false, lastError: null });
      expect(dirtySince).to.be.a('number');
      expect(cache.identity).to.equal(device.identity);
      expect(cache.fd).to.equal(device.fd);
      if (kind === 'file') expect(cache.fd).to.be.above(2);
      expect(cache.hash()).to.match(/^[0-9a-f]{16}$/);
    });

    it('are its events, all of them from the first, to whoever subscribes at once', async () => {
      const { device } = await make(OLD);
      const { cache, events } = await open(device);
      const seen: CacheEvent[] = [];
      cache.events$.subscribe((event) => seen.push(event));
      const all = lastValueFrom(cache.events$.pipe(toArray()));
      await cache.write(9, pattern(BLOCK, 2));
      await cache.close();
      expect(seen).to.deep.equal(events);
      expect((await all).map(({ seq }) => seq)).to.deep.equal(events.map((_, index) => index + 1));
    });
  });

describe('a read-only cache', () => {
  const open = testCaches();
  const WRITES: Readonly<Record<string, (cache: BlockCache) => Promise<unknown>>> = {
    write: (cache) => cache.write(0, pattern(BLOCK, 1)),
    'write of the last block': (cache) => cache.write(63, pattern(BLOCK, 1)),
    writeBytes: (cache) => cache.writeBytes(1, pattern(5, 1)),
    'writeBytes through': (cache) => cache.writeBytes(1, pattern(5, 1), { through: true }),
    discard: (cache) => cache.discard({ block: 0, count: 1 }),
    zero: (cache) => cache.zero({ block: 0, count: 1 }),
  };
  for (const kind of DEVICE_KINDS) {
    const make = devicesOf(kind);
    for (const [how, mode] of [
      ['asked for', 'readonly'],
      ['over a read-only device', 'writeback'],
    ] as const)
      it(`${how}, ${kind}, refuses writes and does all the rest`, async () => {
        const made = await make(OLD, mode === 'writeback');
        const { cache, of } = await open(made.device, { mode });
        expect(cache.readOnly).to.equal(true);
        for (const [what, write] of Object.entries(WRITES)) {
          expect((await rejection(write(cache))).code, what).to.equal('CACHETRAIL_READ_ONLY');
        }
        expectBytes(await cache.readBytes(0, OLD.length), OLD);
        await cache.flush();
        await cache.resize(4);
        await cache.setBlockSize(512);
        await cache.invalidate();
        cache.readahead({ block: 0, count: 8 });
        (await cache.borrow(9)).release();
        await cache.close();
        expect(of('barrierStarted')).to.deep.equal([]);
        expectBytes(made.bytes(), OLD);
      });
  }
});

function release(borrowed: object): void {
  if ('release' in borrowed && typeof borrowed.release === 'function') borrowed.release();
}
