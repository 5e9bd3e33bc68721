/** The report as plain text. */
import { durationText, plural, timestamp, wholeText } from '../text.js';
import type { LatencySummary } from './latency.js';
import type { Span } from './series.js';
import type { StatsReport, Totals } from './stats.js';

export function statsText(report: StatsReport): string {
  if (report.totals.events === 0) return 'no events\n';
  const parts = [
    headText(report),
    totalsText(report.totals),
    seriesText(report.hitSeries),
    latencyText(
      'time that callers waited: cached reads and writes that were taken at once are not in it',
      WAITS,
      report.requestTimes,
    ),
    latencyText('latency of the device, by operation', DEVICE, report.latencies),
    errorsText(report.errors),
    topText(report),
  ];
  return parts.filter((part) => part !== '').join('\n');
}

function headText({ totals, firstSeq, lastSeq, fromMs, toMs }: StatsReport): string {
  const caches = totals.sessions > 1 ? `, the cache opened ${wholeText(totals.sessions)} times` : '';
  const span = `${timestamp(fromMs, 0)} to ${timestamp(toMs, 0)}, ${durationText((toMs - fromMs) * 1e6)}`;
  return `${wholeText(totals.events)} events, #${firstSeq} to #${lastSeq}${caches}\n${span}\n`;
}

function totalsText(totals: Totals): string {
  const asked = totals.readHits + totals.readMisses;
  const ratio = asked === 0 ? '' : `, ${percent(totals.readHits, asked)} of the blocks found in the cache`;
  const run =
    totals.deviceWrites === 0 ? '' : `, ${(totals.writebackBlocks / totals.deviceWrites).toFixed(1)} blocks each`;
  return table([
    ['reads', wholeText(totals.reads), `${wholeText(asked)} blocks${ratio}`],
    ['writes', wholeText(totals.writes), `${wholeText(totals.blocksWritten)} blocks`],
    ['flushes', wholeText(totals.flushes), ''],
    ['discards and zeros', wholeText(totals.clears), ''],
    ['device reads', wholeText(totals.deviceReads), `${wholeText(totals.bytesRead)} bytes`],
    ['device writes', wholeText(totals.deviceWrites), `${wholeText(totals.bytesWritten)} bytes${run}`],
    ['barriers', wholeText(totals.barriers), ''],
    ['writeback batches', wholeText(totals.batches), ''],
    ['evictions', wholeText(totals.evictions), ''],
    [
      'retried writes',
      wholeText(totals.retries),
      `${plural(totals.splits, 'split')}, parked ${plural(totals.parks, 'time')}`,
    ],
    ['given up dirty', wholeText(totals.discardedBlocks), 'blocks, by name'],
  ]);
}

const BARS = '▁▂▃▄▅▆▇█';

function shareOf({ hits, misses }: Span): number {
  return hits / (hits + misses);
}

/** One character a span: how high the share of hits was; a dot where nothing was read. */
function seriesText(spans: readonly Span[]): string {
  if (spans.length === 0) return '';
  const bars = spans.map(({ hits, misses }) => {
    if (hits + misses === 0) return '·';
    return BARS[Math.min(BARS.length - 1, Math.floor((hits / (hits + misses)) * BARS.length))];
  });
  const width = durationText((spans[0].toMs - spans[0].fromMs) * 1e6);
  const read = spans.filter(({ hits, misses }) => hits + misses > 0);
  const [least = null] = [...read].sort((a, b) => shareOf(a) - shareOf(b));
  const lowest =
    least === null
      ? ''
      : `; lowest ${percent(least.hits, least.hits + least.misses)}, from ${timestamp(least.fromMs, 0)} on`;
  return `hit ratio of reads over time, a character for ${width}: ▁ none to █ all, · no reads\n  ${bars.join('')}\n  from ${timestamp(spans[0].fromMs, 0)}${lowest}\n`;
}

const DEVICE = { read: 'read', write: 'write', barrier: 'barrier', discard: 'discard', zero: 'zero' } as const;
const WAITS = {
  read: 'read, not cached',
  write: 'write, no room',
  through: 'write through',
  borrow: 'borrow',
  flush: 'flush',
  clear: 'discard or zero',
  close: 'close',
} as const;

function latencyText<Kind extends string>(
  title: string,
  names: Readonly<Record<Kind, string>>,
  latencies: Readonly<Record<Kind, LatencySummary | null>>,
): string {
  const rows = kindsOf(names).flatMap((kind) => {
    const summary = latencies[kind];
    return summary === null ? [] : [[names[kind], ...cells(summary)]];
  });
  if (rows.length === 0) return '';
  return `${title}\n${table([['', 'count', 'p50', 'p90', 'p99', 'p99.9', 'max'], ...rows])}`;
}

function kindsOf<Kind extends string>(names: Readonly<Record<Kind, string>>): Kind[] {
  // The parsing edge: the keys of an object that was written with just these.
  return Object.keys(names) as Kind[];
}

function cells({ count, p50Ns, p90Ns, p99Ns, p999Ns, maxNs }: LatencySummary): string[] {
  return [wholeText(count), ...[p50Ns, p90Ns, p99Ns, p999Ns, maxNs].map(durationText)];
}

function errorsText(errors: Readonly<Record<string, number>>): string {
  const rows = Object.entries(errors).map(([what, count]) => [what, wholeText(count)]);
  return rows.length === 0 ? 'errors: none\n' : `errors\n${table(rows)}`;
}

function topText({ topBlocks, topActors, partial }: StatsReport): string {
  const note = partial ? ' (of the frequent ones; the others were too many to count)' : '';
  const blocks = topBlocks.map(({ block, reads, writes }) => [String(block), wholeText(reads), wholeText(writes)]);
  const actors = topActors.map(({ actor, reads, writes, others }) => {
    return [actor === '' ? '(no label)' : actor, wholeText(reads), wholeText(writes), wholeText(others)];
  });
  const first =
    blocks.length === 0 ? '' : `busiest blocks${note}\n${table([['block', 'reads', 'writes'], ...blocks])}\n`;
  return `${first}busiest actors${note}\n${table([['actor', 'reads', 'writes', 'other requests'], ...actors])}`;
}

/** Columns: the first to the left, numbers to the right, and what comes last in a table of words as it is. */
function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const lines = rows.map((row) => {
    const aligned = row.map((cell, column) => {
      const isWords = column > 0 && column === row.length - 1 && / blocks| bytes| splits?,|blocks,/.test(cell);
      return column === 0 || isWords ? cell.padEnd(widths[column]) : cell.padStart(widths[column]);
    });
    return `  ${aligned.join('  ')}`.trimEnd();
  });
  return `${lines.join('\n')}\n`;
}

function percent(part: number, whole: number): string {
  return `${((100 * part) / whole).toFixed(1)} %`;
}
