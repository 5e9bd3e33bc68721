/** What requests do to the state: reads, writes, borrows, flushes, and their ends. */
import { CLEAN, codeOfTrigger } from '../block-state.js';
import type { CacheEvent, Read, Written } from '../events.js';
import { TIMEOUT_CODE } from '../failure-codes.js';
import { HELD, PARKED, STUCK } from '../slot-table.js';
import { type CacheState, NOBODY, overlaps, type PendingAdmission, type PendingWait } from '../state.js';
import { addWait, setBases } from './bases.js';
import { forgive, noteTold, remember } from './remembered.js';

type EventOf<Type extends CacheEvent['type']> = Extract<CacheEvent, { type: Type }>;

const WRITTEN = codeOfTrigger('written');

export function evolveRead(state: CacheState, event: Read): void {
  const { slots, counters } = state;
  counters.requests++;
  counters.reads++;
  counters.hits += event.count;
  state.lastOp = event.op;
  const end = event.block + event.count;
  for (let block = event.block; block < end; block++) slots.touch(slots.find(block));
}

export function evolveWritten(state: CacheState, event: Written): void {
  const { slots, counters } = state;
  if (event.cause === 0) countRequest(state, event.op);
  else state.admissions.delete(event.op);
  counters.writes++;
  state.generation = event.generation;
  const end = event.block + event.count;
  for (let block = event.block; block < end; block++) {
    let slot = slots.find(block);
    if (slot === -1) slot = slots.occupy(block);
    else slots.touch(slot);
    if (slots.status[slot] >= CLEAN) counters.hits++;
    else {
      counters.misses++;
      counters.writeMisses++;
      // A fill that is under way must not find the block again when this write has become durable before it ends.
      slots.fill[slot] = 0;
    }
    slots.generation[slot] = event.generation;
    if (slots.dirtyBase[slot] === 0) {
      setBases(state, slot, event.generation, slots.carriedBase[slot], slots.writtenBase[slot]);
    }
    slots.transition(slot, WRITTEN, event.at);
  }
  if (event.borrowed && state.stuck.size > 0) holdIfStuck(state, event);
  if (!event.through) return;
  unpark(state, event.block, event.count, event.at);
  addWait(state, waitFor('through', { ...event, handle: NOBODY }, event.generation));
}

/** Of all writes only one through a borrowed view can come to a range whose clear timed out: it waits as the others do. */
function holdIfStuck(state: CacheState, event: Written): void {
  const io = stuckClear(state, event.block);
  if (io === 0) return;
  state.slots.setFlag(state.slots.find(event.block), STUCK, event.at);
  state.failures.set(event.block, { code: TIMEOUT_CODE, io });
}

function stuckClear(state: CacheState, block: number): number {
  for (const io of state.stuck.values()) if (io.kind === 'clear' && overlaps(io, block, 1)) return io.io;
  return 0;
}

export function evolveReadMissed(state: CacheState, event: EventOf<'readMissed'>): void {
  const { slots, counters } = state;
  countRequest(state, event.op);
  counters.reads++;
  counters.hits += event.hits;
  counters.misses += event.count - event.hits;
  for (let block = event.block; block < event.block + event.count; block++) {
    const slot = slots.find(block);
    if (slot !== -1) slots.touch(slot);
  }
  const { op, block, count } = event;
  state.reads.set(op, { kind: 'read', op, block, count, fills: 0, blocked: false });
}

export function evolveReadEnd(state: CacheState, event: EventOf<'readFinished' | 'readFailed'>): void {
  unblock(state, event.op);
  state.reads.delete(event.op);
  state.admissions.delete(event.op);
}

function readBlocked(state: CacheState, event: EventOf<'readBlocked'>): void {
  const read = state.reads.get(event.op);
  if (read === undefined || read.blocked) return;
  read.blocked = true;
  state.blockedReads++;
}

function readResumed(state: CacheState, event: EventOf<'readResumed'>): void {
  unblock(state, event.op);
}

function unblock(state: CacheState, op: number): void {
  const read = state.reads.get(op);
  if (read === undefined || !read.blocked) return;
  read.blocked = false;
  state.blockedReads--;
}

function readaheadRequested(state: CacheState, event: EventOf<'readaheadRequested'>): void {
  countRequest(state, event.op);
  state.counters.readaheads++;
}

function writeQueued(state: CacheState, event: EventOf<'writeQueued'>): void {
  countRequest(state, event.op);
  const block = Math.floor(event.offset / state.blockSize);
  const count = Math.ceil((event.offset + event.length) / state.blockSize) - block;
  const { op, offset, length, through, actor, trace, at: since } = event;
  queue(state, { kind: 'write', op, block, count, offset, length, through, actor, trace, since });
}

function borrowQueued(state: CacheState, event: EventOf<'borrowQueued'>): void {
  countRequest(state, event.op);
  const { op, block, actor, trace, at: since } = event;
  queue(state, { kind: 'borrow', op, block, count: 1, offset: 0, length: 0, through: false, actor, trace, since });
}

function queue(state: CacheState, admission: PendingAdmission): void {
  state.admissions.set(admission.op, admission);
}

function borrowed(state: CacheState, event: EventOf<'borrowed'>): void {
  if (event.cause === 0) countRequest(state, event.op);
  else state.admissions.delete(event.op);
  state.counters.borrows++;
  const slot = state.slots.find(event.block);
  state.slots.touch(slot);
  state.slots.pin(slot);
}

function released(state: CacheState, event: EventOf<'released'>): void {
  state.slots.unpin(state.slots.find(event.block));
}

function flushStarted(state: CacheState, event: EventOf<'flushStarted'>): void {
  countRequest(state, event.op);
  state.counters.flushes++;
  unpark(state, event.block, event.count, event.at);
  addWait(state, waitFor('flush', event, event.generation, coveringBarrier(state)));
}

function closeStarted(state: CacheState, event: EventOf<'closeStarted'>): void {
  countRequest(state, event.op);
  state.phase = 'closing';
  unpark(state, 0, state.blockCount, event.at);
  const whole = { op: event.op, block: 0, count: state.blockCount, handle: 0 };
  addWait(state, { ...waitFor('close', whole, event.generation, coveringBarrier(state)), abandon: event.abandon });
}

function blockSizeRequested(state: CacheState, event: EventOf<'blockSizeRequested'>): void {
  countRequest(state, event.op);
  state.blockSizeOp = event.op;
  unpark(state, 0, state.blockCount, event.at);
  const whole = { op: event.op, block: 0, count: state.blockCount, handle: 0 };
  const wait = waitFor('blockSize', whole, Number.MAX_SAFE_INTEGER, coveringBarrier(state));
  addWait(state, { ...wait, blockSize: event.to });
}

function waitFor(
  kind: PendingWait['kind'],
  asked: { readonly op: number; readonly block: number; readonly count: number; readonly handle: number },
  generation: number,
  neededBarrier = 0,
): PendingWait {
  const { op, block, count, handle } = asked;
  const counts = { unwritten: 0, undurable: 0, barrierFailures: 0 };
  return { kind, op, block, count, generation, neededBarrier, ...counts, abandon: '', blockSize: 0, handle };
}

/** The first barrier that covers all that the device holds now; none is needed where nothing can be written. */
function coveringBarrier(state: CacheState): number {
  return state.config.mode === 'readonly' ? 0 : state.barriersStarted + 1;
}

/** Parked blocks of the range get another chance. */
function unpark(state: CacheState, block: number, count: number, at: number): void {
  const { slots } = state;
  for (let slot = slots.chains.head(HELD); slot !== -1; ) {
    const next = slots.chains.next(slot);
    const offset = slots.block[slot] - block;
    if (offset >= 0 && offset < count) slots.clearFlag(slot, PARKED, at);
    slot = next;
  }
}

type Report = EventOf<'flushFailed' | 'writeFailed' | 'closeFailed' | 'blockSizeFailed'>;

/** Blocks were named as not safe: whoever asked has been told, the other handles are owed it. */
export function reportSurvivors(state: CacheState, event: Report): void {
  const handle = state.waits.get(event.op)?.handle ?? NOBODY;
  for (const [at, block] of event.blocks.entries()) {
    const own = event.codes[at] !== '';
    // Nothing has failed for the block itself, but the flush gave up on its barrier.
    if (!own && event.barrierIo === 0) continue;
    const code = own ? event.codes[at] : 'CACHETRAIL_BARRIER_FAILED';
    remember(state, { block, code, io: own ? event.ios[at] : event.barrierIo, seq: event.seq });
    noteTold(state, block, handle);
  }
}

function endFailed(state: CacheState, event: Report): void {
  reportSurvivors(state, event);
  endWait(state, event);
}

function resolvedTold(state: CacheState, event: EventOf<'resolvedTold'>): void {
  const wait = state.waits.get(event.op);
  if (wait === undefined) return;
  const { block, count } = wait;
  forgive(state, event.handle, { block, count, forgotten: event.forgotten });
}

function endWait(state: CacheState, event: { readonly op: number }): void {
  state.waits.delete(event.op);
}

function requestRefused(state: CacheState, event: EventOf<'requestRefused'>): void {
  if (event.cause === 0) countRequest(state, event.op);
  state.admissions.delete(event.op);
  state.counters.refusals++;
}

function requestAborted(state: CacheState, event: EventOf<'requestAborted'>): void {
  unblock(state, event.op);
  state.reads.delete(event.op);
  state.admissions.delete(event.op);
  state.waits.delete(event.op);
  state.clears.delete(event.op);
  state.counters.aborts++;
}

export function countRequest(state: CacheState, op: number): void {
  state.counters.requests++;
  state.lastOp = op;
}

export const REQUEST_EVOLVERS = {
  read: evolveRead,
  readMissed: evolveReadMissed,
  readBlocked,
  readResumed,
  readFinished: evolveReadEnd,
  readFailed: evolveReadEnd,
  readaheadRequested,
  writeQueued,
  written: evolveWritten,
  writeFinished: endWait,
  writeFailed: endFailed,
  borrowQueued,
  borrowed,
  released,
  flushStarted,
  flushFinished: endWait,
  flushFailed: endFailed,
  resolvedTold,
  closeStarted,
  blockSizeRequested,
  requestRefused,
  requestAborted,
};
