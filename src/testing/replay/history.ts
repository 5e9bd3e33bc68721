/** What became of the blocks of a recorded run: when each was durable, which were lost, which were parked. */
import type { CacheEvent, Written } from '../../cache/events.js';
import { evolve } from '../../cache/evolve.js';
import { CacheState } from '../../cache/state.js';
import { RECOVERY_ACTOR } from '../../streams/open-cache.js';

export interface LostBlock {
  readonly block: number;
  /** The event that lost it: it was discarded, or was not durable at the cache's last event. */
  readonly seq: number;
  /** Why, in words. */
  readonly why: string;
}

export interface ParkedBlock {
  readonly block: number;
  readonly seq: number;
  /** The error that it kept failing with. */
  readonly code: string;
}

/** From a write until the block was durable with it; `durableSeq` is 0 where it never was. */
interface Exposure {
  readonly writtenSeq: number;
  durableSeq: number;
}

export class RunHistory {
  readonly parked: ParkedBlock[] = [];
  lastEvent: CacheEvent | null = null;
  /** Caches that were opened, and those of them that were closed. */
  opened = 0;
  closed = 0;
  /** The events behind the first gap are not known of. */
  hasGap = false;
  readonly #exposures = new Map<number, Exposure[]>();
  /** Blocks that are exposed now. */
  readonly #exposed = new Map<number, Exposure>();
  readonly #discarded: LostBlock[] = [];
  /** Not durable when their cache ended without being closed. A recovery may have brought them back since. */
  readonly #abandoned = new Map<number, LostBlock>();
  #state: CacheState | null = null;

  accept(event: CacheEvent): void {
    if (event.type === 'opened') this.#open(event.seq);
    const state = this.#state;
    if (state === null || event.seq !== state.seq + 1) {
      this.hasGap = true;
      this.#state = null;
      return;
    }
    evolve(state, event);
    this.lastEvent = event;
    switch (event.type) {
      case 'written':
        return this.#written(event);
      case 'blockParked':
        this.parked.push({ block: event.block, seq: event.seq, code: event.code });
        return;
      case 'dirtyDiscarded':
        for (const block of event.blocks) {
          this.#discarded.push({ block, seq: event.seq, why: `discarded: ${event.reason}` });
          this.#exposed.delete(block);
        }
        return;
      case 'barrierFinished':
      case 'clearFinished':
      case 'closed':
        this.#settle(state, event.seq);
        if (event.type === 'closed') this.closed++;
        return;
    }
  }

  /** Blocks whose last bytes are not known to have become durable. */
  lost(): readonly LostBlock[] {
    return [...this.#discarded, ...this.#abandoned.values(), ...this.#left()].sort((a, b) => a.seq - b.seq);
  }

  /** The last write of the block up to `seq`, and when all that had been written to it by then was durable; 0 for not. */
  durability(block: number, seq: number): { readonly writtenSeq: number; readonly durableSeq: number } | null {
    const before = (this.#exposures.get(block) ?? []).filter(({ writtenSeq }) => writtenSeq <= seq);
    return before.at(-1) ?? null;
  }

  #open(seq: number): void {
    for (const lost of this.#left()) this.#abandoned.set(lost.block, lost);
    this.#exposed.clear();
    this.opened++;
    this.#state = new CacheState({ bytes: false });
    this.#state.seq = seq - 1;
  }

  #written({ seq, block, count, actor }: Written): void {
    for (let at = block; at < block + count; at++) {
      if (actor === RECOVERY_ACTOR) this.#abandoned.delete(at);
      if (this.#exposed.has(at)) continue;
      const exposure = { writtenSeq: seq, durableSeq: 0 };
      this.#exposed.set(at, exposure);
      const known = this.#exposures.get(at);
      if (known === undefined) this.#exposures.set(at, [exposure]);
      else known.push(exposure);
    }
  }

  /** Blocks that the core no longer has to keep are durable. */
  #settle({ slots }: CacheState, seq: number): void {
    for (const [block, exposure] of this.#exposed) {
      const slot = slots.find(block);
      if (slot !== -1 && slots.chains.chainOf(slot) !== -1) continue;
      exposure.durableSeq = seq;
      this.#exposed.delete(block);
    }
  }

  #left(): LostBlock[] {
    const seq = this.lastEvent?.seq ?? 0;
    return [...this.#exposed.keys()].map((block) => ({
      block,
      seq,
      why: 'not durable at the last event of its cache',
    }));
  }
}
