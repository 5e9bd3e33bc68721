import { parseSegmentHeader, SEGMENT_PROBE_BYTES, type SegmentHeader, segmentHeaderBytes } from './segment-header.js';
import type { SegmentBytes } from './segment-bytes.js';

export interface FoundHeader {
  readonly header: SegmentHeader;
  readonly headerBytes: Uint8Array;
}

/** Null if it is not whole. Rejects with JournalError CACHETRAIL_JOURNAL_VERSION. */
export async function readSegmentHeader(segment: SegmentBytes): Promise<FoundHeader | null> {
  const length = segmentHeaderBytes(await segment.peek(0, SEGMENT_PROBE_BYTES));
  if (length === null || length > segment.size) return null;
  const headerBytes = (await segment.peek(0, length)).slice();
  const header = parseSegmentHeader(headerBytes);
  return header === null ? null : { header, headerBytes };
}
