/**
 * Random requests of several handles over a device that fails, times out, answers late and is replaced: the core alone, with
 * everything that must hold checked at each step, and who was told of what checked from the log in the end.
 */
import { expect } from 'chai';
import type { CacheEvent } from '../../src/cache/events.js';
import type { Input } from '../../src/cache/inputs.js';
import { checkInvariants } from '../../src/cache/invariants.js';
import { nextDeadline } from '../../src/cache/deadline.js';
import { Core, open, type Step } from '../support/core.js';
import * as steps from '../support/steps.js';

const BLOCKS = 12;
const RUNS = 250;
const STEPS = 90;

type Draw = (below: number) => number;

/** Numbers from a seed, the same on every machine. */
function drawing(seed: number): Draw {
  let state = Math.imul(seed + 1, 0x9e3779b1) | 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

function replace(core: Core): Input {
  const { identity, deviceBytes } = core.state;
  return { type: 'replaceDevice', ...core.request(), identity, deviceBytes, writable: true };
}

/** The device does something: answers what is in flight or owed, well or not. */
function answered(core: Core, draw: Draw): Step {
  const { ios, stuck } = core.state;
  const inFlight = ios.keys();
  const owed = [...stuck.keys()];
  if (inFlight.length === 0 && owed.length === 0) return steps.tick(10e6);
  const isLate = inFlight.length === 0 || (owed.length > 0 && draw(4) === 0);
  const io = isLate ? owed[draw(owed.length)] : inFlight[draw(inFlight.length)];
  const how = draw(10);
  if (how < 6) return steps.done(io);
  if (how < 8) return steps.fails(io, how === 6 ? 'EIO' : 'EROFS');
  return isLate ? steps.fails(io, 'EIO') : steps.timesOut(io);
}

function drawn(core: Core, draw: Draw): Step {
  const { state } = core;
  const handles = [...state.handles.keys()];
  const block = draw(BLOCKS);
  const count = Math.min(1 + draw(3), BLOCKS - block);
  const handle = handles[draw(handles.length)];
  const kind = draw(40);
  if (kind < 8) return steps.write(block, count);
  if (kind < 9) return steps.writeThrough(block, count);
  if (kind < 12) return steps.flush(block, count, handle);
  if (kind < 15) return steps.flush(0, BLOCKS, handle);
  if (kind < 16) return steps.read(block, count);
  if (kind < 17) return steps.clear((['discard', 'zero', 'drop'] as const)[draw(3)], block, count);
  if (kind < 18 && handles.length < 5) return steps.openHandle;
  if (kind < 19 && handles.length > 3) return steps.closeHandle(handles[1 + draw(handles.length - 1)]);
  if (kind < 20) return replace;
  if (kind < 22) return steps.tick(draw(2_000_000_000));
  return answered(core, draw);
}

/** The device is well: it answers what it owes, and everything it is asked for. */
function cure(core: Core): void {
  for (let rounds = 0; rounds < 1000; rounds++) {
    for (const io of [...core.state.stuck.keys()]) core.take(steps.done(io));
    core.take(steps.settle);
    const at = nextDeadline(core.state, core.at);
    const { waits, retries, stuck, admissions } = core.state;
    if (stuck.size === 0 && waits.size === 0 && retries.length === 0 && admissions.size === 0) return;
    if (at !== null) core.take(steps.tickAt(at));
  }
  throw new Error('it does not come to rest');
}

function run(seed: number): Core {
  const draw = drawing(seed);
  const core = new Core();
  const limits = { writeAttemptsMax: 1 + draw(2), dirtyBackgroundShare: 0.5, dirtyHardShare: 1 };
  core.take(open({ blocks: BLOCKS, capacity: 4 + draw(9), limits }));
  for (let step = 0; step < STEPS; step++) {
    core.take(drawn(core, draw));
    checkInvariants(core.state);
  }
  cure(core);
  return core;
}

interface Failure {
  readonly seq: number;
  readonly block: number;
}

/** Which failures were final, and which handles were told of each, from the log alone. */
class Accounts {
  readonly #flushes = new Map<number, number>();
  readonly open = new Map<number, number>([[0, 0]]);
  readonly failures: Failure[] = [];
  readonly #told: { readonly seq: number; readonly handle: number; readonly blocks: readonly number[] }[] = [];

  constructor(events: readonly CacheEvent[]) {
    for (const event of events) this.#add(event);
  }

  knows(handle: number, { seq, block }: Failure): boolean {
    return this.#told.some((one) => one.handle === handle && one.seq >= seq && one.blocks.includes(block));
  }

  #add(event: CacheEvent): void {
    switch (event.type) {
      case 'handleOpened':
        this.open.set(event.op, event.seq);
        break;
      case 'handleClosed':
        this.open.delete(event.handle);
        break;
      case 'flushStarted':
        this.#flushes.set(event.op, event.handle);
        break;
      case 'blockParked':
        this.failures.push({ seq: event.seq, block: event.block });
        break;
      case 'resolvedTold':
        this.#told.push({ seq: event.seq, handle: event.handle, blocks: event.blocks });
        break;
      case 'flushFailed':
        for (const block of event.blocks) this.failures.push({ seq: event.seq, block });
        this.#told.push({ seq: event.seq, handle: this.#flushes.get(event.op) ?? -1, blocks: event.blocks });
        break;
    }
  }
}

describe('a core with several handles over a device that fails at random', () => {
  it('keeps what must hold, replays exactly, and leaves nobody untold', () => {
    let failures = 0;
    let told = 0;
    for (let seed = 1; seed <= RUNS; seed++) {
      const core = run(seed);
      const handles = [...core.state.handles.keys()];
      for (const handle of handles) for (const step of [steps.flush(0, BLOCKS, handle), steps.settle]) core.take(step);
      const accounts = new Accounts(core.events);
      for (const failure of accounts.failures) {
        for (const [handle, openedSeq] of accounts.open) {
          if (openedSeq > failure.seq) continue;
          const isOld = accounts.knows(handle, { ...failure, seq: 0 });
          // Who was told of it before it happened again, and while it lasted, need not be told once more.
          expect(isOld, `seed ${seed}: handle ${handle}, block ${failure.block}, #${failure.seq}`).to.equal(true);
        }
      }
      const before = core.events.length;
      for (const handle of handles) for (const step of [steps.flush(0, BLOCKS, handle), steps.settle]) core.take(step);
      const again = core.events.slice(before).filter(({ type }) => type === 'resolvedTold' || type === 'flushFailed');
      expect(again, `seed ${seed}: told twice`).to.deep.equal([]);
      expect(core.state.resolved).to.deep.equal([]);
      expect(core.state.remembered.size).to.equal(0);
      if (seed % 10 === 0) core.verify();
      failures += accounts.failures.length;
      told += steps.eventsOf(core, 'resolvedTold').length;
    }
    expect(failures).to.be.above(RUNS);
    expect(told).to.be.above(RUNS / 2);
  });

  it('names in a resolved failure only blocks of the flush, and each only once to a handle', () => {
    for (let seed = 1; seed <= 50; seed++) {
      const { events } = run(seed);
      const ranges = new Map<number, { readonly block: number; readonly count: number }>();
      for (const event of events) {
        if (event.type === 'flushStarted') ranges.set(event.op, event);
        if (event.type !== 'resolvedTold') continue;
        const range = ranges.get(event.op) ?? { block: 0, count: BLOCKS };
        for (const block of event.blocks) expect(block).to.be.within(range.block, range.block + range.count - 1);
        expect(new Set(event.ios.map((io, at) => `${io} ${event.blocks[at]}`)).size).to.equal(event.blocks.length);
      }
    }
  });
});
