/**
 * Which clean block leaves when room is needed. One interface, two policies: least recently used, and the priority lists
 * of the e2fsprogs cache (each list most recently used first, a block's priority raised every 50 accesses).
 */
import { Chains } from './chains.js';
import type { PolicyName } from './limits.js';

/** Orders slots from coldest to hottest. It knows nothing of states: what may leave is asked of `evictable`. */
export interface EvictionPolicy {
  readonly name: PolicyName;
  /** A block came into a slot. */
  add(slot: number): void;
  /** Adds a slot as it stood in another policy of the same name; for all, called from coldest to hottest. */
  restore(slot: number, standing: number): void;
  /** All that matters for the future of a slot beside its place in the order. */
  standing(slot: number): number;
  /** Hot: a block was used. */
  touch(slot: number): void;
  /** A block left its slot. */
  remove(slot: number): void;
  /** The coldest slot that may leave, or -1. Changes nothing. */
  victim(evictable: (slot: number) => boolean): number;
  /**
   * Sets aside what is colder than `slot` and may not leave, so that the next search does not meet it again. Without
   * this, a search behind a mass of cold dirty blocks would cost their number every time.
   */
  passOver(slot: number, evictable: (slot: number) => boolean): void;
  /** A slot may leave from now on: if it was set aside it is the coldest. */
  settle(slot: number): void;
  /** Calls back from coldest to hottest until told false. */
  fromColdest(visit: (slot: number) => boolean): void;
  /** A block moved between slots. */
  move(from: number, to: number): void;
}

const ACCESSES_PER_PRIORITY = 50;
const PRIORITIES = 16;
/** Of a standing: set aside or not, then the rank, then the accesses, which have a byte each. */
const RANK_UNIT = 256;
const ASIDE_UNIT = 256;

export function createPolicy(name: PolicyName, slots: number): EvictionPolicy {
  switch (name) {
    case 'lru':
      return new RankedLists('lru', slots, 1, Number.POSITIVE_INFINITY);
    case 'priority':
      return new RankedLists('priority', slots, PRIORITIES, ACCESSES_PER_PRIORITY);
    default: {
      const unknown: never = name;
      throw new Error(`unknown policy ${String(unknown)}`);
    }
  }
}

/** A list for each rank, hottest at the head, and one more for the slots set aside. One rank is plain LRU. */
class RankedLists implements EvictionPolicy {
  readonly name: PolicyName;
  readonly #lists: Chains;
  readonly #ranks: number;
  readonly #aside: number;
  readonly #accessesPerRank: number;
  readonly #rank: Uint8Array;
  readonly #accesses: Uint8Array;

  constructor(name: PolicyName, slots: number, ranks: number, accessesPerRank: number) {
    this.name = name;
    this.#lists = new Chains(slots, ranks + 1);
    this.#ranks = ranks;
    this.#aside = ranks;
    this.#accessesPerRank = accessesPerRank;
    this.#rank = new Uint8Array(slots);
    this.#accesses = new Uint8Array(slots);
  }

  add(slot: number): void {
    this.#rank[slot] = 0;
    this.#accesses[slot] = 0;
    this.#lists.prepend(0, slot);
  }

  restore(slot: number, standing: number): void {
    this.#accesses[slot] = standing % RANK_UNIT;
    this.#rank[slot] = Math.floor(standing / RANK_UNIT) % ASIDE_UNIT;
    if (standing >= RANK_UNIT * ASIDE_UNIT) this.#lists.append(this.#aside, slot);
    else this.#lists.prepend(this.#rank[slot], slot);
  }

  standing(slot: number): number {
    const aside = this.#lists.chainOf(slot) === this.#aside ? ASIDE_UNIT : 0;
    return (aside + this.#rank[slot]) * RANK_UNIT + this.#accesses[slot];
  }

  touch(slot: number): void {
    if (this.#ranks > 1 && ++this.#accesses[slot] >= this.#accessesPerRank) {
      this.#accesses[slot] = 0;
      if (this.#rank[slot] < this.#ranks - 1) this.#rank[slot]++;
    }
    this.#lists.moveToHead(this.#rank[slot], slot);
  }

  remove(slot: number): void {
    this.#lists.remove(slot);
  }

  victim(evictable: (slot: number) => boolean): number {
    for (let rank = 0; rank < this.#ranks; rank++) {
      for (let slot = this.#lists.tail(rank); slot !== -1; slot = this.#lists.previous(slot)) {
        if (evictable(slot)) return slot;
      }
    }
    return -1;
  }

  passOver(victim: number, evictable: (slot: number) => boolean): void {
    for (let rank = 0; rank < this.#ranks; rank++) {
      let slot = this.#lists.tail(rank);
      while (slot !== -1) {
        if (slot === victim) return;
        const hotter = this.#lists.previous(slot);
        if (!evictable(slot)) {
          this.#lists.remove(slot);
          this.#lists.append(this.#aside, slot);
        }
        slot = hotter;
      }
    }
  }

  settle(slot: number): void {
    if (this.#lists.chainOf(slot) !== this.#aside) return;
    this.#lists.remove(slot);
    this.#lists.append(this.#rank[slot], slot);
  }

  fromColdest(visit: (slot: number) => boolean): void {
    for (let slot = this.#lists.head(this.#aside); slot !== -1; slot = this.#lists.next(slot)) {
      if (!visit(slot)) return;
    }
    for (let rank = 0; rank < this.#ranks; rank++) {
      for (let slot = this.#lists.tail(rank); slot !== -1; slot = this.#lists.previous(slot)) {
        if (!visit(slot)) return;
      }
    }
  }

  move(from: number, to: number): void {
    this.#lists.replace(from, to);
    this.#rank[to] = this.#rank[from];
    this.#accesses[to] = this.#accesses[from];
  }
}
