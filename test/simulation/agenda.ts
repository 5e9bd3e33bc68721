import type { CancelTimer, Clock } from '../../src/streams/clock.js';

interface Entry {
  readonly at: number;
  readonly order: number;
  readonly keepsAlive: boolean;
  callback: (() => void) | null;
}

/** The time of one boot: all that is to happen later, by the cache's timers or by the device, in one order. */
export class Agenda implements Clock {
  readonly epochMs = 0;
  /** The cache's timers that are set, and those of them that would keep the process alive. */
  timers = 0;
  timersThatKeepAlive = 0;
  #now = 0;
  #order = 0;
  /** A binary heap; cancelled entries stay until they come up. */
  readonly #heap: Entry[] = [];

  now(): number {
    return this.#now;
  }

  turn(): number {
    return this.#now;
  }

  afterTurn(callback: () => void): void {
    callback();
  }

  setTimer(at: number, keepsAlive: boolean, callback: () => void): CancelTimer {
    const count = (by: number) => {
      this.timers += by;
      if (keepsAlive) this.timersThatKeepAlive += by;
    };
    count(1);
    const entry = this.#add(at, keepsAlive, () => {
      count(-1);
      callback();
    });
    return () => {
      if (entry.callback === null) return;
      entry.callback = null;
      count(-1);
    };
  }

  /** For the device: `delayNs` from now. */
  after(delayNs: number, callback: () => void): void {
    this.#add(this.#now + delayNs, true, callback);
  }

  /** When the next thing happens, or infinity. */
  get nextAt(): number {
    this.#dropCancelled();
    return this.#heap.length === 0 ? Number.POSITIVE_INFINITY : this.#heap[0].at;
  }

  pass(ns: number): void {
    this.#now += ns;
  }

  /** Lets the next thing happen; false if there is nothing. */
  step(): boolean {
    this.#dropCancelled();
    const next = this.#take();
    if (next === undefined) return false;
    this.#now = Math.max(this.#now, next.at);
    const { callback } = next;
    next.callback = null;
    callback?.();
    return true;
  }

  #dropCancelled(): void {
    while (this.#heap.length > 0 && this.#heap[0].callback === null) this.#take();
  }

  #add(at: number, keepsAlive: boolean, callback: () => void): Entry {
    const entry = { at, order: this.#order++, keepsAlive, callback };
    const heap = this.#heap;
    let position = heap.push(entry) - 1;
    while (position > 0) {
      const parent = (position - 1) >> 1;
      if (!isBefore(entry, heap[parent])) break;
      heap[position] = heap[parent];
      position = parent;
    }
    heap[position] = entry;
    return entry;
  }

  #take(): Entry | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return last;
    let position = 0;
    for (;;) {
      let child = 2 * position + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1], heap[child])) child++;
      if (!isBefore(heap[child], last)) break;
      heap[position] = heap[child];
      position = child;
    }
    heap[position] = last;
    return first;
  }
}

function isBefore(one: Entry, other: Entry): boolean {
  return one.at < other.at || (one.at === other.at && one.order < other.order);
}

/** Lets every microtask run that is due, however deep: Node takes the next tick when none is left. */
export function drain(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve));
}
