/** Reads, readahead, and the fills that they need. */
import { ABSENT, CLEAN, LOADING } from '../block-state.js';
import type { FillReason, Read, TraceRef } from '../events.js';
import type { Input } from '../inputs.js';
import { runBlocksMax } from '../limits.js';
import type { CacheState, PendingRead } from '../state.js';
import type { Turn } from '../turn.js';
import { overloaded, refuse, unavailable } from './refuse.js';
import { makeRoom, roomFor } from './room.js';

type InputOf<Type extends Input['type']> = Extract<Input, { type: Type }>;

/**
 * True if only recency has changed. Nothing follows from a read but its fills: it neither frees what others wait for nor
 * makes anything dirty.
 */
export function decideRead(turn: Turn, input: InputOf<'read'>): boolean {
  const { state } = turn;
  const refusal = unavailable(state);
  const hits = refusal === '' ? hitsIn(state, input.block, input.count) : 0;
  if (hits === input.count) {
    turn.emit(readHit(state, input.at, input.op, input.block, input.count, input.actor, input.trace));
    return true;
  }
  const overload = refusal || overloaded(state);
  if (overload !== '') refuse(turn, 'read', input, overload);
  else missed(turn, input, hits);
  return false;
}

/** Hot: `decideRead` would decide on a `readHit` and nothing else. */
export function isHit(state: CacheState, block: number, count: number): boolean {
  return unavailable(state) === '' && hitsIn(state, block, count) === count;
}

function missed(turn: Turn, input: InputOf<'read'>, hits: number): void {
  const { seq, at, cause } = turn;
  const { op, block, count, actor, trace } = input;
  turn.emit({ type: 'readMissed', seq, at, cause, op, actor, trace, block, count, hits });
  fillForRead(turn, op);
}

/** Hot: the whole decision of a read of cached blocks. Takes its arguments one by one so that only the event is allocated. */
export function readHit(
  state: CacheState,
  at: number,
  op: number,
  block: number,
  count: number,
  actor: string,
  trace: TraceRef | null,
): Read {
  return { type: 'read', seq: state.seq + 1, at, cause: 0, op, actor, trace, block, count };
}

/** A hint: fills what is missing as far as there is room for it, and waits for nothing. */
export function decideReadahead(turn: Turn, input: InputOf<'readahead'>): void {
  const { state } = turn;
  const refusal = unavailable(state);
  if (refusal !== '') return refuse(turn, 'readahead', input, refusal);
  const { seq, at, cause } = turn;
  const { op, actor, trace } = input;
  const allowed = Math.min(state.limits.readaheadBlocksMax - state.readaheadBlocks, Math.floor(state.capacity / 2));
  const range = { block: input.block, count: Math.min(input.count, Math.max(0, allowed)) };
  turn.emit({ type: 'readaheadRequested', seq, at, cause, op, actor, trace, block: input.block, count: input.count });
  eachMissingRun(state, range, (block, count) => {
    if (state.isClearing(block, count)) return;
    const cached = Math.min(count, roomFor(state, range));
    if (cached > 0) startFill(turn, op, block, cached, range, 'readahead');
  });
}

/** Reads that waited for a range to be cleared go on when none of it is locked any more. */
export function resumeReads(turn: Turn): void {
  const { state } = turn;
  if (state.blockedReads === 0) return;
  for (const read of state.reads.values()) {
    if (read.blocked && !state.isClearing(read.block, read.count)) resumeRead(turn, read.op);
  }
}

/** Begins a read anew: what is cached by now is copied, what is not is asked for. */
export function resumeRead(turn: Turn, op: number): void {
  if (!turn.state.reads.has(op)) return;
  turn.emit({ type: 'readResumed', seq: turn.seq, at: turn.at, cause: turn.cause, op });
  fillForRead(turn, op);
}

/** Asks the device for what a read misses, or joins those who have. A read that misses nothing is finished. */
function fillForRead(turn: Turn, op: number): void {
  const { state } = turn;
  const read = state.reads.get(op);
  if (read === undefined) return;
  joinFills(turn, read);
  eachMissingRun(state, read, (block, count) => {
    if (state.isClearing(block, count)) {
      turn.emit({ type: 'readBlocked', seq: turn.seq, at: turn.at, cause: turn.cause, op });
      return;
    }
    const cached = Math.min(count, roomFor(state, read));
    if (cached > 0) startFill(turn, op, block, cached, read, 'read');
    if (cached < count) startUncachedFill(turn, op, block + cached, count - cached);
  });
  finishRead(turn, op);
}

export function finishRead(turn: Turn, op: number): void {
  const read = turn.state.reads.get(op);
  if (read === undefined || read.fills > 0 || read.blocked) return;
  turn.emit({ type: 'readFinished', seq: turn.seq, at: turn.at, cause: turn.cause, op });
}

/** Makes room and starts a fill of absent blocks, which stay in the cache. */
export function startFill(
  turn: Turn,
  op: number,
  block: number,
  count: number,
  spared: { readonly block: number; readonly count: number },
  reason: FillReason,
): void {
  makeRoom(turn, count, spared);
  const { seq, at, cause } = turn;
  const io = turn.state.lastIo + 1;
  turn.emit({ type: 'fillStarted', seq, at, cause, io, op, block, count, cached: true, reason });
}

/** No frame can be had: the bytes go to the reader alone. */
function startUncachedFill(turn: Turn, op: number, block: number, count: number): void {
  const { seq, at, cause } = turn;
  const io = turn.state.lastIo + 1;
  turn.emit({ type: 'fillStarted', seq, at, cause, io, op, block, count, cached: false, reason: 'read' });
}

function joinFills(turn: Turn, read: PendingRead): void {
  const { state } = turn;
  if (state.slots.loading === 0) return;
  let joined = 0;
  for (let block = read.block; block < read.block + read.count; block++) {
    const slot = state.slots.find(block);
    if (slot === -1 || state.slots.status[slot] !== LOADING) continue;
    const io = state.slots.fill[slot];
    if (io === joined || isWaiting(state, io, read.op)) continue;
    joined = io;
    turn.emit({ type: 'fillJoined', seq: turn.seq, at: turn.at, cause: turn.cause, op: read.op, io });
  }
}

function isWaiting(state: CacheState, io: number, op: number): boolean {
  const fill = state.ios.get(io);
  return fill?.kind === 'fill' && fill.waiters.includes(op);
}

function hitsIn(state: CacheState, block: number, count: number): number {
  let hits = 0;
  for (let at = block; at < block + count; at++) if (state.slots.statusOf(at) >= CLEAN) hits++;
  return hits;
}

/** Stretches of absent blocks, none longer than one device read may be. They are found before any is filled. */
function eachMissingRun(
  state: CacheState,
  range: { readonly block: number; readonly count: number },
  visit: (block: number, count: number) => void,
): void {
  const end = range.block + range.count;
  const most = Math.min(state.limits.fillBlocksMax, runBlocksMax(state.limits, state.blockSize));
  for (let block = range.block; block < end; ) {
    if (state.slots.statusOf(block) !== ABSENT) {
      block++;
      continue;
    }
    let count = 1;
    while (block + count < end && count < most && isAbsent(state, block + count)) count++;
    visit(block, count);
    block += count;
  }
}

function isAbsent(state: CacheState, block: number): boolean {
  return state.slots.statusOf(block) === ABSENT;
}
