/** The report as plain text. */
import { durationText, timestamp, wholeText } from '../text.js';
import type { LatencySummary } from './latency.js';
import type { Span } from './series.js';
import type { StatsReport, Totals } from './stats.js';

export function statsText(report: StatsReport): string {
  if (report.totals.events === 0) return 'no events\n';
  const parts = [
    headText(report),
    totalsText(report.totals),
    seriesText(report.hitSeries),
    latencyText(report),
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
    ['batches', wholeText(totals.batches), ''],
    ['evictions', wholeText(totals.evictions), ''],
    ['retries', wholeText(totals.retries), `${wholeText(totals.splits)} splits, ${wholeText(totals.parks)} parked`],
    ['blocks lost by name', wholeText(totals.discardedBlocks), ''],
  ]);
}

const BARS = '▁▂▃▄▅▆▇█';

/** One character a span: how high the share of hits was; a dot where nothing was read. */
function seriesText(spans: readonly Span[]): string {
  if (spans.length === 0) return '';
  const bars = spans.map(({ hits, misses }) => {
    if (hits + misses === 0) return '·';
    return BARS[Math.min(BARS.length - 1, Math.floor((hits / (hits + misses)) * BARS.length))];
  });
  const width = spans[0].toMs - spans[0].fromMs;
  return `hit ratio of reads, a character for ${durationText(width * 1e6)}: ▁ none to █ all, · no reads\n  ${bars.join('')}\n`;
}

function latencyText({ latencies }: StatsReport): string {
  const rows = Object.entries(latencies).flatMap(([operation, summary]) => {
    return summary === null ? [] : [[operation, ...cells(summary)]];
  });
  if (rows.length === 0) return '';
  return `latency of the device\n${table([['', 'count', 'p50', 'p90', 'p99', 'p99.9', 'max'], ...rows])}`;
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
      const isWords = column > 0 && column === row.length - 1 && / blocks| bytes| splits/.test(cell);
      return column === 0 || isWords ? cell.padEnd(widths[column]) : cell.padStart(widths[column]);
    });
    return `  ${aligned.join('  ')}`.trimEnd();
  });
  return `${lines.join('\n')}\n`;
}

function percent(part: number, whole: number): string {
  return `${((100 * part) / whole).toFixed(1)} %`;
}
