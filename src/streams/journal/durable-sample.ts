/**
 * Bytes that a journal proves to be on the device: those of the writes that became durable last. Whoever opens the device
 * again can look whether it is the same still, and not an older copy under the same name.
 */
import { createHash } from 'node:crypto';
import { TIMEOUT_CODE } from '../../cache/failure-codes.js';
import type { BlockDevice } from '../../device/block-device.js';
import { codeOf } from '../../device/errors.js';
import { inTime, type TimeLimit } from '../in-time.js';
import { JournalError } from './errors.js';

export interface ProvenBlock {
  /** Bytes from the start of the device. */
  readonly offset: number;
  readonly bytes: Uint8Array;
  /** 0 where `bytes` does not count. */
  readonly mask: Uint8Array;
}

/** Blocks looked at, and their bytes: an older copy lacks the newest of them, whatever it was copied for. */
export const SAMPLE_BLOCKS_MAX = 64;
const BYTES_MAX = 4 << 20;
const DIGITS = 16;

export class DurableSample {
  /** Those that became durable last, last. */
  #blocks: ProvenBlock[] = [];

  add(block: ProvenBlock): void {
    this.forget(block.offset, block.bytes.length);
    this.#blocks.push(block);
    const most = Math.max(1, Math.min(SAMPLE_BLOCKS_MAX, Math.floor(BYTES_MAX / block.bytes.length)));
    if (this.#blocks.length > most) this.#blocks.splice(0, this.#blocks.length - most);
  }

  /** The range may hold something else from here on. */
  forget(offset: number, length: number): void {
    if (this.#blocks.length === 0) return;
    const isApart = (block: ProvenBlock) =>
      block.offset >= offset + length || offset >= block.offset + block.bytes.length;
    if (!this.#blocks.every(isApart)) this.#blocks = this.#blocks.filter(isApart);
  }

  get blocks(): readonly ProvenBlock[] {
    return this.#blocks;
  }
}

/**
 * Rejects with JournalError CACHETRAIL_JOURNAL_STALE if the device holds anything else. A block that cannot be read proves
 * nothing: the cache will say so when it is asked for it. A device that does not answer in time is not asked again.
 */
export async function checkProven(
  device: Pick<BlockDevice, 'read' | 'identity'>,
  blocks: readonly ProvenBlock[],
  limit: TimeLimit,
): Promise<void> {
  for (const { offset, bytes, mask } of blocks) {
    const found = new Uint8Array(mask.findLastIndex((counts) => counts !== 0) + 1);
    const got = await inTime(limit, () => device.read(offset, [found])).catch(codeOf);
    if (got === TIMEOUT_CODE) return;
    if (got !== found.length || found.every((byte, at) => mask[at] === 0 || byte === bytes[at])) continue;
    const [journalled, held] = [bytes, found].map((side) => digestOf(side, mask));
    throw new JournalError(
      'CACHETRAIL_JOURNAL_STALE',
      `${device.identity} does not hold what its journal says is durable: at byte ${offset} it has ${held}…, not ${journalled}…; is it an older copy, or has something else written to it?`,
    );
  }
}

function digestOf(bytes: Uint8Array, mask: Uint8Array): string {
  const counted = bytes.filter((_, at) => mask[at] !== 0);
  return createHash('sha256').update(counted).digest('hex').slice(0, DIGITS);
}
