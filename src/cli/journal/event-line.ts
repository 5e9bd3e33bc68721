/** One event as one line. */
import type { CacheEvent } from '../../cache/events.js';
import { durationText, runText, timestamp } from './text.js';

/** `TIME  SEQ  TYPE  what matters of it`. `epochMs`: of the event's cache, milliseconds since 1970. */
export function eventLine(event: CacheEvent, epochMs: number): string {
  const { seq, at, type } = event;
  return `${timestamp(epochMs, at)} ${String(seq).padStart(8)}  ${type.padEnd(18)} ${detailsOf(event)}`.trimEnd();
}

/** The event as an object for a line of JSON: its own fields, and the time. */
export function eventObject(event: CacheEvent, epochMs: number): Record<string, unknown> {
  return { ...event, time: timestamp(epochMs, event.at) };
}

/** Everything but type, time and seq that is not empty: where, what, who. */
export function detailsOf(event: CacheEvent): string {
  const parts: string[] = [];
  if ('block' in event) parts.push(runText(event.block, 'count' in event ? event.count : 1));
  for (const [name, value] of Object.entries(event)) {
    const text = PLACED.has(name) ? '' : fieldText(event, name, value);
    if (text !== '') parts.push(text);
  }
  if ('op' in event && event.op !== 0) parts.push(`op ${event.op}`);
  if ('actor' in event && event.actor !== '') parts.push(`by ${event.actor}`);
  if ('trace' in event && event.trace !== null) parts.push(`trace ${event.trace.traceId}`);
  if (event.cause !== 0) parts.push(`cause ${event.cause}`);
  return parts.join(', ');
}

const PLACED: ReadonlySet<string> = new Set(['type', 'seq', 'at', 'cause', 'block', 'count', 'op', 'actor', 'trace']);
/** Words and codes that need no name beside them. */
const PLAIN: ReadonlySet<string> = new Set(['reason', 'code', 'kind', 'request', 'identity']);
const LISTED_MAX = 8;

function fieldText(event: CacheEvent, name: string, value: unknown): string {
  if (value === '' || value === false || value === null) return '';
  if (value === true) return name;
  if (name === 'startedAt' && typeof value === 'number') return `took ${durationText(event.at - value)}`;
  if (name === 'dueAt' && typeof value === 'number') return `due in ${durationText(value - event.at)}`;
  if (name === 'config' && event.type === 'opened') return configText(event.config);
  if (name === 'outcome') return value === 'unknown' ? 'outcome unknown' : '';
  if (Array.isArray(value)) return listText(name, value);
  if (value === 0 && ZERO_IS_NONE.has(name)) return '';
  return PLAIN.has(name) ? String(value) : `${name} ${String(value)}`;
}

const ZERO_IS_NONE: ReadonlySet<string> = new Set([
  'barrierIo',
  'offset',
  'length',
  'dropped',
  'hits',
  'pending',
  'io',
]);

function listText(name: string, values: readonly unknown[]): string {
  if (name === 'runs') return '';
  const told = values.slice(0, LISTED_MAX).map((value) => (value === '' ? '-' : String(value)));
  const more = values.length > LISTED_MAX ? ` … (${values.length})` : '';
  return `${name} ${told.join(' ')}${more}`;
}

function configText({
  deviceBytes,
  blockSize,
  capacity,
  policy,
  mode,
  seed,
}: Extract<CacheEvent, { type: 'opened' }>['config']): string {
  return `${deviceBytes} bytes in blocks of ${blockSize}, capacity ${capacity}, ${policy}, ${mode}, seed ${seed}`;
}
