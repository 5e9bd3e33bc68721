/**
 * Units and the arithmetic between bytes and blocks. The one place where a byte offset becomes a block number and back.
 */

declare const unit: unique symbol;
type Branded<Name extends string> = number & { readonly [unit]: Name };

/** A block's number from the start of the device. Whole, 0 to 2^53 - 1: wider than 32 bits on purpose. */
export type BlockIndex = Branded<'BlockIndex'>;
/** A number of blocks. */
export type BlockCount = Branded<'BlockCount'>;
/** A position in bytes from the start of the device. */
export type ByteOffset = Branded<'ByteOffset'>;
/** A length in bytes. */
export type ByteLength = Branded<'ByteLength'>;

/** A run of blocks, as the public API takes it. */
export interface BlockRange {
  readonly block: number;
  readonly count: number;
}

export const BLOCK_SIZE_BYTES_MIN = 512;
export const BLOCK_SIZE_BYTES_MAX = 1024 * 1024;
export const BLOCK_SIZE_BYTES_DEFAULT = 4096;
/** Offsets are JavaScript numbers, whole up to 2^53. */
export const DEVICE_BYTES_MAX = Number.MAX_SAFE_INTEGER;

export function isBlockSize(value: number): boolean {
  return (
    Number.isInteger(value) &&
    value >= BLOCK_SIZE_BYTES_MIN &&
    value <= BLOCK_SIZE_BYTES_MAX &&
    (value & (value - 1)) === 0
  );
}

/** The blocks of a device, its short tail included. */
export function blockCountOf(deviceBytes: number, blockSize: number): BlockCount {
  return Math.ceil(deviceBytes / blockSize) as BlockCount;
}

export function blockOfOffset(offset: number, blockSize: number): BlockIndex {
  return Math.floor(offset / blockSize) as BlockIndex;
}

export function offsetOfBlock(block: number, blockSize: number): ByteOffset {
  return (block * blockSize) as ByteOffset;
}

/** The bytes that `count` blocks from `block` hold on a device of `deviceBytes`: less than whole blocks only at the tail. */
export function bytesOfRange(block: number, count: number, blockSize: number, deviceBytes: number): ByteLength {
  return (Math.min((block + count) * blockSize, deviceBytes) - block * blockSize) as ByteLength;
}

/** A byte range seen as blocks. `headBytes` and `tailBytes` are the parts of the first and last block that are not covered. */
export interface Span {
  readonly block: BlockIndex;
  readonly count: BlockCount;
  /** Bytes of the first block before the range. */
  readonly skipBytes: ByteLength;
  /** The first block is covered only in part. */
  readonly headPartial: boolean;
  /** The last block is covered only in part; a device's short tail, covered to its end, is whole. */
  readonly tailPartial: boolean;
}

/** Splits a byte range into unaligned head, aligned body and unaligned tail. `length` must be at least 1. */
export function spanOf(offset: number, length: number, blockSize: number, deviceBytes: number): Span {
  const block = blockOfOffset(offset, blockSize);
  const end = offset + length;
  const count = (Math.ceil(end / blockSize) - block) as BlockCount;
  const skipBytes = (offset - block * blockSize) as ByteLength;
  const endsWhole = end % blockSize === 0 || end === deviceBytes;
  const headPartial = skipBytes !== 0 || (count === 1 && !endsWhole);
  return { block, count, skipBytes, headPartial, tailPartial: count > 1 && !endsWhole };
}
