/**
 * What is remembered of failures that were final enough to be told: for each, which handles were open when it happened and
 * have not been told. One that is not resolved is told to everybody by its block; one that is, once to each of these.
 */
import { RESOLVED_FAILURES_MAX } from '../limits.js';
import { type CacheState, isOwed, type RememberedFailure } from '../state.js';
import type { FailureEnd } from '../events.js';

/** A block was parked, or named to somebody as not safe. The same failure once more is owed only to who came since. */
export function remember(state: CacheState, failure: { block: number; code: string; io: number; seq: number }): void {
  const { block, code, io, seq } = failure;
  const known = state.remembered.get(block);
  const owed: number[] = known === undefined ? [] : [...known.owed];
  for (const { handle, openedSeq } of state.handles.values()) {
    if (known === undefined || openedSeq > known.seq) owed.push(handle);
  }
  state.remembered.set(block, { block, code, io, seq, owed });
}

/** A handle has been told of a failure that is not resolved. */
export function noteTold(state: CacheState, block: number, handle: number): void {
  const known = state.remembered.get(block);
  if (known !== undefined) known.owed = without(known.owed, handle);
}

export interface Resolution {
  readonly at: number;
  /** The barrier or the clear; 0 where the device had no part in it. */
  readonly io: number;
  readonly end: FailureEnd;
}

export function resolve(state: CacheState, block: number, { at, io, end }: Resolution): void {
  const known = state.remembered.get(block);
  if (known === undefined) return;
  state.remembered.delete(block);
  if (known.owed.length === 0) return;
  state.resolved.push({ ...known, resolvedAt: at, resolvedIo: io, end });
  if (state.resolved.length > RESOLVED_FAILURES_MAX) forget(state, state.resolved.shift());
}

/** Of what cannot be kept, each handle that is owed it learns that there was something. */
function forget(state: CacheState, failure: RememberedFailure | undefined): void {
  if (failure === undefined) return;
  for (const number of failure.owed) {
    const handle = state.handles.get(number);
    if (handle === undefined) continue;
    handle.forgottenFrom = handle.forgotten === 0 ? failure.block : Math.min(handle.forgottenFrom, failure.block);
    handle.forgottenEnd = Math.max(handle.forgottenEnd, failure.block + 1);
    handle.forgotten++;
  }
}

/** Blocks have other numbers from here on: that something had failed is all that can still be told. */
export function forgetBlocks(state: CacheState): void {
  for (const failure of state.resolved.splice(0)) forget(state, failure);
  for (const handle of state.handles.values()) {
    handle.forgottenFrom = 0;
    handle.forgottenEnd = handle.forgotten === 0 ? 0 : Number.MAX_SAFE_INTEGER;
  }
}

/** A handle has been told of all that was resolved in a range. */
export function forgive(state: CacheState, number: number, range: { block: number; count: number }): void {
  for (const failure of state.resolved) {
    if (isOwed(failure, number, range)) failure.owed = without(failure.owed, number);
  }
  dropTold(state);
  const handle = state.handles.get(number);
  if (handle === undefined) return;
  handle.forgotten = 0;
  handle.forgottenFrom = 0;
  handle.forgottenEnd = 0;
}

/** A handle is closed: nothing is owed to it any more. */
export function release(state: CacheState, number: number): void {
  state.handles.delete(number);
  for (const failure of [...state.remembered.values(), ...state.resolved]) failure.owed = without(failure.owed, number);
  dropTold(state);
}

function dropTold(state: CacheState): void {
  state.resolved = state.resolved.filter(({ owed }) => owed.length > 0);
}

function without(handles: readonly number[], handle: number): number[] {
  return handles.filter((other) => other !== handle);
}
