/** What a borrowed block asks of its cache. */
export interface Lender {
  markDirty(op: number, block: number): Promise<void>;
  release(op: number, block: number): void;
}

/**
 * A pinned view of a block, without a copy: it stays in the cache until released. Change `bytes`, then call `markDirty`.
 * A writeback that happens between the two may carry part of the change; the one after `markDirty` carries all of it.
 */
export class BorrowedBlock {
  readonly block: number;
  readonly #op: number;
  readonly #lender: Lender;
  #bytes: Uint8Array | null;

  constructor(lender: Lender, op: number, block: number, bytes: Uint8Array) {
    this.#lender = lender;
    this.#op = op;
    this.block = block;
    this.#bytes = bytes;
  }

  /** The block's bytes: a device's last block may be short. Empty once released. */
  get bytes(): Uint8Array {
    return this.#bytes ?? new Uint8Array(0);
  }

  /** Says that the bytes were changed, and must reach the device. Rejects with CACHETRAIL_READ_ONLY or _CLOSED. */
  markDirty(): Promise<void> {
    return this.#lender.markDirty(this.#bytes === null ? 0 : this.#op, this.block);
  }

  /** Gives the block back. Calling it again does nothing. */
  release(): void {
    if (this.#bytes === null) return;
    this.#bytes = null;
    this.#lender.release(this.#op, this.block);
  }

  [Symbol.dispose](): void {
    this.release();
  }
}
