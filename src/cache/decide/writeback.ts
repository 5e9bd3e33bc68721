/** Starting device writes, and the path of one that fails: retry, split, park. */
import { isTransient, REPLACED_CODE, TIMEOUT_CODE } from '../failure-codes.js';
import { backoffNs, runBlocksMax } from '../limits.js';
import { planWriteback } from '../plan.js';
import { nextRandom, uniform } from '../random.js';
import type { PlannedRun } from '../run-queue.js';
import { READY } from '../slot-table.js';
import type { CacheState, Writeback } from '../state.js';
import type { WritebackReason } from '../events.js';
import type { Turn } from '../turn.js';
import type { Answer } from './answers.js';
import { headObstacle } from './writes.js';

/** Starts as many writes as may be in flight, planning a new batch when the last one has all been started. */
export function startWritebacks(turn: Turn): void {
  const { state } = turn;
  while (state.writebacksInFlight < state.limits.writebacksInFlightMax) {
    const run = nextRun(state);
    if (run !== null) startRun(turn, run);
    else if (!planBatch(turn)) return;
  }
}

/** The next stretch of the batch that can be written now, or null. */
export function nextRun(state: CacheState): PlannedRun | null {
  const most = runBlocksMax(state.limits, state.blockSize);
  for (let position = 0; position < state.runs.length; position++) {
    const run = state.runs.at(position);
    const end = run.block + run.count;
    for (let block = run.block; block < end; block++) {
      if (!isWritable(state, block)) continue;
      let count = 1;
      while (block + count < end && count < most && isWritable(state, block + count)) count++;
      return { ...run, block, count };
    }
  }
  return null;
}

export function writebackAnswered(turn: Turn, writeback: Writeback, answer: Answer): void {
  const { seq, at, cause } = turn;
  const { io, block, count, attempt } = writeback;
  const { startedAt, code, outcome } = answer;
  if (code === '') return turn.emit({ type: 'writebackFinished', seq, at, cause, io, block, count, startedAt });
  turn.emit({ type: 'writebackFailed', seq, at, cause, io, block, count, startedAt, code, outcome, attempt });
  // Until the device answers it could still write the run, so nothing else may be written there.
  if (code === TIMEOUT_CODE || code === REPLACED_CODE) return;
  if (isTransient(code) && attempt < turn.state.limits.writeAttemptsMax) retry(turn, writeback);
  else if (count > 1) split(turn, writeback);
  else park(turn, writeback, code);
}

function planBatch(turn: Turn): boolean {
  const { state, seq, at, cause } = turn;
  const plan = planWriteback(state, at, pressure(state));
  if (plan === null) return false;
  const { reason, blocks, runs } = plan;
  turn.emit({ type: 'batchPlanned', seq, at, cause, batch: state.lastBatch + 1, reason, blocks, runs });
  return nextRun(state) !== null;
}

/** A request that waits for room asks for a batch, unless one is already on its way. */
function pressure(state: CacheState): WritebackReason | null {
  if (state.admissions.size === 0 || state.writebacksInFlight > 0 || state.barrier !== null) return null;
  const obstacle = headObstacle(state);
  if (obstacle === 'dirty-limit') return 'hard';
  return obstacle === 'frames' ? 'pressure' : null;
}

function startRun(turn: Turn, run: PlannedRun): void {
  const { state, seq, at, cause } = turn;
  const { block, count, batch, reason, attempt } = run;
  let generation = 0;
  for (let carried = block; carried < block + count; carried++) {
    generation = Math.max(generation, state.slots.generation[state.slots.find(carried)]);
  }
  const io = state.lastIo + 1;
  turn.emit({ type: 'writebackStarted', seq, at, cause, io, block, count, batch, reason, attempt, generation });
}

function isWritable(state: CacheState, block: number): boolean {
  const slot = state.slots.find(block);
  return slot !== -1 && state.slots.chains.chainOf(slot) === READY && !state.isLocked(block, 1);
}

function retry(turn: Turn, failed: Writeback): void {
  const { state, seq, at, cause } = turn;
  const { block, count, batch, reason } = failed;
  const wait = backoffNs(state.limits, failed.attempt);
  const jitter = uniform(nextRandom(state.random));
  const dueAt = at + Math.round(wait / 2 + (wait / 2) * jitter);
  const attempt = failed.attempt + 1;
  turn.emit({ type: 'writebackRetryScheduled', seq, at, cause, block, count, batch, reason, attempt, dueAt });
}

function split(turn: Turn, failed: Writeback): void {
  const { seq, at, cause } = turn;
  const { block, count, batch, reason } = failed;
  const splitAt = block + Math.ceil(count / 2);
  turn.emit({ type: 'writebackSplit', seq, at, cause, block, count, batch, reason, splitAt });
}

function park(turn: Turn, failed: Writeback, code: string): void {
  const { seq, at, cause } = turn;
  turn.emit({ type: 'blockParked', seq, at, cause, block: failed.block, io: failed.io, code });
}
