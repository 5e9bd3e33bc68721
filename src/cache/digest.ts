/** A stable digest of the whole state: equal for equal histories, on any machine, whichever slots blocks happen to be in. */
import { ABSENT } from './block-state.js';
import type { CacheState } from './state.js';

/** 16 hex digits. Depends on the block states, order of recency, everything pending, limits and counters; not on bytes. */
export function hashState(state: CacheState): string {
  const digest = new Digest();
  digest.number(state.seq);
  digest.text(state.phase);
  hashScalars(state, digest);
  hashBlocks(state, digest);
  for (const pending of [state.reads, state.admissions, state.waits, state.clears, state.ios, state.stuck]) {
    digest.number(pending.size);
    for (const entry of pending.values()) digest.record(entry);
  }
  for (const run of state.runs) digest.record(run);
  for (const retry of state.retries) digest.record(retry);
  for (const [block, failure] of state.failures) {
    digest.number(block);
    digest.record(failure);
  }
  for (const told of [[...state.handles.values()], [...state.remembered.values()], state.resolved]) {
    digest.number(told.length);
    for (const entry of told) digest.record(entry);
  }
  digest.record(state.counters);
  digest.record(state.limits);
  return digest.value;
}

function hashScalars(state: CacheState, digest: Digest): void {
  digest.number(state.blockSize);
  digest.number(state.deviceBytes);
  digest.number(state.capacity);
  digest.number(state.slots.frames);
  digest.number(state.generation);
  digest.number(state.lastOp);
  digest.number(state.lastIo);
  digest.number(state.lastBatch);
  digest.text(state.lastBatchReason);
  digest.number(state.barriersStarted);
  digest.number(state.barrierDone);
  digest.number(state.failedBarrierIo);
  digest.number(state.barrierFailures);
  digest.number(state.holdOffUntil);
  digest.number(state.random);
  digest.number(state.blockSizeOp);
  digest.number(state.lastIdleCheck);
  digest.number(state.lastParkedAt);
  digest.number(state.readaheadBlocks);
}

function hashBlocks(state: CacheState, digest: Digest): void {
  const { slots } = state;
  slots.policy.fromColdest((slot) => {
    if (slots.status[slot] === ABSENT) return true;
    digest.number(slots.block[slot]);
    digest.number(slots.status[slot]);
    digest.number(slots.flags[slot]);
    digest.number(slots.generation[slot]);
    digest.number(slots.dirtyBase[slot]);
    digest.number(slots.carriedBase[slot]);
    digest.number(slots.writtenBase[slot]);
    digest.number(slots.neededBarrier[slot]);
    digest.number(slots.since[slot]);
    digest.number(slots.fill[slot]);
    digest.number(slots.pins[slot]);
    digest.number(slots.used[slot]);
    digest.number(slots.policy.standing(slot));
    return true;
  });
}

/** Two lanes of 32 bits, mixed as in MurmurHash3 with different seeds. Fast, stable; not against an adversary. */
class Digest {
  #a = 0x243f6a88;
  #b = 0x85a308d3;
  readonly #double = new Float64Array(1);
  readonly #words = new Uint32Array(this.#double.buffer);

  get value(): string {
    return finish(this.#a) + finish(this.#b);
  }

  number(value: number): void {
    // -0 and 0 are one number here, as they are to the core.
    this.#double[0] = value + 0;
    this.#word(this.#words[0]);
    this.#word(this.#words[1]);
  }

  text(value: string): void {
    this.number(value.length);
    for (let at = 0; at < value.length; at++) this.#word(value.charCodeAt(at));
  }

  /** Every field of a flat record in its order, lists of numbers and nested records included. */
  record(value: object): void {
    for (const field of Object.values(value)) this.#field(field);
  }

  #field(value: unknown): void {
    if (typeof value === 'number') this.number(value);
    else if (typeof value === 'string') this.text(value);
    else if (typeof value === 'boolean') this.number(value ? 1 : 0);
    else if (value === null) this.text('null');
    else if (typeof value === 'object' && value !== undefined) this.record(value);
  }

  #word(word: number): void {
    this.#a = mix(this.#a, word, 0xcc9e2d51, 0x1b873593);
    this.#b = mix(this.#b, word, 0x85ebca6b, 0xc2b2ae35);
  }
}

function mix(state: number, word: number, first: number, second: number): number {
  let key = Math.imul(word, first);
  key = Math.imul((key << 15) | (key >>> 17), second);
  const mixed = state ^ key;
  return (Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe6546b64) | 0;
}

function finish(state: number): string {
  let mixed = state ^ (state >>> 16);
  mixed = Math.imul(mixed, 0x85ebca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2ae35);
  mixed ^= mixed >>> 16;
  return (mixed >>> 0).toString(16).padStart(8, '0');
}
