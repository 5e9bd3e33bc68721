/** Another device object for the same device: after it was unplugged and plugged again, or a connection was made anew. */
import { REPLACED_CODE } from '../failure-codes.js';
import type { Input } from '../inputs.js';
import type { CacheState, Fill } from '../state.js';
import type { Turn } from '../turn.js';
import { barrierAnswered, endFill } from './answers.js';
import { clearAnswered } from './clears.js';
import { resumeRead } from './reads.js';
import { refuse, unavailable } from './refuse.js';
import { writebackAnswered } from './writeback.js';

type ReplaceInput = Extract<Input, { type: 'replaceDevice' }>;

/**
 * What the old device has not answered is answered for it, with an unknown outcome; no barrier of the new one covers what the
 * old one had taken, so that is written again. Reads begin anew.
 */
export function decideReplaceDevice(turn: Turn, input: ReplaceInput): void {
  const { state } = turn;
  const { op, actor, trace, identity, deviceBytes } = input;
  const refusal = unavailable(state) || otherRefusal(state, input);
  if (refusal !== '') return refuse(turn, 'replaceDevice', { ...input, length: deviceBytes }, refusal);
  const ios = state.ios.values();
  const stuck = [...state.stuck.keys()];
  turn.emit({
    type: 'deviceReplaced',
    seq: turn.seq,
    at: turn.at,
    cause: turn.cause,
    op,
    actor,
    trace,
    identity,
    deviceBytes,
  });
  for (const io of stuck) answeredByNobody(turn, io);
  const answer = { type: 'answer', at: turn.at, startedAt: turn.at, code: REPLACED_CODE, outcome: 'unknown' } as const;
  const fills: Fill[] = [];
  for (const io of ios) {
    if (io.kind === 'fill') fills.push(io);
    else if (io.kind === 'writeback') writebackAnswered(turn, io, { ...answer, io: io.io });
    else if (io.kind === 'barrier') barrierAnswered(turn, io, { ...answer, io: io.io });
    else clearAnswered(turn, io, { ...answer, io: io.io });
  }
  for (const fill of fills) endFill(turn, fill, { ...answer, io: fill.io });
  // A read that waits for several is asked for anew once: each time it would ask for all of its blocks.
  const waiting = new Set(fills.flatMap((fill) => fill.waiters));
  for (const op of waiting) resumeRead(turn, op);
}

function otherRefusal(state: CacheState, { identity, deviceBytes, writable }: ReplaceInput): string {
  const isAble = writable || state.config.mode === 'readonly';
  return isAble && identity === state.identity && deviceBytes === state.deviceBytes ? '' : 'CACHETRAIL_DEVICE_OTHER';
}

function answeredByNobody(turn: Turn, io: number): void {
  const { seq, at, cause } = turn;
  turn.emit({ type: 'deviceAnsweredLate', seq, at, cause, io, startedAt: at, code: REPLACED_CODE });
}
