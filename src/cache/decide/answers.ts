/** What follows from an answer of the device. */
import { assert } from '../../device/errors.js';
import type { Input } from '../inputs.js';
import type { Barrier, Fill } from '../state.js';
import type { Turn } from '../turn.js';
import { clearAnswered, failClears } from './clears.js';
import { finishRead, resumeRead } from './reads.js';
import { writebackAnswered } from './writeback.js';

export type Answer = Extract<Input, { type: 'answer' }>;

/** An answer to nothing that is in flight is not the first one: the device has answered twice, and is not listened to. */
export function decideAnswer(turn: Turn, answer: Answer): void {
  const { state } = turn;
  const io = state.ios.get(answer.io);
  if (io === undefined) return answeredLate(turn, answer);
  switch (io.kind) {
    case 'fill':
      return fillAnswered(turn, io, answer);
    case 'writeback':
      return writebackAnswered(turn, io, answer);
    case 'barrier':
      return barrierAnswered(turn, io, answer);
    case 'clear':
      return clearAnswered(turn, io, answer);
    default: {
      const unknown: never = io;
      assert(false, `unknown device operation ${JSON.stringify(unknown)}`);
    }
  }
}

function answeredLate(turn: Turn, answer: Answer): void {
  if (!turn.state.stuck.has(answer.io)) return;
  const { seq, at, cause } = turn;
  const { io, startedAt, code } = answer;
  turn.emit({ type: 'deviceAnsweredLate', seq, at, cause, io, startedAt, code });
}

function fillAnswered(turn: Turn, fill: Fill, answer: Answer): void {
  const { seq, at, cause } = turn;
  const { io, block, count, waiters } = fill;
  const { startedAt, code } = answer;
  if (code === '') {
    turn.emit({ type: 'fillFinished', seq, at, cause, io, block, count, startedAt });
    for (const op of waiters) finishRead(turn, op);
    return;
  }
  endFill(turn, fill, answer);
  for (const op of waiters) {
    if (op === fill.op) failRead(turn, op, io, code);
    else resumeRead(turn, op);
  }
}

/** Without telling anybody. */
export function endFill(turn: Turn, { io, block, count }: Fill, { startedAt, code, outcome }: Answer): void {
  const { seq, at, cause } = turn;
  turn.emit({ type: 'fillFailed', seq, at, cause, io, block, count, startedAt, code, outcome });
}

/** Whoever started a fill is told of its failure; those who joined it ask for their blocks themselves. */
function failRead(turn: Turn, op: number, io: number, code: string): void {
  const { state } = turn;
  if (!state.reads.has(op) && !state.admissions.has(op)) return;
  turn.emit({ type: 'readFailed', seq: turn.seq, at: turn.at, cause: turn.cause, op, io, code });
}

export function barrierAnswered(turn: Turn, barrier: Barrier, answer: Answer): void {
  const { seq, at, cause } = turn;
  const { io } = barrier;
  const { startedAt, code, outcome } = answer;
  if (code === '') return turn.emit({ type: 'barrierFinished', seq, at, cause, io, startedAt });
  turn.emit({ type: 'barrierFailed', seq, at, cause, io, startedAt, code, outcome });
  failClears(turn, io, code);
}
