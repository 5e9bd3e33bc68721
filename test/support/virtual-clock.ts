import type { CancelTimer, Clock } from '../../src/index.js';

/** Timers that one wait may take: more is going round in circles. */
const STEPS_MAX = 2000;

/** A clock that stands still until it is told to go on: nothing waits for real time. */
export class VirtualClock implements Clock {
  readonly epochMs = 0;
  #now = 0;
  readonly #timers = new Set<{ readonly at: number; readonly callback: () => void }>();

  now(): number {
    return this.#now;
  }

  turn(): number {
    return this.#now;
  }

  get timers(): number {
    return this.#timers.size;
  }

  setTimer(at: number, _keepsAlive: boolean, callback: () => void): CancelTimer {
    const timer = { at, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  afterTurn(callback: () => void): void {
    callback();
  }

  /** For what counts in milliseconds from now, such as `latencyDevice`. */
  readonly after = (delayMs: number, callback: () => void): void => {
    this.setTimer(this.#now + delayMs * 1e6, true, callback);
  };

  /** Fires the next timer, in order of time and then of setting. False if there is none. */
  step(): boolean {
    let next: { readonly at: number; readonly callback: () => void } | null = null;
    for (const timer of this.#timers) if (next === null || timer.at < next.at) next = timer;
    if (next === null) return false;
    this.#timers.delete(next);
    this.#now = Math.max(this.#now, next.at);
    next.callback();
    return true;
  }

  /** Lets time pass, microtasks first, until `done` settles; fails if nothing is left that could settle it. */
  async until<T>(done: Promise<T>): Promise<T> {
    let settled = false;
    const watch = () => {
      settled = true;
    };
    done.then(watch, watch);
    for (let steps = 0; ; steps++) {
      await drain();
      if (settled) return done;
      if (steps === STEPS_MAX) throw new Error(`still waiting after ${steps} timers`);
      if (!this.step()) throw new Error('nothing is left to wait for: a promise is never settled');
    }
  }
}

/** Lets all microtasks run that are due, however deep they are chained. */
export function drain(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
