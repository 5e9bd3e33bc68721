/** The parts of command lines that commands over a journal share. */
import { UsageError, wholeNumber } from '../command.js';

/** The one DIR of a command line. Throws UsageError. */
export function directoryFrom(positionals: readonly string[]): string {
  const [directory, ...more] = positionals;
  if (directory === undefined) throw usage('which journal? DIR is the folder that holds it');
  if (more.length > 0) throw usage(`one DIR, not ${positionals.length}`);
  return directory;
}

export function usage(message: string): UsageError {
  return new UsageError('CACHETRAIL_INVALID_ARGUMENT', message);
}

/** A number of an event, request or block, as the commands print it: `#17` is 17. */
export function numberOf(option: string, value: string, min = 0): number {
  return wholeNumber(option, value.replace(/^#/, ''), min, Number.MAX_SAFE_INTEGER);
}

const TIME = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(?::(\d\d)(?:\.(\d+))?)?(Z|[+-]\d\d:?\d\d)?)?$/i;
const MS_PER_DAY = 86_400_000;
const MS_PER_MINUTE = 60_000;

/** What an ISO 8601 time names: a day, a minute, a second or a part of one. Milliseconds since 1970, to the microsecond, both included. */
export interface NamedTime {
  readonly first: number;
  readonly last: number;
}

/** Times without an offset are UTC, as they are printed. Throws UsageError. */
export function timeOf(option: string, value: string): NamedTime {
  const [, day, minutes, seconds, fraction = '', offset = 'Z'] = TIME.exec(value) ?? [];
  const start = Date.parse(minutes === undefined ? day : `${day}T${minutes}:${seconds ?? '00'}${offset}`);
  if (Number.isNaN(start)) {
    throw usage(`${option} takes a time such as 2026-03-04T05:06:07.123456Z or 2026-03-04, not '${value}'`);
  }
  const digits = fraction.slice(0, 6);
  const micros = Number(digits.padEnd(6, '0'));
  const lengthMs =
    minutes === undefined ? MS_PER_DAY : seconds === undefined ? MS_PER_MINUTE : 1000 / 10 ** digits.length;
  const first = start + micros / 1000;
  return { first, last: start + (micros + Math.round(lengthMs * 1000) - 1) / 1000 };
}

/** The words of options that were given several times, or with commas. */
export function listOf(values: readonly string[] | undefined): string[] {
  return (values ?? []).flatMap((value) => value.split(',')).filter((word) => word !== '');
}

const NS_PER_UNIT: Readonly<Record<string, number>> = { ns: 1, us: 1e3, µs: 1e3, ms: 1e6, s: 1e9 };

/** Nanoseconds of a length of time such as 50ms. */
export function durationOf(option: string, value: string): number {
  const [, digits, unit] = /^(\d+(?:\.\d+)?) ?(ns|us|µs|ms|s)$/.exec(value) ?? [];
  if (digits !== undefined) return Number(digits) * NS_PER_UNIT[unit];
  throw usage(`${option} takes a time such as 50ms, 1.5s or 200us, not '${value}'`);
}
