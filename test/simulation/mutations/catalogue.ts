/**
 * Bugs that the simulator must find: each a change of the compiled sources. What is replaced must stand in its file exactly
 * once, whatever the white space; a mutation that no longer applies has to be written anew.
 */
import { JOURNAL_MUTATIONS } from './journal.js';
import { OWED_MUTATIONS } from './owed.js';

export interface Mutation {
  /** What the mutated cache does. */
  readonly name: string;
  readonly edits: readonly Edit[];
  /** Runs in which it must be caught. */
  readonly runs: number;
}

export interface Edit {
  /** Without `src/` and ending. */
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

const DEVICE = 'cache/evolve/device';
const DURABILITY = 'cache/decide/durability';
const CLEARS = 'cache/decide/clears';
const EFFECTS = 'streams/effects';
const SLOTS = 'cache/slot-table';
const STATES = 'cache/block-state';

export const MUTATIONS: readonly Mutation[] = [
  {
    name: 'takes a block for durable when the device has taken it, before any barrier',
    edits: [
      { file: STATES, from: "writtenBack: 'unsynced',", to: "writtenBack: 'clean'," },
      {
        file: DEVICE,
        from: 'setBases(state, slot, dirtyBase[slot], 0, older(writtenBase[slot], carriedBase[slot]));',
        to: 'setBases(state, slot, dirtyBase[slot], 0, 0);',
      },
    ],
    runs: 20,
  },
  {
    name: 'clears with a completion what was written since, whatever its generation',
    edits: [
      {
        file: DEVICE,
        from: 'setBases(state, slot, dirtyBase[slot], 0, older(writtenBase[slot], carriedBase[slot]));',
        to: 'setBases(state, slot, 0, 0, older(writtenBase[slot], carriedBase[slot]));',
      },
    ],
    runs: 20,
  },
  {
    name: 'lets a fill overwrite newer bytes',
    edits: [
      {
        file: EFFECTS,
        from: 'if (fill.cached && slot !== -1 && slots.status[slot] === CLEAN && slots.fill[slot] === fill.io) {',
        to: 'if (fill.cached && slot !== -1) {',
      },
    ],
    runs: 50,
  },
  {
    name: 'lets a late fill exchange the frame of a block that was written and made durable since',
    edits: [{ file: 'cache/evolve/requests', from: 'slots.fill[slot] = 0;', to: '' }],
    runs: 1500,
  },
  {
    name: 'evicts dirty blocks',
    edits: [
      { file: STATES, from: "dirty: { written: 'dirty',", to: "dirty: { evicted: 'absent', written: 'dirty'," },
      {
        file: SLOTS,
        from: 'this.status[slot] === CLEAN && this.pins[slot] === 0;',
        to: 'this.status[slot] >= CLEAN && this.status[slot] <= 3 && this.pins[slot] === 0;',
      },
    ],
    runs: 20,
  },
  {
    name: 'evicts blocks that no barrier has covered',
    edits: [
      { file: STATES, from: "unsynced: { written: 'dirty',", to: "unsynced: { evicted: 'absent', written: 'dirty'," },
      {
        file: SLOTS,
        from: 'this.status[slot] === CLEAN && this.pins[slot] === 0;',
        to: '(this.status[slot] === CLEAN || this.status[slot] === UNSYNCED) && this.pins[slot] === 0;',
      },
    ],
    runs: 20,
  },
  {
    name: 'evicts borrowed blocks',
    edits: [
      {
        file: SLOTS,
        from: 'this.status[slot] === CLEAN && this.pins[slot] === 0;',
        to: 'this.status[slot] === CLEAN;',
      },
    ],
    runs: 50,
  },
  {
    name: 'ends a flush before its barrier',
    edits: [
      {
        file: DURABILITY,
        from: 'return wait.undurable <= stalled && state.barrierDone >= wait.neededBarrier;',
        to: 'return true;',
      },
      {
        file: DURABILITY,
        from: 'return wait.undurable === 0 && state.barrierDone >= wait.neededBarrier;',
        to: 'return wait.unwritten === 0;',
      },
    ],
    runs: 20,
  },
  {
    name: 'ends a flush with success although a block is parked or stuck',
    edits: [
      {
        file: DURABILITY,
        from: 'return wait.undurable === 0 && state.barrierDone >= wait.neededBarrier;',
        to: 'return wait.undurable <= stalledIn(state, wait) && state.barrierDone >= wait.neededBarrier;',
      },
    ],
    runs: 100,
  },
  {
    name: 'starts a clear while an older writeback is in flight',
    edits: [
      {
        file: CLEARS,
        from: "if (io.kind !== 'barrier' && overlaps(io, clear.block, clear.count))",
        to: "if (io.kind === 'fill' && overlaps(io, clear.block, clear.count))",
      },
    ],
    runs: 50,
  },
  {
    name: 'drops the cached blocks before the device has cleared them, as the original does the other way round',
    edits: [
      {
        file: DEVICE,
        from: 'clear.io = io;',
        to: 'clear.io = io; state.slots.eachInRange(block, count, (slot) => dropSlot(state, slot, event.at));',
      },
    ],
    runs: 100,
  },
  {
    name: 'tells that a zero is durable before its barrier',
    edits: [{ file: CLEARS, from: 'if (barrierDone >= clear.neededBarrier)', to: 'if (true)' }],
    runs: 20,
  },
  {
    name: 'counts a zero that was in flight when a barrier failed',
    edits: [{ file: CLEARS, from: 'else if (clear.doubtIo !== 0)', to: 'else if (false)' }],
    runs: 2000,
  },
  {
    name: 'writes into a range whose zero has timed out',
    edits: [
      {
        file: 'cache/state',
        from: "if (io.kind === 'clear' && overlaps(io, block, count))",
        to: 'if (false)',
      },
    ],
    runs: 3000,
  },
  {
    name: 'trusts clean copies of a range whose clear has failed',
    edits: [
      {
        file: DEVICE,
        from: 'putInDoubt(state, slot, event); forgetCopy(state, slot, event.at);',
        to: 'putInDoubt(state, slot, event);',
      },
    ],
    runs: 100,
  },
  {
    name: 'does not write again what a failed clear may have taken',
    edits: [{ file: DEVICE, from: 'if (wasStarted && slots.writtenBase[slot] !== 0)', to: 'if (false)' }],
    runs: 500,
  },
  {
    name: 'does not write again what a failed barrier has put in doubt',
    edits: [{ file: DEVICE, from: 'eachUnsynced(state, (slot) => putInDoubt(state, slot, doubt));', to: '' }],
    runs: 100,
  },
  {
    name: 'counts a write that was in flight when a barrier failed',
    edits: [{ file: DEVICE, from: 'slots.flags[slot] |= TAINTED;', to: ';' }],
    runs: 600,
  },
  {
    name: 'lets a barrier cover writes that ended after it began',
    edits: [
      {
        file: DEVICE,
        from: 'state.barriersStarted + 1; slots.transition(slot, dirtyBase',
        to: 'state.barriersStarted; slots.transition(slot, dirtyBase',
      },
    ],
    runs: 50,
  },
  {
    name: 'believes a barrier that began while another is unanswered',
    edits: [{ file: 'cache/state', from: "if (io.kind === 'barrier')", to: 'if (false)' }],
    runs: 50,
  },
  {
    name: 'takes a short write for a whole one',
    edits: [
      {
        file: 'streams/device-lane',
        from: 'if (moved === wanted)',
        to: "if (moved === wanted || command.kind === 'write')",
      },
    ],
    runs: 100,
  },
  {
    name: 'takes a write that timed out for one that was not done',
    edits: [
      { file: DEVICE, from: 'const timedOut = event.code === TIMEOUT;', to: 'const timedOut = false;' },
      { file: 'cache/decide/writeback', from: 'if (code === TIMEOUT_CODE || code', to: 'if (code' },
    ],
    runs: 50,
  },
  {
    name: 'applies an answer that comes late, or twice, to another operation',
    edits: [
      {
        file: 'cache/decide/answers',
        from: 'state.ios.get(answer.io);',
        to: 'state.ios.get(answer.io) ?? [...state.ios.values()].at(-1);',
      },
    ],
    runs: 50,
  },
  {
    name: 'forgets the second half of a run that it splits',
    edits: [
      {
        file: DEVICE,
        from: 'state.counters.splits++;',
        to: 'state.counters.splits++; flagDirty(state, { block: splitAt, count: block + count - splitAt, at: event.at }, RETRYING);',
      },
    ],
    runs: 100,
  },
  {
    name: 'never tries parked blocks again',
    edits: [{ file: 'cache/evolve/requests', from: 'slots.clearFlag(slot, PARKED, at);', to: ';' }],
    runs: 100,
  },
  {
    name: 'mixes up what a write carries with what no barrier has covered',
    edits: [
      {
        file: DEVICE,
        from: 'setBases(state, slot, 0, slots.dirtyBase[slot], slots.writtenBase[slot]);',
        to: 'setBases(state, slot, 0, slots.writtenBase[slot], slots.dirtyBase[slot]);',
      },
    ],
    runs: 20,
  },
  {
    name: 'writes back what a frame holds when the device is ready, not when the write began',
    edits: [
      {
        file: EFFECTS,
        from: 'const bytes = staging.take(length);',
        to: 'const bytes = event.count === 1 && length === state.blockSize ? this.#frame(state.slots.find(event.block)) : staging.take(length);',
      },
    ],
    runs: 50,
  },
  {
    name: 'reads another frame with readNow',
    edits: [
      {
        file: 'streams/block-cache',
        from: 'into.set(frames[slot]);',
        to: 'into.set(frames[slot > 0 ? slot - 1 : slot]);',
      },
    ],
    runs: 50,
  },
  {
    name: 'answers a cached read with whatever the buffer holds, as the original does',
    edits: [
      {
        file: EFFECTS,
        from: 'this.#copyOut(block, this.#frame(state.slots.find(block)), caller.into, caller.offset); } caller.succeed(caller.into);',
        to: '} caller.succeed(caller.into);',
      },
    ],
    runs: 20,
  },
  {
    name: 'closes although blocks are not durable, as the original does',
    edits: [
      {
        file: DURABILITY,
        from: "if (abandon === '') return turn.emit({ type: 'closeFailed'",
        to: "if (false) return turn.emit({ type: 'closeFailed'",
      },
    ],
    runs: 100,
  },
  {
    name: 'makes every error of the device EIO, as the original does',
    edits: [{ file: 'streams/failures', from: 'const code = event.codes[at];', to: "const code = 'EIO';" }],
    runs: 100,
  },
  {
    name: 'lets a write overtake those that wait',
    edits: [{ file: 'cache/decide/writes', from: "state.admissions.size > 0 ? 'order' :", to: '' }],
    runs: 50,
  },
  {
    name: 'takes a write whose caller was told that it was not taken',
    edits: [
      {
        file: 'cache/evolve/requests',
        from: 'state.reads.delete(event.op); state.admissions.delete(event.op); state.waits.delete(event.op);',
        to: 'state.reads.delete(event.op); state.waits.delete(event.op);',
      },
    ],
    runs: 100,
  },
  {
    name: 'wakes only the first of those who wait for one fill',
    edits: [
      {
        file: 'cache/decide/answers',
        from: 'for (const op of waiters) finishRead(turn, op);',
        to: 'for (const op of waiters.slice(0, 1)) finishRead(turn, op);',
      },
    ],
    runs: 50,
  },
  {
    name: 'keeps a timer that keeps the process alive when there is nothing to do',
    edits: [
      {
        file: 'streams/pipeline',
        from: 'at !== null && (this.state.slots.kept > 0 || this.state.admissions.size > 0);',
        to: 'at !== null;',
      },
    ],
    runs: 50,
  },
  {
    name: 'changes the state in a decision, past its events',
    edits: [
      {
        file: 'cache/decide/durability',
        from: 'if (reason === null)',
        to: 'state.holdOffUntil = 0; if (reason === null)',
      },
    ],
    runs: 50,
  },
  {
    name: 'decides by chance that no seed has drawn',
    edits: [
      {
        file: 'cache/decide/writeback',
        from: 'const jitter = uniform(nextRandom(state.random));',
        to: 'const jitter = (globalThis.drawn = ((globalThis.drawn ?? 0) + 0.618) % 1);',
      },
    ],
    runs: 50,
  },
  ...OWED_MUTATIONS,
  ...JOURNAL_MUTATIONS,
];
