/** The options that choose events, as a filter of the journal. */
import type { EventType } from '../../cache/events.js';
import type { BlockRange } from '../../device/geometry.js';
import { SCHEMAS } from '../../streams/journal/codec/schemas.js';
import type { JournalFilter } from '../../streams/journal/index.js';
import { listOf, numberOf, timeOf, usage } from './arguments.js';

/** The options that choose a part of a journal. */
export const RANGE_OPTIONS = {
  from: { type: 'string' },
  to: { type: 'string' },
  since: { type: 'string' },
  until: { type: 'string' },
} as const;

export const FILTER_OPTIONS = {
  ...RANGE_OPTIONS,
  type: { type: 'string', multiple: true },
  block: { type: 'string', multiple: true },
  actor: { type: 'string', multiple: true },
  op: { type: 'string', multiple: true },
  trace: { type: 'string' },
} as const;

export const RANGE_HELP = `  --from SEQ, --to SEQ       events from and to these numbers
  --since TIME, --until TIME events from and to these times, with all that happened in them: ISO 8601 as it is printed, such
                             as 2026-03-04T05:06:07.123456Z, or less of it, such as 2026-03-04T05:06. UTC, unless it
                             has an offset`;

export const FILTER_HELP = `${RANGE_HELP}
  --type TYPE[,TYPE...]      these types (docs/EVENTS.md lists them)
  --block N|N-M[,...]        events that name one of these blocks, alone or in a range
  --actor NAME               what this caller asked for; can be given several times
  --op N[,N...]              events of these requests
  --trace ID                 requests made in this trace`;

type Values = { readonly [K in keyof typeof FILTER_OPTIONS]?: string | string[] | undefined };

/** Throws UsageError. */
export function filterFrom(values: Values): JournalFilter {
  const one = (name: keyof Values): string | undefined => {
    const value = values[name];
    return typeof value === 'string' ? value : undefined;
  };
  const many = (name: keyof Values): string[] => {
    const value = values[name];
    return Array.isArray(value) ? value : [];
  };
  const given = <T>(name: keyof JournalFilter, value: T | undefined) => (value === undefined ? {} : { [name]: value });
  const some = <T>(name: keyof JournalFilter, list: readonly T[]) => (list.length === 0 ? {} : { [name]: list });
  const mapped = <T>(name: keyof Values, map: (option: string, value: string) => T): T | undefined => {
    const value = one(name);
    return value === undefined ? undefined : map(`--${name}`, value);
  };
  return {
    ...given('from', mapped('from', numberOf)),
    ...given('to', mapped('to', numberOf)),
    ...given('since', mapped('since', timeOf)?.first),
    ...given('until', mapped('until', timeOf)?.last),
    ...given('traceId', mapped('trace', traceOf)),
    ...some('types', listOf(many('type')).map(typeOf)),
    ...some('blocks', listOf(many('block')).map(rangeOf)),
    // A label can have a comma in it.
    ...some('actors', many('actor')),
    ...some(
      'ops',
      listOf(many('op')).map((value) => numberOf('--op', value)),
    ),
  };
}

function typeOf(name: string): EventType {
  const types = Object.keys(SCHEMAS);
  if (isType(name)) return name;
  const like = types.filter((type) => type.toLowerCase().includes(name.toLowerCase()));
  throw usage(`--type: there is no event '${name}'; there are ${(like.length > 0 ? like : types).join(', ')}`);
}

function isType(name: string): name is EventType {
  return Object.hasOwn(SCHEMAS, name);
}

function rangeOf(value: string): BlockRange {
  const [first, last = first, ...more] = value.split('-');
  const block = numberOf('--block', first);
  const end = numberOf('--block', last);
  if (more.length > 0 || end < block) throw usage(`--block takes N or N-M, not '${value}'`);
  return { block, count: end - block + 1 };
}

function traceOf(option: string, value: string): string {
  const id = value.toLowerCase();
  if (/^[0-9a-f]{32}$/.test(id)) return id;
  throw usage(`${option} takes a trace id of 32 hex digits, not '${value}'`);
}
