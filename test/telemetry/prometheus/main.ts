/**
 * `npm run test:prometheus`: a real Prometheus scrapes a process that uses a cache, and must have data for every query of the
 * Grafana dashboard. Says what it does on stderr. Left out where there is no Prometheus, unless CACHETRAIL_CI is set.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { dashboard, dataPanels } from './dashboard.js';
import { Prometheus, prometheusBinary, type Sample } from './prometheus.js';

const PATIENCE_MS = 90_000;
/** What Grafana would put there: a window of several scrapes. */
const WINDOW = '10s';

interface Asked {
  readonly panel: string;
  readonly query: string;
}

const binary = prometheusBinary();
if (binary === null) {
  console.error('no prometheus, neither in PROMETHEUS_BIN nor on the path: its test is left out');
  process.exit(process.env['CACHETRAIL_CI'] === '1' ? 1 : 0);
}
const folder = mkdtempSync(path.join(tmpdir(), 'cachetrail-prometheus-'));
const workload = spawn(process.execPath, [path.join(import.meta.dirname, 'workload.js'), folder], {
  stdio: ['ignore', 'pipe', 'inherit'],
});
try {
  process.exitCode = await check(binary, workload);
} finally {
  await end(workload);
  rmSync(folder, { recursive: true, force: true });
}

async function check(program: string, serving: ChildProcess): Promise<number> {
  const target = await firstLine(serving);
  console.error(`${program} scrapes ${target} …`);
  const prometheus = await Prometheus.start(program, folder, target);
  try {
    const asked = queries();
    const empty = await unanswered(prometheus, asked);
    for (const { panel, query } of empty) console.error(`no data: ${panel}: ${query}`);
    const wrong = empty.length === 0 ? await wrongFigures(prometheus) : [];
    for (const problem of wrong) console.error(problem);
    if (empty.length + wrong.length > 0) return 1;
    console.log(`${asked.length} queries of the dashboard have data`);
    return 0;
  } finally {
    await prometheus.stop();
  }
}

function queries(): Asked[] {
  return dataPanels(dashboard()).flatMap(({ title, targets = [] }) =>
    targets.map(({ expr }) => ({
      panel: title,
      query: expr.replaceAll('$__rate_interval', WINDOW).replaceAll('$job', '.*').replaceAll('$instance', '.*'),
    })),
  );
}

/** Those that have no finite number when time is up. A rate has none before the second scrape. */
async function unanswered(prometheus: Prometheus, asked: readonly Asked[]): Promise<Asked[]> {
  let left = [...asked];
  for (let waited = 0; waited < PATIENCE_MS && left.length > 0; waited += 500) {
    await wait(500);
    if (!((await one(prometheus, 'count_over_time(up{job="cachetrail"}[1m])')) >= 2)) continue;
    const answers = await Promise.all(left.map(({ query }) => prometheus.query(query)));
    left = left.filter((_, at) => !answers[at].some(isFinite_));
  }
  return left;
}

/** What must hold whenever it is scraped, and shows that the numbers are those of the workload. */
async function wrongFigures(prometheus: Prometheus): Promise<string[]> {
  const expectations: readonly [what: string, query: string, holds: (value: number) => boolean][] = [
    ['the target is up', 'min_over_time(up{job="cachetrail"}[1m])', (value) => value === 1],
    [
      'hits are hits',
      'sum(cachetrail_hits_total) / (sum(cachetrail_hits_total) + sum(cachetrail_misses_total))',
      isShare,
    ],
    ['writes fail', 'sum(cachetrail_write_errors_total{error_type="EIO"})', (value) => value > 0],
    [
      'blocks get parked',
      'sum(cachetrail_write_error_outcomes_total{cachetrail_outcome="parked"})',
      (value) => value > 0,
    ],
    [
      'and durable after all',
      'sum(cachetrail_write_error_outcomes_total{cachetrail_outcome="durable"})',
      (value) => value > 0,
    ],
    ['the attribute given is there', 'count(cachetrail_capacity{system_device="image"})', (value) => value === 1],
    [
      'buckets are those of the code',
      'count(cachetrail_device_queue_duration_bucket{cachetrail_operation="read"})',
      (value) => value === 20,
    ],
  ];
  const values = await Promise.all(expectations.map(([, query]) => one(prometheus, query)));
  return expectations.flatMap(([what, query, holds], at) =>
    holds(values[at]) ? [] : [`not so: ${what}: ${query} is ${values[at]}`],
  );
}

async function one(prometheus: Prometheus, query: string): Promise<number> {
  const [first] = await prometheus.query(query);
  return first?.value ?? Number.NaN;
}

function isFinite_({ value }: Sample): boolean {
  return Number.isFinite(value);
}

function isShare(value: number): boolean {
  return value > 0 && value < 1;
}

async function firstLine(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error('the workload has no output');
  for await (const line of createInterface(child.stdout)) return line;
  throw new Error('the workload has ended before it served its metrics');
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const [code] = await Promise.race([ended, wait(10_000, ['late'])]);
  if (code === 'late') child.kill('SIGKILL');
}
