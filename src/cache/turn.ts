import type { CacheEvent } from './events.js';
import type { CacheState } from './state.js';

/**
 * One decision at work: `emit` states a fact, and the state has it when `emit` returns, so that a decision goes on from
 * what it has decided. The first fact is the input's own; the others carry its seq as their cause.
 */
export class Turn {
  readonly state: CacheState;
  /** The input's time, and that of every event of the decision. */
  at = 0;
  /** 0 until the first event. */
  cause = 0;
  readonly #apply: (event: CacheEvent) => void;

  constructor(state: CacheState, apply: (event: CacheEvent) => void) {
    this.state = state;
    this.#apply = apply;
  }

  begin(at: number): void {
    this.at = at;
    this.cause = 0;
  }

  /** The seq that the next event must have. */
  get seq(): number {
    return this.state.seq + 1;
  }

  emit(event: CacheEvent): void {
    if (this.cause === 0) this.cause = event.seq;
    this.#apply(event);
  }
}
