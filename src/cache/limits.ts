/** Every bound of a cache, in one place, with the relations that must hold between them. */
import { assert } from '../device/errors.js';
import { blockCountOf, isBlockSize } from '../device/geometry.js';

export type CacheMode = 'writeback' | 'writethrough' | 'readonly';
export type PolicyName = 'lru' | 'priority';

/** All that a core is made from. Plain data: it is the content of the `opened` event and of a journal's header. */
export interface CoreConfig {
  readonly deviceBytes: number;
  /** Bytes. */
  readonly blockSize: number;
  /** Blocks. */
  readonly capacity: number;
  readonly policy: PolicyName;
  readonly mode: CacheMode;
  /** Of the generator that draws the jitter of retries. */
  readonly seed: number;
  readonly limits: CoreLimits;
}

export interface CoreLimits {
  /** Writeback starts when this share of the capacity is not durable, and stops an eighth of the capacity below. */
  readonly dirtyBackgroundShare: number;
  /** Writes wait when this share of the capacity is not durable. */
  readonly dirtyHardShare: number;
  /** A block is written back when it has been dirty this long, nanoseconds. */
  readonly dirtyAgeNs: number;
  /** Most bytes in one device write. */
  readonly runBytesMax: number;
  /** Most device writes in flight. */
  readonly writebacksInFlightMax: number;
  /** Most blocks that one batch plans, unless a flush asks for them all. */
  readonly batchBlocksMax: number;
  /** Tries of a run before it is split or parked. */
  readonly writeAttemptsMax: number;
  /** Barriers that a flush tries before it rejects. */
  readonly barrierAttemptsMax: number;
  /** Wait before the second try; doubles each time, with jitter of half. Nanoseconds. */
  readonly retryBaseNs: number;
  readonly retryCapNs: number;
  /** Most blocks in one device read. */
  readonly fillBlocksMax: number;
  /** Most blocks in one request to the core; the public API cuts longer ones. */
  readonly requestBlocksMax: number;
  /** Most requests that wait: for fills, for admission, for flushes. More are refused with CACHETRAIL_OVERLOADED. */
  readonly waitingRequestsMax: number;
  /** A write waits at most this long for admission, nanoseconds. */
  readonly admissionTimeoutNs: number;
  /** Share of the capacity that may be borrowed at once. */
  readonly pinnedShare: number;
  /** Most blocks of readahead in flight. */
  readonly readaheadBlocksMax: number;
  /** Frames not used for this long are given back, nanoseconds. */
  readonly idleShrinkNs: number;
  /** Frames are allocated and given back in slabs of this many bytes. */
  readonly slabBytes: number;
}

const SECOND_NS = 1e9;

export const DEFAULT_LIMITS: CoreLimits = {
  dirtyBackgroundShare: 0.5,
  dirtyHardShare: 0.8,
  dirtyAgeNs: 5 * SECOND_NS,
  runBytesMax: 1024 * 1024,
  writebacksInFlightMax: 4,
  batchBlocksMax: 4096,
  writeAttemptsMax: 4,
  barrierAttemptsMax: 3,
  retryBaseNs: 0.01 * SECOND_NS,
  retryCapNs: 1 * SECOND_NS,
  fillBlocksMax: 256,
  requestBlocksMax: 1024,
  waitingRequestsMax: 65_536,
  admissionTimeoutNs: 30 * SECOND_NS,
  pinnedShare: 0.5,
  readaheadBlocksMax: 1024,
  idleShrinkNs: 60 * SECOND_NS,
  slabBytes: 1024 * 1024,
};

/** Capacity in blocks of a cache for which none was chosen: 16 MiB, or the whole device where that is less. */
export const CAPACITY_BYTES_DEFAULT = 16 * 1024 * 1024;
/** Handles that may be open at once; each is owed the failures that happen. */
export const HANDLES_MAX = 256;
/** Failures that have been resolved and of which some handle has not been told. Of more, only their number is kept. */
export const RESOLVED_FAILURES_MAX = 1024;
/** A discard or zero is asked for in pieces of these bytes, each with a timeout of its own: more bytes where there were too many pieces. */
export const CLEAR_PIECE_BYTES = 16 * 1024 * 1024;
export const CLEAR_PIECES_MAX = 4096;
/** Slot numbers are 32-bit, and the index has twice as many entries as there are slots. */
export const CAPACITY_BLOCKS_MAX = 2 ** 29;

/** Blocks that may be not durable before writes wait. At least 1, or nothing could ever be written. */
export function dirtyHardBlocks(limits: CoreLimits, capacity: number): number {
  return Math.max(1, Math.floor(capacity * limits.dirtyHardShare));
}

/** Blocks that may be not durable before writeback starts. */
export function dirtyBackgroundBlocks(limits: CoreLimits, capacity: number): number {
  return Math.max(1, Math.floor(capacity * limits.dirtyBackgroundShare));
}

export function pinnedBlocksMax(limits: CoreLimits, capacity: number): number {
  return Math.max(1, Math.floor(capacity * limits.pinnedShare));
}

export function slabBlocks(limits: CoreLimits, blockSize: number): number {
  return Math.max(1, Math.floor(limits.slabBytes / blockSize));
}

export function runBlocksMax(limits: CoreLimits, blockSize: number): number {
  return Math.max(1, Math.floor(limits.runBytesMax / blockSize));
}

/** The wait after so many failures in a row, before jitter: doubles each time, up to its cap. */
export function backoffNs(limits: CoreLimits, failures: number): number {
  return Math.min(limits.retryCapNs, limits.retryBaseNs * 2 ** (failures - 1));
}

/** Asserts the relations that the core relies on. Values from users are checked, with friendlier errors, before. */
export function assertConfig(config: CoreConfig): void {
  const { limits } = config;
  assert(isBlockSize(config.blockSize), 'the block size is a power of two in range');
  assert(config.deviceBytes > 0 && Number.isSafeInteger(config.deviceBytes), 'the device has a size');
  assert(blockCountOf(config.deviceBytes, config.blockSize) >= 1, 'the device has a block');
  assert(Number.isInteger(config.capacity) && config.capacity >= 1, 'the capacity is whole and positive');
  assert(config.capacity <= CAPACITY_BLOCKS_MAX, 'slot numbers fit in 32 bits');
  assert(limits.dirtyBackgroundShare > 0 && limits.dirtyHardShare <= 1, 'shares are shares');
  assert(limits.dirtyBackgroundShare <= limits.dirtyHardShare, 'writeback starts before writes wait');
  assert(limits.pinnedShare > 0 && limits.pinnedShare <= 1, 'the pinned share is a share');
  assert(limits.retryBaseNs <= limits.retryCapNs, 'backoff grows up to its cap');
  for (const [name, value] of Object.entries(limits)) {
    assert(Number.isFinite(value) && value > 0, `${name} is positive`);
  }
}
