/**
 * The block memory: slabs of frames with one view made for each, so that neither a hit nor a miss allocates. A frame
 * belongs to the slot of the same number.
 */
import { assert } from '../device/errors.js';

export class Frames {
  /** The bytes of each slot. Hot: read directly on a hit. */
  readonly views: Uint8Array[] = [];
  readonly #slabs: Uint8Array[] = [];
  readonly #blockSize: number;
  readonly #slabBlocks: number;

  constructor(blockSize: number, slabBlocks: number) {
    this.#blockSize = blockSize;
    this.#slabBlocks = slabBlocks;
  }

  get memoryBytes(): number {
    return this.#slabs.length * this.#slabBlocks * this.#blockSize;
  }

  /** Makes frames for `slots` slots, or gives the slabs above them back. */
  resize(slots: number): void {
    const slabs = Math.ceil(slots / this.#slabBlocks);
    while (this.#slabs.length < slabs) this.#addSlab();
    this.#slabs.length = slabs;
    this.views.length = slabs * this.#slabBlocks;
  }

  /** Copies a frame; the source is free afterwards. */
  move(from: number, to: number): void {
    assert(from !== to, 'a move goes somewhere');
    this.views[to].set(this.views[from]);
  }

  #addSlab(): void {
    const slab = new Uint8Array(this.#slabBlocks * this.#blockSize);
    this.#slabs.push(slab);
    for (let at = 0; at < slab.length; at += this.#blockSize) {
      this.views.push(slab.subarray(at, at + this.#blockSize));
    }
  }
}
