/** Many runs, each with the seed after the last one's: in this process, or in several beside each other. */
import { type FaultCounts, type FaultKind, noFaults } from './faults.js';
import { type Broken, carryOut, type Order, type Outcome } from './orders.js';
import type { RunOptions } from './run.js';
import { type Bounds, USUAL_BOUNDS, WorkerProcess } from './worker-process.js';

export interface Found {
  readonly run: RunOptions;
  /** The step that it came to. */
  readonly step: number;
  readonly failure: Broken;
}

export interface Summary {
  runs: number;
  steps: number;
  crashes: number;
  faults: FaultCounts;
  /** In order of seed. */
  readonly found: Found[];
}

export interface CampaignOptions extends Omit<Order, 'runs' | 'stopsAtFailure'> {
  /** Asked, with the number of runs begun so far, before more are begun: how many. 0 ends the campaign. */
  readonly more: (begun: number, summary: Summary) => number;
  /** Told after every run. */
  readonly progress?: (summary: Summary) => void;
}

/** The same runs give the same summary, however many processes share them. */
export async function campaign(options: CampaignOptions, jobs = 1): Promise<Summary> {
  const summary: Summary = { runs: 0, steps: 0, crashes: 0, faults: noFaults(), found: [] };
  let begun = 0;
  const next = (): Order | null => {
    const runs = options.more(begun, summary);
    if (runs === 0) return null;
    const { steps, leftOut, replayEvery } = options;
    const order = { seed: options.seed + begun, runs, steps, leftOut, replayEvery, stopsAtFailure: false };
    begun += runs;
    return order;
  };
  const told = (outcome: Outcome) => {
    add(summary, outcome, options);
    options.progress?.(summary);
  };
  if (jobs === 1) await here(next, told);
  else await Promise.all(Array.from({ length: jobs }, () => beside(next, told, USUAL_BOUNDS)));
  summary.found.sort((one, other) => one.run.seed - other.run.seed);
  return summary;
}

export function faultsOf(counts: FaultCounts): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

type Told = (outcome: Outcome) => void;

async function here(next: () => Order | null, told: Told): Promise<void> {
  for (let order = next(); order !== null; order = next()) {
    for await (const outcome of carryOut(order)) {
      told(outcome);
      // The runs keep to microtasks: signals and output have their turn between them.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

async function beside(next: () => Order | null, told: Told, bounds: Bounds): Promise<void> {
  let worker = new WorkerProcess(bounds);
  for (let order = next(); order !== null; order = next()) {
    for (let { seed, runs } = order; runs > 0; ) {
      const died: Broken | null = await worker.carryOut({ ...order, seed, runs }, (outcome) => {
        seed++;
        runs--;
        told(outcome);
      });
      if (died === null) break;
      told({ seed: seed++, steps: 0, crashes: 0, faults: noFaults(), failure: died });
      runs--;
      worker.end();
      worker = new WorkerProcess(bounds);
    }
  }
  worker.end();
}

function add(summary: Summary, outcome: Outcome, options: CampaignOptions): void {
  const { seed, steps, crashes, faults, failure } = outcome;
  summary.runs++;
  summary.steps += steps;
  summary.crashes += crashes;
  let kind: FaultKind;
  for (kind in faults) summary.faults[kind] += faults[kind];
  if (failure === null) return;
  const run = { seed, steps: options.steps, leftOut: new Set(options.leftOut), replay: true };
  summary.found.push({ run, step: steps, failure });
}
