/** Events as others read them, each format a fold over the events: lines of JSON, CSV, fio's log of operations, block traces. */
import type { CacheEvent } from '../../../cache/events.js';
import { eventObject } from '../event-line.js';
import type { DeviceShape } from '../shape.js';
import { timestamp } from '../text.js';
import { BlktraceExport } from './blktrace.js';
import { fioExport } from './fio.js';

/** A line of text, or bytes. */
export type Piece = string | Uint8Array;

export interface Exporter {
  /** Before the first event. */
  begin(): readonly Piece[];
  /** What an event adds. */
  take(event: CacheEvent, epochMs: number): readonly Piece[];
  /** After the last. */
  end(): readonly Piece[];
}

export interface ExportOptions {
  /** What fio calls the device. */
  readonly file: string;
  /** For fio: what was asked of the cache, not of the device. */
  readonly requests: boolean;
  /** Which events are wanted; of operations of the device, by the event that began them. */
  readonly isWanted: (event: CacheEvent, epochMs: number) => boolean;
  /** Of the device, where the journal begins. */
  readonly shape: DeviceShape;
}

export const FORMATS = ['jsonl', 'csv', 'fio', 'blktrace', 'dm-log-writes'] as const;
export type Format = (typeof FORMATS)[number];
/** Those that are made event by event; the other needs the journal whole, with its bytes. */
export type StreamedFormat = Exclude<Format, 'dm-log-writes'>;

export function exporterOf(format: StreamedFormat, options: ExportOptions): Exporter {
  switch (format) {
    case 'jsonl':
      return lines([], (event, epochMs) => JSON.stringify(eventObject(event, epochMs)), options);
    case 'csv':
      return lines([[...COLUMNS, 'trace_id', 'span_id', 'trace_flags', 'rest'].join(',')], csvLine, options);
    case 'fio':
      return fioExport(options);
    case 'blktrace':
      return new BlktraceExport(options);
  }
}

function lines(
  header: readonly string[],
  line: (event: CacheEvent, epochMs: number) => string,
  { isWanted }: ExportOptions,
): Exporter {
  return {
    begin: () => header,
    take: (event, epochMs) => (isWanted(event, epochMs) ? [line(event, epochMs)] : []),
    end: () => [],
  };
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
  return [...cells, ...[trace?.traceId, trace?.spanId, trace?.flags].map(cellText), last].join(',');
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
