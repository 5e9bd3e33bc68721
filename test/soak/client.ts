/** A client of the soaked cache: has blocks of its own, one request at a time, and knows what each of them must hold. */
import type { BlockCache } from '../../src/streams/block-cache.js';
import { CachetrailError } from '../../src/device/errors.js';
import type { Random } from '../simulation/random.js';

/** What a block holds is not known until it is written again. */
const UNKNOWN = -1;

/** Codes that a request may end with while the device goes wrong; nothing else may be told. */
const TOLERATED: ReadonlySet<string> = new Set([
  'CACHETRAIL_READ_FAILED',
  'CACHETRAIL_SHORT_READ',
  'CACHETRAIL_DEVICE_TIMEOUT',
  'CACHETRAIL_DEVICE_STALLED',
  'CACHETRAIL_WRITE_FAILED',
  'CACHETRAIL_FLUSH_FAILED',
  'CACHETRAIL_FAILURE_RESOLVED',
  'CACHETRAIL_BARRIER_FAILED',
  'CACHETRAIL_CLEAR_FAILED',
  'CACHETRAIL_ADMISSION_TIMEOUT',
  'CACHETRAIL_ABORTED',
  'CACHETRAIL_OVERLOADED',
  'CACHETRAIL_DIRTY',
  'CACHETRAIL_PINNED',
]);

const KINDS = {
  read: 30,
  readNow: 20,
  write: 30,
  writeBytes: 8,
  through: 2,
  flush: 1,
  zero: 1,
  borrow: 4,
  invalidate: 2,
  readahead: 1,
  resize: 0.2,
};

export class Client {
  requests = 0;
  /** Requests that were told of an error, by code. */
  readonly told = new Map<string, number>();
  readonly #cache: BlockCache;
  readonly #blocks: readonly number[];
  readonly #random: Random;
  readonly #signal: AbortSignal;
  /** The tag that each block of the device must hold: shared, each client writes its own. */
  readonly #tags: Int32Array;
  readonly #buffer: Uint8Array;
  #tag: number;

  constructor(
    cache: BlockCache,
    blocks: readonly number[],
    tags: Int32Array,
    random: Random,
    signal: AbortSignal,
    first: number,
  ) {
    this.#cache = cache;
    this.#blocks = blocks;
    this.#tags = tags;
    this.#random = random;
    this.#signal = signal;
    this.#buffer = new Uint8Array(cache.blockSize);
    this.#tag = first;
  }

  async request(): Promise<void> {
    this.requests++;
    // Skewed: some blocks are asked for over and over.
    const block = this.#blocks[Math.floor(this.#blocks.length * this.#random.uniform() ** 3)];
    try {
      await this.#ask(this.#random.weighted(KINDS), block);
    } catch (error) {
      if (!(error instanceof CachetrailError) || !TOLERATED.has(error.code)) throw error;
      this.told.set(error.code, (this.told.get(error.code) ?? 0) + 1);
    }
  }

  async #ask(kind: keyof typeof KINDS, block: number): Promise<void> {
    const cache = this.#cache;
    const signal = this.#signal;
    const range = { block, count: 1 };
    switch (kind) {
      case 'read':
        return this.#check(block, await cache.read(block, 1, this.#buffer, { signal }));
      case 'readNow':
        if (cache.readNow(block, this.#buffer)) this.#check(block, this.#buffer);
        return;
      case 'write':
        return this.#write(block, (bytes) => cache.write(block, bytes, { signal }));
      case 'writeBytes':
        return this.#write(block, (bytes) => cache.writeBytes(block * cache.blockSize, bytes, { signal }));
      case 'through':
        return this.#write(block, (bytes) => cache.writeBytes(block * cache.blockSize, bytes, { through: true }));
      case 'flush':
        return cache.flush(this.#random.chance(0.9) ? range : undefined, { signal });
      case 'zero': {
        this.#tags[block] = UNKNOWN;
        await cache.zero(range);
        this.#tags[block] = 0;
        return;
      }
      case 'borrow':
        return this.#change(block);
      case 'invalidate':
        await cache.invalidate(range, { signal });
        return;
      case 'readahead':
        return cache.readahead({ block, count: Math.min(16, cache.blockCount - block) });
      case 'resize':
        return cache.resize(this.#random.between(64, 512));
    }
  }

  /** Which of two contents a write that failed has left is only known if it was not taken. */
  async #write(block: number, send: (bytes: Uint8Array) => Promise<void>): Promise<void> {
    const before = this.#tags[block];
    const tag = ++this.#tag;
    this.#tags[block] = UNKNOWN;
    try {
      await send(fill(this.#buffer, tag));
      this.#tags[block] = tag;
    } catch (error) {
      const code = error instanceof CachetrailError ? error.code : '';
      // A write that the device would not take is in the cache all the same.
      if (code === 'CACHETRAIL_WRITE_FAILED') this.#tags[block] = tag;
      if (code === 'CACHETRAIL_ADMISSION_TIMEOUT' || code === 'CACHETRAIL_OVERLOADED') this.#tags[block] = before;
      throw error;
    }
  }

  async #change(block: number): Promise<void> {
    const borrowed = await this.#cache.borrow(block);
    try {
      this.#check(block, borrowed.bytes);
      const tag = ++this.#tag;
      fill(borrowed.bytes, tag);
      this.#tags[block] = tag;
      await borrowed.markDirty();
    } finally {
      borrowed.release();
    }
  }

  #check(block: number, bytes: Uint8Array): void {
    const tag = this.#tags[block];
    if (tag !== UNKNOWN) checkBlock(block, bytes, tag);
  }
}

export function fill(bytes: Uint8Array, tag: number): Uint8Array {
  new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4).fill(tag);
  return bytes;
}

/** Throws if a block does not hold its tag, all over; with no tag known, if it holds more than one. */
export function checkBlock(block: number, bytes: Uint8Array, tag: number): void {
  const words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  const wanted = tag === UNKNOWN ? words[0] : tag;
  const at = words.findIndex((word) => word !== wanted);
  if (at !== -1) throw new Error(`block ${block} holds ${words[at]} at byte ${at * 4}, not ${wanted}`);
}
