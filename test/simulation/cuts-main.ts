/**
 * `npm run sim:cuts -- [--runs R] [--steps M] [--seed N] [--json]`: loses the power after every step of short runs, with every cut of what
 * the journal and the device have not synced. Exit code 1 if one is not recovered from.
 */
import { parseArgs } from 'node:util';
import { type CutsResult, cutEverywhere } from './cuts.js';

const PROGRESS_RUNS = 10;

process.exitCode = await main();

async function main(): Promise<number> {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    options: { runs: text, steps: text, seed: text, json: { type: 'boolean' } },
  });
  const { runs = 100, steps = 20, seed: first = 1 } = numbersIn(values);
  const results: CutsResult[] = [];
  for (let seed = first; results.length < runs; seed++) {
    const result = await cutEverywhere(seed, steps);
    if (result === null) continue;
    results.push(result);
    if (result.failure !== null) console.error(`seed ${seed}: ${String(result.failure)}`);
    if (results.length % PROGRESS_RUNS === 0)
      console.error(`${results.length} of ${runs} runs, ${cutsOf(results)} cuts`);
  }
  const failed = results.filter(({ failure }) => failure !== null);
  const recoveries = results.reduce((sum, result) => sum + result.recoveries, 0);
  const totals = { seed: first, runs, steps, cuts: cutsOf(results), recoveries, failures: failed.length };
  const done = `${totals.cuts} power losses (${recoveries} recoveries, the others known) in ${runs} runs of ${steps} steps`;
  console.error(`${done}: ${failed.length} not recovered from`);
  const found = failed.map(({ seed, failure }) => ({ seed, message: String(failure) }));
  if (values.json === true) console.log(JSON.stringify({ ...totals, found }, null, 2));
  return failed.length === 0 ? 0 : 1;
}

function numbersIn(values: Readonly<Record<string, string | boolean | undefined>>): Partial<Record<string, number>> {
  const given = Object.entries(values).filter((entry) => typeof entry[1] === 'string');
  return Object.fromEntries(given.map(([name, value]) => [name, Number(value)]));
}

function cutsOf(results: readonly CutsResult[]): number {
  return results.reduce((sum, { cuts }) => sum + cuts, 0);
}
