/** What the demo found, for people and for machines. */
import type { Difference } from './compare.js';
import type { DeviceCounts } from './counting-device.js';
import type { CheckResult } from './e2fsck.js';
import { plural } from '../journal/text.js';
import { errorObject, errorText } from '../journal/write-errors.js';
import type { JournalReport } from './journal.js';
import type { CachedRunResult, RunResult } from './runs.js';
import { type DemoTraceReport, demoTraceObject, demoTraceText } from './trace-output.js';

export interface RunDifference extends Difference {
  readonly run: 'withCache' | 'withoutCache';
}

export interface DemoResult {
  readonly withCache: CachedRunResult;
  readonly withoutCache: RunResult;
  /** Regular files in the image of the run with the cache, those that were there before included. */
  readonly filesCompared: number;
  readonly differences: readonly RunDifference[];
  readonly checks: { readonly withCache: CheckResult; readonly withoutCache: CheckResult };
  /** Null for a run without one. */
  readonly journal: JournalReport | null;
  /** Null for a run without a journal, or that was asked for none. */
  readonly trace: DemoTraceReport | null;
}

/** Everything compared equal, and the file systems are sound as far as that was checked. */
export function isGood({ differences, checks, journal }: DemoResult): boolean {
  const sound = [checks.withCache, checks.withoutCache].every((check) => !check.ran || check.clean);
  const recorded = journal === null || journal.verification.status === 'sound';
  return differences.length === 0 && sound && recorded;
}

/** The object of `--json`. Times in milliseconds. */
export function reportObject(result: DemoResult): Record<string, unknown> {
  const { withCache, withoutCache, differences, checks, journal } = result;
  return {
    ok: isGood(result),
    withCache: figuresOf(withCache.counts, withCache.ms),
    withoutCache: figuresOf(withoutCache.counts, withoutCache.ms),
    requests: withCache.requests,
    hits: withCache.hits,
    misses: withCache.misses,
    batches: withCache.batches,
    meanRunBlocks: rounded(withCache.meanRunBlocks),
    writeErrors: withCache.writeErrors.map(errorObject),
    filesCompared: result.filesCompared,
    differences: differences.length,
    differenceList: differences,
    e2fsck: { withCache: checkObject(checks.withCache), withoutCache: checkObject(checks.withoutCache) },
    journal: journal?.directory ?? null,
    ...(journal === null ? {} : journalObject(journal)),
    trace: result.trace?.traceId ?? null,
    ...(result.trace === null ? {} : { traceOutput: demoTraceObject(result.trace) }),
  };
}

function journalObject({ verification, explained }: JournalReport): Record<string, unknown> {
  const { status, events, bytes, head, replayed, problems, divergence } = verification;
  return { journalCheck: { status, events, bytes, head, replayed, problems, divergence }, explained };
}

function figuresOf(counts: DeviceCounts, ms: number): Record<string, number> {
  return { ...counts, ms: rounded(ms) };
}

function checkObject(check: CheckResult): Record<string, unknown> {
  return check.ran ? { ran: true, clean: check.clean } : { ran: false, reason: check.reason };
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10;
}

/** The report as lines of plain text. */
export function reportText(result: DemoResult): string {
  return [
    tableText(result),
    errorsText(result),
    comparisonText(result),
    verdictText(result),
    traceText(result),
    journalText(result),
  ]
    .filter((part) => part !== '')
    .join('\n');
}

function tableText({ withCache, withoutCache }: DemoResult): string {
  const [on, off] = [withCache.counts, withoutCache.counts];
  const rows = [
    ['', 'with the cache', 'without', ''],
    ['device reads', number(on.deviceReads), number(off.deviceReads), ratio(on.deviceReads, off.deviceReads)],
    ['device writes', number(on.deviceWrites), number(off.deviceWrites), ratio(on.deviceWrites, off.deviceWrites)],
    ['barriers', number(on.barriers), number(off.barriers), ''],
    ['bytes read', number(on.bytesRead), number(off.bytesRead), ratio(on.bytesRead, off.bytesRead)],
    ['bytes written', number(on.bytesWritten), number(off.bytesWritten), ratio(on.bytesWritten, off.bytesWritten)],
    [
      'time',
      `${number(Math.round(withCache.ms))} ms`,
      `${number(Math.round(withoutCache.ms))} ms`,
      waitNote(withCache),
    ],
    ['requests', number(withCache.requests), '', ''],
    ['blocks hit', number(withCache.hits), '', hitNote(withCache)],
    ['batches', number(withCache.batches), '', `mean run ${withCache.meanRunBlocks.toFixed(1)} blocks`],
  ];
  const width = (column: number) => Math.max(...rows.map((row) => row[column].length));
  const [first, second, third] = [width(0), width(1), width(2)];
  return rows
    .map(([name, a, b, note]) =>
      `  ${name.padEnd(first)}  ${a.padStart(second)}  ${b.padStart(third)}  ${note}`.trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join('');
}

function number(value: number): string {
  return value.toLocaleString('en-US');
}

function ratio(on: number, off: number): string {
  if (on === 0 || off === 0) return '';
  return on <= off ? `1/${(off / on).toFixed(1)}` : `${(on / off).toFixed(1)} times`;
}

function hitNote({ hits, misses }: CachedRunResult): string {
  const all = hits + misses;
  return all === 0 ? '' : `${((100 * hits) / all).toFixed(1)} % of the blocks asked for`;
}

/** The device of the run with the cache fails on purpose, and waiting for it takes time. */
function waitNote({ writeErrors }: CachedRunResult): string {
  const waits = writeErrors.flatMap(({ steps }) => steps).map((step) => (step.step === 'retry' ? step.waitNs : 0));
  const ms = Math.round(waits.reduce((sum, wait) => sum + wait, 0) / 1e6);
  return ms === 0 ? '' : `about ${number(ms)} ms of it waiting to retry failed writes`;
}

function errorsText({ withCache: { writeErrors } }: DemoResult): string {
  if (writeErrors.length === 0) return 'write errors: none\n';
  return `write errors and the path each took:\n${writeErrors.map(errorText).join('')}`;
}

function comparisonText({ filesCompared, differences, checks }: DemoResult): string {
  const verdict = differences.length === 0 ? 'all equal' : `${differences.length} DIFFERENCES`;
  let text = `compared ${filesCompared} files by SHA-256, the image opened without the cache: ${verdict}\n`;
  for (const { run, path, problem } of differences.slice(0, 20)) text += `  ${runName(run)}: ${path}: ${problem}\n`;
  if (differences.length > 20) text += `  and ${differences.length - 20} more\n`;
  return `${text}${checkText('withCache', checks.withCache)}${checkText('withoutCache', checks.withoutCache)}`;
}

function checkText(run: RunDifference['run'], check: CheckResult): string {
  const name = `e2fsck -fn, ${runName(run)}`;
  if (!check.ran) return `${name}: left out: ${check.reason}\n`;
  return check.clean ? `${name}: clean\n` : `${name}: FAULTS\n${check.output}`;
}

function runName(run: RunDifference['run']): string {
  return run === 'withCache' ? 'with the cache' : 'without';
}

function verdictText(result: DemoResult): string {
  if (!isGood(result)) return 'NOT EQUAL: see above\n';
  const [on, off] = [result.withCache.counts, result.withoutCache.counts];
  const writes = ratio(on.deviceWrites, off.deviceWrites);
  const reads = ratio(on.deviceReads, off.deviceReads);
  return `all equal, with ${writes} of the device writes and ${reads} of the device reads\n`;
}

function traceText({ trace }: DemoResult): string {
  return trace === null ? '' : demoTraceText(trace);
}

function journalText({ journal }: DemoResult): string {
  if (journal === null) return '';
  const { directory, verification, explained } = journal;
  const { status, events, bytes, replayed } = verification;
  const checked =
    status === 'sound' ? 'sound, all of them decided again the same' : `${status.toUpperCase()}: see \`verify\``;
  const text = `journal, left in ${directory}:\n  ${plural(events, 'event')} in ${number(bytes)} bytes, ${
    replayed === events ? checked : status
  }\n`;
  if (explained === null) return text;
  const { seq, lines } = explained;
  const asked = `what it tells of the write that failed for long (cachetrail explain DIR --write-error ${seq}):`;
  return `${text}\n${asked}\n${lines.map((line) => `  ${line}\n`).join('')}`;
}
