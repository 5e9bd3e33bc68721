/** What other options would have cost, beside what was recorded, as a table of 80 columns. */
import type { LeftOutRequest, WorkloadFigures, WorkloadReport, WorkloadRun } from '../../../streams/journal/index.js';
import { durationText, plural, wholeText } from '../text.js';
import { labelOf } from './curve.js';

export interface TableOptions {
  /** With the time that it all takes: where the device's latencies were given. */
  readonly times: boolean;
  /** What the device of the replays is, in words. */
  readonly device: string;
}

/** The first run is that with the recorded options. */
export function whatIfText(report: WorkloadReport, { times, device }: TableOptions): string {
  const { recorded, runs, events, skipped, caches } = report;
  const [same, ...others] = runs;
  const head = [
    'capacity',
    'policy',
    'hits',
    'reads',
    'writes',
    'barriers',
    'read',
    'written',
    times ? 'time' : 'waits',
  ];
  const cells = (capacity: number, label: string, figures: WorkloadFigures) => [
    wholeText(capacity),
    label,
    `${(figures.readHitRatio * 100).toFixed(1)}%`,
    wholeText(figures.deviceReads),
    wholeText(figures.deviceWrites),
    wholeText(figures.barriers),
    sizeText(figures.bytesRead),
    sizeText(figures.bytesWritten),
    times ? durationText(figures.elapsedNs) : wholeText(figures.admissionWaits),
  ];
  const past = cells(recorded.config.capacity, recorded.config.policy, recorded.figures);
  const again = cells(same.config.capacity, same.config.policy, same.figures);
  const rows = others.map((run) => cells(run.config.capacity, labelOf(run.options, run.config.policy), run.figures));
  const line = liner([head, past, again, ...rows]);
  const lines = [
    `${plural(events, 'event')} of ${plural(caches, 'cache')}, ${plural(recorded.figures.requests, 'request')}${skipped === 0 ? '' : `; ${plural(skipped, 'event')} left out`}`,
    '',
    line(head),
    'as recorded',
    line(past),
    `replayed with the recorded options, ${device}`,
    line(again),
    ...(rows.length === 0 ? [] : ['replayed with others', ...rows.map(line)]),
    '',
    ...notes(report, times),
  ];
  return `${lines.join('\n')}\n`;
}

function notes({ recorded, runs, coldFrom }: WorkloadReport, times: boolean): string[] {
  const { deviceErrors } = recorded.figures;
  const unended = runs.reduce((sum, run: WorkloadRun) => sum + run.unended, 0);
  const refused =
    runs.reduce((sum, { figures }) => sum + figures.refusals, 0) - recorded.figures.refusals * runs.length;
  return [
    'hits: of the blocks that were read; from reads to written: what the device did.',
    times
      ? 'time: from the first request to the last, with the pauses that callers made.'
      : 'waits: writes and borrows that had to wait for room.',
    ...(coldFrom === null
      ? []
      : [`The opening is not in the journal: from #${coldFrom} on, replays with caches that are empty there.`]),
    ...leftOutNotes(runs),
    ...(deviceErrors === 0 ? [] : [`${plural(deviceErrors, 'operation')} of the device failed in the recording.`]),
    ...(refused > 0 ? [`${plural(refused, 'request')} would have been refused: see refusals in --json.`] : []),
    ...(unended > 0 ? [`${plural(unended, 'request')} did not end within an hour of the replay's time.`] : []),
  ];
}

/** The recorded requests that no replay makes because its options say otherwise. */
function leftOutNotes(runs: readonly WorkloadRun[]): string[] {
  const most = (name: LeftOutRequest) => Math.max(0, ...runs.map(({ leftOut }) => leftOut[name]));
  const parts = [
    [most('resize'), 'change of the capacity', 'changes of the capacity', 'capacity'],
    [most('setBlockSize'), 'change of the block size', 'changes of the block size', 'blockSize'],
    [most('setOption'), 'change of a limit', 'changes of limits', 'these limits'],
  ] as const;
  return parts.flatMap(([count, one, many, option]) => {
    return count === 0
      ? []
      : [`${plural(count, one, many)} left out where ${option} is given; all other requests are made.`];
  });
}

/** Numbers to the right, words to the left. */
function liner(rows: readonly (readonly string[])[]): (row: readonly string[]) => string {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return (row) =>
    `  ${row.map((cell, at) => (at === 1 ? cell.padEnd(widths[at]) : cell.padStart(widths[at]))).join('  ')}`.trimEnd();
}

const UNITS = ['B', 'K', 'M', 'G', 'T', 'P'];

/** Bytes in 1,024s with two digits or three: 96K, 5.4M. */
export function sizeText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit + 1 < UNITS.length) {
    value /= 1024;
    unit++;
  }
  return `${value < 10 && unit > 0 ? value.toFixed(1) : Math.round(value)}${UNITS[unit]}`;
}
