/**
 * Turns an input into events. Reads no clock, no randomness, no I/O; changes nothing but through the events it emits.
 * The first event is the input's own. After it, whatever the new state makes possible or necessary follows.
 */
import { assert } from '../device/errors.js';
import { grantClears } from './decide/clears.js';
import {
  decideAbort,
  decideCloseHandle,
  decideInvalidate,
  decideJournal,
  decideOpen,
  decideOpenHandle,
  decideOption,
  decideResize,
  decideTick,
} from './decide/control.js';
import { decideAnswer } from './decide/answers.js';
import { decideBlockSize, decideClose, decideFlush, settleWaits, startBarrier } from './decide/durability.js';
import { decideClear } from './decide/clears.js';
import { decideRead, decideReadahead, resumeReads } from './decide/reads.js';
import { decideReplaceDevice } from './decide/replacement.js';
import { returnFrames } from './decide/room.js';
import { startWritebacks } from './decide/writeback.js';
import { admitWaiting, decideBorrow, decideMarkDirty, decideRelease, decideWrite } from './decide/writes.js';
import type { Input } from './inputs.js';
import { READY } from './slot-table.js';
import type { CacheState } from './state.js';
import type { Turn } from './turn.js';

/** Rounds that follow one input before the core must have come to rest. Two or three are usual. */
const ROUNDS_MAX = 100_000;

/** True if nothing has changed that anything could wait for: there was no follow-up, and no deadline has moved. */
export function decide(turn: Turn, input: Input): boolean {
  const { state } = turn;
  turn.begin(input.at);
  if (input.type === 'read') return decideRead(turn, input);
  const { kept, chains } = state.slots;
  const ready = chains.counts[READY];
  const { generation } = state;
  const waits = state.waits.size;
  decideInput(turn, input);
  if (turn.cause === 0) return true;
  const wroteOnly = turn.cause === state.seq && state.generation !== generation;
  if (wroteOnly && state.waits.size === waits && isUnmoved(state, kept, ready)) return true;
  if (input.type === 'answer' && kept === 0 && isAtEase(state)) return true;
  if (state.phase === 'open' || state.phase === 'closing') followUp(turn);
  return false;
}

/** Nothing waits for anything that the device could have answered, and nothing has to be kept. */
function isAtEase(state: CacheState): boolean {
  const { admissions, clears, waits, slots } = state;
  if (admissions.size > 0 || clears.size > 0 || waits.size > 0 || state.blockedReads > 0) return false;
  return slots.kept === 0 && slots.frames <= state.capacity;
}

/** A write went over blocks that were dirty, or being written, before. */
function isUnmoved(state: CacheState, kept: number, ready: number): boolean {
  return state.slots.kept === kept && state.slots.chains.counts[READY] === ready;
}

function decideInput(turn: Turn, input: Exclude<Input, { type: 'read' }>): void {
  switch (input.type) {
    case 'write':
      return decideWrite(turn, input);
    case 'answer':
      return decideAnswer(turn, input);
    case 'tick':
      return decideTick(turn);
    case 'journalFailed':
    case 'journalResumed':
      return decideJournal(turn, input);
    case 'readahead':
      return decideReadahead(turn, input);
    case 'borrow':
      return decideBorrow(turn, input);
    case 'markDirty':
      return decideMarkDirty(turn, input);
    case 'release':
      return decideRelease(turn, input);
    case 'flush':
      return decideFlush(turn, input);
    case 'invalidate':
      return decideInvalidate(turn, input);
    case 'clear':
      return decideClear(turn, input);
    case 'resize':
      return decideResize(turn, input);
    case 'setBlockSize':
      return decideBlockSize(turn, input);
    case 'setOption':
      return decideOption(turn, input);
    case 'close':
      return decideClose(turn, input);
    case 'openHandle':
      return decideOpenHandle(turn, input);
    case 'closeHandle':
      return decideCloseHandle(turn, input);
    case 'replaceDevice':
      return decideReplaceDevice(turn, input);
    case 'abort':
      return decideAbort(turn, input);
    case 'open':
      return decideOpen(turn, input);
    default: {
      const unknown: never = input;
      assert(false, `unknown input ${JSON.stringify(unknown)}`);
    }
  }
}

/** Until nothing more follows: each step is cheap when it has nothing to do. */
function followUp(turn: Turn): void {
  const { state } = turn;
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const before = state.seq;
    grantClears(turn);
    admitWaiting(turn);
    resumeReads(turn);
    startWritebacks(turn);
    startBarrier(turn);
    returnFrames(turn);
    settleWaits(turn);
    if (state.seq === before || state.phase === 'closed') return;
  }
  assert(false, 'the core comes to rest after an input');
}
