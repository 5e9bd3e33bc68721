/**
 * Discards, zeros and drops. The range is locked when one is asked for; it starts when nothing older is under way in it,
 * and the cached blocks go only when the device has done it, so that neither can an older block land on top nor is
 * anything lost if the device fails.
 */
import { ABSENT } from '../block-state.js';
import type { Input } from '../inputs.js';
import { type CacheState, type ClearIo, overlaps, type PendingClear } from '../state.js';
import { TIMEOUT_CODE } from '../failure-codes.js';
import type { Turn } from '../turn.js';
import type { Answer } from './answers.js';
import { overloaded, refuse, unavailable } from './refuse.js';

type ClearInput = Extract<Input, { type: 'clear' }>;

export function decideClear(turn: Turn, input: ClearInput): void {
  const { state } = turn;
  const refusal = refusalOf(state, input);
  if (refusal !== '') return refuse(turn, input.kind, input, refusal);
  const { seq, at, cause } = turn;
  const { op, actor, trace, block, count, kind, reason } = input;
  turn.emit({ type: 'clearQueued', seq, at, cause, op, actor, trace, block, count, kind, reason });
}

export function grantClears(turn: Turn): void {
  const { state } = turn;
  if (state.clears.size === 0) return;
  for (const clear of state.clears.values()) {
    if (clear.neededBarrier > 0) finishOrFail(turn, clear);
    else if (clear.io === 0 && isFirst(state, clear) && isQuiet(state, clear)) start(turn, clear);
  }
}

export function clearAnswered(turn: Turn, io: ClearIo, answer: Answer): void {
  const { state, seq, at, cause } = turn;
  const clear = state.clears.get(io.op);
  if (clear === undefined) return;
  const { op, block, count, clear: kind } = clear;
  const { startedAt, code, outcome } = answer;
  turn.emit({ type: 'clearAnswered', seq, at, cause, io: io.io, op, block, count, startedAt, kind, code, outcome });
  if (code !== '') fail(turn, clear, io.io, code);
  else if (kind === 'discard') finish(turn, clear);
  else if (clear.doubtIo !== 0) fail(turn, clear, clear.doubtIo, clear.doubtCode);
}

/** A barrier failed: what was cleared since the last good one may not be. */
export function failClears(turn: Turn, io: number, code: string): void {
  for (const clear of turn.state.clears.values()) if (clear.neededBarrier > 0) fail(turn, clear, io, code);
}

function refusalOf(state: CacheState, input: ClearInput): string {
  const refusal = unavailable(state) || overloaded(state);
  if (refusal !== '') return refusal;
  if (input.kind !== 'drop' && state.config.mode === 'readonly') return 'CACHETRAIL_READ_ONLY';
  return pinnedIn(state, input) ? 'CACHETRAIL_PINNED' : '';
}

function pinnedIn(state: CacheState, range: { readonly block: number; readonly count: number }): boolean {
  if (state.slots.pinned === 0) return false;
  let pinned = false;
  state.slots.eachInRange(range.block, range.count, (slot) => {
    if (state.slots.pins[slot] > 0) pinned = true;
  });
  return pinned;
}

/** Clears of overlapping ranges happen in the order in which they were asked for. */
function isFirst(state: CacheState, clear: PendingClear): boolean {
  for (const other of state.clears.values()) {
    if (other === clear) return true;
    if (overlaps(other, clear.block, clear.count)) return false;
  }
  return true;
}

function isQuiet(state: CacheState, clear: PendingClear): boolean {
  for (const io of state.ios.values()) {
    if (io.kind !== 'barrier' && overlaps(io, clear.block, clear.count)) return false;
  }
  return true;
}

function start(turn: Turn, clear: PendingClear): void {
  const { state } = turn;
  const { op, block, count, clear: kind } = clear;
  for (const stuck of state.stuck.values()) {
    if (stuck.kind === 'barrier' || stuck.kind === 'fill' || !overlaps(stuck, block, count)) continue;
    return fail(turn, clear, stuck.io, TIMEOUT_CODE);
  }
  if (kind === 'drop') return drop(turn, clear);
  // It could not be made durable before the device has answered.
  if (kind === 'zero' && state.owedBarrier !== null) return fail(turn, clear, state.owedBarrier.io, TIMEOUT_CODE);
  const { seq, at, cause } = turn;
  turn.emit({ type: 'clearStarted', seq, at, cause, io: state.lastIo + 1, block, count, op, kind });
}

function drop(turn: Turn, clear: PendingClear): void {
  const { slots } = turn.state;
  const blocks: number[] = [];
  slots.eachInRange(clear.block, clear.count, (slot) => {
    if (slots.chains.chainOf(slot) !== -1) blocks.push(slots.block[slot]);
  });
  const { seq, at, cause } = turn;
  const { op, reason } = clear;
  if (blocks.length > 0)
    turn.emit({ type: 'dirtyDiscarded', seq, at, cause, op, blocks: blocks.sort(ascending), reason });
  finish(turn, clear);
}

function finishOrFail(turn: Turn, clear: PendingClear): void {
  const { barrierDone, owedBarrier } = turn.state;
  if (barrierDone >= clear.neededBarrier) finish(turn, clear);
  else if (owedBarrier !== null) fail(turn, clear, owedBarrier.io, TIMEOUT_CODE);
}

function finish(turn: Turn, clear: PendingClear): void {
  const { state, seq, at, cause } = turn;
  const { op, block, count, clear: kind } = clear;
  let dropped = 0;
  state.slots.eachInRange(block, count, (slot) => {
    if (state.slots.status[slot] !== ABSENT) dropped++;
  });
  turn.emit({ type: 'clearFinished', seq, at, cause, op, block, count, kind, dropped });
}

function fail(turn: Turn, clear: PendingClear, io: number, code: string): void {
  const { seq, at, cause } = turn;
  const { op, block, count, clear: kind } = clear;
  turn.emit({ type: 'clearFailed', seq, at, cause, op, block, count, kind, io, code });
}

function ascending(a: number, b: number): number {
  return a - b;
}
