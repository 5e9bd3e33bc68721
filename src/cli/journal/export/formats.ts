/** Events as others read them: lines of JSON, CSV, fio's log of operations. Each is a pure function from event to line. */
import type { CacheEvent } from '../../../cache/events.js';
import { eventObject } from '../event-line.js';
import { timestamp } from '../text.js';
import { fioExport } from './fio.js';

export interface Exporter {
  /** Before the first event. */
  readonly header: readonly string[];
  /** What an event adds; null for nothing. */
  line(event: CacheEvent, epochMs: number): string | null;
  /** After the last. */
  readonly footer: readonly string[];
}

export interface ExportOptions {
  /** What fio calls the device. */
  readonly file: string;
  /** For fio: what was asked of the cache, not of the device. */
  readonly requests: boolean;
}

export const FORMATS = ['jsonl', 'csv', 'fio'] as const;
export type Format = (typeof FORMATS)[number];

export function exporterOf(format: Format, options: ExportOptions): Exporter {
  switch (format) {
    case 'jsonl':
      return { header: [], line: (event, epochMs) => JSON.stringify(eventObject(event, epochMs)), footer: [] };
    case 'csv':
      return { header: [[...COLUMNS, 'trace_id', 'span_id', 'rest'].join(',')], line: csvLine, footer: [] };
    case 'fio':
      return fioExport(options);
  }
}

/** Columns of their own: what most events have, and what one sorts and filters by. */
const COLUMNS = [
  'seq',
  'time',
  'at',
  'type',
  'cause',
  'op',
  'actor',
  'block',
  'count',
  'offset',
  'length',
  'generation',
  'io',
  'batch',
  'attempt',
  'startedAt',
  'code',
  'outcome',
  'reason',
  'kind',
] as const;

/** Everything else of the event goes, as JSON, into the last column, so that nothing is lost. */
function csvLine(event: CacheEvent, epochMs: number): string {
  const fields: Record<string, unknown> = { ...event, time: timestamp(epochMs, event.at) };
  const trace = 'trace' in event ? event.trace : null;
  const cells = COLUMNS.map((name) => cellText(fields[name]));
  const rest = Object.entries(event).filter(([name]) => name !== 'trace' && !isColumn(name));
  const last = rest.length === 0 ? '' : cellText(JSON.stringify(Object.fromEntries(rest)));
  return [...cells, trace?.traceId ?? '', trace?.spanId ?? '', last].join(',');
}

function isColumn(name: string): boolean {
  return COLUMNS.some((column) => column === name);
}

/** RFC 4180: quoted where it must be. */
function cellText(value: unknown): string {
  if (value === undefined || value === null) return '';
  const text = String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
