/** Checks of what callers pass. Each throws an ArgumentError, or a RequestError for what does not exist. */
import type { BlockDevice } from '../device/block-device.js';
import { ArgumentError } from '../device/errors.js';
import type { BlockRange } from '../device/geometry.js';
import { checkDevice, invalid } from './options.js';

export function checkBlock(block: number, blockCount: number): void {
  checkWhole('block', block);
  if (block >= blockCount) throw outOfRange(`block ${block} is past the end: the device has ${blockCount} blocks`);
}

export function checkRange(range: BlockRange, blockCount: number): void {
  if (typeof range !== 'object' || range === null) throw invalid('a range is { block, count }');
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
  throw invalid(`${name} is a Uint8Array or Buffer`);
}

/** Data is lost by name or not at all: what is no text, such as `false`, is no consent. */
export function checkReason(name: string, reason: string): void {
  if (typeof reason === 'string' && reason !== '') return;
  throw invalid(`${name} says in words why the data may be lost`);
}

/** A device is closed when it is replaced, so it cannot take its own place. */
export function checkReplacement(device: BlockDevice, current: BlockDevice): void {
  checkDevice(device);
  if (device === current) throw invalid('the cache has this device already: open it again');
}

export function checkName(what: string, name: string): void {
  if (typeof name !== 'string') throw invalid(`${what} is a text, not ${String(name)}`);
}

/** Before anything is done: a signal that cannot be listened to would be found out only after. */
export function checkSignal(signal: AbortSignal): void {
  if (typeof signal === 'object' && signal !== null && typeof signal.addEventListener === 'function') return;
  throw invalid('signal is an AbortSignal');
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
