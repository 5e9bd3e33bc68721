/** Recorded options with others in their place, checked as `openCache` checks its own. */
import { totalmem } from 'node:os';
import { CAPACITY_BLOCKS_MAX, type CoreConfig } from '../../../cache/limits.js';
import { ArgumentError } from '../../../device/errors.js';
import { checkBlockSize, checkLimitName, checkLimits, checkMode, checkPolicy, checkPositive } from '../../options.js';
import type { WorkloadOptions } from './types.js';

/** What a replay keeps of a block that it has room for: what is known of it, without its bytes. */
export const BYTES_PER_BLOCK = 160;

/**
 * What can be checked before the recording is known. Throws ArgumentError CACHETRAIL_INVALID_ARGUMENT or
 * CACHETRAIL_INVALID_CAPACITY.
 */
export function checkWorkloadOptions({ capacity, policy, mode, limits = {} }: WorkloadOptions): void {
  if (capacity !== undefined) checkReplayCapacity(capacity);
  if (policy !== undefined) checkPolicy(policy);
  if (mode !== undefined) checkMode(mode);
  for (const [name, value] of Object.entries(limits)) {
    checkLimitName(name);
    checkPositive(`limits.${name}`, value);
  }
}

/** Throws ArgumentError CACHETRAIL_INVALID_ARGUMENT, _INVALID_CAPACITY or _INVALID_BLOCK_SIZE. */
export function configWith(recorded: CoreConfig, options: WorkloadOptions): CoreConfig {
  const { blockSize = recorded.blockSize, policy = recorded.policy, mode = recorded.mode } = options;
  checkBlockSize(blockSize, recorded.deviceBytes);
  const sameBytes = Math.max(1, Math.floor((recorded.capacity * recorded.blockSize) / blockSize));
  const { capacity = sameBytes } = options;
  checkReplayCapacity(capacity);
  const limits = { ...recorded.limits, ...options.limits };
  checkLimits(limits);
  return { ...recorded, blockSize, policy, mode, capacity, limits };
}

function checkReplayCapacity(capacity: number): void {
  const most = Math.min(CAPACITY_BLOCKS_MAX, Math.floor(totalmem() / 2 / BYTES_PER_BLOCK));
  if (Number.isInteger(capacity) && capacity >= 1 && capacity <= most) return;
  throw new ArgumentError(
    'CACHETRAIL_INVALID_CAPACITY',
    `the capacity is a whole number of blocks from 1 to ${most} (half the memory of this machine), not ${String(capacity)}`,
  );
}
