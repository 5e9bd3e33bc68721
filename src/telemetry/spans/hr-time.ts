import type { HrTime } from '@opentelemetry/api';

const NS_PER_SECOND = 1e9;
const NS_PER_MS = 1e6;

/**
 * Seconds and nanoseconds since 1970 of `at`, nanoseconds after `epochMs`, milliseconds since 1970. Both parts are kept
 * apart throughout: the sum in nanoseconds is beyond what a number holds exactly.
 */
export function hrTime(epochMs: number, at: number): HrTime {
  const epochSeconds = Math.floor(epochMs / 1000);
  const epochNs = Math.round((epochMs - epochSeconds * 1000) * NS_PER_MS);
  const atSeconds = Math.floor(at / NS_PER_SECOND);
  const ns = epochNs + Math.round(at - atSeconds * NS_PER_SECOND);
  const carry = Math.floor(ns / NS_PER_SECOND);
  return [epochSeconds + atSeconds + carry, ns - carry * NS_PER_SECOND];
}
