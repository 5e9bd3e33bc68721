/**
 * `npm run sim -- [--seed N] [--steps M] [--runs R] [--minutes T] [--jobs J] [--without PARTS] [--events] [--json]`.
 * Exit code 1 if a run fails, 2 if the command line is wrong. See docs/TESTING.md.
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { campaign, faultsOf, type Found, type Summary } from './campaign.js';
import { simulate } from './run.js';
import { reproduce, shrink } from './shrink.js';

/** After so many no more runs are begun. */
const FAILURES_MAX = 10;
const PROGRESS_RUNS = 25;
/** Lines of progress where there is no terminal. */
const PROGRESS_MS = 30_000;
/** Runs that a process is given at once. */
const ORDER_RUNS = 16;
const REPLAY_EVERY = 8;

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  const options = parse(args);
  if (typeof options === 'string') {
    console.error(options);
    return 2;
  }
  const startedAt = Date.now();
  const endsAt = startedAt + options.minutes * 60_000;
  const more = (begun: number, { found }: Summary) => {
    if (found.length >= FAILURES_MAX) return 0;
    if (options.minutes > 0) return Date.now() < endsAt ? ORDER_RUNS : 0;
    return Math.min(ORDER_RUNS, options.runs - begun);
  };
  const jobs = options.minutes > 0 ? options.jobs : Math.min(options.jobs, Math.ceil(options.runs / ORDER_RUNS));
  const replayEvery = options.runs === 1 ? 1 : REPLAY_EVERY;
  const progress = progressFrom(startedAt);
  const summary = await campaign({ ...options, more, progress, replayEvery }, jobs);
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
  const found: object[] = [];
  for (const one of summary.found) found.push(await tell(one, options.events));
  const { runs, steps, crashes, faults } = summary;
  const totals = { seed: options.seed, runs, steps, crashes, faults: faultsOf(faults), failures: found.length };
  const seconds = Math.round((Date.now() - startedAt) / 1000);
  console.error(`${runs} runs, ${steps} steps, ${crashes} power losses, ${totals.faults} faults in ${seconds} s`);
  console.error(found.length === 0 ? 'No promise was broken.' : `${found.length} runs FAILED.`);
  if (options.json) console.log(JSON.stringify({ ...totals, faultsByKind: faults, found }, null, 2));
  return found.length === 0 ? 0 : 1;
}

function parse(args: readonly string[]) {
  try {
    const number = { type: 'string' } as const;
    const { values } = parseArgs({
      args: [...args],
      options: {
        seed: number,
        steps: number,
        runs: number,
        minutes: number,
        jobs: number,
        without: { type: 'string' },
        events: { type: 'boolean' },
        json: { type: 'boolean' },
      },
    });
    return {
      seed: whole('--seed', values.seed ?? '1', 0),
      steps: whole('--steps', values.steps ?? '1000', 1),
      runs: whole('--runs', values.runs ?? '1', 1),
      minutes: whole('--minutes', values.minutes ?? '0', 0),
      jobs: whole('--jobs', values.jobs ?? String(availableParallelism()), 1),
      leftOut: values.without?.split(',') ?? [],
      events: values.events ?? false,
      json: values.json ?? false,
    };
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function whole(name: string, value: string, least: number): number {
  const number = Number(value);
  if (Number.isSafeInteger(number) && number >= least) return number;
  throw new RangeError(`${name} takes a whole number from ${least}, not '${value}'`);
}

function progressFrom(startedAt: number): (summary: Summary) => void {
  let toldAt = startedAt;
  return ({ runs, steps, found }) => {
    const now = Date.now();
    if (process.stderr.isTTY ? runs % PROGRESS_RUNS !== 0 : now - toldAt < PROGRESS_MS) return;
    toldAt = now;
    const failed = found.length === 0 ? '' : `, ${found.length} FAILED`;
    const line = `${runs} runs, ${steps} steps, ${((now - startedAt) / 1000).toFixed(0)} s${failed}`;
    process.stderr.write(process.stderr.isTTY ? `\r\x1b[K${line}` : `${line}\n`);
  };
}

async function tell({ run, step, failure }: Found, events: boolean): Promise<object> {
  const { by, message, stack } = failure;
  console.error(`seed ${run.seed} failed at step ${step}: ${message}`);
  if (by === 'assertion') console.error(stack);
  const told = { seed: run.seed, step, message, reproduce: reproduce(run) };
  console.error(`  ${told.reproduce}`);
  // What hangs would hang again.
  if (by === 'bounds') return told;
  if (events) console.error((await simulate(run)).events.join('\n'));
  const smaller = reproduce(await shrink(run));
  console.error(`  smaller: ${smaller}`);
  return { ...told, smaller };
}
