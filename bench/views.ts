import { BLOCK_BYTES } from './case.js';

const SLAB_BYTES = 1024 * 1024;

/** A view a block, made beforehand over slabs as the cache has them, with bytes in them: what a bare copy copies from. */
export function cachedViews(blocks: number): Uint8Array[] {
  const views: Uint8Array[] = [];
  for (let slab: Uint8Array | undefined; views.length < blocks; ) {
    const offset = (views.length * BLOCK_BYTES) % SLAB_BYTES;
    if (slab === undefined || offset === 0) slab = new Uint8Array(SLAB_BYTES).fill(1);
    views.push(slab.subarray(offset, offset + BLOCK_BYTES));
  }
  return views;
}
