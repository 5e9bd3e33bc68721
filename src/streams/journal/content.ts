import { createHash } from 'node:crypto';
import { DIGEST_BYTES } from './chain.js';

/** SHA-256 of what a write puts into each of its blocks, one after the other. `offset` and `blockSize` in bytes. */
export function contentDigests(offset: number, payload: Uint8Array, blockSize: number): Uint8Array {
  const first = blockSize - (offset % blockSize);
  const blocks = payload.length <= first ? 1 : 1 + Math.ceil((payload.length - first) / blockSize);
  const digests = new Uint8Array(blocks * DIGEST_BYTES);
  let from = 0;
  for (let block = 0; block < blocks; block++) {
    const to = Math.min(payload.length, first + block * blockSize);
    digests.set(createHash('sha256').update(payload.subarray(from, to)).digest(), block * DIGEST_BYTES);
    from = to;
  }
  return digests;
}
