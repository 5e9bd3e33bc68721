/** What the device tests share. */
import { CachetrailError } from '../../src/device/index.js';

/** The error that a call throws, which must be cachetrail's own. */
export function thrown(call: () => unknown): CachetrailError {
  try {
    call();
  } catch (error) {
    if (error instanceof CachetrailError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

/** The error that a promise rejects with, which must be cachetrail's own. */
export async function rejection(promise: Promise<unknown>): Promise<CachetrailError> {
  const error = await anyRejection(promise);
  if (error instanceof CachetrailError) return error;
  throw error;
}

/** Whatever a promise rejects with. */
export async function anyRejection(promise: Promise<unknown>): Promise<unknown> {
  const nothing = Symbol('nothing');
  const outcome: unknown = await promise.then(
    () => nothing,
    (error: unknown) => error,
  );
  if (outcome === nothing) throw new Error('the promise was fulfilled');
  return outcome;
}
