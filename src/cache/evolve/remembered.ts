/**
 * What is remembered of failures that were final enough to be told: for each, which handles were open when it happened and
 * have not been told. One that is not resolved is told to everybody by its block; one that is, once to each of these.
 */
import { blockCountOf } from '../../device/geometry.js';
import type { FailureEnd } from '../events.js';
import { RESOLVED_FAILURES_MAX } from '../limits.js';
import { type CacheState, isOwed, type RememberedFailure, type ResolvedFailure } from '../state.js';

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
function forget(state: CacheState, failure: RememberedFailure | undefined, count = 1): void {
  if (failure === undefined || count === 0) return;
  const { block } = failure;
  for (const number of failure.owed) {
    const handle = state.handles.get(number);
    if (handle === undefined) continue;
    handle.forgottenFrom = handle.forgotten === 0 ? block : Math.min(handle.forgottenFrom, block);
    handle.forgottenEnd = Math.max(handle.forgottenEnd, block + count);
    handle.forgotten += count;
  }
}

/** The same bytes have other numbers from here on: a failure is that of every block that holds some of them. */
export function renumber(state: CacheState, from: number, to: number): void {
  const blocks = blockCountOf(state.deviceBytes, to);
  const first = (block: number) => Math.floor((block * from) / to);
  const end = (block: number) => Math.min(blocks, Math.ceil((block * from) / to));
  for (const handle of state.handles.values()) {
    handle.forgottenFrom = first(handle.forgottenFrom);
    handle.forgottenEnd = end(handle.forgottenEnd);
  }
  const resolved = state.resolved.splice(0);
  const total = resolved.reduce((sum, { block }) => sum + end(block + 1) - first(block), 0);
  let excess = Math.max(0, total - RESOLVED_FAILURES_MAX);
  for (const failure of resolved) {
    let block = first(failure.block);
    const forgotten = Math.min(excess, end(failure.block + 1) - block);
    forget(state, { ...failure, block }, forgotten);
    excess -= forgotten;
    for (block += forgotten; block < end(failure.block + 1); block++) addRenumbered(state, { ...failure, block });
  }
}

/** Blocks that are one block now, and failed and ended in one operation each, are one failure. */
function addRenumbered(state: CacheState, failure: ResolvedFailure): void {
  const { block, code, io, end, resolvedIo } = failure;
  const same = state.resolved.find((other) => {
    return other.block === block && other.io === io && other.code === code && isEnd(other, end, resolvedIo);
  });
  if (same === undefined) state.resolved.push(failure);
  else same.owed = [...new Set([...same.owed, ...failure.owed])];
}

function isEnd(failure: ResolvedFailure, end: FailureEnd, io: number): boolean {
  return failure.end === end && failure.resolvedIo === io;
}

interface Told {
  readonly block: number;
  readonly count: number;
  /** How many it was told of by number. */
  readonly forgotten: number;
}

/** A handle has been told of all that was resolved in a range. */
export function forgive(state: CacheState, number: number, told: Told): void {
  for (const failure of state.resolved) {
    if (isOwed(failure, number, told)) failure.owed = without(failure.owed, number);
  }
  dropTold(state);
  const handle = state.handles.get(number);
  if (handle === undefined || told.forgotten === 0) return;
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
