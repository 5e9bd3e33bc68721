/**
 * Lets a span that an SDK makes have the ids that it has when it is projected from the journal. An SDK asks its generator for
 * ids while it starts a span: what is wanted then is left here by who starts it, in the same call.
 */
import { spanIdOf, traceIdOf } from './ids.js';

/** What an SDK takes as its id generator. */
export interface IdGenerator {
  generateTraceId(): string;
  generateSpanId(): string;
}

let wanted: { readonly journalId: string; readonly key: string } | null = null;

/** A generator for the option `idGenerator` of an SDK: the ids of the journal for spans of caches, `others` for the rest. */
export function journalIds(others: IdGenerator): IdGenerator {
  return {
    generateTraceId: () => (wanted === null ? others.generateTraceId() : traceIdOf(wanted.journalId, wanted.key)),
    generateSpanId: () => (wanted === null ? others.generateSpanId() : spanIdOf(wanted.journalId, wanted.key)),
  };
}

/** Calls `start`, which starts the span of this key and no other. */
export function withIdsOf<T>(journalId: string, key: string, start: () => T): T {
  wanted = { journalId, key };
  try {
    return start();
  } finally {
    wanted = null;
  }
}
