/** What opening, resizing, options, eviction, ticks and closing do to the state. */
import { assert } from '../../device/errors.js';
import { codeOfTrigger } from '../block-state.js';
import type { CacheEvent } from '../events.js';
import { assertConfig } from '../limits.js';
import { RETRYING, SlotTable } from '../slot-table.js';
import { type CacheState, type DeviceIo, newHandle, type ScheduledRetry } from '../state.js';
import { release, renumber } from './remembered.js';
import { countRequest, reportSurvivors } from './requests.js';

type EventOf<Type extends CacheEvent['type']> = Extract<CacheEvent, { type: Type }>;

const EVICTED = codeOfTrigger('evicted');
const INVALIDATED = codeOfTrigger('invalidated');

function opened(state: CacheState, event: EventOf<'opened'>): void {
  const { config } = event;
  assert(state.phase === 'unopened', 'a cache opens once');
  assertConfig(config);
  state.phase = 'open';
  state.config = config;
  state.identity = event.identity;
  state.limits = config.limits;
  state.deviceBytes = config.deviceBytes;
  state.random = config.seed | 0;
  state.lastIdleCheck = event.at;
  state.shape(config.blockSize, config.capacity);
}

export function evolveEvicted(state: CacheState, event: EventOf<'evicted'>): void {
  const { slots } = state;
  const slot = slots.find(event.block);
  state.counters.evictions++;
  if (event.reason === 'resize') state.counters.resizeEvictions++;
  else if (event.reason === 'idle') state.counters.idleEvictions++;
  slots.policy.passOver(slot, slots.isEvictable);
  assert(slots.isEvictable(slot), 'only a clean block that nobody holds is evicted');
  slots.transition(slot, EVICTED, event.at);
}

function invalidated(state: CacheState, event: EventOf<'invalidated'>): void {
  countRequest(state, event.op);
  state.counters.invalidations++;
  const { slots } = state;
  slots.eachInRange(event.block, event.count, (slot) => slots.transition(slot, INVALIDATED, event.at));
}

function resized(state: CacheState, event: EventOf<'resized'>): void {
  if (event.op !== 0 && event.cause === 0) countRequest(state, event.op);
  if (event.capacity > state.slots.capacity) {
    const larger = new SlotTable(event.capacity, state.config.policy);
    larger.takeOver(state.slots);
    state.slots = larger;
  }
  state.capacity = event.capacity;
  const { slots, frames } = state;
  if (event.frames > slots.frames) slots.grow(event.frames);
  else if (event.frames < slots.frames) slots.shrink(event.frames, (from, to) => frames?.move(from, to));
  frames?.resize(event.frames, (slot) => slots.pins[slot] > 0);
  state.lastIdleCheck = event.at;
}

function blockSizeChanged(state: CacheState, event: EventOf<'blockSizeChanged'>): void {
  assert(state.slots.kept === 0 && state.slots.pinned === 0, 'nothing that must be kept is dropped');
  state.waits.delete(event.op);
  state.blockSizeOp = 0;
  state.runs.clear();
  state.retries = [];
  state.failures.clear();
  renumber(state, event.from, event.to);
  for (const io of state.stuck.values()) if (io.kind !== 'barrier') restate(state, io, event);
  state.shape(event.to, event.capacity);
}

/** What the device owes can still happen to the same bytes, which now are other blocks. */
function restate(
  state: CacheState,
  io: Exclude<DeviceIo, { kind: 'barrier' }>,
  event: EventOf<'blockSizeChanged'>,
): void {
  const block = Math.floor((io.block * event.from) / event.to);
  const count = Math.ceil(((io.block + io.count) * event.from) / event.to) - block;
  state.stuck.set(io.io, { ...io, block, count });
}

function blockSizeFailed(state: CacheState, event: EventOf<'blockSizeFailed'>): void {
  reportSurvivors(state, event);
  state.waits.delete(event.op);
  state.blockSizeOp = 0;
}

function optionSet(state: CacheState, event: EventOf<'optionSet'>): void {
  countRequest(state, event.op);
  state.limits = { ...state.limits, [event.name]: event.value };
}

/** Retries that are due go to the front of the queue, in the order in which they fell due. */
function ticked(state: CacheState, event: EventOf<'ticked'>): void {
  const due: ScheduledRetry[] = [];
  const later: ScheduledRetry[] = [];
  for (const retry of state.retries) (retry.dueAt <= event.at ? due : later).push(retry);
  state.retries = later;
  if (state.holdOffUntil <= event.at) state.holdOffUntil = 0;
  state.runs.addFirst(due);
  const { slots } = state;
  for (const retry of due) {
    slots.eachInRange(retry.block, retry.count, (slot) => slots.clearFlag(slot, RETRYING, event.at));
  }
}

/** From here on, use counts anew. */
function idleChecked(state: CacheState, event: EventOf<'idleChecked'>): void {
  state.slots.used.fill(0);
  state.lastIdleCheck = event.at;
}

function closeFailed(state: CacheState, event: EventOf<'closeFailed'>): void {
  reportSurvivors(state, event);
  state.phase = 'open';
  state.waits.delete(event.op);
}

function closed(state: CacheState, event: EventOf<'closed'>): void {
  assert(state.slots.kept === 0, 'nothing that must be kept is left behind');
  state.phase = 'closed';
  state.waits.delete(event.op);
}

function handleOpened(state: CacheState, event: EventOf<'handleOpened'>): void {
  countRequest(state, event.op);
  state.handles.set(event.op, newHandle(event.op, event.seq));
}

function handleClosed(state: CacheState, event: EventOf<'handleClosed'>): void {
  countRequest(state, event.op);
  release(state, event.handle);
}

/** What becomes of the journal changes nothing in the cache. */
function stated(): void {}

export const CONTROL_EVOLVERS = {
  journalFailed: stated,
  journalResumed: stated,
  opened,
  evicted: evolveEvicted,
  invalidated,
  resized,
  blockSizeChanged,
  blockSizeFailed,
  handleOpened,
  handleClosed,
  optionSet,
  ticked,
  idleChecked,
  closeFailed,
  closed,
};
