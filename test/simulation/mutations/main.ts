/**
 * `npm run sim:mutations -- [--jobs J] [--only WORDS] [--json]`: shows that the simulator finds bugs. Each mutation runs in
 * processes of its own, bounded in time and memory. Exit code 1 if one is not caught, or can no longer be made.
 */
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import type { Broken, Outcome } from '../orders.js';
import { WorkerProcess } from '../worker-process.js';
import { type Mutation, MUTATIONS } from './catalogue.js';
import { editedFiles } from './edits.js';

const STEPS = 1000;
const SEED = 1;
const BOUNDS = { runMs: 10_000, memoryMiB: 256 };

interface Result {
  readonly mutation: string;
  readonly runs: number;
  /** The run that caught it; null if none did. */
  readonly caughtIn: number | null;
  readonly by: Broken['by'] | null;
  readonly message: string;
}

process.exitCode = await main();

async function main(): Promise<number> {
  const { jobs, only, json } = options();
  const chosen = MUTATIONS.filter(({ name }) => name.includes(only));
  const results: Result[] = [];
  const left = [...chosen];
  const work = async () => {
    for (let mutation = left.shift(); mutation !== undefined; mutation = left.shift()) {
      const result = await hunt(mutation);
      results.push(result);
      console.error(lineOf(result));
    }
  };
  await Promise.all(Array.from({ length: jobs }, work));
  results.sort((one, other) => orderOf(chosen, one) - orderOf(chosen, other));
  const caught = results.filter((result) => result.caughtIn !== null).length;
  console.error(`${caught} of ${results.length} mutations caught`);
  if (json) console.log(JSON.stringify({ mutations: results.length, caught, results }, null, 2));
  return caught === results.length && caught > 0 ? 0 : 1;
}

function options(): { readonly jobs: number; readonly only: string; readonly json: boolean } {
  const { values } = parseArgs({
    options: { jobs: { type: 'string' }, only: { type: 'string' }, json: { type: 'boolean' } },
  });
  const { jobs = availableParallelism(), only = '', json = false } = values;
  return { jobs: Math.max(1, Number(jobs)), only, json };
}

async function hunt(mutation: Mutation): Promise<Result> {
  const { name, runs } = mutation;
  try {
    editedFiles(mutation);
  } catch (error) {
    const message = `can no longer be made: ${error instanceof Error ? error.message : String(error)}`;
    return { mutation: name, runs, caughtIn: null, by: null, message };
  }
  const worker = new WorkerProcess(BOUNDS, [path.join(import.meta.dirname, 'apply.js')], { CACHETRAIL_MUTATION: name });
  let ended = 0;
  let failure: Broken | null = null;
  const order = { seed: SEED, runs, steps: STEPS, leftOut: [], replayEvery: 4, stopsAtFailure: true };
  const died = await worker.carryOut(order, (outcome: Outcome) => {
    ended++;
    failure = outcome.failure;
  });
  worker.end();
  return resultOf(mutation, died === null ? ended : ended + 1, died ?? failure);
}

function resultOf({ name, runs }: Mutation, run: number, failure: Broken | null): Result {
  if (failure === null) return { mutation: name, runs, caughtIn: null, by: null, message: 'was not caught' };
  return { mutation: name, runs, caughtIn: run, by: failure.by, message: failure.message };
}

function lineOf({ mutation, runs, caughtIn, by, message }: Result): string {
  if (caughtIn === null) return `NOT CAUGHT in ${runs}: ${mutation}: ${message}`;
  return `caught in run ${caughtIn} of ${runs}: ${mutation}\n    ${by}: ${message.slice(0, 160)}`;
}

function orderOf(chosen: readonly Mutation[], { mutation }: Result): number {
  return chosen.findIndex(({ name }) => name === mutation);
}
