import type { WritebackReason } from './events.js';

/** A stretch of blocks that waits to be written back. Blocks in it that are no longer dirty are passed over. */
export interface PlannedRun {
  readonly block: number;
  readonly count: number;
  readonly batch: number;
  readonly reason: WritebackReason;
  readonly attempt: number;
}

/** The runs of the current batch, taken from the front; retries and split runs go before it. */
export class RunQueue {
  #runs: PlannedRun[] = [];
  #head = 0;

  get length(): number {
    return this.#runs.length - this.#head;
  }

  at(position: number): PlannedRun {
    return this.#runs[this.#head + position];
  }

  /** Starts a new batch; what was left of the old one had nothing to write. */
  replace(runs: PlannedRun[]): void {
    this.#runs = runs;
    this.#head = 0;
  }

  addFirst(runs: readonly PlannedRun[]): void {
    this.#runs.splice(0, this.#head, ...runs);
    this.#head = 0;
  }

  /** A part of a run has started: drops what lies before it, and keeps what lies after it in the same run. */
  take(block: number, count: number): void {
    for (;;) {
      const run = this.#runs[this.#head];
      const end = block + count;
      if (run.block <= block && end <= run.block + run.count) {
        const rest = run.block + run.count - end;
        if (rest > 0) this.#runs[this.#head] = { ...run, block: end, count: rest };
        else this.#head++;
        return;
      }
      this.#head++;
    }
  }

  clear(): void {
    this.replace([]);
  }

  *[Symbol.iterator](): Iterator<PlannedRun> {
    for (let position = 0; position < this.length; position++) yield this.at(position);
  }
}
