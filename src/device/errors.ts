import type { ErrorCode } from './error-codes.js';

/**
 * The base of all errors that cachetrail throws or rejects with. `code` is stable and is what programs should test;
 * `cause` is the device's or system's own error, as it came.
 */
export class CachetrailError extends Error {
  override readonly name: string = 'CachetrailError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** The call itself is wrong: nothing was done. */
export class ArgumentError extends CachetrailError {
  override readonly name = 'ArgumentError';
}

/** The request is well formed, but the cache cannot take it now or as it is. Nothing was done. */
export class RequestError extends CachetrailError {
  override readonly name = 'RequestError';
}

/** The device could not be opened, or failed a request. */
export class DeviceError extends CachetrailError {
  override readonly name = 'DeviceError';
}

/** A block that could not be made durable, and the last error that the device gave for it. */
export interface FailedBlock {
  readonly block: number;
  /** The device's own code (EIO, ENOSPC, …) or one of cachetrail's (CACHETRAIL_DEVICE_TIMEOUT, …). */
  readonly code: string;
  /** The device operation that failed last, as in the events; 0 where nothing failed for the block itself. */
  readonly io: number;
  /** The device's own error, as it came. */
  readonly cause: unknown;
  /** Null for a block that is not safe. Else it is not needed any more: this handle is told once that it had failed. */
  readonly resolved: Resolution | null;
}

/** How a failure came to its end. */
export interface Resolution {
  /** `durable`: by another write and barrier. `discarded`: given up, or replaced by a discard or zero. */
  readonly end: 'durable' | 'discarded';
  /** Nanoseconds since the cache's epoch. */
  readonly at: number;
  /** The barrier or clear that did it, or 0 where the device had no part in it. */
  readonly io: number;
}

/** Blocks that could not be made durable: rejected by `flush`, `close` and writes that wait for the device. */
export class WriteError extends CachetrailError {
  override readonly name = 'WriteError';
  readonly blocks: readonly FailedBlock[];
  /** Resolved failures beside these, of which only the number is known: there were too many to remember their blocks. */
  readonly forgotten: number;

  constructor(code: ErrorCode, message: string, blocks: readonly FailedBlock[], forgotten = 0) {
    super(code, message, { cause: blocks[0]?.cause });
    this.blocks = blocks;
    this.forgotten = forgotten;
  }
}

/** An assertion of cachetrail's own failed. */
export class InternalError extends CachetrailError {
  override readonly name = 'InternalError';

  constructor(message: string, options?: { readonly cause?: unknown }) {
    super('CACHETRAIL_INTERNAL', message, options);
  }
}

/** Stays on in production: a broken assumption must stop the cache before it can corrupt anything. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new InternalError(message);
}

/** The short code of whatever a device threw: its `code` if it has one, else the error's name. */
export function codeOf(error: unknown): string {
  if (typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string')
    return error.code;
  return error instanceof Error ? error.name : 'UNKNOWN';
}
