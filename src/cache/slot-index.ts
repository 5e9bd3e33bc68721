/**
 * Block number → slot: open addressing with linear probing, sized to the capacity so that a probe is short at any size.
 *
 * Hot: every request looks up here. Guarded by the `hit.readNow` benchmark.
 */
import { assert } from '../device/errors.js';

const TWO_32 = 4_294_967_296;

export class SlotIndex {
  readonly #blockOf: Float64Array;
  readonly #table: Int32Array;
  readonly #mask: number;
  readonly #shift: number;

  /** `blockOf[slot]` is the block in a slot; the index reads it and does not own it. */
  constructor(slots: number, blockOf: Float64Array) {
    const bits = Math.max(4, 32 - Math.clz32(slots * 2 - 1));
    this.#blockOf = blockOf;
    this.#table = new Int32Array(2 ** bits).fill(-1);
    this.#mask = 2 ** bits - 1;
    this.#shift = 32 - bits;
  }

  /** The slot that holds `block`, or -1. Anything that is no block number is simply not found. */
  find(block: number): number {
    let at = this.#home(block);
    let slot = this.#table[at];
    while (slot !== -1 && this.#blockOf[slot] !== block) {
      at = (at + 1) & this.#mask;
      slot = this.#table[at];
    }
    return slot;
  }

  insert(block: number, slot: number): void {
    let at = this.#home(block);
    while (this.#table[at] !== -1) {
      assert(this.#blockOf[this.#table[at]] !== block, 'a block is in one slot');
      at = (at + 1) & this.#mask;
    }
    this.#table[at] = slot;
  }

  /** Removes by shifting later entries back, so that no tombstones slow down what follows. */
  remove(block: number): void {
    let hole = this.#place(block);
    let at = hole;
    for (;;) {
      at = (at + 1) & this.#mask;
      const slot = this.#table[at];
      if (slot === -1) break;
      const home = this.#home(this.#blockOf[slot]);
      if (((at - home) & this.#mask) >= ((at - hole) & this.#mask)) {
        this.#table[hole] = slot;
        hole = at;
      }
    }
    this.#table[hole] = -1;
  }

  /** The block stays, its slot changes. Call before `blockOf` of the new slot is read by anyone else. */
  move(block: number, slot: number): void {
    this.#table[this.#place(block)] = slot;
  }

  #place(block: number): number {
    let at = this.#home(block);
    while (this.#blockOf[this.#table[at]] !== block) {
      assert(this.#table[at] !== -1, 'the block is indexed');
      at = (at + 1) & this.#mask;
    }
    return at;
  }

  #home(block: number): number {
    const mixed = block < TWO_32 ? block : block ^ Math.imul(Math.floor(block / TWO_32), 0x85ebca6b);
    return Math.imul(mixed, 0x9e3779b1) >>> this.#shift;
  }
}
