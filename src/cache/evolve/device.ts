/** What device operations do to the state: fills, writebacks, barriers, clears. */
import { assert } from '../../device/errors.js';
import { CLEAN, codeOfTrigger, DIRTY, LOADING } from '../block-state.js';
import type { CacheEvent } from '../events.js';
import { REPLACED_CODE } from '../failure-codes.js';
import { nextRandom } from '../random.js';
import type { PlannedRun } from '../run-queue.js';
import { backoffNs } from '../limits.js';
import { HELD, IN_FLIGHT, PARKED, READY, RETRYING, STUCK, TAINTED, WAITS_FOR_BARRIER } from '../slot-table.js';
import type { CacheState, DeviceIo, Fill, Writeback } from '../state.js';
import { older, setBases } from './bases.js';
import { remember, resolve } from './remembered.js';
import { countRequest } from './requests.js';

type EventOf<Type extends CacheEvent['type']> = Extract<CacheEvent, { type: Type }>;

const FILL_STARTED = codeOfTrigger('fillStarted');
const FILLED = codeOfTrigger('filled');
const FILL_FAILED = codeOfTrigger('fillFailed');
const WRITEBACK_STARTED = codeOfTrigger('writebackStarted');
const WRITTEN_BACK = codeOfTrigger('writtenBack');
const WRITTEN_BACK_STALE = codeOfTrigger('writtenBackStale');
const WRITEBACK_FAILED = codeOfTrigger('writebackFailed');
const SYNCED = codeOfTrigger('synced');
const SYNC_FAILED = codeOfTrigger('syncFailed');
const DISCARDED = codeOfTrigger('discarded');

const TIMEOUT = 'CACHETRAIL_DEVICE_TIMEOUT';

export function evolveFillStarted(state: CacheState, event: EventOf<'fillStarted'>): void {
  const { slots } = state;
  const { io, op, block, count, cached } = event;
  state.lastIo = io;
  state.counters.deviceReads++;
  const readahead = event.reason === 'readahead';
  if (readahead) state.readaheadBlocks += count;
  const fill: Fill = { kind: 'fill', io, op, block, count, cached, readahead, waiters: [] };
  state.ios.set(io, fill);
  if (!readahead) waitForFill(state, fill, op);
  if (!cached) return;
  for (let filled = block; filled < block + count; filled++) {
    const slot = slots.occupy(filled);
    slots.transition(slot, FILL_STARTED, event.at);
    slots.fill[slot] = io;
  }
}

function fillJoined(state: CacheState, event: EventOf<'fillJoined'>): void {
  const fill = state.ios.get(event.io);
  assert(fill?.kind === 'fill', 'only a fill in flight is joined');
  waitForFill(state, fill, event.op);
}

function waitForFill(state: CacheState, fill: Fill, op: number): void {
  fill.waiters.push(op);
  const read = state.reads.get(op);
  if (read !== undefined) read.fills++;
}

export function evolveFillFinished(state: CacheState, event: EventOf<'fillFinished'>): void {
  state.counters.bytesRead += state.bytesOf(event.block, event.count);
  endFill(state, event, FILLED);
}

function fillFailed(state: CacheState, event: EventOf<'fillFailed'>): void {
  state.counters.readErrors++;
  const fill = endFill(state, event, FILL_FAILED);
  if (event.code === TIMEOUT) state.stuck.set(event.io, fill);
}

/** Slots that were written, dropped or filled by another since are not this fill's any more. */
function endFill(state: CacheState, event: EventOf<'fillFinished' | 'fillFailed'>, trigger: number): Fill {
  const { slots } = state;
  const fill = takeIo(state, event.io);
  assert(fill.kind === 'fill', 'a fill ends');
  if (fill.readahead) state.readaheadBlocks -= fill.count;
  for (const op of fill.waiters) {
    const read = state.reads.get(op);
    if (read !== undefined) read.fills--;
  }
  if (!fill.cached) return fill;
  for (let block = fill.block; block < fill.block + fill.count; block++) {
    const slot = slots.find(block);
    if (slot === -1 || slots.status[slot] !== LOADING || slots.fill[slot] !== fill.io) continue;
    slots.transition(slot, trigger, event.at);
  }
  return fill;
}

function batchPlanned(state: CacheState, event: EventOf<'batchPlanned'>): void {
  state.lastBatch = event.batch;
  state.lastBatchReason = event.reason;
  state.counters.batches++;
  const runs: PlannedRun[] = [];
  for (let at = 0; at < event.runs.length; at += 2) {
    const { batch, reason } = event;
    runs.push({ block: event.runs[at], count: event.runs[at + 1], batch, reason, attempt: 1 });
  }
  state.runs.replace(runs);
}

function writebackStarted(state: CacheState, event: EventOf<'writebackStarted'>): void {
  const { slots } = state;
  const { io, block, count, batch, reason, attempt } = event;
  assert(state.writebacksInFlight < state.limits.writebacksInFlightMax, 'device writes in flight are bounded');
  state.lastIo = io;
  state.counters.deviceWrites++;
  state.counters.writebackBlocks += count;
  state.runs.take(block, count);
  state.ios.set(io, { kind: 'writeback', io, block, count, batch, reason, attempt });
  state.writebacksInFlight++;
  for (let written = block; written < block + count; written++) {
    const slot = slots.find(written);
    slots.transition(slot, WRITEBACK_STARTED, event.at);
    setBases(state, slot, 0, slots.dirtyBase[slot], slots.writtenBase[slot]);
  }
}

function writebackFinished(state: CacheState, event: EventOf<'writebackFinished'>): void {
  const { slots } = state;
  const run = endWriteback(state, event.io);
  state.counters.bytesWritten += state.bytesOf(run.block, run.count);
  for (let block = run.block; block < run.block + run.count; block++) {
    const slot = slots.find(block);
    const { dirtyBase, carriedBase, writtenBase } = slots;
    if ((slots.flags[slot] & TAINTED) !== 0) {
      slots.clearFlag(slot, TAINTED, event.at);
      setBases(state, slot, older(dirtyBase[slot], carriedBase[slot]), 0, writtenBase[slot]);
      slots.transition(slot, WRITTEN_BACK_STALE, event.at);
      continue;
    }
    setBases(state, slot, dirtyBase[slot], 0, older(writtenBase[slot], carriedBase[slot]));
    slots.neededBarrier[slot] = state.barriersStarted + 1;
    slots.transition(slot, dirtyBase[slot] === 0 ? WRITTEN_BACK : WRITTEN_BACK_STALE, event.at);
    state.failures.delete(block);
  }
}

function writebackFailed(state: CacheState, event: EventOf<'writebackFailed'>): void {
  const { slots } = state;
  state.counters.writeErrors++;
  const run = endWriteback(state, event.io);
  const timedOut = event.code === TIMEOUT;
  if (timedOut) state.stuck.set(event.io, run);
  for (let block = run.block; block < run.block + run.count; block++) {
    const slot = slots.find(block);
    slots.clearFlag(slot, TAINTED, event.at);
    setBases(state, slot, older(slots.dirtyBase[slot], slots.carriedBase[slot]), 0, slots.writtenBase[slot]);
    slots.transition(slot, WRITEBACK_FAILED, event.at);
    if (timedOut) slots.setFlag(slot, STUCK, event.at);
    state.failures.set(block, { code: event.code, io: event.io });
  }
}

function endWriteback(state: CacheState, io: number): Writeback {
  const run = takeIo(state, io);
  assert(run.kind === 'writeback', 'a writeback ends');
  state.writebacksInFlight--;
  return run;
}

function writebackRetryScheduled(state: CacheState, event: EventOf<'writebackRetryScheduled'>): void {
  const { block, count, batch, reason, attempt, dueAt } = event;
  state.counters.retries++;
  state.random = nextRandom(state.random);
  state.retries.push({ block, count, batch, reason, attempt, dueAt });
  flagDirty(state, event, RETRYING);
}

function writebackSplit(state: CacheState, event: EventOf<'writebackSplit'>): void {
  const { block, count, batch, reason, splitAt } = event;
  const attempt = state.limits.writeAttemptsMax;
  state.counters.splits++;
  state.runs.addFirst([
    { block, count: splitAt - block, batch, reason, attempt },
    { block: splitAt, count: block + count - splitAt, batch, reason, attempt },
  ]);
}

function blockParked(state: CacheState, event: EventOf<'blockParked'>): void {
  state.counters.parks++;
  state.lastParkedAt = event.at;
  flagDirty(state, { block: event.block, count: 1, at: event.at }, PARKED);
  remember(state, event);
}

function parkedRetried(state: CacheState, event: EventOf<'parkedRetried'>): void {
  state.lastParkedAt = event.at;
  for (const block of event.blocks) state.slots.clearFlag(state.slots.find(block), PARKED, event.at);
}

interface DatedRun {
  readonly block: number;
  readonly count: number;
  readonly at: number;
}

function flagDirty(state: CacheState, run: DatedRun, flag: number): void {
  const { slots } = state;
  slots.eachInRange(run.block, run.count, (slot) => {
    if (slots.status[slot] === DIRTY) slots.setFlag(slot, flag, run.at);
  });
}

function barrierStarted(state: CacheState, event: EventOf<'barrierStarted'>): void {
  state.lastIo = event.io;
  state.counters.barriers++;
  state.barriersStarted++;
  state.barrier = { kind: 'barrier', io: event.io, epoch: state.barriersStarted };
  state.ios.set(event.io, state.barrier);
}

function barrierFinished(state: CacheState, event: EventOf<'barrierFinished'>): void {
  const { slots } = state;
  const barrier = takeIo(state, event.io);
  assert(barrier.kind === 'barrier', 'a barrier ends');
  state.barrier = null;
  state.barrierDone = barrier.epoch;
  state.barrierFailures = 0;
  state.holdOffUntil = 0;
  eachUnsynced(state, (slot) => {
    if (slots.neededBarrier[slot] > barrier.epoch) return;
    setBases(state, slot, slots.dirtyBase[slot], slots.carriedBase[slot], 0);
    slots.transition(slot, SYNCED, event.at);
    const block = slots.block[slot];
    if (slots.status[slot] === CLEAN) state.failures.delete(block);
    if (!state.failures.has(block)) resolve(state, block, { at: event.at, io: event.io, end: 'durable' });
  });
}

/** After a failed barrier nobody knows what the device kept. */
function barrierFailed(state: CacheState, event: EventOf<'barrierFailed'>): void {
  state.counters.barrierErrors++;
  const barrier = takeIo(state, event.io);
  state.barrier = null;
  state.failedBarrierIo = event.io;
  state.barrierFailures++;
  state.holdOffUntil = event.at + backoffNs(state.limits, state.barrierFailures);
  if (event.code === TIMEOUT) state.stuck.set(event.io, barrier);
  for (const wait of state.waits.values()) wait.barrierFailures++;
  doubtUnsynced(state, event);
}

/** All that no good barrier has covered is dirty again, and a write or a zero in flight does not count when it completes. */
function doubtUnsynced(state: CacheState, doubt: Doubt): void {
  const { slots } = state;
  for (let slot = slots.chains.head(IN_FLIGHT); slot !== -1; slot = slots.chains.next(slot))
    slots.flags[slot] |= TAINTED;
  for (const clear of state.clears.values()) {
    if (clear.io === 0 || clear.neededBarrier > 0) continue;
    clear.doubtIo = doubt.io;
    clear.doubtCode = doubt.code;
  }
  eachUnsynced(state, (slot) => putInDoubt(state, slot, doubt));
}

interface Doubt {
  readonly at: number;
  readonly io: number;
  readonly code: string;
}

/** What the device had taken of a block may be gone: it is written again. */
function putInDoubt(state: CacheState, slot: number, doubt: Doubt): void {
  const { slots } = state;
  const dirty = older(slots.dirtyBase[slot], slots.writtenBase[slot]);
  state.failures.set(slots.block[slot], { code: doubt.code, io: doubt.io });
  setBases(state, slot, dirty, slots.carriedBase[slot], 0);
  slots.transition(slot, SYNC_FAILED, doubt.at);
}

/** Slots with bytes that the device holds and no barrier has covered, whatever else is true of them. */
function eachUnsynced(state: CacheState, visit: (slot: number) => void): void {
  const { chains, writtenBase } = state.slots;
  for (const chain of [READY, HELD, IN_FLIGHT, WAITS_FOR_BARRIER]) {
    const last = chains.tail(chain);
    for (let slot = chains.head(chain); slot !== -1; ) {
      const next = slot === last ? -1 : chains.next(slot);
      if (writtenBase[slot] !== 0) visit(slot);
      slot = next;
    }
  }
}

function deviceAnsweredLate(state: CacheState, event: EventOf<'deviceAnsweredLate'>): void {
  const io = state.stuck.get(event.io);
  assert(io !== undefined, 'only what timed out answers late');
  state.stuck.delete(event.io);
  // The failure that it tells may be that of writes made since it timed out, which no other barrier will then be told of.
  if (io.kind === 'barrier' && event.code !== '') doubtUnsynced(state, event);
  if (io.kind !== 'writeback' && io.kind !== 'clear') return;
  const { slots } = state;
  slots.eachInRange(io.block, io.count, (slot) => {
    slots.clearFlag(slot, STUCK, event.at);
    if (io.kind === 'clear') forgetCopy(state, slot, event.at);
  });
}

/** What was read before a clear landed is not what the device has. A borrowed block stays: its view is in use. */
function forgetCopy(state: CacheState, slot: number, at: number): void {
  const { status, pins } = state.slots;
  if ((status[slot] === CLEAN || status[slot] === LOADING) && pins[slot] === 0) dropSlot(state, slot, at, 0);
}

/** No barrier of this device object covers what another had taken. Whatever failed there is tried anew. */
function deviceReplaced(state: CacheState, event: EventOf<'deviceReplaced'>): void {
  const { slots } = state;
  countRequest(state, event.op);
  doubtUnsynced(state, { at: event.at, io: 0, code: REPLACED_CODE });
  state.retries = [];
  state.barrierFailures = 0;
  state.holdOffUntil = 0;
  for (const wait of state.waits.values()) wait.barrierFailures = 0;
  for (let slot = slots.chains.head(HELD); slot !== -1; ) {
    const next = slots.chains.next(slot);
    slots.clearFlag(slot, PARKED, event.at);
    slots.clearFlag(slot, RETRYING, event.at);
    slot = next;
  }
}

function clearQueued(state: CacheState, event: EventOf<'clearQueued'>): void {
  const { op, block, count, reason } = event;
  countRequest(state, op);
  state.counters.clearRequests++;
  const progress = { io: 0, neededBarrier: 0, doubtIo: 0, doubtCode: '' };
  state.clears.set(op, { kind: 'clear', clear: event.kind, op, block, count, reason, ...progress });
}

function clearStarted(state: CacheState, event: EventOf<'clearStarted'>): void {
  const { io, op, block, count } = event;
  const clear = state.clears.get(op);
  assert(clear !== undefined && clear.io === 0, 'a clear starts once');
  state.lastIo = io;
  state.counters.clears++;
  state.clearsInFlight++;
  clear.io = io;
  state.ios.set(io, { kind: 'clear', io, op, block, count });
}

function clearAnswered(state: CacheState, event: EventOf<'clearAnswered'>): void {
  const io = takeIo(state, event.io);
  const clear = state.clears.get(event.op);
  assert(clear !== undefined, 'the clear is still asked for');
  state.clearsInFlight--;
  clear.neededBarrier = state.barriersStarted + 1;
  if (event.code !== '') state.counters.clearErrors++;
  if (event.code !== TIMEOUT) return;
  state.stuck.set(event.io, io);
  const { slots } = state;
  slots.eachInRange(event.block, event.count, (slot) => {
    if (slots.dirtyBase[slot] === 0 && slots.writtenBase[slot] === 0) return;
    slots.setFlag(slot, STUCK, event.at);
    state.failures.set(slots.block[slot], { code: event.code, io: event.io });
  });
}

function clearFinished(state: CacheState, event: EventOf<'clearFinished'>): void {
  const { slots } = state;
  const io = state.clears.get(event.op)?.io ?? 0;
  state.clears.delete(event.op);
  slots.eachInRange(event.block, event.count, (slot) => dropSlot(state, slot, event.at, io));
}

/**
 * What the device holds of a range whose clearing failed is unknown: clean copies of it are not to be trusted, and what
 * must be kept and no barrier has covered is written again.
 */
function clearFailed(state: CacheState, event: EventOf<'clearFailed'>): void {
  const { slots } = state;
  const wasStarted = state.clears.get(event.op)?.io !== 0;
  state.clears.delete(event.op);
  slots.eachInRange(event.block, event.count, (slot) => {
    if (wasStarted && slots.writtenBase[slot] !== 0) putInDoubt(state, slot, event);
    forgetCopy(state, slot, event.at);
  });
}

function dirtyDiscarded(state: CacheState, event: EventOf<'dirtyDiscarded'>): void {
  state.counters.discardedBlocks += event.blocks.length;
  for (const block of event.blocks) dropSlot(state, state.slots.find(block), event.at, 0);
}

/** `io`: the device operation that replaced what was there, or 0. */
function dropSlot(state: CacheState, slot: number, at: number, io: number): void {
  const block = state.slots.block[slot];
  state.failures.delete(block);
  resolve(state, block, { at, io, end: 'discarded' });
  setBases(state, slot, 0, 0, 0);
  state.slots.transition(slot, DISCARDED, at);
}

function takeIo(state: CacheState, io: number): DeviceIo {
  const taken = state.ios.get(io);
  assert(taken !== undefined, 'the device operation is in flight');
  state.ios.delete(io);
  return taken;
}

export const DEVICE_EVOLVERS = {
  fillStarted: evolveFillStarted,
  fillJoined,
  fillFinished: evolveFillFinished,
  fillFailed,
  batchPlanned,
  writebackStarted,
  writebackFinished,
  writebackFailed,
  writebackRetryScheduled,
  writebackSplit,
  blockParked,
  parkedRetried,
  barrierStarted,
  barrierFinished,
  barrierFailed,
  deviceAnsweredLate,
  deviceReplaced,
  clearQueued,
  clearStarted,
  clearAnswered,
  clearFinished,
  clearFailed,
  dirtyDiscarded,
};
