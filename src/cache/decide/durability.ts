/** Flushes, barriers, and the ends of everything that waits until writes are safe. */
import { assert } from '../../device/errors.js';
import type { BarrierReason } from '../events.js';
import { TIMEOUT_CODE } from '../failure-codes.js';
import type { Input } from '../inputs.js';
import { HELD, PARKED, STUCK, WAITS_FOR_BARRIER } from '../slot-table.js';
import { type CacheState, hasGivenUp, isOwed, NOBODY, overlaps, type PendingWait } from '../state.js';
import type { Turn } from '../turn.js';
import { refuse, unavailable } from './refuse.js';
import { nextRun } from './writeback.js';
import { headObstacle } from './writes.js';

type InputOf<Type extends Input['type']> = Extract<Input, { type: Type }>;

export function decideFlush(turn: Turn, input: InputOf<'flush'>): void {
  const { state } = turn;
  const refusal = unavailable(state);
  if (refusal !== '') return refuse(turn, 'flush', input, refusal);
  const { seq, at, cause } = turn;
  const { op, actor, trace, block, count, handle } = input;
  assert(handle === NOBODY || state.handles.has(handle), 'a flush is that of an open handle');
  let pending = 0;
  state.slots.eachInRange(block, count, (slot) => {
    if (state.slots.chains.chainOf(slot) !== -1) pending++;
  });
  const { generation } = state;
  turn.emit({ type: 'flushStarted', seq, at, cause, op, actor, trace, block, count, pending, generation, handle });
}

export function decideClose(turn: Turn, input: InputOf<'close'>): void {
  const { state } = turn;
  const refusal = unavailable(state) || lentRefusal(state);
  if (refusal !== '') return refuse(turn, 'close', input, refusal);
  const { seq, at, cause } = turn;
  const { op, actor, trace, abandon } = input;
  const generation = Number.MAX_SAFE_INTEGER;
  turn.emit({ type: 'closeStarted', seq, at, cause, op, actor, trace, abandon, generation });
}

export function decideBlockSize(turn: Turn, input: InputOf<'setBlockSize'>): void {
  const { state } = turn;
  const refusal = unavailable(state) || lentRefusal(state);
  if (refusal !== '') return refuse(turn, 'setBlockSize', { ...input, length: input.blockSize }, refusal);
  const { seq, at, cause } = turn;
  const { op, actor, trace, blockSize } = input;
  turn.emit({ type: 'blockSizeRequested', seq, at, cause, op, actor, trace, to: blockSize });
}

/** A borrow that waits counts: it would be granted before what comes after it is done. */
function lentRefusal(state: CacheState): string {
  if (state.slots.pinned > 0) return 'CACHETRAIL_PINNED';
  for (const admission of state.admissions.values()) if (admission.kind === 'borrow') return 'CACHETRAIL_PINNED';
  return '';
}

export function startBarrier(turn: Turn): void {
  const { state, seq, at, cause } = turn;
  if (state.barrier !== null || state.owedBarrier !== null || state.config.mode === 'readonly') return;
  const reason = barrierReason(state, at);
  if (reason === null) return;
  turn.emit({ type: 'barrierStarted', seq, at, cause, io: state.lastIo + 1, reason });
}

/** Ends what has what it waited for, or cannot have it. */
export function settleWaits(turn: Turn): void {
  const { state } = turn;
  if (state.waits.size === 0) return;
  for (const wait of state.waits.values()) settle(turn, wait);
}

function settle(turn: Turn, wait: PendingWait): void {
  const { state } = turn;
  if (!isSettled(state, wait)) return;
  switch (wait.kind) {
    case 'through':
      return settleThrough(turn, wait);
    case 'flush':
      return settleFlush(turn, wait);
    case 'close':
      return isAtRest(state) ? settleClose(turn, wait) : undefined;
    default:
      return isAtRest(state) ? settleBlockSize(turn, wait) : undefined;
  }
}

function settleThrough(turn: Turn, wait: PendingWait): void {
  const { seq, at, cause } = turn;
  const { op } = wait;
  if (wait.unwritten === 0) turn.emit({ type: 'writeFinished', seq, at, cause, op });
  else turn.emit({ type: 'writeFailed', seq, at, cause, op, ...survivors(turn.state, wait) });
}

function settleFlush(turn: Turn, wait: PendingWait): void {
  const { at, cause } = turn;
  const { op } = wait;
  const isSafe = isDurable(turn.state, wait);
  const told = tellResolved(turn, wait);
  if (isSafe && !told) return turn.emit({ type: 'flushFinished', seq: turn.seq, at, cause, op });
  const left = isSafe ? NO_SURVIVORS : survivors(turn.state, wait);
  turn.emit({ type: 'flushFailed', seq: turn.seq, at, cause, op, ...left });
}

const NO_SURVIVORS = { blocks: [], codes: [], ios: [], barrierIo: 0 };

/** Tells the one who asked of failures that have been resolved without it knowing; false if there were none. */
function tellResolved(turn: Turn, wait: PendingWait): boolean {
  const { state, seq, at, cause } = turn;
  const { op, handle } = wait;
  const told = state.resolved.filter((failure) => isOwed(failure, handle, wait));
  const forgotten = forgottenIn(state, wait);
  if (told.length === 0 && forgotten === 0) return false;
  turn.emit({
    type: 'resolvedTold',
    seq,
    at,
    cause,
    op,
    handle,
    blocks: told.map(({ block }) => block),
    codes: told.map(({ code }) => code),
    ios: told.map(({ io }) => io),
    ends: told.map(({ end }) => end),
    resolvedAt: told.map(({ resolvedAt }) => resolvedAt),
    resolvedIos: told.map(({ resolvedIo }) => resolvedIo),
    forgotten,
  });
  return true;
}

function forgottenIn(state: CacheState, wait: PendingWait): number {
  const handle = state.handles.get(wait.handle);
  if (handle === undefined || handle.forgotten === 0) return 0;
  const { forgottenFrom, forgottenEnd } = handle;
  return overlaps(wait, forgottenFrom, forgottenEnd - forgottenFrom) ? handle.forgotten : 0;
}

function settleClose(turn: Turn, wait: PendingWait): void {
  const { state } = turn;
  const { op, abandon } = wait;
  // Who gives up what cannot be saved knows that there were failures.
  if (abandon === '') tellResolved(turn, wait);
  if (!isDurable(state, wait)) {
    const left = survivors(state, wait);
    const { seq, at, cause } = turn;
    if (abandon === '') return turn.emit({ type: 'closeFailed', seq, at, cause, op, ...left });
    if (left.blocks.length > 0) {
      turn.emit({ type: 'dirtyDiscarded', seq, at, cause, op, blocks: left.blocks, reason: abandon });
    }
  }
  turn.emit({ type: 'closed', seq: turn.seq, at: turn.at, cause: turn.cause, op });
}

function settleBlockSize(turn: Turn, wait: PendingWait): void {
  const { state, seq, at, cause } = turn;
  const { op, blockSize: to } = wait;
  if (!isDurable(state, wait)) {
    return turn.emit({ type: 'blockSizeFailed', seq, at, cause, op, ...survivors(state, wait) });
  }
  const capacity = Math.max(1, Math.floor((state.capacity * state.blockSize) / to));
  turn.emit({ type: 'blockSizeChanged', seq, at, cause, op, from: state.blockSize, to, capacity });
}

/** Nothing more will happen that the wait has to wait for. */
function isSettled(state: CacheState, wait: PendingWait): boolean {
  if (hasGivenUp(state, wait)) return true;
  const stalled = stalledIn(state, wait);
  if (wait.unwritten > stalled) return false;
  if (wait.kind === 'through' || state.owedBarrier !== null) return true;
  return wait.undurable <= stalled && state.barrierDone >= wait.neededBarrier;
}

function isDurable(state: CacheState, wait: PendingWait): boolean {
  return wait.undurable === 0 && state.barrierDone >= wait.neededBarrier;
}

/** A close or a change of block size comes last of all. */
function isAtRest(state: CacheState): boolean {
  const { reads, admissions, clears, waits, ios } = state;
  return reads.size === 0 && admissions.size === 0 && clears.size === 0 && waits.size === 1 && ios.size === 0;
}

/** Blocks of a wait that are kept but not being written: parked, or stuck in the device. */
function stalledIn(state: CacheState, wait: PendingWait): number {
  const { chains, flags, block, dirtyBase } = state.slots;
  if (chains.counts[HELD] === 0) return 0;
  let stalled = 0;
  for (let slot = chains.head(HELD); slot !== -1; slot = chains.next(slot)) {
    const offset = block[slot] - wait.block;
    if ((flags[slot] & (PARKED | STUCK)) === 0 || offset < 0 || offset >= wait.count) continue;
    if (dirtyBase[slot] <= wait.generation) stalled++;
  }
  return stalled;
}

function survivors(state: CacheState, wait: PendingWait) {
  const { slots } = state;
  const blocks: number[] = [];
  slots.eachInRange(wait.block, wait.count, (slot) => {
    const bases = [slots.dirtyBase[slot], slots.carriedBase[slot], slots.writtenBase[slot]];
    const isLeft = (base: number) => base !== 0 && base <= wait.generation;
    if (wait.kind === 'through' ? isLeft(bases[0]) : bases.some(isLeft)) blocks.push(slots.block[slot]);
  });
  blocks.sort((a, b) => a - b);
  const owed = wait.kind === 'through' ? null : state.owedBarrier;
  const unknown = owed === null ? { code: '', io: 0 } : { code: TIMEOUT_CODE, io: owed.io };
  const failures = blocks.map((block) => state.failures.get(block) ?? unknown);
  return {
    blocks,
    codes: failures.map(({ code }) => code),
    ios: failures.map(({ io }) => io),
    barrierIo: wait.barrierFailures > 0 ? state.failedBarrierIo : unknown.io,
  };
}

function barrierReason(state: CacheState, at: number): BarrierReason | null {
  if (state.waits.size > 0 && isFlushReady(state)) return 'flush';
  if (state.clears.size > 0 && isClearReady(state)) return 'clear';
  const { chains, since } = state.slots;
  const unsynced = chains.counts[WAITS_FOR_BARRIER];
  if (unsynced === 0) return null;
  const isIdle = state.writebacksInFlight === 0 && nextRun(state) === null;
  if ((isIdle && state.lastBatchReason !== 'through') || unsynced >= Math.max(1, state.capacity / 4)) return 'batch';
  if (since[chains.head(WAITS_FOR_BARRIER)] + state.limits.dirtyAgeNs <= at) return 'age';
  if (state.writebacksInFlight > 0) return null;
  const obstacle = headObstacle(state);
  return obstacle === 'dirty-limit' || obstacle === 'frames' ? 'pressure' : null;
}

function isClearReady(state: CacheState): boolean {
  for (const clear of state.clears.values()) if (clear.neededBarrier > state.barrierDone) return true;
  return false;
}

/** All that a flush can have written has been written: what is left to do is the barrier. */
function isFlushReady(state: CacheState): boolean {
  for (const wait of state.waits.values()) {
    if (wait.kind === 'through' || hasGivenUp(state, wait)) continue;
    const stalled = stalledIn(state, wait);
    if (wait.unwritten > stalled) continue;
    if (wait.undurable > stalled || state.barrierDone < wait.neededBarrier) return true;
  }
  return false;
}
