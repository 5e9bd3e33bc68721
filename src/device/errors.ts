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
  /** The device's own error, as it came. */
  readonly cause: unknown;
}

/** Blocks that could not be made durable: rejected by `flush`, `close` and writes that wait for the device. */
export class WriteError extends CachetrailError {
  override readonly name = 'WriteError';
  readonly blocks: readonly FailedBlock[];

  constructor(code: ErrorCode, message: string, blocks: readonly FailedBlock[]) {
    super(code, message, { cause: blocks[0]?.cause });
    this.blocks = blocks;
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
