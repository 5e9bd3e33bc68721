/**
 * The block memory: a frame for each slot, made in slabs, so that neither a hit nor a miss allocates. A frame that has been
 * filled can be exchanged for the memory that it was to be filled from, which saves a copy.
 */
import { assert } from '../device/errors.js';

export class Frames {
  /** The bytes of each slot. Hot: read directly on a hit. */
  views: Uint8Array[] = [];
  readonly #blockSize: number;
  readonly #slabBlocks: number;

  constructor(blockSize: number, slabBlocks: number) {
    this.#blockSize = blockSize;
    this.#slabBlocks = slabBlocks;
  }

  get memoryBytes(): number {
    return this.views.length * this.#blockSize;
  }

  /** Makes frames for `slots` slots, in whole slabs, or gives those above back. `pinned`: whose view is in use. */
  resize(slots: number, isPinned: (slot: number) => boolean = () => false): void {
    const frames = Math.ceil(slots / this.#slabBlocks) * this.#slabBlocks;
    if (frames >= this.views.length) {
      while (this.views.length < frames) this.#addSlab();
      return;
    }
    // Exchanged frames are of any slab, so those that stay move to new ones, and all old slabs can go.
    const old = this.views;
    this.views = [];
    while (this.views.length < frames) this.#addSlab();
    for (let slot = 0; slot < slots; slot++) {
      if (isPinned(slot)) this.views[slot] = old[slot];
      else this.views[slot].set(old[slot]);
    }
  }

  /** Copies a frame; the source is free afterwards. */
  move(from: number, to: number): void {
    assert(from !== to, 'a move goes somewhere');
    this.views[to].set(this.views[from]);
  }

  /** Makes `bytes`, a whole block, the frame of a slot, and gives the memory of the old one away. */
  exchange(slot: number, bytes: Uint8Array): Uint8Array {
    assert(bytes.length === this.#blockSize, 'a frame holds one block');
    const old = this.views[slot];
    this.views[slot] = bytes;
    return old;
  }

  #addSlab(): void {
    const slab = new Uint8Array(this.#slabBlocks * this.#blockSize);
    for (let at = 0; at < slab.length; at += this.#blockSize) {
      this.views.push(slab.subarray(at, at + this.#blockSize));
    }
  }
}
