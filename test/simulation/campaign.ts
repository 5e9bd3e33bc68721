/** Many runs, one after the other, each with the seed after the last one's. */
import { type FaultCounts, type FaultKind, noFaults } from './faults.js';
import { type RunOptions, type RunResult, simulate } from './run.js';

export interface Found {
  readonly run: RunOptions;
  readonly result: RunResult;
}

export interface Summary {
  runs: number;
  steps: number;
  crashes: number;
  faults: FaultCounts;
  readonly found: Found[];
}

export interface CampaignOptions {
  readonly seed: number;
  readonly steps: number;
  readonly leftOut: ReadonlySet<string>;
  /** Asked before each run; false ends the campaign. */
  readonly goesOn: (summary: Summary) => boolean;
  /** Every so manieth run is decided again from its log. */
  readonly replayEvery: number;
}

export async function campaign(options: CampaignOptions): Promise<Summary> {
  const { seed, steps, leftOut, goesOn, replayEvery } = options;
  const summary: Summary = { runs: 0, steps: 0, crashes: 0, faults: noFaults(), found: [] };
  while (goesOn(summary)) {
    const run = { seed: seed + summary.runs, steps, leftOut, replay: summary.runs % replayEvery === 0 };
    const result = await simulate(run);
    summary.runs++;
    summary.steps += result.steps;
    summary.crashes += result.crashes;
    addFaults(summary.faults, result.faults);
    if (result.failure !== null) summary.found.push({ run, result });
    // The runs keep to microtasks: signals and output have their turn between them.
    await new Promise((resolve) => setImmediate(resolve));
  }
  return summary;
}

export function faultsOf(counts: FaultCounts): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

function addFaults(sum: FaultCounts, counts: FaultCounts): void {
  let kind: FaultKind;
  for (kind in counts) sum[kind] += counts[kind];
}
