/** Opening, invalidating, resizing, options, aborts and ticks. */
import { assert } from '../../device/errors.js';
import { LOADING } from '../block-state.js';
import { nextDeadline } from '../deadline.js';
import type { Input } from '../inputs.js';
import { HANDLES_MAX } from '../limits.js';
import { HELD, PARKED } from '../slot-table.js';
import type { CacheState } from '../state.js';
import type { Turn } from '../turn.js';
import { refuse, unavailable } from './refuse.js';
import { shrinkIdle } from './room.js';

type InputOf<Type extends Input['type']> = Extract<Input, { type: Type }>;

export function decideOpen(turn: Turn, input: InputOf<'open'>): void {
  const { seq, at, cause } = turn;
  turn.emit({ type: 'opened', seq, at, cause, identity: input.identity, config: input.config });
}

/** Drops clean copies. To drop dirty blocks as well is a `clear` of kind `drop`. */
export function decideInvalidate(turn: Turn, input: InputOf<'invalidate'>): void {
  const { slots } = turn.state;
  let pinned = 0;
  let kept = 0;
  let dropped = 0;
  slots.eachInRange(input.block, input.count, (slot) => {
    if (slots.pins[slot] > 0) pinned++;
    if (slots.chains.chainOf(slot) !== -1) kept++;
    else if (slots.status[slot] >= LOADING) dropped++;
  });
  const busy = unavailable(turn.state);
  const refusal = busy || (pinned > 0 ? 'CACHETRAIL_PINNED' : kept > 0 ? 'CACHETRAIL_DIRTY' : '');
  if (refusal !== '') return refuse(turn, 'invalidate', input, refusal);
  const { seq, at, cause } = turn;
  const { op, actor, trace, block, count } = input;
  turn.emit({ type: 'invalidated', seq, at, cause, op, actor, trace, block, count, dropped });
}

export function decideResize(turn: Turn, input: InputOf<'resize'>): void {
  const { state, seq, at, cause } = turn;
  const refusal = unavailable(state);
  if (refusal !== '') return refuse(turn, 'resize', { ...input, count: input.capacity }, refusal);
  const { op, actor, trace, capacity } = input;
  const { frames } = state.slots;
  turn.emit({ type: 'resized', seq, at, cause, op, actor, trace, reason: 'asked', capacity, frames });
}

/** A handle is owed failures from its opening on. */
export function decideOpenHandle(turn: Turn, input: InputOf<'openHandle'>): void {
  const { state, seq, at, cause } = turn;
  const isFull = state.handles.size >= HANDLES_MAX;
  const refusal = state.phase !== 'open' ? 'CACHETRAIL_CLOSED' : isFull ? 'CACHETRAIL_OVERLOADED' : '';
  if (refusal !== '') return refuse(turn, 'openHandle', input, refusal);
  const { op, actor, trace } = input;
  turn.emit({ type: 'handleOpened', seq, at, cause, op, actor, trace });
}

export function decideCloseHandle(turn: Turn, input: InputOf<'closeHandle'>): void {
  const { state, seq, at, cause } = turn;
  const { op, actor, trace, handle } = input;
  assert(handle !== 0 && state.handles.has(handle), 'a handle is closed once');
  turn.emit({ type: 'handleClosed', seq, at, cause, op, actor, trace, handle });
}

export function decideOption(turn: Turn, input: InputOf<'setOption'>): void {
  const { seq, at, cause } = turn;
  const { op, actor, trace, name, value } = input;
  turn.emit({ type: 'optionSet', seq, at, cause, op, actor, trace, name, value });
}

export function decideJournal(turn: Turn, input: InputOf<'journalFailed' | 'journalResumed'>): void {
  const { seq, at, cause } = turn;
  if (input.type === 'journalResumed') return turn.emit({ type: 'journalResumed', seq, at, cause, lost: input.lost });
  const { task, policy, code, lost } = input;
  turn.emit({ type: 'journalFailed', seq, at, cause, task, policy, code, lost });
}

/** Ends the wait of a request that has not been served. What the device is already at goes on. */
export function decideAbort(turn: Turn, input: InputOf<'abort'>): void {
  const { state, seq, at, cause } = turn;
  const { op, code } = input;
  if (isWaiting(state, op)) turn.emit({ type: 'requestAborted', seq, at, cause, op, code });
}

/** What waited for a time is looked after by the follow-up of the decision, which asks for the time of the input. */
export function decideTick(turn: Turn): void {
  const { state, seq, at, cause } = turn;
  const deadline = nextDeadline(state, Number.NEGATIVE_INFINITY);
  if (deadline === null || deadline > at) return;
  turn.emit({ type: 'ticked', seq, at, cause });
  endLongWaits(turn);
  retryParked(turn);
  checkIdle(turn);
}

function endLongWaits(turn: Turn): void {
  const { state } = turn;
  for (const { op, since } of state.admissions.values()) {
    if (since + state.limits.admissionTimeoutNs > turn.at) return;
    const { seq, at, cause } = turn;
    turn.emit({ type: 'requestAborted', seq, at, cause, op, code: 'CACHETRAIL_ADMISSION_TIMEOUT' });
  }
}

/** Parked blocks wait for a flush, unless a request waits for the room that they take up. */
function retryParked(turn: Turn): void {
  const { state, seq, at, cause } = turn;
  if (state.admissions.size === 0 || state.lastParkedAt + state.limits.retryCapNs > at) return;
  const blocks = parkedBlocks(state);
  if (blocks.length > 0) turn.emit({ type: 'parkedRetried', seq, at, cause, blocks });
}

function parkedBlocks(state: CacheState): number[] {
  const { chains, flags, block } = state.slots;
  const blocks: number[] = [];
  for (let slot = chains.head(HELD); slot !== -1; slot = chains.next(slot)) {
    if ((flags[slot] & PARKED) !== 0) blocks.push(block[slot]);
  }
  return blocks;
}

function checkIdle(turn: Turn): void {
  const { state, seq, at, cause } = turn;
  if (state.lastIdleCheck + state.limits.idleShrinkNs > at) return;
  let used = 0;
  for (let slot = 0; slot < state.slots.frames; slot++) used += state.slots.used[slot];
  turn.emit({ type: 'idleChecked', seq, at, cause, used });
  shrinkIdle(turn, used);
}

function isWaiting(state: CacheState, op: number): boolean {
  if (state.reads.has(op) || state.admissions.has(op)) return true;
  const clear = state.clears.get(op);
  if (clear !== undefined) return clear.io === 0;
  const wait = state.waits.get(op);
  return wait !== undefined && (wait.kind === 'flush' || wait.kind === 'through');
}
