/** Where a journal that is there already ends, so that it can be continued. */
import { open, unlink } from 'node:fs/promises';
import { canBeTornHeader, chainAfterHeader, SEGMENT_PROBE_BYTES, type SegmentHeader, tagOf } from './segment-header.js';
import { type Digester, keyCheck } from './chain.js';
import { JournalError } from './errors.js';
import { digestOfFrame, isSame } from './frame.js';
import { readSegmentHeader } from './read-header.js';
import { findTag, scanFrames } from './scan.js';
import { SegmentBytes } from './segment-bytes.js';
import { type Segment, segmentsIn } from './segments.js';

export interface Tail {
  /** Oldest first; the last is complete, and is not written any more. */
  readonly segments: readonly Segment[];
  readonly header: SegmentHeader;
  readonly lastSeq: number;
  /** The chain after the last whole frame. */
  readonly head: Uint8Array;
  readonly tornBytes: number;
}

/**
 * Cuts off what is torn. Null if there is no journal. Rejects with JournalError CACHETRAIL_JOURNAL_KEY if the journal has
 * another key, CACHETRAIL_JOURNAL_DAMAGED if its end cannot be understood, CACHETRAIL_JOURNAL_VERSION.
 */
export async function findTail(directory: string, key: Uint8Array | null, digester: Digester): Promise<Tail | null> {
  const segments = await segmentsIn(directory);
  let tornBytes = 0;
  while (segments.length > 0) {
    const last = segments[segments.length - 1];
    const end = await endOf(last, key, digester);
    if (end !== null) {
      const bytes = last.bytes - end.tornBytes;
      await endAt(last.path, bytes);
      segments[segments.length - 1] = { ...last, bytes };
      return { ...end, segments, tornBytes: tornBytes + end.tornBytes };
    }
    // A crash while it was being begun: there is nothing in it.
    await unlink(last.path);
    tornBytes += last.bytes;
    segments.pop();
  }
  return null;
}

/**
 * For good: what a killed writer had not synced, or torn bytes that came back, would after another crash lie damaged in the
 * middle of the journal.
 */
async function endAt(path: string, bytes: number): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await file.truncate(bytes);
    await file.datasync();
  } finally {
    await file.close();
  }
}

/** Null if not even the header is whole, and no frame follows. */
async function endOf(
  segment: Segment,
  key: Uint8Array | null,
  digester: Digester,
): Promise<Omit<Tail, 'segments'> | null> {
  const bytes = await SegmentBytes.open(segment.path);
  try {
    const found = await readSegmentHeader(bytes);
    if (found === null) {
      // What a damaged header has before it is all that was journalled, not what a crash has left half begun.
      const isTorn = bytes.size < 4096 && canBeTornHeader(await bytes.peek(0, SEGMENT_PROBE_BYTES));
      if (isTorn && (await findTag(bytes)) === null) return null;
      throw new JournalError('CACHETRAIL_JOURNAL_DAMAGED', `the header of ${segment.name} is damaged`);
    }
    const { header, headerBytes } = found;
    checkKey(header, key);
    let head: Uint8Array = chainAfterHeader(headerBytes, digester);
    let lastSeq = header.firstSeq - 1;
    let tornBytes = 0;
    for await (const part of scanFrames(bytes, headerBytes.length, tagOf(header), () => true)) {
      if (part.kind === 'damage') {
        if (part.reachesEnd) tornBytes = part.end - part.start;
        continue;
      }
      if (part.bytes === null || !isSame(digestOfFrame(part.bytes, digester), part.header.digest)) {
        throw new JournalError('CACHETRAIL_JOURNAL_DAMAGED', `${segment.name} was altered at byte ${part.start}`);
      }
      head = part.header.digest;
      lastSeq = part.header.firstSeq + part.header.count - 1;
    }
    return { header, lastSeq, head, tornBytes };
  } finally {
    await bytes.close();
  }
}

export function checkKey(header: SegmentHeader, key: Uint8Array | null): void {
  const fits =
    header.keyCheck === null ? key === null : key !== null && isSame(keyCheck(key, header.journalId), header.keyCheck);
  if (fits) return;
  const message =
    header.keyCheck === null
      ? 'the journal has no key, and one was given'
      : 'the journal has another key than the one given';
  throw new JournalError('CACHETRAIL_JOURNAL_KEY', message);
}
