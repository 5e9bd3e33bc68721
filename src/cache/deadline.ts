import { HELD, PARKED, READY, WAITS_FOR_BARRIER } from './slot-table.js';
import type { CacheState } from './state.js';

/**
 * When the core next wants a tick, in nanoseconds since the epoch, or null if nothing waits for a time.
 *
 * What is old enough to be written back, and was not when the core last came to rest at `decidedAt`, waits for an answer
 * of the device and not for a time: asking for a tick would only spin.
 */
export function nextDeadline(state: CacheState, decidedAt: number): number | null {
  if (state.phase === 'closed' || state.phase === 'unopened') return null;
  const { limits, slots } = state;
  let next = Math.min(dueAt(state, READY, decidedAt), dueAt(state, WAITS_FOR_BARRIER, decidedAt));
  if (slots.chains.counts[READY] > 0 && state.holdOffUntil > Math.max(0, decidedAt))
    next = Math.min(next, state.holdOffUntil);
  for (const retry of state.retries) next = Math.min(next, retry.dueAt);
  if (state.admissions.size > 0) {
    for (const { since } of state.admissions.values()) {
      next = Math.min(next, since + limits.admissionTimeoutNs);
      break;
    }
    if (hasParked(state)) next = Math.min(next, state.lastParkedAt + limits.retryCapNs);
  }
  if (slots.frames > Math.min(state.capacity, state.slabBlocks)) {
    next = Math.min(next, state.lastIdleCheck + limits.idleShrinkNs);
  }
  return next === Number.POSITIVE_INFINITY ? null : next;
}

/** When the oldest of a chain is too old, if that is still to come. */
function dueAt(state: CacheState, chain: number, decidedAt: number): number {
  const oldest = state.slots.chains.head(chain);
  if (oldest === -1) return Number.POSITIVE_INFINITY;
  const due = state.slots.since[oldest] + state.limits.dirtyAgeNs;
  return due > decidedAt ? due : Number.POSITIVE_INFINITY;
}

function hasParked(state: CacheState): boolean {
  const { chains, flags } = state.slots;
  for (let slot = chains.head(HELD); slot !== -1; slot = chains.next(slot))
    if ((flags[slot] & PARKED) !== 0) return true;
  return false;
}
