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

/** A number of an event, request or block. */
export function numberOf(option: string, value: string, min = 0): number {
  return wholeNumber(option, value, min, Number.MAX_SAFE_INTEGER);
}

/** Milliseconds since 1970 of an ISO 8601 time, with as many digits behind the second as it has. */
export function timeOf(option: string, value: string): number {
  const fraction = /\.(\d+)/.exec(value)?.[1] ?? '';
  const ms = /^\d{4}-\d\d-\d\d/.test(value) ? Date.parse(value.replace(/\.\d+/, '')) : Number.NaN;
  if (Number.isNaN(ms)) {
    throw usage(`${option} takes a time such as 2026-03-04T05:06:07.123456Z or 2026-03-04, not '${value}'`);
  }
  return ms + (fraction === '' ? 0 : Number(`0.${fraction}`) * 1000);
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
