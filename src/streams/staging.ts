/**
 * Memory between frames and the device, so that neither sees the other's changes: a device write carries a stable copy,
 * and a device read cannot touch a block that was written meanwhile. Kept and reused, last given first taken.
 */
export class Staging {
  #runBytes: number;
  readonly #runs: Uint8Array[] = [];
  readonly #runBuffers = new WeakSet<ArrayBufferLike>();
  readonly #blocks: Uint8Array[] = [];
  readonly #keptMax: number;
  #blockBytes: number;
  #madeBytes = 0;

  /**
   * `runBytes` is the most that one device operation moves. Of what is not in use at most `keptMax` runs and as many blocks are
   * kept: a device that answers nothing holds many times more than one that is well needs.
   */
  constructor(blockBytes: number, runBytes: number, keptMax: number) {
    this.#keptMax = keptMax;
    this.#blockBytes = blockBytes;
    this.#runBytes = Math.max(runBytes, blockBytes);
  }

  get memoryBytes(): number {
    return this.#madeBytes;
  }

  take(bytes: number): Uint8Array {
    if (bytes === this.#blockBytes) return this.#blocks.pop() ?? this.#make(bytes);
    if (bytes > this.#runBytes) this.#setRunBytes(bytes);
    const run = this.#runs.pop() ?? this.#makeRun();
    return run.subarray(0, bytes);
  }

  /** Takes memory back that nobody uses any more. */
  give(bytes: Uint8Array): void {
    // A whole block may be a part of a slab: it has been exchanged for a frame.
    if (bytes.length === this.#blockBytes) {
      if (this.#blocks.length < this.#keptMax) this.#blocks.push(bytes);
      else this.#madeBytes -= bytes.length;
      return;
    }
    const isRun = this.#runBuffers.has(bytes.buffer);
    // A block of another size than blocks have now: the rest of its slab may be in use.
    const whole = isRun ? new Uint8Array(bytes.buffer) : bytes;
    const isFit = isRun && whole.length >= this.#runBytes;
    if (isFit && this.#runs.length < this.#keptMax) this.#runs.push(whole);
    else this.#madeBytes -= whole.length;
  }

  /** Lets go of all that is not in use; what comes back later and does not fit any more is let go of then. */
  setBlockBytes(blockBytes: number): void {
    this.#madeBytes -= this.#blocks.length * this.#blockBytes;
    this.#blocks.length = 0;
    this.#blockBytes = blockBytes;
    this.#setRunBytes(Math.max(this.#runBytes, blockBytes));
  }

  /** The memory of shorter runs would cut longer ones off. */
  #setRunBytes(runBytes: number): void {
    for (const run of this.#runs) this.#madeBytes -= run.length;
    this.#runs.length = 0;
    this.#runBytes = runBytes;
  }

  #makeRun(): Uint8Array {
    const run = this.#make(this.#runBytes);
    this.#runBuffers.add(run.buffer);
    return run;
  }

  #make(bytes: number): Uint8Array {
    this.#madeBytes += bytes;
    return new Uint8Array(bytes);
  }
}
