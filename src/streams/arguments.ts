/** Checks of what callers pass. Each throws an ArgumentError, or a RequestError for what does not exist. */
import { ArgumentError } from '../device/errors.js';
import type { BlockRange } from '../device/geometry.js';

export function checkBlock(block: number, blockCount: number): void {
  checkWhole('block', block);
  if (block >= blockCount) throw outOfRange(`block ${block} is past the end: the device has ${blockCount} blocks`);
}

export function checkRange(range: BlockRange, blockCount: number): void {
  checkRun(range.block, range.count, blockCount);
}

export function checkRun(block: number, count: number, blockCount: number): void {
  checkWhole('block', block);
  checkWhole('count', count);
  if (count === 0) throw new ArgumentError('CACHETRAIL_INVALID_BLOCK', 'count is at least 1');
  if (block + count > blockCount) {
    throw outOfRange(`blocks ${block} to ${block + count - 1} reach past the end: the device has ${blockCount}`);
  }
}

export function checkBytes(offset: number, length: number, sizeBytes: number): void {
  checkWhole('offset', offset);
  checkWhole('length', length);
  if (offset + length > sizeBytes) {
    throw outOfRange(`bytes ${offset} to ${offset + length} reach past the end: the device has ${sizeBytes}`);
  }
}

export function checkBuffer(name: string, buffer: Uint8Array, length: number): void {
  checkIsBytes(name, buffer);
  if (buffer.length === length) return;
  throw new ArgumentError('CACHETRAIL_BUFFER_LENGTH', `${name} has ${buffer.length} bytes; ${length} are needed`);
}

export function checkIsBytes(name: string, buffer: Uint8Array): void {
  if (buffer instanceof Uint8Array) return;
  throw new ArgumentError('CACHETRAIL_INVALID_ARGUMENT', `${name} is a Uint8Array or Buffer`);
}

function checkWhole(name: string, value: number): void {
  if (Number.isSafeInteger(value) && value >= 0) return;
  throw new ArgumentError(
    'CACHETRAIL_INVALID_BLOCK',
    `${name} is a whole number from 0 to 2^53 - 1, not ${String(value)}`,
  );
}

function outOfRange(message: string): ArgumentError {
  return new ArgumentError('CACHETRAIL_OUT_OF_RANGE', message);
}
