/** Times of a journal: what is printed, what is asked for and what is compared are the same microseconds. */

const NS_PER_MS = 1e6;
/** The times of today are 2^-12 ms apart as doubles; what a sum of two of them is off by is less than this share. */
const ROUNDING = 2 ** -53;

/** Milliseconds since 1970 of an event. `epochMs`: of its cache. */
export function msOf(epochMs: number, atNs: number): number {
  return epochMs + atNs / NS_PER_MS;
}

/**
 * Whole microseconds since 1970: what is finer is cut off, but not what only the rounding of a double has made less than
 * a whole one.
 */
export function microsOf(ms: number): number {
  if (!Number.isFinite(ms)) return ms;
  const whole = Math.floor(ms);
  return whole * 1000 + Math.floor((ms - whole + Math.abs(ms) * ROUNDING) * 1000);
}
