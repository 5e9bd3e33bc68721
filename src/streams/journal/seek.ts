/** What can be told of segments from their headers alone. */
import { JournalError } from './errors.js';
import { FRAME_HEADER_BYTES, hexOf, parseFrameHeader } from './frame.js';
import { readSegmentHeader } from './read-header.js';
import { openSegment, type SegmentBytes } from './segment-bytes.js';
import { type SegmentHeader, tagOf } from './segment-header.js';
import { microsOf, msOf } from './time.js';
import { type NamedSegment, namedSegmentsOf } from './segments.js';

/** The number of the last segment that begins before a time, milliseconds since 1970; else the first. */
export async function startBySince(directory: string, since: number): Promise<number> {
  const segments = await namedSegmentsOf(directory);
  for (let index = segments.length - 1; index > 0; index--) {
    const startMs = await startOf(segments[index]);
    if (startMs !== null && microsOf(startMs) < microsOf(since)) return segments[index].number;
  }
  return segments[0].number;
}

/** Of the first segment whose header is whole: whether the chain has a key. */
export async function isKeyed(directory: string): Promise<boolean> {
  return (await firstHeader(directory))?.keyCheck != null;
}

/** The journal's id, 32 hex digits. Rejects with JournalError CACHETRAIL_JOURNAL_NONE where no header is whole. */
export async function journalIdIn(directory: string): Promise<string> {
  const header = await firstHeader(directory);
  if (header !== null) return hexOf(header.journalId);
  throw new JournalError('CACHETRAIL_JOURNAL_NONE', `no segment in ${directory} has a whole header`);
}

export function firstHeader(directory: string): Promise<SegmentHeader | null> {
  return firstHeaderWith(directory, () => true);
}

/** The first segment's header that is whole and has what is looked for. */
export async function firstHeaderWith(
  directory: string,
  matches: (header: SegmentHeader) => boolean,
): Promise<SegmentHeader | null> {
  let lookedAt = 0;
  for (;;) {
    const segments = await namedSegmentsOf(directory);
    for (const segment of segments) {
      const found = await lookInto(segment, readSegmentHeader);
      if (found !== GONE && found !== null && matches(found.header)) return found.header;
    }
    // Where retention has deleted all that were listed, there are newer ones by now.
    const newest = segments[segments.length - 1].number;
    if (newest === lookedAt) return null;
    lookedAt = newest;
  }
}

/** The last segment's header that is whole and has what is looked for. */
export async function newestHeaderWith(
  directory: string,
  matches: (header: SegmentHeader) => boolean,
): Promise<SegmentHeader | null> {
  for (const segment of (await namedSegmentsOf(directory)).reverse()) {
    const header = await headerIn(segment);
    if (header !== null && matches(header)) return header;
  }
  return null;
}

/** Null if it is not whole, or is gone. */
export async function headerIn(segment: NamedSegment): Promise<SegmentHeader | null> {
  const found = await lookInto(segment, readSegmentHeader);
  return found === GONE ? null : (found?.header ?? null);
}

const GONE = Symbol('deleted by retention since it was listed');

async function lookInto<T>(segment: NamedSegment, look: (bytes: SegmentBytes) => Promise<T>): Promise<T | typeof GONE> {
  const bytes = await openSegment(segment);
  if (bytes === null) return GONE;
  try {
    return await look(bytes);
  } finally {
    await bytes.close();
  }
}

/** When its first event was, milliseconds since 1970; null if that cannot be told. */
async function startOf(segment: NamedSegment): Promise<number | null> {
  const start = await lookInto(segment, async (bytes) => {
    const found = await readSegmentHeader(bytes);
    if (found === null) return null;
    const head = await bytes.peek(found.headerBytes.length, FRAME_HEADER_BYTES);
    const frame = parseFrameHeader(head, tagOf(found.header));
    return frame === null ? null : msOf(found.header.epochMs, frame.minAt);
  });
  return start === GONE ? null : start;
}

/** The seq of the `opened` that an event belongs to, as far as the segments' headers tell; else the first. */
export async function openedBefore(directory: string, seq: number): Promise<number> {
  const segments = (await namedSegmentsOf(directory)).filter(({ firstSeq }) => firstSeq <= seq);
  for (const segment of segments.reverse()) {
    const found = await lookInto(segment, readSegmentHeader);
    if (found !== GONE && found !== null && found.header.openedSeq <= seq) return found.header.openedSeq;
  }
  return 0;
}
