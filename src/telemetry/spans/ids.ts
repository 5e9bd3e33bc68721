/** Ids that follow from what a span is, so that spans made live and after the fact, anywhere, are the same. */
import { hash } from 'node:crypto';

const TRACE_ID_DIGITS = 32;
const SPAN_ID_DIGITS = 16;

export interface WantedIds {
  readonly traceId: string;
  readonly spanId: string;
}

/** Ids of the span `key` of the cache whose journal has this id. The trace id is for a span that begins a trace. */
export function idsOf(journalId: string, key: string): WantedIds {
  return { traceId: traceIdOf(journalId, key), spanId: spanIdOf(journalId, key) };
}

export function traceIdOf(journalId: string, key: string): string {
  return digits('trace', journalId, key, TRACE_ID_DIGITS);
}

export function spanIdOf(journalId: string, key: string): string {
  return digits('span', journalId, key, SPAN_ID_DIGITS);
}

/** The first digits of a SHA-256. Zeros alone are no valid id: they are as good as impossible, and given a digit then. */
function digits(kind: string, journalId: string, key: string, count: number): string {
  const id = hash('sha256', `${kind} ${journalId} ${key}`, 'hex').slice(0, count);
  return /[^0]/.test(id) ? id : id.replace(/.$/, '1');
}
