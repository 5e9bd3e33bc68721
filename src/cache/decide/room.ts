/** Frames: is there room for blocks, and making it by growing or by evicting clean blocks. */
import { assert } from '../../device/errors.js';
import type { EvictionReason, ResizeReason } from '../events.js';
import { overlaps, type CacheState } from '../state.js';
import type { Turn } from '../turn.js';

interface Range {
  readonly block: number;
  readonly count: number;
}

/** Blocks that could be taken in now, without evicting any of `range`. */
export function roomFor(state: CacheState, range: Range): number {
  const { slots } = state;
  const growable = Math.max(0, state.capacity - slots.frames);
  const inUse = slots.resident - slots.evictable;
  const room = Math.min(slots.free + growable + slots.evictable, Math.max(0, state.capacity - inUse));
  if (room === 0 || slots.evictable === 0 || range.count === 1) return room;
  let own = 0;
  slots.eachInRange(range.block, range.count, (slot) => {
    if (slots.isEvictable(slot)) own++;
  });
  return Math.max(0, room - own);
}

/** Some of `blocks` frames are missing, so that making room for them will be an event of its own. */
export function needsWork(state: CacheState, blocks: number): boolean {
  return blocks > 0 && (state.slots.free < blocks || state.slots.resident + blocks > state.capacity);
}

/** Makes free frames for `blocks` blocks: grows first, then evicts the coldest, sparing `range`. There must be room. */
export function makeRoom(turn: Turn, blocks: number, range: Range): void {
  const { state } = turn;
  if (blocks === 0) return;
  while (state.slots.free < blocks && state.slots.frames < state.capacity) {
    const slab = Math.min(state.slabBlocks, state.capacity);
    resize(turn, 'growth', state.capacity, Math.min(state.capacity, state.slots.frames + slab));
  }
  while (state.slots.free < blocks || state.slots.resident + blocks > state.capacity) evictColdest(turn, 'room', range);
}

/** After a resize, and when blocks above the capacity become clean: evicts them and gives their frames back. */
export function returnFrames(turn: Turn): void {
  const { state } = turn;
  if (state.slots.frames <= state.capacity) return;
  while (state.slots.resident > state.capacity && state.slots.evictable > 0) evictColdest(turn, 'resize', NOTHING);
  if (state.slots.resident > state.capacity) return;
  const frames = lowestFrames(state, state.capacity);
  if (frames < state.slots.frames) resize(turn, 'asked', state.capacity, frames);
}

/** Gives back the frames that an idle time has shown not to be needed. */
export function shrinkIdle(turn: Turn, used: number): void {
  const { state } = turn;
  const { slots } = state;
  const needed = Math.max(Math.ceil(used * 1.25), slots.kept + slots.pinned + slots.loading, 1);
  const target = Math.min(slots.frames, Math.ceil(needed / state.slabBlocks) * state.slabBlocks);
  if (target > slots.frames / 2) return;
  while (slots.resident > target && slots.evictable > 0) evictColdest(turn, 'idle', NOTHING);
  const frames = lowestFrames(state, Math.max(target, slots.resident));
  if (frames < slots.frames) resize(turn, 'idle', state.capacity, frames);
}

const NOTHING: Range = { block: 0, count: 0 };

function evictColdest(turn: Turn, reason: EvictionReason, spared: Range): void {
  const { slots } = turn.state;
  const slot = slots.policy.victim((candidate) => {
    return slots.isEvictable(candidate) && !overlaps(spared, slots.block[candidate], 1);
  });
  assert(slot !== -1, 'there is a block to evict');
  turn.emit({ type: 'evicted', seq: turn.seq, at: turn.at, cause: turn.cause, block: slots.block[slot], reason });
}

/** The fewest frames, at least `least`, that leave pinned blocks, whose views are in use, where they are. */
function lowestFrames(state: CacheState, least: number): number {
  const { slots } = state;
  if (slots.pinned === 0) return least;
  for (let slot = slots.frames - 1; slot >= least; slot--) if (slots.pins[slot] > 0) return slot + 1;
  return least;
}

function resize(turn: Turn, reason: ResizeReason, capacity: number, frames: number): void {
  const { seq, at, cause } = turn;
  turn.emit({ type: 'resized', seq, at, cause, op: 0, actor: '', trace: null, reason, capacity, frames });
}
