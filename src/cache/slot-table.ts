/**
 * What is known of each cached block, as a structure of arrays: slot n of every array is about the block in slot n.
 * Everything is allocated once, for the capacity; neither a hit nor a miss allocates.
 *
 * Hot. Only `evolve` calls what changes it.
 */
import { assert } from '../device/errors.js';
import { ABSENT, CLEAN, DIRTY, LOADING, nextState, UNSYNCED, WRITING } from './block-state.js';
import { Chains } from './chains.js';
import { createPolicy, type EvictionPolicy } from './eviction.js';
import type { PolicyName } from './limits.js';
import { SlotIndex } from './slot-index.js';

/** Kept failing: waits for the next flush. */
export const PARKED = 1;
/** The device has not answered a write of it: must not be written again before it does. */
export const STUCK = 2;
/** Waits for its next try. */
export const RETRYING = 4;
/** A barrier failed while the device was taking it: the completion will not count. */
export const TAINTED = 8;
const HOLDING = PARKED | STUCK | RETRYING;

/** Chains of the slots whose bytes must be kept. */
export const READY = 0;
export const HELD = 1;
export const IN_FLIGHT = 2;
export const WAITS_FOR_BARRIER = 3;
const CHAINS = 4;

/** What a table holds, as numbers. Which slot a block is in counts: a borrowed one keeps its frame, and those below it. */
export interface SlotCopy {
  readonly frames: number;
  /** `SLOT_COLUMNS` numbers for each cached block, coldest first. */
  readonly rows: Float64Array;
  /** For each chain, its slots in order. */
  readonly chains: readonly (readonly number[])[];
  /** Empty slots, the last of them taken first. */
  readonly free: readonly number[];
}

/** Of a row: the slot, what the arrays hold of it, and its standing with the eviction policy. */
export const SLOT_COLUMNS = 14;

export class SlotTable {
  readonly capacity: number;
  readonly block: Float64Array;
  readonly status: Uint8Array;
  readonly flags: Uint8Array;
  /** The newest generation of the bytes; 0 for bytes that came from the device. */
  readonly generation: Float64Array;
  /** The first generation that no device write has carried yet; 0 if there is none. */
  readonly dirtyBase: Float64Array;
  /** The first generation that the device write in flight carries; 0 if there is none. */
  readonly carriedBase: Float64Array;
  /** The first generation that the device holds and no barrier has covered; 0 if there is none. */
  readonly writtenBase: Float64Array;
  /** The first barrier that covers what the device holds. */
  readonly neededBarrier: Float64Array;
  /** When the bytes last came to be in their chain, nanoseconds. */
  readonly since: Float64Array;
  /** The fill that the slot waits for, or was filled by. */
  readonly fill: Float64Array;
  readonly pins: Int32Array;
  /** Used since the last idle check. */
  readonly used: Uint8Array;
  readonly chains: Chains;
  readonly policy: EvictionPolicy;
  readonly isEvictable: (slot: number) => boolean;
  resident = 0;
  evictable = 0;
  pinned = 0;
  loading = 0;
  /** Frames made: slots that may be occupied. At most the capacity. */
  frames = 0;
  /** All that is known of a slot, but for its place in chains and policy. */
  readonly #columns: readonly (Float64Array | Uint8Array | Int32Array)[];
  readonly #index: SlotIndex;
  readonly #free: Int32Array;
  #freeCount = 0;
  #lastBlock = -1;
  #lastSlot = -1;

  constructor(capacity: number, policy: PolicyName) {
    this.capacity = capacity;
    this.block = new Float64Array(capacity).fill(-1);
    this.status = new Uint8Array(capacity);
    this.flags = new Uint8Array(capacity);
    this.generation = new Float64Array(capacity);
    this.dirtyBase = new Float64Array(capacity);
    this.carriedBase = new Float64Array(capacity);
    this.writtenBase = new Float64Array(capacity);
    this.neededBarrier = new Float64Array(capacity);
    this.since = new Float64Array(capacity);
    this.fill = new Float64Array(capacity);
    this.pins = new Int32Array(capacity);
    this.used = new Uint8Array(capacity);
    this.chains = new Chains(capacity, CHAINS);
    this.policy = createPolicy(policy, capacity);
    this.isEvictable = (slot) => this.status[slot] === CLEAN && this.pins[slot] === 0;
    this.#columns = [
      this.block,
      this.status,
      this.flags,
      this.generation,
      this.dirtyBase,
      this.carriedBase,
      this.writtenBase,
      this.neededBarrier,
      this.since,
      this.fill,
      this.pins,
      this.used,
    ];
    this.#index = new SlotIndex(capacity, this.block);
    this.#free = new Int32Array(capacity);
  }

  /** Slots that are made and empty. */
  get free(): number {
    return this.#freeCount;
  }

  /** Blocks whose bytes must be kept: dirty, being written or not yet covered by a barrier. */
  get kept(): number {
    const { counts } = this.chains;
    return counts[READY] + counts[HELD] + counts[IN_FLIGHT] + counts[WAITS_FOR_BARRIER];
  }

  /** The slot of a block, or -1. Remembers the last one, since deciding and evolving ask for the same. */
  find(block: number): number {
    if (block === this.#lastBlock) return this.#lastSlot;
    const slot = this.#index.find(block);
    if (slot !== -1) {
      this.#lastBlock = block;
      this.#lastSlot = slot;
    }
    return slot;
  }

  /** The state of a block, cached or not. */
  statusOf(block: number): number {
    const slot = this.find(block);
    return slot === -1 ? ABSENT : this.status[slot];
  }

  /** A use of a cached block. */
  touch(slot: number): void {
    this.used[slot] = 1;
    this.policy.touch(slot);
  }

  /** Gives an absent block a free slot. The caller sets its state at once. */
  occupy(block: number): number {
    assert(this.#freeCount > 0, 'there is a free slot');
    const slot = this.#free[--this.#freeCount];
    this.block[slot] = block;
    this.#index.insert(block, slot);
    this.policy.add(slot);
    this.used[slot] = 1;
    this.resident++;
    return slot;
  }

  /** Moves a block on by one trigger and keeps counts and chains right. Returns the new state. */
  transition(slot: number, trigger: number, at: number): number {
    const from = this.status[slot];
    const to = nextState(from, trigger);
    if (to === from) return to;
    if (from === CLEAN && this.pins[slot] === 0) this.evictable--;
    if (from === LOADING) this.loading--;
    if (to === LOADING) this.loading++;
    this.status[slot] = to;
    this.rechain(slot, at);
    if (to === CLEAN && this.pins[slot] === 0) this.#becomeEvictable(slot);
    if (to === ABSENT) this.#vacate(slot);
    return to;
  }

  /** Puts a slot into the chain that its state and flags ask for, at its end if that is another. */
  rechain(slot: number, at: number): void {
    const chain = this.#chainFor(slot);
    const current = this.chains.chainOf(slot);
    if (chain === current) return;
    if (current !== -1) this.chains.remove(slot);
    if (chain === -1) return;
    this.chains.append(chain, slot);
    this.since[slot] = at;
  }

  setFlag(slot: number, flag: number, at: number): void {
    this.flags[slot] |= flag;
    this.rechain(slot, at);
  }

  clearFlag(slot: number, flag: number, at: number): void {
    this.flags[slot] &= ~flag;
    this.rechain(slot, at);
  }

  pin(slot: number): void {
    if (this.pins[slot]++ > 0) return;
    this.pinned++;
    if (this.status[slot] === CLEAN) this.evictable--;
  }

  unpin(slot: number): void {
    assert(this.pins[slot] > 0, 'only what is pinned is released');
    if (--this.pins[slot] > 0) return;
    this.pinned--;
    if (this.status[slot] === CLEAN) this.#becomeEvictable(slot);
  }

  /** Makes slots up to `frames` usable. */
  grow(frames: number): void {
    assert(frames <= this.capacity, 'frames fit in the table');
    for (let slot = frames - 1; slot >= this.frames; slot--) this.#free[this.#freeCount++] = slot;
    this.frames = frames;
  }

  /**
   * Empties all slots from `frames` on by moving their blocks to free slots below. `moved` copies the bytes. There must
   * be room, and nothing pinned above.
   */
  shrink(frames: number, moved: (from: number, to: number) => void): void {
    const below: number[] = [];
    for (let slot = frames - 1; slot >= 0; slot--) if (this.status[slot] === ABSENT) below.push(slot);
    for (let from = frames; from < this.frames; from++) {
      if (this.status[from] === ABSENT) continue;
      assert(this.pins[from] === 0, 'a pinned block does not move');
      const to = below.pop();
      assert(to !== undefined, 'there is room below');
      this.#move(from, to);
      moved(from, to);
    }
    this.#freeCount = 0;
    for (const slot of below) this.#free[this.#freeCount++] = slot;
    this.frames = frames;
    this.#forget();
  }

  /** Takes over all blocks of a smaller table, slot by slot, so that bytes stay where they are. */
  takeOver(old: SlotTable): void {
    this.grow(old.frames);
    this.#freeCount = 0;
    const coldestFirst: number[] = [];
    old.policy.fromColdest((slot) => coldestFirst.push(slot) > 0);
    for (const slot of coldestFirst) {
      this.block[slot] = old.block[slot];
      this.#index.insert(old.block[slot], slot);
      this.policy.restore(slot, old.policy.standing(slot));
      this.#copy(old, slot);
    }
    for (let chain = 0; chain < CHAINS; chain++) {
      for (let slot = old.chains.head(chain); slot !== -1; slot = old.chains.next(slot))
        this.chains.append(chain, slot);
    }
    for (let slot = old.frames - 1; slot >= 0; slot--)
      if (this.status[slot] === ABSENT) this.#free[this.#freeCount++] = slot;
    this.resident = old.resident;
    this.evictable = old.evictable;
    this.pinned = old.pinned;
    this.loading = old.loading;
  }

  copy(): SlotCopy {
    const rows = new Float64Array(this.resident * SLOT_COLUMNS);
    let at = 0;
    this.policy.fromColdest((slot) => {
      rows[at++] = slot;
      for (const column of this.#columns) rows[at++] = column[slot];
      rows[at++] = this.policy.standing(slot);
      return true;
    });
    const chains: number[][] = [];
    for (let chain = 0; chain < CHAINS; chain++) {
      const slots: number[] = [];
      for (let slot = this.chains.head(chain); slot !== -1; slot = this.chains.next(slot)) slots.push(slot);
      chains.push(slots);
    }
    return { frames: this.frames, rows, chains, free: [...this.#free.subarray(0, this.#freeCount)] };
  }

  /** Fills a new table with a copy of another of the same policy. */
  restore({ frames, rows, chains, free }: SlotCopy): void {
    assert(this.frames === 0 && frames <= this.capacity, 'the copy fits into an empty table');
    this.frames = frames;
    for (let at = 0; at < rows.length; at += SLOT_COLUMNS) {
      const slot = rows[at];
      assert(slot >= 0 && slot < frames && this.block[slot] === -1, 'a slot is filled once');
      this.#columns.forEach((column, index) => {
        column[slot] = rows[at + 1 + index];
      });
      this.#index.insert(this.block[slot], slot);
      this.policy.restore(slot, rows[at + SLOT_COLUMNS - 1]);
      this.resident++;
      if (this.pins[slot] > 0) this.pinned++;
      if (this.status[slot] === LOADING) this.loading++;
      if (this.isEvictable(slot)) this.evictable++;
    }
    chains.forEach((slots, chain) => {
      for (const slot of slots) this.chains.append(chain, slot);
    });
    this.#free.set(free);
    this.#freeCount = free.length;
  }

  /** Calls back with each cached block's slot in a range: by block where the range is short, else by slot. */
  eachInRange(block: number, count: number, visit: (slot: number) => void): void {
    if (count > this.frames) {
      for (let slot = 0; slot < this.frames; slot++) {
        if (this.status[slot] !== ABSENT && this.block[slot] >= block && this.block[slot] - block < count) visit(slot);
      }
      return;
    }
    for (let offset = 0; offset < count; offset++) {
      const slot = this.find(block + offset);
      if (slot !== -1) visit(slot);
    }
  }

  #chainFor(slot: number): number {
    switch (this.status[slot]) {
      case DIRTY:
        return (this.flags[slot] & HOLDING) !== 0 ? HELD : READY;
      case WRITING:
        return IN_FLIGHT;
      case UNSYNCED:
        return WAITS_FOR_BARRIER;
      default:
        return -1;
    }
  }

  #becomeEvictable(slot: number): void {
    this.evictable++;
    this.policy.settle(slot);
  }

  #vacate(slot: number): void {
    assert(this.pins[slot] === 0, 'a pinned block stays');
    this.#index.remove(this.block[slot]);
    this.#forget();
    this.policy.remove(slot);
    this.#reset(slot);
    this.resident--;
    this.#free[this.#freeCount++] = slot;
  }

  /** An empty slot knows nothing of the block that was in it. */
  #reset(slot: number): void {
    this.block[slot] = -1;
    this.status[slot] = ABSENT;
    this.flags[slot] = 0;
    this.generation[slot] = 0;
    this.dirtyBase[slot] = 0;
    this.carriedBase[slot] = 0;
    this.writtenBase[slot] = 0;
    this.neededBarrier[slot] = 0;
    this.since[slot] = 0;
    this.fill[slot] = 0;
    this.pins[slot] = 0;
    this.used[slot] = 0;
  }

  #move(from: number, to: number): void {
    this.#index.move(this.block[from], to);
    this.block[to] = this.block[from];
    this.#copy(this, from, to);
    this.policy.move(from, to);
    this.chains.replace(from, to);
    this.#reset(from);
  }

  #copy(source: SlotTable, from: number, to = from): void {
    this.status[to] = source.status[from];
    this.flags[to] = source.flags[from];
    this.generation[to] = source.generation[from];
    this.dirtyBase[to] = source.dirtyBase[from];
    this.carriedBase[to] = source.carriedBase[from];
    this.writtenBase[to] = source.writtenBase[from];
    this.neededBarrier[to] = source.neededBarrier[from];
    this.since[to] = source.since[from];
    this.fill[to] = source.fill[from];
    this.pins[to] = source.pins[from];
    this.used[to] = source.used[from];
  }

  #forget(): void {
    this.#lastBlock = -1;
    this.#lastSlot = -1;
  }
}
