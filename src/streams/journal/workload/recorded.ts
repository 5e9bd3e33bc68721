/** The recording itself, folded: what it cost, and the requests that its replays are fed. */
import type { CacheEvent } from '../../../cache/events.js';
import { evolve } from '../../../cache/evolve.js';
import type { CoreConfig } from '../../../cache/limits.js';
import { CacheState } from '../../../cache/state.js';
import { endedBy, requestIn } from './requests.js';
import type { WorkloadReplay } from './run.js';
import { Tally } from './tally.js';

/** The recording's own side, and the replays beside it. */
export class Recorded {
  config: CoreConfig | null = null;
  caches = 0;
  skipped = 0;
  readonly tally = new Tally();
  readonly #replays: readonly WorkloadReplay[];
  #state: CacheState | null = null;
  #start: CacheState | null;
  #openedAt = 0;
  #lastAt = 0;

  /** `start`: the state to go on from, where the journal does not begin with the opening of a cache. */
  constructor(replays: readonly WorkloadReplay[], start: CacheState | null) {
    this.#replays = replays;
    this.#start = start;
  }

  accept(event: CacheEvent): void {
    if (event.type === 'opened') {
      this.#endCache();
      const state = new CacheState({ bytes: false });
      state.seq = event.seq - 1;
      this.#begin(state, event.config, event.at);
    } else if (this.#start !== null && event.seq === this.#start.seq + 1) {
      this.#goOnFrom(this.#start, event.at);
    }
    const state = this.#state;
    if (state !== null && event.seq !== state.seq + 1) this.#endCache();
    if (state === null || this.#state === null) {
      this.skipped++;
      return;
    }
    if (this.#replays.length > 0) this.#feed(event, state);
    this.tally.accept(event, state);
    evolve(state, event);
    this.#lastAt = Math.max(this.#lastAt, event.at);
  }

  #begin(state: CacheState, config: CoreConfig, at: number): void {
    this.#state = state;
    this.#start = null;
    this.config = config;
    this.caches++;
    this.#openedAt = at;
    this.#lastAt = at;
  }

  /** The replays begin with empty caches; what the recorded one has counted so far does not count. */
  #goOnFrom(state: CacheState, at: number): void {
    const { blockSize, capacity, limits } = state;
    const config = { ...state.config, blockSize, capacity, limits };
    this.tally.leaveOut(state);
    this.#begin(state, config, at);
    for (const replay of this.#replays) replay.open({ at, identity: state.identity, config });
  }

  end(): void {
    this.#endCache();
  }

  #feed(event: CacheEvent, state: CacheState): void {
    if (event.type === 'opened') {
      for (const replay of this.#replays) replay.open(event);
      return;
    }
    const request = requestIn(event);
    const ended = endedBy(event);
    if (request === null && ended === null) return;
    for (const replay of this.#replays) replay.feed(event, request, ended, state);
  }

  #endCache(): void {
    if (this.#state === null) return;
    for (const replay of this.#replays) replay.endCache(this.#lastAt);
    this.tally.addCache(this.#state, this.#lastAt - this.#openedAt);
    this.#state = null;
  }
}
