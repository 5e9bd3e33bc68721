/**
 * Random requests against a plain array: with any geometry, capacity, policy, mode, concurrency and faults, what is read
 * is what was written, the invariants hold after every decision, and the events alone give the same state and decisions.
 */
import { expect } from 'chai';
import fc from 'fast-check';
import {
  type BlockCache,
  type BlockDevice,
  type BorrowedBlock,
  type CacheEvent,
  CachetrailError,
  faultDevice,
  type FaultDevice,
  latencyDevice,
  memoryDevice,
  openCache,
  type PolicyName,
} from '../../src/index.js';
import { codeOf } from '../../src/device/errors.js';
import { expectRestorable, expectSameDecisions, foldedHash } from '../support/refold.js';
import { VirtualClock } from '../support/virtual-clock.js';

const RUNS = Number(process.env['CACHETRAIL_PROPERTY_RUNS'] ?? 10_000);

type Step =
  | { readonly kind: 'read'; readonly at: number; readonly size: number }
  | { readonly kind: 'readBytes'; readonly at: number; readonly size: number }
  | { readonly kind: 'write'; readonly at: number; readonly size: number }
  | { readonly kind: 'writeBytes'; readonly at: number; readonly size: number; readonly through: boolean }
  | { readonly kind: 'flush'; readonly at: number; readonly size: number; readonly whole: boolean }
  | { readonly kind: 'invalidate'; readonly at: number; readonly size: number }
  | { readonly kind: 'readahead'; readonly at: number; readonly size: number }
  | { readonly kind: 'borrow'; readonly at: number; readonly dirty: boolean }
  | { readonly kind: 'zero'; readonly at: number; readonly size: number }
  | { readonly kind: 'resize'; readonly size: number };

type FaultStep = {
  readonly on: 'read' | 'write' | 'barrier';
  readonly nth: number;
  readonly times: number;
  readonly short: boolean;
};

interface Run {
  readonly blockSize: number;
  readonly blocks: number;
  readonly tailBytes: number;
  readonly capacity: number;
  readonly policy: PolicyName;
  readonly mode: 'writeback' | 'writethrough';
  readonly slow: boolean;
  readonly seed: number;
  readonly limits: {
    readonly writebacksInFlightMax: number;
    readonly requestBlocksMax: number;
    readonly runBytesMax: number;
  };
  readonly faults: readonly FaultStep[];
  /** Steps of one inner list are asked for at once, without waiting. */
  readonly batches: readonly (readonly Step[])[];
}

const at = fc.nat({ max: 9999 });
const size = fc.integer({ min: 1, max: 9999 });

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('read' as const), at, size }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('readBytes' as const), at, size }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('write' as const), at, size }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('writeBytes' as const), at, size, through: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('flush' as const), at, size, whole: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('invalidate' as const), at, size }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('readahead' as const), at, size }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('borrow' as const), at, dirty: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('zero' as const), at, size }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('resize' as const), size }) },
);

const fault: fc.Arbitrary<FaultStep> = fc.record({
  on: fc.constantFrom('read' as const, 'write' as const, 'barrier' as const),
  nth: fc.integer({ min: 1, max: 6 }),
  times: fc.integer({ min: 1, max: 6 }),
  short: fc.boolean(),
});

const run: fc.Arbitrary<Run> = fc.record({
  blockSize: fc.constantFrom(512, 1024),
  blocks: fc.integer({ min: 1, max: 14 }),
  tailBytes: fc.constantFrom(0, 1, 511),
  capacity: fc.integer({ min: 1, max: 10 }),
  policy: fc.constantFrom('lru' as const, 'priority' as const),
  mode: fc.constantFrom('writeback' as const, 'writeback' as const, 'writethrough' as const),
  slow: fc.boolean(),
  seed: fc.nat({ max: 1000 }),
  limits: fc.record({
    writebacksInFlightMax: fc.integer({ min: 1, max: 3 }),
    requestBlocksMax: fc.integer({ min: 1, max: 8 }),
    runBytesMax: fc.constantFrom(512, 2048, 1024 * 1024),
  }),
  faults: fc.array(fault, { maxLength: 3 }),
  batches: fc.array(fc.array(step, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 10 }),
});

describe('A cache, against a plain array', function () {
  this.timeout(600_000);

  it(`reads what was written, keeps its invariants and replays exactly, in ${RUNS} random sequences`, async () => {
    await fc.assert(
      fc.asyncProperty(run, async (drawn) => new Trial(drawn).explain()),
      { numRuns: RUNS },
    );
  });
});

interface Change {
  readonly offset: number;
  readonly length: number;
  readonly value: number;
  /** Has no one place in the order of what was asked for at the same time. */
  readonly unordered: boolean;
}

/** One sequence of requests on one cache. */
class Trial {
  readonly #run: Run;
  readonly #clock = new VirtualClock();
  readonly #sizeBytes: number;
  readonly #events: CacheEvent[] = [];
  readonly #model: Uint8Array;
  /** The model before the current batch, and what the batch changes: a byte may read as either. */
  readonly #before: Uint8Array;
  readonly #changes: Change[] = [];
  /** A write that waits while the cache is made smaller than it is taken again, in parts, after those behind it. */
  #resizing = false;
  /** Invariants that did not hold. */
  readonly #broken: unknown[] = [];
  #tag = 0;

  constructor(drawn: Run) {
    this.#run = drawn;
    this.#sizeBytes = drawn.blocks * drawn.blockSize + drawn.tailBytes;
    this.#model = new Uint8Array(this.#sizeBytes);
    this.#before = new Uint8Array(this.#sizeBytes);
  }

  /** A failure is told with the events that led to it. */
  async explain(): Promise<void> {
    try {
      await this.#go();
    } catch (error) {
      const last = this.#events.slice(-TOLD_EVENTS).map((event) => JSON.stringify(event));
      throw new Error(`after ${last.join('\n')}`, { cause: error });
    }
  }

  async #go(): Promise<void> {
    const memory = memoryDevice({ sizeBytes: this.#sizeBytes });
    const faults = faultDevice(memory, { volatile: true });
    const cache = await this.#open(faults);
    cache.events$.subscribe((event) => {
      this.#events.push(event);
      cache.checkInvariants();
    });
    cache.errors$.subscribe(({ error }) => this.#broken.push(error));
    for (const { on, nth, times, short } of this.#run.faults) {
      if (short && on !== 'barrier') faults.inject({ on, nth, times, short: 100 });
      else faults.inject({ on, nth, times, code: 'EIO' });
    }
    for (const batch of this.#run.batches) await this.#batch(cache, batch);
    faults.cure();
    await this.#finish(cache, memory.bytes);
  }

  #open(faults: FaultDevice): Promise<BlockCache> {
    const { blockSize, capacity, policy, mode, seed, slow, limits } = this.#run;
    const times = { readMs: 2, writeMs: 5, barrierMs: 7, zeroMs: 4, jitter: 0.9, seed };
    const device: BlockDevice = slow ? latencyDevice(faults, { ...times, setTimer: this.#clock.after }) : faults;
    return openCache(device, { blockSize, capacity, policy, mode, seed, limits, clock: this.#clock });
  }

  async #batch(cache: BlockCache, steps: readonly Step[]): Promise<void> {
    // What a zero does to writes asked for at the same time is for tests of ordering: here it comes alone.
    const alone = steps.find((one) => one.kind === 'zero');
    this.#resizing = steps.some((one) => one.kind === 'resize');
    const asked = (alone === undefined ? steps : [alone]).map((one) => this.#ask(cache, one));
    await this.#clock.until(Promise.all(asked));
    if (this.#broken.length > 0) throw this.#broken[0];
    await this.#settleOrder(cache);
    this.#before.set(this.#model);
    this.#changes.length = 0;
    expect(foldedHash(this.#events.slice()), 'the state folded from the events').to.equal(cache.hash());
  }

  /**
   * Writes asked for at once are taken in that order. A write in several parts, or through a borrowed view, has no one
   * place in it: where it met another, either may have come last.
   */
  async #settleOrder(cache: BlockCache): Promise<void> {
    for (const one of this.#changes) {
      if (!one.unordered) continue;
      for (const other of this.#changes) if (other !== one) await this.#settleMeeting(cache, one, other);
    }
  }

  async #settleMeeting(cache: BlockCache, one: Change, other: Change): Promise<void> {
    const from = Math.max(one.offset, other.offset);
    const length = Math.min(one.offset + one.length, other.offset + other.length) - from;
    if (length <= 0) return;
    const bytes = await this.#clock.until(this.#readAnyway(cache, from, length));
    this.#checkRead(from, bytes);
    this.#model.set(bytes, from);
  }

  async #readAnyway(cache: BlockCache, offset: number, length: number): Promise<Uint8Array> {
    for (;;) {
      try {
        return await cache.readBytes(offset, length);
      } catch (error) {
        if (!(error instanceof CachetrailError) || !READ_CODES.includes(error.code)) throw error;
      }
    }
  }

  async #ask(cache: BlockCache, step: Step): Promise<void> {
    try {
      await this.#request(cache, step);
    } catch (error) {
      if (!(error instanceof CachetrailError)) throw error;
      expect(TOLERATED[step.kind], `${step.kind}: ${error.stack}`).to.include(error.code);
    }
  }

  #request(cache: BlockCache, step: Step): Promise<unknown> | undefined {
    switch (step.kind) {
      case 'read':
        return this.#read(cache, this.#blocks(step));
      case 'readBytes': {
        const { offset, length } = this.#bytes(step);
        return cache.readBytes(offset, length).then((bytes) => this.#checkRead(offset, bytes));
      }
      case 'write': {
        const { offset, length, block } = this.#blocks(step);
        return this.#written(cache, offset, length, (data) => cache.write(block, data));
      }
      case 'writeBytes': {
        const { offset, length } = this.#bytes(step);
        return this.#written(cache, offset, length, (data) =>
          cache.writeBytes(offset, data, { through: step.through }),
        );
      }
      case 'flush':
        return cache.flush(step.whole ? undefined : this.#blocks(step));
      case 'invalidate':
        return cache.invalidate(this.#blocks(step));
      case 'readahead':
        cache.readahead(this.#blocks(step));
        return undefined;
      case 'borrow':
        return this.#borrow(cache, step.at % cache.blockCount, step.dirty);
      case 'zero': {
        const { offset, length, block, count } = this.#blocks(step);
        this.#possibly(offset, length, 0, false);
        return cache.zero({ block, count }).then(
          () => {
            this.#model.fill(0, offset, offset + length);
          },
          this.#afterFailedZero(cache, offset, length),
        );
      }
      case 'resize':
        return cache.resize(1 + (step.size % 12));
    }
  }

  /** A zero that failed leaves old bytes or zeros, block by block: a write settles it. */
  #afterFailedZero(cache: BlockCache, offset: number, length: number) {
    return async (error: unknown): Promise<void> => {
      if (!(error instanceof CachetrailError) || error.code !== 'CACHETRAIL_CLEAR_FAILED') throw error;
      await this.#written(cache, offset, length, (data) => cache.writeBytes(offset, data));
    };
  }

  async #read(cache: BlockCache, range: { block: number; count: number; offset: number }): Promise<void> {
    const bytes = await cache.read(range.block, range.count);
    this.#checkRead(range.offset, bytes);
    const into = new Uint8Array(bytes.length);
    if (range.count === 1 && cache.readNow(range.block, into)) this.#checkRead(range.offset, into);
  }

  /** A write counts from when it is asked for, and for good if it is taken: with `through` it is even if that fails. */
  async #written(
    cache: BlockCache,
    offset: number,
    length: number,
    write: (data: Uint8Array) => Promise<void>,
  ): Promise<void> {
    this.#tag = (this.#tag % 255) + 1;
    const data = new Uint8Array(length).fill(this.#tag);
    const { blockSize, limits } = this.#run;
    const most = Math.min(limits.requestBlocksMax, Math.max(1, Math.floor(cache.capacity * 0.8))) * blockSize;
    const inParts = this.#resizing || length > most - (offset % blockSize);
    this.#possibly(offset, length, this.#tag, inParts);
    try {
      const taken = write(data);
      this.#model.set(data, offset);
      await taken;
    } catch (error) {
      if (!(error instanceof CachetrailError)) throw error;
      if (error.code === 'CACHETRAIL_WRITE_FAILED' && !inParts) return;
      if (!GIVEN_UP_CODES.includes(error.code)) throw error;
      // Of a write that was given up nobody knows how much was taken: one that is taken whole settles it.
      await this.#written(cache, offset, length, write);
    }
  }

  async #borrow(cache: BlockCache, block: number, dirty: boolean): Promise<void> {
    const borrowed = await cache.borrow(block);
    try {
      const offset = block * this.#run.blockSize;
      this.#checkRead(offset, borrowed.bytes);
      if (dirty) await this.#change(borrowed, offset);
    } finally {
      borrowed.release();
    }
  }

  async #change(borrowed: BorrowedBlock, offset: number): Promise<void> {
    this.#tag = (this.#tag % 255) + 1;
    borrowed.bytes.fill(this.#tag);
    this.#possibly(offset, borrowed.bytes.length, this.#tag, true);
    const marked = borrowed.markDirty();
    this.#model.fill(this.#tag, offset, offset + borrowed.bytes.length);
    await marked;
  }

  #possibly(offset: number, length: number, value: number, unordered: boolean): void {
    this.#changes.push({ offset, length, value, unordered });
  }

  #checkRead(offset: number, bytes: Uint8Array): void {
    for (let byte = 0; byte < bytes.length; byte++) {
      const at = offset + byte;
      if (bytes[byte] === this.#before[at]) continue;
      const changes = this.#changes.filter((change) => at >= change.offset && at < change.offset + change.length);
      if (changes.some((change) => change.value === bytes[byte])) continue;
      const values = [this.#before[at], ...changes.map((change) => change.value)];
      throw new Error(`byte ${at} reads as ${bytes[byte]}, and may be ${values.join(' or ')}`);
    }
  }

  /** With the faults cured, everything becomes durable, and what a power cut leaves is what was written. */
  async #finish(cache: BlockCache, durable: Uint8Array): Promise<void> {
    const told = await this.#clock.until(cache.flush().catch((error: unknown) => codeOf(error)));
    expect(told, 'what had failed is told').to.be.oneOf([undefined, 'CACHETRAIL_FAILURE_RESOLVED']);
    expect(Buffer.compare(durable, this.#model), 'the device holds what was written').to.equal(0);
    const all = await this.#clock.until(cache.readBytes(0, this.#sizeBytes));
    expect(Buffer.compare(all, this.#model), 'the cache holds what was written').to.equal(0);
    await this.#clock.until(cache.close());
    expect(this.#clock.timers, 'timers left by a closed cache').to.equal(0);
    expect(foldedHash(this.#events)).to.equal(cache.hash());
    expectSameDecisions(this.#events);
    expectRestorable(this.#events, 41);
  }

  #blocks(step: { readonly at: number; readonly size: number }) {
    const { blockSize } = this.#run;
    const blockCount = Math.ceil(this.#sizeBytes / blockSize);
    const block = step.at % blockCount;
    const count = 1 + (step.size % Math.min(6, blockCount - block));
    const offset = block * blockSize;
    return { block, count, offset, length: Math.min(count * blockSize, this.#sizeBytes - offset) };
  }

  #bytes(step: { readonly at: number; readonly size: number }) {
    const offset = step.at % this.#sizeBytes;
    return { offset, length: 1 + (step.size % Math.min(2500, this.#sizeBytes - offset)) };
  }
}

/** What each request may be told while faults are injected and others are at the same blocks. Anything else is a bug. */
const TOLD_EVENTS = 12;
const READ_CODES = ['CACHETRAIL_READ_FAILED', 'CACHETRAIL_SHORT_READ'];
const GIVEN_UP_CODES = [...READ_CODES, 'CACHETRAIL_ADMISSION_TIMEOUT', 'CACHETRAIL_WRITE_FAILED'];
const TOLERATED: Readonly<Record<Step['kind'], readonly string[]>> = {
  read: READ_CODES,
  readBytes: READ_CODES,
  write: [],
  writeBytes: [],
  flush: ['CACHETRAIL_FLUSH_FAILED', 'CACHETRAIL_BARRIER_FAILED', 'CACHETRAIL_FAILURE_RESOLVED'],
  invalidate: ['CACHETRAIL_DIRTY', 'CACHETRAIL_PINNED'],
  readahead: [],
  borrow: [...READ_CODES, 'CACHETRAIL_PINNED', 'CACHETRAIL_WRITE_FAILED'],
  zero: [],
  resize: [],
};
