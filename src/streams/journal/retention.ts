import type { JournalRetention } from './types.js';

/** A segment that is complete. */
export interface KeptSegment {
  readonly path: string;
  readonly lastSeq: number;
  readonly bytes: number;
  /** When its last event was written, milliseconds since 1970. */
  readonly endedMs: number;
}

/**
 * How many of the oldest segments are to be deleted. `current` is the size of the one being written, which counts and
 * stays; a segment that holds `neededFrom` or anything later stays too.
 */
export function expiredSegments(
  complete: readonly KeptSegment[],
  retention: JournalRetention,
  now: { readonly ms: number; readonly currentBytes: number; readonly neededFrom: number },
): number {
  const { bytes: bytesMax = Infinity, segments: segmentsMax = Infinity, ageMs = Infinity } = retention;
  let bytes = complete.reduce((sum, segment) => sum + segment.bytes, now.currentBytes);
  let expired = 0;
  for (const segment of complete) {
    const left = complete.length - expired + 1;
    const tooMuch = bytes > bytesMax || left > segmentsMax || now.ms - segment.endedMs > ageMs;
    if (!tooMuch || segment.lastSeq >= now.neededFrom) break;
    bytes -= segment.bytes;
    expired++;
  }
  return expired;
}
