/** The public face of a cache: checks what callers pass, and hands it to the pipeline. */
import type { Observable } from 'rxjs';
import { CLEAN } from '../cache/block-state.js';
import { hashState } from '../cache/digest.js';
import type { CacheEvent, ClearKind, TraceRef } from '../cache/events.js';
import { checkInvariants } from '../cache/invariants.js';
import type { CoreLimits } from '../cache/limits.js';
import { NOBODY } from '../cache/state.js';
import type { BlockDevice } from '../device/block-device.js';
import { RequestError } from '../device/errors.js';
import type { BlockRange } from '../device/geometry.js';
import type { Attachments } from './attachments.js';
import {
  checkBlock,
  checkBuffer,
  checkBytes,
  checkIsBytes,
  checkName,
  checkRange,
  checkReason,
  checkReplacement,
  checkRun,
} from './arguments.js';
import type { BorrowedBlock } from './borrowed-block.js';
import type { SubscriberError } from './bus.js';
import { type CacheHandle, type HandleOptions, openHandle } from './cache-handle.js';
import { BorrowCaller, InvalidateCaller, type InvalidateResult, PlainCaller, ReplaceCaller } from './callers.js';
import type { Clock } from './clock.js';
import { setDeviceOption } from './device-options.js';
import {
  type CacheOptions,
  checkBlockSize,
  checkCapacity,
  checkLimits,
  checkPositive,
  configOf,
  DEVICE_DEPTH_DEFAULT,
  DEVICE_TIMEOUT_MS_DEFAULT,
  invalid,
} from './options.js';
import { newJournalId } from './journal/journal-id.js';
import type { JournalStats } from './journal/types.js';
import type { JournalOpening } from './open-cache.js';
import { Parts } from './parts.js';
import { Pipeline } from './pipeline.js';
import { Requester, type RequestOptions } from './requester.js';
import { statedOf } from './same-bytes.js';
import { type BlockInfo, type CacheStats, inspectBlock, statsOf, type TelemetryStats } from './stats.js';

const DONE = Promise.resolve();
const NO_OPTIONS: RequestOptions = {};

export class BlockCache {
  /** Every event, in one order for all subscribers. Never errors; completes after `closed`. */
  readonly events$: Observable<CacheEvent>;
  /**
   * The same without hits: each `read`, and each `written` that the cache took at once, with cause 0, in no sampled trace, and
   * not through. What follows these events costs a hit nothing.
   */
  readonly slowEvents$: Observable<CacheEvent>;
  /** Subscribers that threw and were detached. */
  readonly errors$: Observable<SubscriberError>;
  /** The journal's directory and what was found in it; null for a cache without a journal of its own. */
  readonly journal: JournalOpening | null;
  /** 32 hex digits: the id of the journal that its events go to, or the one that a new journal would have. */
  readonly id: string;
  /** Milliseconds since 1970 at `at` 0 of its events. */
  readonly epochMs: number;
  /** What becomes of the cache's spans, for `stats()`: set by instrumentation. */
  telemetrySource: (() => TelemetryStats) | null = null;
  readonly #pipeline: Pipeline;
  readonly #clock: Clock;
  readonly #requester: Requester;
  readonly #journalStats: () => JournalStats | null;
  /** The close that is under way, or was the last. */
  #closing: Promise<void> = DONE;
  readonly #parts: Parts;

  /** @internal Use `openCache`. */
  constructor(device: BlockDevice, options: CacheOptions, attachments: Attachments) {
    const { clock, journal, commits, lastSeq, opening } = attachments;
    const config = configOf(device, options);
    const { deviceTimeoutMs = DEVICE_TIMEOUT_MS_DEFAULT, deviceDepth = DEVICE_DEPTH_DEFAULT } = options;
    checkPositive('deviceTimeoutMs', deviceTimeoutMs);
    checkPositive('deviceDepth', deviceDepth);
    this.#clock = clock;
    this.journal = opening;
    this.#journalStats = attachments.journalStats ?? (() => null);
    this.#pipeline = new Pipeline({
      device,
      clock: this.#clock,
      journal,
      commits,
      gate: attachments.gate ?? null,
      lastSeq,
      released: attachments.released ?? (() => Promise.resolve()),
      blockSize: config.blockSize,
      runBytesMax: config.limits.runBytesMax,
      deviceDepth,
      deviceTimeoutNs: deviceTimeoutMs * 1e6,
      lender: {
        markDirty: (op, block) => this.#markDirty(op, block),
        release: (op, block) => this.#release(op, block),
      },
    });
    this.#requester = new Requester(this.#pipeline, this.#clock, options.traceSource ?? null);
    this.#parts = new Parts(this.#pipeline.state, this.#requester);
    this.events$ = this.#pipeline.events$;
    this.slowEvents$ = this.#pipeline.slowEvents$;
    this.errors$ = this.#pipeline.errors$;
    attachments.started?.(this.#pipeline);
    const openedAt = clock.now();
    this.#pipeline.submit({ type: 'open', at: openedAt, identity: device.identity, config });
    this.id = journal?.journalId ?? newJournalId(device.identity, clock.epochMs, openedAt);
    this.epochMs = clock.epochMs;
    this.#requester.checkOpen();
  }

  /** Bytes. */
  get blockSize(): number {
    return this.#pipeline.state.blockSize;
  }

  /** Blocks of the device, a short last one included. */
  get blockCount(): number {
    return this.#pipeline.state.blockCount;
  }

  get sizeBytes(): number {
    return this.#pipeline.state.deviceBytes;
  }

  /** Most blocks kept in memory. */
  get capacity(): number {
    return this.#pipeline.state.capacity;
  }

  get readOnly(): boolean {
    return this.#pipeline.state.config.mode === 'readonly';
  }

  get closed(): boolean {
    return this.#requester.isClosed;
  }

  /** Asked once for every request for the trace that it belongs to: may be set by instrumentation. */
  get traceSource(): (() => TraceRef | null) | null {
    return this.#requester.traceSource;
  }

  set traceSource(source: (() => TraceRef | null) | null) {
    this.#requester.traceSource = source;
  }

  /** The device's file descriptor, if it has one. */
  get fd(): number | undefined {
    return this.#pipeline.device.fd;
  }

  /** The device's name, as it stands in the `opened` event. */
  get identity(): string {
    return this.#pipeline.device.identity;
  }

  /**
   * Reads `count` blocks. Resolves with `into`, or a new buffer, of exactly the range's bytes: less than whole blocks
   * only where the device's last block is short. Rejects with DeviceError (CACHETRAIL_READ_FAILED and others).
   */
  read(block: number, count = 1, into?: Uint8Array, options: RequestOptions = NO_OPTIONS): Promise<Uint8Array> {
    try {
      if (count === 1) {
        const hit = this.#readCached(block, into, options);
        if (hit !== null) return Promise.resolve(hit);
      }
      return this.#readRange(block, count, into, options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Reads one block if it is cached: true, and `into` filled. False on a miss, on which nothing was done, and inside an
   * event handler while earlier requests of the handler wait their turn.
   */
  readNow(block: number, into: Uint8Array, options?: RequestOptions): boolean {
    const { state } = this.#pipeline;
    const { slots } = state;
    // The index takes numbers only: a bigint throws in it.
    const slot = typeof block === 'number' ? slots.find(block) : -1;
    if (slot === -1 || slots.status[slot] < CLEAN || !this.#mayReadNow()) return this.#missNow(block, into);
    const frames = state.frames?.views;
    if (frames === undefined) return false;
    if (into instanceof Uint8Array && into.length === state.blockSize && block < state.blockCount - 1) {
      into.set(frames[slot]);
    } else {
      const length = state.bytesOf(block, 1);
      checkBuffer('into', into, length);
      into.set(frames[slot].subarray(0, length));
    }
    this.#pipeline.hit(this.#requester.nextOp(), block, options?.actor ?? '', this.#requester.trace(options));
    return true;
  }

  /**
   * Writes whole blocks: as many as `data` holds; the device's last block may be short. Resolves when the cache has
   * them (with `writethrough`: when the device has). `data` must not change before that. A write of more blocks than
   * `limits.requestBlocksMax` is taken in parts.
   */
  write(block: number, data: Uint8Array, options: RequestOptions = NO_OPTIONS): Promise<void> {
    try {
      const { state } = this.#pipeline;
      checkIsBytes('data', data);
      const count = Math.max(1, Math.ceil(data.length / state.blockSize));
      checkRun(block, count, state.blockCount);
      checkBuffer('data', data, state.bytesOf(block, count));
      if (count === 1) return this.#writeBlock(block, data, options);
      return this.#parts.write(block * state.blockSize, data, false, options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Reads bytes at any alignment, coherent with what is cached. */
  async readBytes(
    offset: number,
    length: number,
    options: RequestOptions & { readonly into?: Uint8Array } = {},
  ): Promise<Uint8Array> {
    checkBytes(offset, length, this.sizeBytes);
    const into = options.into ?? new Uint8Array(length);
    checkBuffer('into', into, length);
    this.#requester.checkOpen();
    if (length === 0) return into;
    await this.#parts.read(into, offset, options);
    return into;
  }

  /**
   * Writes bytes at any alignment; blocks that are covered only in part are read first. With `through`, resolves when
   * the device holds the bytes, and rejects with WriteError if it would not take them: they are in the cache all the same.
   */
  async writeBytes(
    offset: number,
    data: Uint8Array,
    options: RequestOptions & { readonly through?: boolean } = {},
  ): Promise<void> {
    checkIsBytes('data', data);
    checkBytes(offset, data.length, this.sizeBytes);
    this.#requester.checkOpen();
    if (data.length > 0) await this.#parts.write(offset, data, options.through ?? false, options);
  }

  /**
   * Resolves when all that was written before the call, in `range` or everywhere, is durable. Otherwise rejects with
   * WriteError CACHETRAIL_FLUSH_FAILED naming the blocks, every time, until they are durable or discarded. What had failed
   * and was resolved before anybody was told is told once, by CACHETRAIL_FAILURE_RESOLVED if nothing else is wrong.
   */
  async flush(range?: BlockRange, options: RequestOptions = {}): Promise<void> {
    await this.#flush(0, range, options);
  }

  /**
   * A handle for one of several users of the cache, each with its own account of what has failed. Rejects with
   * CACHETRAIL_OVERLOADED if too many are open. The cache itself is the first, and closing it closes them all.
   */
  async open(options: HandleOptions = {}): Promise<CacheHandle> {
    return openHandle(this, this.#requester, (...flush) => this.#flush(...flush), options);
  }

  /** Drops clean copies. Rejects with CACHETRAIL_DIRTY if that would lose data, unless `discardDirty` says why it may. */
  async invalidate(
    range?: BlockRange,
    options: RequestOptions & { readonly discardDirty?: string } = {},
  ): Promise<InvalidateResult> {
    const { block, count } = this.#checkedRange(range);
    const { discardDirty: reason } = options;
    if (reason !== undefined) checkReason('discardDirty', reason);
    const request = { ...this.#requester.request(options), block, count };
    if (reason === undefined)
      return this.#requester.send(new InvalidateCaller(), { type: 'invalidate', ...request }, options);
    return this.#requester.send(new InvalidateCaller(), { type: 'clear', ...request, kind: 'drop', reason }, options);
  }

  /**
   * Gives up what is not durable of a range, by name: beside `close({ abandon })` the only way to lose it. The rest of the range
   * leaves the cache as well. Resolves with the blocks that were lost.
   */
  async discardDirty(range: BlockRange, reason: string, options: RequestOptions = {}): Promise<InvalidateResult> {
    checkReason('reason', reason);
    return this.invalidate(range, { ...options, discardDirty: reason });
  }

  /** Says that the range is not needed: it reads as anything afterwards. Rejects with CACHETRAIL_UNSUPPORTED or _CLEAR_FAILED. */
  async discard(range: BlockRange, options: RequestOptions = {}): Promise<void> {
    await this.#clear('discard', range, options);
  }

  /** Makes the range zero, durably. A device that cannot do it by itself is written zeros. */
  async zero(range: BlockRange, options: RequestOptions = {}): Promise<void> {
    await this.#clear('zero', range, options);
  }

  /** A hint: starts reading what is missing of the range, as far as there is room, and waits for nothing. */
  readahead(range: BlockRange, options: RequestOptions = {}): void {
    checkRange(range, this.blockCount);
    this.#requester.checkOpen();
    const { block, count } = range;
    const sent = this.#requester.send(
      new PlainCaller(),
      { type: 'readahead', ...this.#requester.request(options), block, count },
      options,
    );
    // A hint that is not taken is in the events; there is nobody to tell.
    sent.catch(() => {});
  }

  /** A pinned view of a block. Rejects with CACHETRAIL_PINNED if too many are borrowed. */
  async borrow(block: number, options: RequestOptions = {}): Promise<BorrowedBlock> {
    checkBlock(block, this.blockCount);
    return this.#requester.send(
      new BorrowCaller(),
      { type: 'borrow', ...this.#requester.request(options), block },
      options,
    );
  }

  /** Changes the capacity, in blocks. Blocks above it leave as soon as they are durable and not borrowed. */
  async resize(capacity: number, options: RequestOptions = {}): Promise<void> {
    checkCapacity(capacity, this.blockSize);
    await this.#requester.send(
      new PlainCaller(),
      { type: 'resize', ...this.#requester.request(options), capacity },
      options,
    );
  }

  /** Flushes, drops everything and goes on with another block size, in bytes. If the flush fails nothing is changed. */
  async setBlockSize(blockSize: number, options: RequestOptions = {}): Promise<void> {
    checkBlockSize(blockSize, this.sizeBytes);
    this.#requester.checkOpen();
    if (blockSize === this.blockSize) return;
    await this.#requester.send(
      new PlainCaller(),
      { type: 'setBlockSize', ...this.#requester.request(options), blockSize },
      options,
    );
  }

  /**
   * Sets one of the cache's limits (see `CoreLimits`) while it runs. Any other name is the device's, which gets it after
   * a flush, and the cache is emptied, since what the device shows may change.
   */
  async setOption(name: string, value: number | string, options: RequestOptions = {}): Promise<void> {
    checkName('the name of an option', name);
    const { limits } = this.#pipeline.state;
    if (!Object.hasOwn(limits, name)) {
      await this.#flush(NOBODY, undefined, options);
      await this.invalidate(undefined, options);
      return setDeviceOption(this.#pipeline.device, name, String(value), this.#pipeline.timeLimit);
    }
    const number = Number(value);
    if (name === 'slabBytes') throw invalid('slabBytes is fixed while the cache is open');
    checkLimits({ ...limits, [name as keyof CoreLimits]: number });
    await this.#requester.send(
      new PlainCaller(),
      { type: 'setOption', ...this.#requester.request(options), name, value: number },
      options,
    );
  }

  /**
   * Goes on with another device object for the same device, after the old one has failed or was taken away; the old one is closed,
   * and the new one is the cache's. What no barrier had covered is written again, parked blocks get another chance, reads under
   * way begin anew. Resolves when the new one is in use: when the old one is closed, which is waited for as long as for any answer;
   * what it should carry out after that could land on top of newer bytes. Rejects with CACHETRAIL_DEVICE_OTHER, and leaves both
   * open, if the new one has another identity or size, cannot be written, or has not the bytes of the clean blocks of the cache,
   * some of which are read first. What was changed there on purpose is to be invalidated before.
   */
  async replaceDevice(device: BlockDevice, options: RequestOptions = {}): Promise<void> {
    checkReplacement(device, this.#pipeline.device);
    const stated = await statedOf(device, this.#pipeline.state, this.#pipeline.timeLimit);
    const input = { type: 'replaceDevice', ...this.#requester.request(options), ...stated } as const;
    await this.#requester.send(new ReplaceCaller(device), input, {});
  }

  stats(): CacheStats {
    const { state, staging } = this.#pipeline;
    const telemetry = this.telemetrySource === null ? null : this.telemetrySource();
    return { ...statsOf(state, staging.memoryBytes), journal: this.#journalStats(), telemetry };
  }

  inspect(block: number): BlockInfo {
    checkBlock(block, this.blockCount);
    return inspectBlock(this.#pipeline.state, block);
  }

  /** A stable digest of the core's state, 16 hex digits: equal after equal events. */
  hash(): string {
    return hashState(this.#pipeline.state);
  }

  /** Throws InternalError if the core's state is broken. Takes time in proportion to the cache. */
  checkInvariants(): void {
    checkInvariants(this.#pipeline.state);
  }

  /**
   * Waits for what is under way, makes everything durable and closes the device. If something cannot be made durable,
   * rejects with WriteError CACHETRAIL_CLOSE_FAILED naming it and stays open, unless `abandon` says why it may be lost.
   */
  async close(options: { readonly abandon?: string } & RequestOptions = {}): Promise<void> {
    if (options.abandon !== undefined) checkReason('abandon', options.abandon);
    const { abandon = '' } = options;
    const isFirst = this.#pipeline.state.phase === 'open';
    const input = { type: 'close', ...this.#requester.request(options), abandon } as const;
    const closing = this.#requester.send(new PlainCaller(), input, options);
    if (isFirst) this.#closing = closing;
    await closing;
  }

  /** For `await using`: closes, if it is not closed yet, or waits for the close that is under way. */
  async [Symbol.asyncDispose](): Promise<void> {
    // Whoever closed it has been told how that went.
    if (this.closed) return this.#closing.catch(() => {});
    return this.#pipeline.state.phase === 'closing' ? this.#closing : this.close();
  }

  async #flush(handle: number, range: BlockRange | undefined, options: RequestOptions): Promise<void> {
    const { block, count } = this.#checkedRange(range);
    const input = { type: 'flush', ...this.#requester.request(options), block, count, handle } as const;
    await this.#requester.send(new PlainCaller(), input, options);
  }

  #mayReadNow(): boolean {
    const { state, isIdle, failure } = this.#pipeline;
    return isIdle && failure === null && state.phase === 'open' && state.blockSizeOp === 0;
  }

  /** Sorts out why a block cannot be read now: only what is wrong with the call, or with the cache, is an error. */
  #missNow(block: number, into: Uint8Array): boolean {
    this.#requester.checkOpen();
    checkBlock(block, this.blockCount);
    checkBuffer('into', into, this.#pipeline.state.bytesOf(block, 1));
    return false;
  }

  /** One cached block, or null if it takes more than that. */
  #readCached(block: number, into: Uint8Array | undefined, options: RequestOptions): Uint8Array | null {
    const { state } = this.#pipeline;
    const slot = typeof block === 'number' ? state.slots.find(block) : -1;
    if (slot === -1 || state.slots.status[slot] < CLEAN || options.signal !== undefined) return null;
    const bytes = into ?? new Uint8Array(state.bytesOf(block, 1));
    if (bytes.length !== state.bytesOf(block, 1)) return null;
    return this.readNow(block, bytes, options) ? bytes : null;
  }

  #readRange(block: number, count: number, into: Uint8Array | undefined, options: RequestOptions): Promise<Uint8Array> {
    try {
      checkRun(block, count, this.blockCount);
      this.#requester.checkOpen();
      const length = this.#pipeline.state.bytesOf(block, count);
      const bytes = into ?? new Uint8Array(length);
      checkBuffer('into', bytes, length);
      return this.#parts.read(bytes, block * this.blockSize, options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #writeBlock(block: number, data: Uint8Array, options: RequestOptions): Promise<void> {
    if (options.signal === undefined && this.#pipeline.rewrite(this.#requester, block, data, options)) return DONE;
    return this.#parts.write(block * this.blockSize, data, false, options);
  }

  async #clear(kind: ClearKind, range: BlockRange, options: RequestOptions): Promise<void> {
    checkRange(range, this.blockCount);
    this.#requester.checkOpen();
    if (kind === 'discard' && !this.#pipeline.device.supports.discard && !this.readOnly) {
      throw new RequestError('CACHETRAIL_UNSUPPORTED', 'the device cannot discard');
    }
    const { block, count } = range;
    const request = { ...this.#requester.request(options), block, count };
    await this.#requester.send(new PlainCaller(), { type: 'clear', ...request, kind, reason: '' }, options);
  }

  async #markDirty(borrow: number, block: number): Promise<void> {
    if (borrow === 0) throw invalid('the borrowed block has been released');
    await this.#requester.send(new PlainCaller(), { type: 'markDirty', ...this.#requester.request({}), block }, {});
  }

  #release(op: number, block: number): void {
    if (!this.closed) this.#pipeline.submit({ type: 'release', at: this.#clock.turn(), op, block });
  }

  #checkedRange(range: BlockRange | undefined): BlockRange {
    if (range === undefined) return { block: 0, count: this.blockCount };
    checkRange(range, this.blockCount);
    return range;
  }
}
