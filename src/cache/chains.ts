/**
 * Intrusive doubly linked lists over slots: a slot is in at most one chain. Keeps, for each state whose blocks must be
 * kept, its slots in the order in which they came to it, without allocating.
 */
import { assert } from '../device/errors.js';

const NONE = -1;

export class Chains {
  readonly counts: Int32Array;
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  readonly #chainOf: Int8Array;
  readonly #heads: Int32Array;
  readonly #tails: Int32Array;

  constructor(slots: number, chains: number) {
    this.counts = new Int32Array(chains);
    this.#next = new Int32Array(slots).fill(NONE);
    this.#previous = new Int32Array(slots).fill(NONE);
    this.#chainOf = new Int8Array(slots).fill(NONE);
    this.#heads = new Int32Array(chains).fill(NONE);
    this.#tails = new Int32Array(chains).fill(NONE);
  }

  /** The chain that a slot is in, or -1. */
  chainOf(slot: number): number {
    return this.#chainOf[slot];
  }

  /** First come of a chain, or -1. */
  head(chain: number): number {
    return this.#heads[chain];
  }

  next(slot: number): number {
    return this.#next[slot];
  }

  tail(chain: number): number {
    return this.#tails[chain];
  }

  previous(slot: number): number {
    return this.#previous[slot];
  }

  append(chain: number, slot: number): void {
    assert(this.#chainOf[slot] === NONE, 'a slot is in one chain');
    const tail = this.#tails[chain];
    this.#chainOf[slot] = chain;
    this.#previous[slot] = tail;
    this.#next[slot] = NONE;
    if (tail === NONE) this.#heads[chain] = slot;
    else this.#next[tail] = slot;
    this.#tails[chain] = slot;
    this.counts[chain]++;
  }

  prepend(chain: number, slot: number): void {
    assert(this.#chainOf[slot] === NONE, 'a slot is in one chain');
    const head = this.#heads[chain];
    this.#chainOf[slot] = chain;
    this.#next[slot] = head;
    this.#previous[slot] = NONE;
    if (head === NONE) this.#tails[chain] = slot;
    else this.#previous[head] = slot;
    this.#heads[chain] = slot;
    this.counts[chain]++;
  }

  remove(slot: number): void {
    const chain = this.#chainOf[slot];
    assert(chain !== NONE, 'the slot is in a chain');
    const next = this.#next[slot];
    const previous = this.#previous[slot];
    if (previous === NONE) this.#heads[chain] = next;
    else this.#next[previous] = next;
    if (next === NONE) this.#tails[chain] = previous;
    else this.#previous[next] = previous;
    this.#chainOf[slot] = NONE;
    this.counts[chain]--;
  }

  /** Hot: takes a slot from wherever it is to the front of a chain. */
  moveToHead(chain: number, slot: number): void {
    const head = this.#heads[chain];
    if (head === slot) return;
    if (head === NONE || this.#chainOf[slot] !== chain) {
      this.remove(slot);
      this.prepend(chain, slot);
      return;
    }
    const next = this.#next[slot];
    const previous = this.#previous[slot];
    this.#next[previous] = next;
    if (next === NONE) this.#tails[chain] = previous;
    else this.#previous[next] = previous;
    this.#next[slot] = head;
    this.#previous[slot] = NONE;
    this.#previous[head] = slot;
    this.#heads[chain] = slot;
  }

  /** Puts slot `to`, which is in no chain, in the place of `from`. */
  replace(from: number, to: number): void {
    const chain = this.#chainOf[from];
    if (chain === NONE) return;
    assert(this.#chainOf[to] === NONE, 'the new slot is free');
    const next = this.#next[from];
    const previous = this.#previous[from];
    this.#chainOf[to] = chain;
    this.#next[to] = next;
    this.#previous[to] = previous;
    if (previous === NONE) this.#heads[chain] = to;
    else this.#next[previous] = to;
    if (next === NONE) this.#tails[chain] = to;
    else this.#previous[next] = to;
    this.#chainOf[from] = NONE;
  }
}
