/** What chains frames: SHA-256, or with a key HMAC-SHA-256, of all 32 bytes: 128 bits would let a forger prepare two frames of one digest in 2^64 steps. */
import { createHash, createHmac } from 'node:crypto';
import { ArgumentError } from '../../device/errors.js';

export const DIGEST_BYTES = 32;
export const NO_DIGEST: Uint8Array = new Uint8Array(DIGEST_BYTES);
const KEY_BYTES_MIN = 16;
const KEY_CHECK_BYTES = 16;

/** The digest of the parts one after the other. */
export type Digester = (...parts: readonly Uint8Array[]) => Uint8Array;

/** Throws ArgumentError for a key that is none, or is too short to be one. */
export function digesterFor(key: Uint8Array | null): Digester {
  if (key !== null && (!(key instanceof Uint8Array) || key.length < KEY_BYTES_MIN)) {
    const message = `a journal's key is a Uint8Array or Buffer of at least ${KEY_BYTES_MIN} bytes`;
    throw new ArgumentError('CACHETRAIL_INVALID_ARGUMENT', message);
  }
  return (...parts) => {
    const hash = key === null ? createHash('sha256') : createHmac('sha256', key);
    for (const part of parts) hash.update(part);
    return hash.digest();
  };
}

/** Tells the right key from a wrong one, without telling the key. */
export function keyCheck(key: Uint8Array, journalId: Uint8Array): Uint8Array {
  return createHmac('sha256', key)
    .update('cachetrail journal key')
    .update(journalId)
    .digest()
    .subarray(0, KEY_CHECK_BYTES);
}
