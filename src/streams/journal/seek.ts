/** What can be told of segments from their headers alone. */
import { JournalError } from './errors.js';
import { FRAME_HEADER_BYTES, hexOf, parseFrameHeader } from './frame.js';
import { readSegmentHeader } from './read-header.js';
import { SegmentBytes } from './segment-bytes.js';
import { type SegmentHeader, tagOf } from './segment-header.js';
import { type Segment, segmentsOf } from './segments.js';

const NS_PER_MS = 1e6;

/** The number of the last segment that begins before a time, milliseconds since 1970; else the first. */
export async function startBySince(directory: string, since: number): Promise<number> {
  const segments = await segmentsOf(directory);
  for (let index = segments.length - 1; index > 0; index--) {
    const startMs = await startOf(segments[index]);
    if (startMs !== null && startMs <= since) return segments[index].number;
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
  for (const segment of await segmentsOf(directory)) {
    const bytes = await SegmentBytes.open(segment.path);
    try {
      const found = await readSegmentHeader(bytes);
      if (found !== null && matches(found.header)) return found.header;
    } finally {
      await bytes.close();
    }
  }
  return null;
}

/** When its first event was, milliseconds since 1970; null if that cannot be told. */
async function startOf(segment: Segment): Promise<number | null> {
  const bytes = await SegmentBytes.open(segment.path);
  try {
    const found = await readSegmentHeader(bytes);
    if (found === null) return null;
    const head = await bytes.peek(found.headerBytes.length, FRAME_HEADER_BYTES);
    const frame = parseFrameHeader(head, tagOf(found.header));
    return frame === null ? null : found.header.epochMs + frame.minAt / NS_PER_MS;
  } finally {
    await bytes.close();
  }
}

/** The seq of the `opened` that an event belongs to, as far as the segments' headers tell; else the first. */
export async function openedBefore(directory: string, seq: number): Promise<number> {
  const segments = (await segmentsOf(directory)).filter(({ firstSeq }) => firstSeq <= seq);
  for (const segment of segments.reverse()) {
    const bytes = await SegmentBytes.open(segment.path);
    try {
      const found = await readSegmentHeader(bytes);
      if (found !== null && found.header.openedSeq <= seq) return found.header.openedSeq;
    } finally {
      await bytes.close();
    }
  }
  return 0;
}
