/**
 * Which generations of a block are not safe yet, and the counts that flushes and other waits keep of such blocks.
 */
import type { CacheState, PendingWait } from '../state.js';

/** Sets what a block has that the device was not given, is being given, and was given without a barrier since. */
export function setBases(state: CacheState, slot: number, dirty: number, carried: number, written: number): void {
  const { slots } = state;
  if (state.waits.size > 0) recount(state, slot, dirty, carried, written);
  slots.dirtyBase[slot] = dirty;
  slots.carriedBase[slot] = carried;
  slots.writtenBase[slot] = written;
}

/** The older of two generations, where 0 is none. */
export function older(a: number, b: number): number {
  if (a === 0) return b;
  return b === 0 ? a : Math.min(a, b);
}

/** Counts for a wait that begins now. */
export function addWait(state: CacheState, wait: PendingWait): void {
  const { slots } = state;
  slots.eachInRange(wait.block, wait.count, (slot) => {
    const unwritten = isWithin(slots.dirtyBase[slot], wait) || isWithin(slots.carriedBase[slot], wait);
    if (unwritten) wait.unwritten++;
    if (unwritten || isWithin(slots.writtenBase[slot], wait)) wait.undurable++;
  });
  state.waits.set(wait.op, wait);
}

function recount(state: CacheState, slot: number, dirty: number, carried: number, written: number): void {
  const { slots } = state;
  const block = slots.block[slot];
  for (const wait of state.waits.values()) {
    if (block < wait.block || block - wait.block >= wait.count) continue;
    const wasUnwritten = isWithin(slots.dirtyBase[slot], wait) || isWithin(slots.carriedBase[slot], wait);
    const wasUndurable = wasUnwritten || isWithin(slots.writtenBase[slot], wait);
    const unwritten = isWithin(dirty, wait) || isWithin(carried, wait);
    const undurable = unwritten || isWithin(written, wait);
    wait.unwritten += Number(unwritten) - Number(wasUnwritten);
    wait.undurable += Number(undurable) - Number(wasUndurable);
  }
}

function isWithin(base: number, wait: PendingWait): boolean {
  return base !== 0 && base <= wait.generation;
}
