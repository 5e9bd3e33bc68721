/** Writes, borrows, and their admission: in order of arrival, when there is room for them. */
import { ABSENT, CLEAN, DIRTY, LOADING } from '../block-state.js';
import type { QueueReason, TraceRef, Written } from '../events.js';
import type { Input } from '../inputs.js';
import { dirtyHardBlocks, pinnedBlocksMax } from '../limits.js';
import type { CacheState, PendingAdmission } from '../state.js';
import type { Turn } from '../turn.js';
import { startFill } from './reads.js';
import { overloaded, refuse, unavailable } from './refuse.js';
import { makeRoom, needsWork, roomFor } from './room.js';

type InputOf<Type extends Input['type']> = Extract<Input, { type: Type }>;

/** Blocks and bytes that a write touches. */
interface Extent {
  readonly op: number;
  readonly block: number;
  readonly count: number;
  readonly offset: number;
  readonly length: number;
  readonly through: boolean;
}

export function decideWrite(turn: Turn, input: InputOf<'write'>): void {
  const { state } = turn;
  const extent = extentOf(state, input);
  const refusal = refusalOf(state, extent);
  if (refusal !== '') return refuse(turn, 'write', { ...input, ...extent }, refusal);
  const obstacle = state.admissions.size > 0 ? 'order' : writeObstacle(state, extent);
  if (obstacle === '' && !needsWork(state, absentIn(state, extent))) {
    return written(turn, extent, input.actor, input.trace);
  }
  const overload = overloaded(state);
  if (overload !== '') return refuse(turn, 'write', { ...input, ...extent }, overload);
  const { seq, at, cause } = turn;
  const { op, actor, trace, offset, length } = input;
  const { through } = extent;
  const reason = obstacle === '' ? 'frames' : obstacle;
  turn.emit({ type: 'writeQueued', seq, at, cause, op, actor, trace, offset, length, through, reason });
  fillPartial(turn, extent);
}

/**
 * A write of one whole block may be decided by `rewrite` alone: the block is dirty already, so neither room nor any
 * deadline changes, nothing waits before it and nothing forbids it. Hot.
 */
export function mayRewrite(state: CacheState, slot: number): boolean {
  return (
    state.slots.status[slot] === DIRTY &&
    state.phase === 'open' &&
    state.config.mode === 'writeback' &&
    state.admissions.size === 0 &&
    state.clears.size === 0 &&
    state.stuck.size === 0 &&
    state.blockSizeOp === 0
  );
}

/** Hot: the whole decision of a write over a dirty block. Guarded by the `write.cached` benchmark. */
export function rewrite(state: CacheState, input: Omit<InputOf<'write'>, 'type' | 'through'>, block: number): Written {
  const { at, op, actor, trace, offset, length } = input;
  const generation = state.generation + 1;
  const seq = state.seq + 1;
  const through = false;
  const borrowed = false;
  return {
    type: 'written',
    seq,
    at,
    cause: 0,
    op,
    actor,
    trace,
    block,
    count: 1,
    offset,
    length,
    generation,
    through,
    borrowed,
  };
}

export function decideBorrow(turn: Turn, input: InputOf<'borrow'>): void {
  const { state } = turn;
  const { op, block, actor, trace } = input;
  const refusal = unavailable(state) || pinRefusal(state, block);
  if (refusal !== '') return refuse(turn, 'borrow', { ...input, count: 1 }, refusal);
  const { seq, at, cause } = turn;
  if (state.slots.statusOf(block) >= CLEAN && !state.isClearing(block, 1)) {
    return turn.emit({ type: 'borrowed', seq, at, cause, op, actor, trace, block });
  }
  const overload = overloaded(state);
  if (overload !== '') return refuse(turn, 'borrow', { ...input, count: 1 }, overload);
  turn.emit({ type: 'borrowQueued', seq, at, cause, op, actor, trace, block, reason: 'fill' });
}

/** Bytes were changed through a borrowed view: they are there already, so there is no room to wait for. */
export function decideMarkDirty(turn: Turn, input: InputOf<'markDirty'>): void {
  const { state } = turn;
  const refusal = state.phase === 'closed' ? 'CACHETRAIL_CLOSED' : readOnlyRefusal(state);
  if (refusal !== '') return refuse(turn, 'markDirty', { ...input, count: 1 }, refusal);
  const { op, block, actor, trace } = input;
  const length = state.bytesOf(block, 1);
  const through = state.config.mode === 'writethrough';
  const extent = { op, block, count: 1, offset: block * state.blockSize, length, through };
  written(turn, extent, actor, trace, true);
}

export function decideRelease(turn: Turn, input: InputOf<'release'>): void {
  const { op, block } = input;
  turn.emit({ type: 'released', seq: turn.seq, at: turn.at, cause: turn.cause, op, block });
}

/** Admits what waits, first come first served, until one cannot be. */
export function admitWaiting(turn: Turn): void {
  const { state } = turn;
  if (state.admissions.size === 0) return;
  for (const admission of state.admissions.values()) {
    if (!admit(turn, admission)) return;
  }
}

/** Why the first in the queue cannot be admitted, or '' if nothing waits. */
export function headObstacle(state: CacheState): QueueReason | '' {
  if (state.admissions.size === 0) return '';
  for (const admission of state.admissions.values()) return obstacleOf(state, admission);
  return '';
}

function admit(turn: Turn, admission: PendingAdmission): boolean {
  const { state } = turn;
  const { op, block, count } = admission;
  if (admission.kind === 'write' && count > state.capacity) {
    refuse(turn, 'write', admission, 'CACHETRAIL_TOO_LARGE');
    return true;
  }
  if (obstacleOf(state, admission) === 'fill') fillPartial(turn, admission);
  if (obstacleOf(state, admission) !== '') return false;
  if (admission.kind === 'write') {
    makeRoom(turn, absentIn(state, admission), { block, count });
    written(turn, admission, admission.actor, admission.trace);
    return true;
  }
  const refusal = pinRefusal(state, block);
  const { actor, trace } = admission;
  if (refusal !== '') refuse(turn, 'borrow', admission, refusal);
  else turn.emit({ type: 'borrowed', seq: turn.seq, at: turn.at, cause: turn.cause, op, actor, trace, block });
  return true;
}

function obstacleOf(state: CacheState, admission: PendingAdmission): QueueReason | '' {
  if (admission.kind === 'write') return writeObstacle(state, admission);
  if (state.isClearing(admission.block, 1)) return 'locked';
  const status = state.slots.statusOf(admission.block);
  if (status >= CLEAN) return '';
  return status === ABSENT && roomFor(state, admission) === 0 ? 'frames' : 'fill';
}

/** Why a write cannot be admitted now, or ''. Changes nothing. Hot for cached blocks. */
function writeObstacle(state: CacheState, extent: Extent): QueueReason | '' {
  const { slots } = state;
  const { block, count } = extent;
  if (state.isLocked(block, count)) return 'locked';
  let absent = 0;
  let newlyKept = 0;
  for (let at = block; at < block + count; at++) {
    const status = slots.statusOf(at);
    if (status <= CLEAN) newlyKept++;
    if (status === ABSENT) absent++;
    if (status < CLEAN && isPartial(state, extent, at)) {
      return status === ABSENT && roomFor(state, extent) === 0 ? 'frames' : 'fill';
    }
  }
  if (newlyKept === 0) return '';
  const { kept } = slots;
  if (kept > 0 && kept + newlyKept > dirtyHardBlocks(state.limits, state.capacity)) return 'dirty-limit';
  return absent > 0 && roomFor(state, extent) < absent ? 'frames' : '';
}

/** Starts, or joins, the reads of blocks that a write covers only in part, or that a borrow wants. */
function fillPartial(turn: Turn, admission: Extent | PendingAdmission): void {
  const { state } = turn;
  const { op, block, count } = admission;
  const isBorrow = 'kind' in admission && admission.kind === 'borrow';
  for (const at of count === 1 ? [block] : [block, block + count - 1]) {
    if (!isBorrow && !isPartial(state, admission, at)) continue;
    if (state.isClearing(at, 1)) continue;
    const slot = state.slots.find(at);
    if (slot === -1) {
      if (roomFor(state, admission) > 0) startFill(turn, op, at, 1, admission, isBorrow ? 'borrow' : 'write');
    } else if (state.slots.status[slot] === LOADING) {
      joinFill(turn, op, state.slots.fill[slot]);
    }
  }
}

function joinFill(turn: Turn, op: number, io: number): void {
  const fill = turn.state.ios.get(io);
  if (fill?.kind !== 'fill' || fill.waiters.includes(op)) return;
  turn.emit({ type: 'fillJoined', seq: turn.seq, at: turn.at, cause: turn.cause, op, io });
}

function written(turn: Turn, extent: Extent, actor: string, trace: TraceRef | null, borrowed = false): void {
  const { seq, at, cause, state } = turn;
  const { op, block, count, offset, length, through } = extent;
  const generation = state.generation + 1;
  turn.emit({
    type: 'written',
    seq,
    at,
    cause,
    op,
    actor,
    trace,
    block,
    count,
    offset,
    length,
    generation,
    through,
    borrowed,
  });
}

function extentOf(state: CacheState, input: InputOf<'write'>): Extent {
  const { op, offset, length } = input;
  const block = Math.floor(offset / state.blockSize);
  const count = Math.ceil((offset + length) / state.blockSize) - block;
  return { op, block, count, offset, length, through: input.through || state.config.mode === 'writethrough' };
}

/** A block of the write that is covered only in part; a short tail covered to its end is whole. */
function isPartial(state: CacheState, extent: Extent, block: number): boolean {
  const start = block * state.blockSize;
  const end = start + state.bytesOf(block, 1);
  return extent.offset > start || extent.offset + extent.length < end;
}

function absentIn(state: CacheState, extent: Extent): number {
  let absent = 0;
  for (let at = extent.block; at < extent.block + extent.count; at++) if (state.slots.statusOf(at) === ABSENT) absent++;
  return absent;
}

function refusalOf(state: CacheState, extent: Extent): string {
  const refusal = unavailable(state) || readOnlyRefusal(state);
  if (refusal !== '') return refusal;
  return extent.count > state.capacity ? 'CACHETRAIL_TOO_LARGE' : '';
}

function readOnlyRefusal(state: CacheState): string {
  return state.config.mode === 'readonly' ? 'CACHETRAIL_READ_ONLY' : '';
}

function pinRefusal(state: CacheState, block: number): string {
  const slot = state.slots.find(block);
  if (slot !== -1 && state.slots.pins[slot] > 0) return '';
  return state.slots.pinned >= pinnedBlocksMax(state.limits, state.capacity) ? 'CACHETRAIL_PINNED' : '';
}
