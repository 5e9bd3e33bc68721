/** What the operations of a real device took, beside the recorded ones. */
import type { DeviceOperationKind } from '../../../streams/journal/index.js';
import type { LatencySummary } from '../stats/latency.js';
import { durationText, wholeText } from '../text.js';
import type { LatenciesByKind } from './real-device.js';
import type { ReplayedOn } from './what-if-run.js';

const KINDS = ['read', 'write', 'barrier', 'zero'] as const;
const HEAD = ['', '', 'count', 'p50', 'p90', 'p99', 'max'];

export function latenciesText({ recorded, runs: [same] }: NonNullable<ReplayedOn['latencies']>): string {
  const rows = KINDS.flatMap((kind) => rowsOf(kind, recorded, same));
  const discards = recorded.discard === null ? [] : ['Discards are not made of a real device.'];
  const lines = [
    'latency of the device, with the recorded options',
    ...aligned([HEAD, ...rows]),
    'Asked one operation at a time, and not during the pauses of callers; what the system has cached is read from there.',
    ...discards,
  ];
  return `${lines.join('\n')}\n`;
}

function rowsOf(kind: DeviceOperationKind, recorded: LatenciesByKind, replayed: LatenciesByKind): string[][] {
  const [past, again] = [recorded[kind], replayed[kind]];
  if (past === null && again === null) return [];
  return [
    [kind, 'recorded', ...cells(past)],
    ['', 'replayed', ...cells(again)],
  ];
}

function cells(summary: LatencySummary | null): string[] {
  if (summary === null) return ['0', '', '', '', ''];
  const { count, p50Ns, p90Ns, p99Ns, maxNs } = summary;
  return [wholeText(count), ...[p50Ns, p90Ns, p99Ns, maxNs].map(durationText)];
}

function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = HEAD.map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows.map((row) => {
    return `  ${row.map((cell, at) => (at < 2 ? cell.padEnd(widths[at]) : cell.padStart(widths[at]))).join('  ')}`.trimEnd();
  });
}
