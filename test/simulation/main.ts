/**
 * `npm run sim -- [--seed N] [--steps M] [--runs R] [--minutes T] [--without PARTS] [--events] [--json]`.
 * Exit code 1 if a run fails, 2 if the command line is wrong. See docs/TESTING.md.
 */
import { parseArgs } from 'node:util';
import { campaign, faultsOf, type Found, type Summary } from './campaign.js';
import { reproduce, shrink } from './shrink.js';

const FAILURES_MAX = 10;
const PROGRESS_RUNS = 25;
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
  const goesOn = (summary: Summary) => {
    if (process.stderr.isTTY && summary.runs % PROGRESS_RUNS === 0) progress(summary, startedAt);
    if (summary.found.length >= FAILURES_MAX) return false;
    return options.minutes > 0 ? Date.now() < endsAt : summary.runs < options.runs;
  };
  const replayEvery = options.runs === 1 ? 1 : REPLAY_EVERY;
  const summary = await campaign({ ...options, goesOn, replayEvery });
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
      leftOut: new Set(values.without?.split(',') ?? []),
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

function progress({ runs, steps, found }: Summary, startedAt: number): void {
  const seconds = (Date.now() - startedAt) / 1000;
  const failed = found.length === 0 ? '' : `, ${found.length} FAILED`;
  process.stderr.write(`\r\x1b[K${runs} runs, ${steps} steps, ${seconds.toFixed(0)} s${failed}`);
}

async function tell({ run, result }: Found, events: boolean): Promise<object> {
  const { failure } = result;
  const message = failure instanceof Error ? failure.message : String(failure);
  console.error(`seed ${run.seed} failed at step ${result.steps}: ${message}`);
  if (failure instanceof Error && failure.name !== 'SimulationFailure') console.error(failure);
  if (events) console.error(result.events.join('\n'));
  const smaller = await shrink(run);
  console.error(`  ${reproduce(run)}\n  smaller: ${reproduce(smaller)}`);
  return { seed: run.seed, step: result.steps, message, reproduce: reproduce(run), smaller: reproduce(smaller) };
}
