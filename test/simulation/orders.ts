/** Runs of several seeds, told so that another process understands it. */
import { SimulationFailure } from './failure.js';
import type { FaultCounts } from './faults.js';
import { type RunResult, simulate } from './run.js';

/** Seeds to be run, from `seed` on. */
export interface Order {
  readonly seed: number;
  readonly runs: number;
  readonly steps: number;
  readonly leftOut: readonly string[];
  /** Runs whose seed is a multiple of this are decided again from their log. */
  readonly replayEvery: number;
  /** Nothing more is run after the first failure. */
  readonly stopsAtFailure: boolean;
}

export interface Outcome {
  readonly seed: number;
  readonly steps: number;
  readonly crashes: number;
  readonly faults: FaultCounts;
  readonly failure: Broken | null;
}

export interface Broken {
  /**
   * What noticed: a promise held against the model, an assertion of the core's own, or the bounds of time and memory that
   * a process has.
   */
  readonly by: 'model' | 'assertion' | 'bounds';
  readonly message: string;
  readonly stack: string;
}

export async function* carryOut(order: Order): AsyncGenerator<Outcome, void, undefined> {
  const { steps, replayEvery, stopsAtFailure } = order;
  const leftOut = new Set(order.leftOut);
  for (let seed = order.seed; seed < order.seed + order.runs; seed++) {
    const outcome = outcomeOf(seed, await simulate({ seed, steps, leftOut, replay: seed % replayEvery === 0 }));
    yield outcome;
    if (stopsAtFailure && outcome.failure !== null) return;
  }
}

function outcomeOf(seed: number, { steps, crashes, faults, failure }: RunResult): Outcome {
  return { seed, steps, crashes, faults, failure: failure === null ? null : brokenOf(failure) };
}

function brokenOf(failure: unknown): Broken {
  if (!(failure instanceof Error)) return { by: 'assertion', message: String(failure), stack: '' };
  const { message, stack = '', cause } = failure;
  const by = failure instanceof SimulationFailure ? 'model' : 'assertion';
  return { by, message: cause instanceof Error ? `${message}: ${cause.message}` : message, stack };
}
