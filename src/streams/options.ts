/** What a cache is opened with, checked, and completed with defaults. */
import { totalmem } from 'node:os';
import type { TraceRef } from '../cache/events.js';
import {
  CAPACITY_BLOCKS_MAX,
  CAPACITY_BYTES_DEFAULT,
  type CacheMode,
  type CoreConfig,
  type CoreLimits,
  DEFAULT_LIMITS,
  type PolicyName,
} from '../cache/limits.js';
import type { BlockDevice } from '../device/block-device.js';
import { ArgumentError, DeviceError } from '../device/errors.js';
import { BLOCK_SIZE_BYTES_DEFAULT, blockCountOf, isBlockSize } from '../device/geometry.js';
import type { Clock } from './clock.js';
import type { JournalOptions } from './journal/types.js';
import type { EventSink } from './pipeline.js';

export interface CacheOptions {
  /** Bytes: a power of two from 512 to 1 MiB, at most the device's size. Default 4096. */
  readonly blockSize?: number;
  /** Most blocks kept in memory. Default 16 MiB worth, or the whole device where that is less. */
  readonly capacity?: number;
  /** Which clean block leaves when room is needed. Default `lru`. */
  readonly policy?: PolicyName;
  /**
   * `writeback` (default): a write is taken when it is in the cache. `writethrough`: when the device holds it.
   * `readonly`: writes are refused; always so over a device that cannot be written.
   */
  readonly mode?: CacheMode;
  /** Of the generator of retry jitter, so that a run can be repeated exactly. Default 1. */
  readonly seed?: number;
  /** A device operation that takes longer has failed, with its outcome unknown; of a long clear, a piece of 16 MiB. Default 30,000. */
  readonly deviceTimeoutMs?: number;
  /** Operations at the device at once. Default 8. */
  readonly deviceDepth?: number;
  readonly limits?: Partial<CoreLimits>;
  readonly clock?: Clock;
  /** Where to keep the events: a journal in a directory, which is closed with the cache, or anything that takes them. */
  readonly journal?: EventSink | JournalPlace;
  /** The trace that the caller is in, asked once for every request. `activeTrace` of `cachetrail/telemetry` is one. */
  readonly traceSource?: () => TraceRef | null;
}

/** A journal in a directory: begun there, or continued. */
export interface JournalPlace extends Omit<JournalOptions, 'clock' | 'neededFrom' | 'recoveryPoint'> {
  readonly directory: string;
  /**
   * Opens also a device that does not hold what its durable journal proves, as after something else has written to it. What
   * is to be recovered is written to it all the same. Default false: CACHETRAIL_JOURNAL_STALE.
   */
  readonly acceptChanged?: boolean;
}

export const DEVICE_TIMEOUT_MS_DEFAULT = 30_000;
export const DEVICE_DEPTH_DEFAULT = 8;

const MODES: readonly CacheMode[] = ['writeback', 'writethrough', 'readonly'];
const POLICIES: readonly PolicyName[] = ['lru', 'priority'];

/** The core's configuration. Throws ArgumentError or DeviceError (CACHETRAIL_DEVICE_EMPTY or _PROTOCOL). */
export function configOf(device: BlockDevice, options: CacheOptions): CoreConfig {
  checkDevice(device);
  const { sizeBytes } = device;
  const { blockSize = BLOCK_SIZE_BYTES_DEFAULT, policy = 'lru', mode = 'writeback', seed = 1 } = options;
  if (sizeBytes === 0) throw new DeviceError('CACHETRAIL_DEVICE_EMPTY', `${device.identity} has no bytes`);
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 0) {
    const message = `a size is a whole number of bytes up to 2^53 - 1, and the device says ${String(sizeBytes)}`;
    throw new DeviceError('CACHETRAIL_DEVICE_PROTOCOL', message);
  }
  checkBlockSize(blockSize, sizeBytes);
  checkPolicy(policy);
  checkMode(mode);
  if (!Number.isInteger(seed)) throw invalid(`seed is a whole number, not ${String(seed)}`);
  const usual = Math.max(1, Math.floor(CAPACITY_BYTES_DEFAULT / blockSize));
  const capacity = options.capacity ?? Math.min(usual, blockCountOf(sizeBytes, blockSize));
  checkCapacity(capacity, blockSize);
  return {
    deviceBytes: sizeBytes,
    blockSize,
    capacity,
    policy,
    mode: device.supports.write ? mode : 'readonly',
    seed,
    limits: limitsOf(options.limits ?? {}),
  };
}

/** What has nothing to do with a device; what it answers is not believed either. */
export function checkDevice(device: BlockDevice): void {
  const isObject = (value: unknown) => typeof value === 'object' && value !== null;
  if (!isObject(device) || !isObject(device.supports)) throw invalid('the device is a BlockDevice');
}

export function checkBlockSize(blockSize: number, deviceBytes: number): void {
  if (isBlockSize(blockSize) && blockSize <= deviceBytes) return;
  throw new ArgumentError(
    'CACHETRAIL_INVALID_BLOCK_SIZE',
    `the block size is a power of two from 512 to 1048576 and at most the device's ${deviceBytes} bytes, not ${String(blockSize)}`,
  );
}

export function checkCapacity(capacity: number, blockSize: number): void {
  const most = Math.min(CAPACITY_BLOCKS_MAX, Math.floor(totalmem() / blockSize));
  if (Number.isInteger(capacity) && capacity >= 1 && capacity <= most) return;
  throw new ArgumentError(
    'CACHETRAIL_INVALID_CAPACITY',
    `the capacity is a whole number of blocks from 1 to ${most} (the memory of this machine), not ${String(capacity)}`,
  );
}

/** A positive, finite number; `name` is the option's. */
export function checkPositive(name: string, value: number): void {
  if (Number.isFinite(value) && value > 0) return;
  throw invalid(`${name} is a positive number, not ${String(value)}`);
}

export function checkPolicy(policy: PolicyName): void {
  if (!POLICIES.includes(policy)) throw invalid(`policy is one of ${POLICIES.join(', ')}, not ${String(policy)}`);
}

export function checkMode(mode: CacheMode): void {
  if (!MODES.includes(mode)) throw invalid(`mode is one of ${MODES.join(', ')}, not ${String(mode)}`);
}

export function checkLimitName(name: string): void {
  if (Object.hasOwn(DEFAULT_LIMITS, name)) return;
  throw invalid(`there is no limit ${name}; there are ${Object.keys(DEFAULT_LIMITS).join(', ')}`);
}

export function limitsOf(given: Partial<CoreLimits>): CoreLimits {
  for (const name of Object.keys(given)) checkLimitName(name);
  const limits = { ...DEFAULT_LIMITS, ...given };
  checkLimits(limits);
  return limits;
}

/** The relations between limits, with errors for users; the core asserts them again. */
export function checkLimits(limits: CoreLimits): void {
  for (const [name, value] of Object.entries(limits)) {
    checkPositive(`limits.${name}`, value);
    if (!name.endsWith('Share') && !Number.isInteger(value)) throw invalid(`limits.${name} is a whole number`);
    if (name.endsWith('Share') && value > 1) throw invalid(`limits.${name} is a share, at most 1`);
  }
  if (limits.dirtyBackgroundShare > limits.dirtyHardShare) {
    throw invalid('limits.dirtyBackgroundShare is at most limits.dirtyHardShare');
  }
  if (limits.retryBaseNs > limits.retryCapNs) throw invalid('limits.retryBaseNs is at most limits.retryCapNs');
}

export function invalid(message: string): ArgumentError {
  return new ArgumentError('CACHETRAIL_INVALID_ARGUMENT', message);
}
