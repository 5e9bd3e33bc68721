/** Whether a device that is to take the place of another holds what that one did: the same name is no proof. */
import { CLEAN } from '../cache/block-state.js';
import type { CacheState } from '../cache/state.js';
import type { BlockDevice } from '../device/block-device.js';
import { inTime, type TimeLimit } from './in-time.js';

/** Most of what is read for it. */
const BLOCKS_MAX = 64;
const BYTES_MAX = 1024 * 1024;

interface Sampled {
  readonly block: number;
  readonly generation: number;
}

/** What the core is told of a device that is to take the place of another; without an identity if it is shown to be another. */
export async function statedOf(device: BlockDevice, state: CacheState, limit: TimeLimit) {
  const { identity, sizeBytes: deviceBytes, supports } = device;
  const isNamed = identity === state.identity && deviceBytes === state.deviceBytes;
  const isOther = isNamed && !(await holdsCleanBlocks(state, device, limit));
  return { identity: isOther ? '' : identity, deviceBytes, writable: supports.write };
}

/**
 * False if the device has other bytes than the cache where a cached block is clean, and so must be on it. A device that cannot be
 * read, or not in time, proves nothing.
 */
async function holdsCleanBlocks(state: CacheState, device: BlockDevice, limit: TimeLimit): Promise<boolean> {
  const { blockSize } = state;
  const sample = sampleOf(state);
  const held = await Promise.all(sample.map(({ block }) => readBlock(state, device, block, limit)));
  if (state.blockSize !== blockSize) return true;
  return sample.every((sampled, at) => {
    const bytes = cleanBytes(state, sampled);
    const there = held[at];
    return bytes === null || there === null || there.every((byte, index) => byte === bytes[index]);
  });
}

function sampleOf(state: CacheState): Sampled[] {
  const { slots } = state;
  const most = Math.min(BLOCKS_MAX, Math.ceil(BYTES_MAX / state.blockSize));
  const sample: Sampled[] = [];
  for (let slot = 0; slot < slots.frames && sample.length < most; slot++) {
    if (slots.status[slot] === CLEAN) sample.push({ block: slots.block[slot], generation: slots.generation[slot] });
  }
  return sample;
}

/** Null for a block that a request may have changed since it was read: written, cleared, lent or gone. */
function cleanBytes(state: CacheState, { block, generation }: Sampled): Uint8Array | null {
  const { slots, frames } = state;
  const slot = slots.find(block);
  if (slot === -1 || frames === null || slots.status[slot] !== CLEAN) return null;
  if (slots.generation[slot] !== generation || slots.pins[slot] > 0 || state.isLocked(block, 1)) return null;
  return frames.views[slot];
}

async function readBlock(
  state: CacheState,
  device: BlockDevice,
  block: number,
  limit: TimeLimit,
): Promise<Uint8Array | null> {
  const bytes = new Uint8Array(state.bytesOf(block, 1));
  const offset = block * state.blockSize;
  const moved = await inTime(limit, () => device.read(offset, [bytes])).catch(() => 0);
  return moved === bytes.length ? bytes : null;
}
