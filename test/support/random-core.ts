/** Random requests of several handles over a device that fails, times out, answers late and is replaced: the core alone. */
import type { Input } from '../../src/cache/inputs.js';
import { checkInvariants } from '../../src/cache/invariants.js';
import { nextDeadline } from '../../src/cache/deadline.js';
import { Core, open, type Step } from './core.js';
import * as steps from './steps.js';

export const BLOCKS = 12;
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

/** What a seed draws, with the invariants checked at each step, until the device is well and everything has come to rest. */
export function randomCore(seed: number): Core {
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
