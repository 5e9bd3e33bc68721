/** What to write back, as a pure function of the state: chooses blocks, sorts them, joins neighbours into runs. */
import type { WritebackReason } from './events.js';
import { dirtyBackgroundBlocks, runBlocksMax } from './limits.js';
import { READY } from './slot-table.js';
import { type CacheState, hasGivenUp, type PendingWait } from './state.js';

export interface WritebackPlan {
  readonly reason: WritebackReason;
  readonly blocks: number;
  /** block, count, block, count, … in order of block. */
  readonly runs: readonly number[];
}

/**
 * The next batch, or null if nothing has to be written. `pressed` says that a request waits for room. The first reason
 * that holds is taken: somebody waits for durability, somebody waits for room, too much is dirty, something is too old.
 */
export function planWriteback(state: CacheState, at: number, pressed: WritebackReason | null): WritebackPlan | null {
  if (state.slots.chains.counts[READY] === 0) return null;
  return planForWaits(state) ?? (at < state.holdOffUntil ? null : planUnasked(state, at, pressed));
}

/** A device that cannot sync is not written to all the time, only because what it was given is dirty again. */
function planUnasked(state: CacheState, at: number, pressed: WritebackReason | null): WritebackPlan | null {
  return (
    (pressed === null ? null : planOf(state, pressed, coldest(state, pressureBlocks(state)))) ??
    planBackground(state) ??
    planAged(state, at)
  );
}

/** Sorted runs of neighbours, none longer than a device write may be. */
export function coalesce(blocks: Float64Array, runBlocks: number): number[] {
  blocks.sort();
  const runs: number[] = [];
  for (let at = 0; at < blocks.length; ) {
    let end = at + 1;
    while (end < blocks.length && end - at < runBlocks && blocks[end] === blocks[end - 1] + 1) end++;
    runs.push(blocks[at], end - at);
    at = end;
  }
  return runs;
}

function planForWaits(state: CacheState): WritebackPlan | null {
  if (state.waits.size === 0) return null;
  for (const wait of state.waits.values()) {
    if (wait.unwritten === 0 || hasGivenUp(state, wait)) continue;
    const plan = planOf(state, wait.kind === 'through' ? 'through' : 'flush', wanted(state, wait));
    if (plan !== null) return plan;
  }
  return null;
}

function planBackground(state: CacheState): WritebackPlan | null {
  const background = dirtyBackgroundBlocks(state.limits, state.capacity);
  const excess = state.slots.chains.counts[READY] - background;
  if (excess < 0) return null;
  return planOf(state, 'background', coldest(state, excess + pressureBlocks(state)));
}

/** All that is at least half as old as allowed goes along, so that a steady trickle of writes makes few batches. */
function planAged(state: CacheState, at: number): WritebackPlan | null {
  const { chains, since, block } = state.slots;
  const oldest = chains.head(READY);
  if (since[oldest] + state.limits.dirtyAgeNs > at) return null;
  const blocks: number[] = [];
  const youngest = at - state.limits.dirtyAgeNs / 2;
  for (let slot = oldest; slot !== -1 && since[slot] <= youngest; slot = chains.next(slot)) {
    if (!state.isLocked(block[slot], 1)) blocks.push(block[slot]);
  }
  return planOf(state, 'age', blocks);
}

function planOf(state: CacheState, reason: WritebackReason, blocks: readonly number[]): WritebackPlan | null {
  if (blocks.length === 0) return null;
  const runs = coalesce(Float64Array.from(blocks), runBlocksMax(state.limits, state.blockSize));
  return { reason, blocks: blocks.length, runs };
}

/** An eighth of the capacity: enough to make a batch worth its barrier. */
function pressureBlocks(state: CacheState): number {
  return Math.max(1, Math.floor(state.capacity / 8));
}

/** The blocks that a wait still needs written. */
function wanted(state: CacheState, wait: PendingWait): number[] {
  const { chains, block, dirtyBase } = state.slots;
  const blocks: number[] = [];
  for (let slot = chains.head(READY); slot !== -1; slot = chains.next(slot)) {
    const offset = block[slot] - wait.block;
    if (offset < 0 || offset >= wait.count || dirtyBase[slot] > wait.generation) continue;
    if (!state.isLocked(block[slot], 1)) blocks.push(block[slot]);
  }
  return blocks;
}

/** The dirty blocks whose leaving costs least: those that the eviction policy would have go first. */
function coldest(state: CacheState, most: number): number[] {
  const { slots } = state;
  const wantedBlocks = Math.min(most, state.limits.batchBlocksMax);
  const blocks: number[] = [];
  slots.policy.fromColdest((slot) => {
    if (slots.chains.chainOf(slot) === READY && !state.isLocked(slots.block[slot], 1)) blocks.push(slots.block[slot]);
    return blocks.length < wantedBlocks;
  });
  return blocks;
}
