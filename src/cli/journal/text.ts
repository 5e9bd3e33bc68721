/** Times, sizes and runs of blocks in words. */

import { microsOf, msOf } from '../../streams/journal/time.js';

/** When something happened: `atNs` after `epochMs` (milliseconds since 1970), as UTC with microseconds. */
export function timestamp(epochMs: number, atNs: number): string {
  const { ms, micros } = split(epochMs, atNs);
  if (!Number.isFinite(ms) || Math.abs(ms) > 8.64e15) return `+${durationText(atNs)}`;
  return `${new Date(ms).toISOString().slice(0, -1)}${micros}Z`;
}

/** The same without the day. */
export function timeOfDay(epochMs: number, atNs: number): string {
  const whole = timestamp(epochMs, atNs);
  return whole.startsWith('+') ? whole : whole.slice(whole.indexOf('T') + 1, -1);
}

/** A length of time with three digits or so. */
export function durationText(ns: number): string {
  const micros = Math.max(0, ns) / 1e3;
  if (micros < 1000) return `${threeDigits(micros)} µs`;
  if (micros < 1e6) return `${threeDigits(micros / 1e3)} ms`;
  const seconds = micros / 1e6;
  if (seconds < 120) return `${threeDigits(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 120 ? `${minutes} min` : `${threeDigits(minutes / 60)} h`;
}

export function runText(block: number, count: number): string {
  return count === 1 ? `block ${block}` : `blocks ${block}-${block + count - 1}`;
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${wholeText(count)} ${count === 1 ? one : many}`;
}

/** With thousands apart. */
export function wholeText(value: number): string {
  return value.toLocaleString('en-US');
}

function split(epochMs: number, atNs: number): { readonly ms: number; readonly micros: string } {
  const micros = microsOf(msOf(epochMs, atNs));
  const ms = Math.floor(micros / 1000);
  return { ms, micros: String(micros - ms * 1000).padStart(3, '0') };
}

function threeDigits(value: number): string {
  if (value >= 100) return value.toFixed(0);
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}
