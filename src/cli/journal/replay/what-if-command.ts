/** `cachetrail replay DIR --what-if …`: replays, prints a table and a curve, and writes the curve as SVG. */
import { closeSync, openSync, writeFileSync } from 'node:fs';
import type { JournalProblem, WorkloadOptions, WorkloadReport } from '../../../streams/journal/index.js';
import { EXIT } from '../../command.js';
import { interruption } from '../../interruption.js';
import { narrator } from '../../narrator.js';
import { Problems } from '../reading.js';
import { type JournalSource, tellIfUnproved } from '../source.js';
import { type Curve, curveOf, isCurve } from './curve.js';
import { curveSvg } from './curve-svg.js';
import { curveText } from './curve-text.js';
import type { DeviceOption } from './device-option.js';
import { latenciesText } from './latencies-text.js';
import { type ReplayedOn, runWhatIf } from './what-if-run.js';
import { whatIfText } from './what-if-table.js';

export interface WhatIfOptions {
  readonly runs: readonly WorkloadOptions[];
  readonly device: DeviceOption;
  /** Where to write the curve; null for nowhere. */
  readonly svg: string | null;
  readonly json: boolean;
}

export async function showWhatIf(source: JournalSource, options: WhatIfOptions): Promise<number> {
  const tell = narrator({ lines: process.stderr, terminal: process.stderr });
  const problems = new Problems((line) => tell.heading(line));
  // A name that cannot be written is told before the work, not after it.
  const svg = options.svg === null ? null : openSync(options.svg, 'w');
  const { signal, dispose } = interruption(() => undefined);
  try {
    const chainChecked = await tellIfUnproved(source);
    const report = await runWhatIf(source, {
      runs: options.runs,
      device: options.device,
      signal,
      onProgress: (what, share) => tell.progress(`${what} ${Math.floor(100 * share)} %`),
      onProblem: (problem: JournalProblem) => problems.add(problem),
    });
    tell.quiet();
    problems.end();
    const curve = curveOf({ ...report, runs: report.runs.slice(1) });
    if (svg !== null) writeFileSync(svg, curveSvg(curve));
    show({ ...report, chainChecked }, curve, options, problems.kept);
    return EXIT.ok;
  } catch (error) {
    if (signal.aborted) return EXIT.interrupted;
    throw error;
  } finally {
    if (svg !== null) closeSync(svg);
    tell.quiet();
    dispose();
  }
}

function show(
  report: WorkloadReport & { readonly on: ReplayedOn; readonly chainChecked: boolean },
  curve: Curve,
  options: WhatIfOptions,
  problems: readonly JournalProblem[],
): void {
  const { svg, json } = options;
  const { on } = report;
  if (json) {
    const [same, ...runs] = report.runs;
    const { words, latencies } = on;
    process.stdout.write(`${JSON.stringify({ ...report, on: words, latencies, same, runs, problems })}\n`);
    return;
  }
  process.stdout.write(whatIfText(report, { times: on.times, device: on.words }));
  if (on.latencies !== null) process.stdout.write(`\n${latenciesText(on.latencies)}`);
  if (isCurve(curve)) {
    const { isTTY, columns } = process.stdout;
    const { NO_COLOR, TERM } = process.env;
    const colors = isTTY === true && (NO_COLOR === undefined || NO_COLOR === '') && TERM !== 'dumb';
    process.stdout.write(`\n${curveText(curve, { columns: columns || 80, colors })}`);
  }
  if (svg !== null) process.stderr.write(`the curve is in ${svg}\n`);
}
