import type { TraceRecord } from './blktrace-record.js';

/** Records held back at least: events of one turn may be a little out of order. */
const WINDOW = 256;

/** Puts records in order of time; those of the same time stay in the order in which they came. */
export class TimeOrder {
  /** A binary heap, the first record on top. */
  readonly #heap: { readonly record: TraceRecord; readonly number: number }[] = [];
  #added = 0;

  get size(): number {
    return this.#heap.length;
  }

  add(record: TraceRecord): void {
    const heap = this.#heap;
    heap.push({ record, number: this.#added++ });
    for (let at = heap.length - 1; at > 0; ) {
      const parent = (at - 1) >> 1;
      if (!this.#isBefore(at, parent)) return;
      this.#swap(at, parent);
      at = parent;
    }
  }

  /** Those before a time, but for a few. */
  *take(before: number): Generator<TraceRecord, void, undefined> {
    while (this.#heap.length > WINDOW && this.#heap[0].record.time < before) yield this.#pop();
  }

  *drain(): Generator<TraceRecord, void, undefined> {
    while (this.#heap.length > 0) yield this.#pop();
  }

  #pop(): TraceRecord {
    const heap = this.#heap;
    const { record } = heap[0];
    const last = heap.pop();
    if (heap.length > 0 && last !== undefined) {
      heap[0] = last;
      this.#sink();
    }
    return record;
  }

  #sink(): void {
    const { length } = this.#heap;
    for (let at = 0; ; ) {
      let first = at;
      for (const child of [2 * at + 1, 2 * at + 2]) if (child < length && this.#isBefore(child, first)) first = child;
      if (first === at) return;
      this.#swap(at, first);
      at = first;
    }
  }

  #isBefore(a: number, b: number): boolean {
    const [left, right] = [this.#heap[a], this.#heap[b]];
    const { time } = left.record;
    return time < right.record.time || (time === right.record.time && left.number < right.number);
  }

  #swap(a: number, b: number): void {
    const heap = this.#heap;
    [heap[a], heap[b]] = [heap[b], heap[a]];
  }
}
