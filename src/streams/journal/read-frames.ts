/** The frames of a whole journal, in order, from any point on; what is wrong between them is reported. */
import { type Clock, systemClock } from '../clock.js';
import { JournalError } from './errors.js';
import type { FrameHeader } from './frame.js';
import type { Links, Report } from './link.js';
import { type FoundHeader, readSegmentHeader } from './read-header.js';
import { type FoundDamage, type FoundFrame, findTag, scanFrames } from './scan.js';
import { openSegment, type SegmentBytes } from './segment-bytes.js';
import { canBeTornHeader, SEGMENT_PROBE_BYTES, type SegmentHeader, tagOf } from './segment-header.js';
import { type NamedSegment, namedSegmentsOf } from './segments.js';
import type { JournalProblemKind } from './types.js';

const FRAME_WRITING_NS = 5 * 1e6;

export interface JournalFrame {
  readonly segment: NamedSegment;
  readonly frame: FoundFrame;
  /** Of the segment; null if it is damaged and no other tells. */
  readonly header: SegmentHeader | null;
}

export interface Resumption {
  readonly segment: number;
  /** Byte of the segment. */
  readonly at: number;
  readonly nextSeq: number;
  readonly digest: Uint8Array;
}

export interface FrameReading {
  readonly directory: string;
  readonly links: Links;
  readonly report: Report;
  /** Segments before the first that this returns true for are not opened. Gets the segment after it, too. */
  readonly startsAt?: (segment: NamedSegment, next: NamedSegment) => boolean;
  /** A frame to begin at, and what the chain is before it. */
  readonly resume?: Resumption;
  /** Frames whose events are wanted; of the others only the header is read. */
  readonly wants: (header: FrameHeader, segment: SegmentHeader | null) => boolean;
  /** Nobody writes it now: what is not whole at the end stays so. */
  readonly isAtRest?: boolean;
  /** At the end: true when there may be more, false to end. */
  readonly more?: () => Promise<boolean>;
  /** The system's, unless another is given. */
  readonly clock?: Clock;
  readonly key: (header: SegmentHeader) => void;
}

export async function* readFrames(reading: FrameReading): AsyncGenerator<JournalFrame, void, undefined> {
  let segments = await namedSegmentsOf(reading.directory);
  let index = 0;
  const { startsAt, resume } = reading;
  if (resume !== undefined)
    index = Math.max(
      0,
      segments.findIndex(({ number }) => number === resume.segment),
    );
  if (startsAt !== undefined) {
    while (index + 1 < segments.length && !startsAt(segments[index], segments[index + 1])) index++;
  }
  reading.links.skipsBefore = index > 0 || resume !== undefined;
  let known: SegmentHeader | null = null;
  /** The next one was the oldest that there was when it was listed. */
  let isOldest = false;
  for (;;) {
    const segment = segments[index];
    // Listed anew at the end of the last list only: a journal can have thousands of segments.
    const isLast = async () => {
      if (index + 1 < segments.length) return false;
      segments = await namedSegmentsOf(reading.directory);
      index = segments.findLastIndex(({ number }) => number <= segment.number);
      return index + 1 === segments.length;
    };
    const bytes = await openSegment(segment);
    if (bytes !== null) {
      if (isOldest) noteMissed(reading, segment);
      isOldest = false;
      const read: SegmentRead = yield* readSegment(reading, segment, bytes, known, isLast);
      // Not looked for again: what a live journal has got since would come without what this segment has got since.
      if (read.isEnd) return;
      known = read.header;
    } else {
      // It was deleted since it was listed, and so may be those behind it.
      segments = await namedSegmentsOf(reading.directory);
      index = segments.findLastIndex(({ number }) => number <= segment.number);
      if (index + 1 === segments.length) return;
    }
    index++;
    isOldest ||= index === 0;
  }
}

/** Of a live journal: what comes next is the oldest that is there by now. */
function noteMissed({ links, report }: FrameReading, next: NamedSegment): void {
  const { nextSeq: fromSeq, nextNumber } = links;
  if (nextNumber === 0 || next.number <= nextNumber) return;
  const message = `segments ${nextNumber} to ${next.number - 1} were deleted by retention before they were read`;
  report({ kind: 'expired', segment: next.name, start: 0, end: 0, fromSeq, toSeq: next.firstSeq - 1, message });
  links.begin();
}

interface SegmentRead {
  /** Of the segment, or of one before if this one's is damaged. */
  readonly header: SegmentHeader | null;
  /** It was the last when it had been read. */
  readonly isEnd: boolean;
}

async function* readSegment(
  reading: FrameReading,
  segment: NamedSegment,
  bytes: SegmentBytes,
  known: SegmentHeader | null,
  isLast: () => Promise<boolean>,
): AsyncGenerator<JournalFrame, SegmentRead, undefined> {
  const { links } = reading;
  try {
    const found = await findHeader(reading, segment, bytes, isLast);
    if (found !== null) {
      reading.key(found.header);
      links.segment(segment.name, found);
    }
    const tag = found !== null ? tagOf(found.header) : known !== null ? tagOf(known) : await findTag(bytes);
    const header = found?.header ?? known;
    let at = found?.headerBytes.length ?? 0;
    if (reading.resume?.segment === segment.number) {
      at = reading.resume.at;
      links.resume(reading.resume);
    }
    if (tag === null) {
      const isEnd = await isLast();
      if (isEnd && known === null && !canBeTornHeader(await bytes.peek(0, SEGMENT_PROBE_BYTES))) {
        throw new JournalError('CACHETRAIL_JOURNAL_NONE', `${segment.name} is no segment of a journal`);
      }
      report(reading, segment, damageFrom(0, bytes.size), isEnd ? 'torn' : 'damaged');
      return { header: known, isEnd };
    }
    const wants = (frame: FrameHeader) => reading.wants(frame, header);
    for (;;) {
      let held: FoundDamage | null = null;
      for await (const part of scanFrames(bytes, at, tag, wants)) {
        if (part.kind === 'frame') {
          const verdict = links.frame(segment.name, part);
          if (verdict === 'good') yield { segment, frame: part, header };
          at = part.end;
        } else if (part.reachesEnd) {
          held = part;
        } else {
          report(reading, segment, part, 'damaged');
          links.damage();
          at = part.end;
        }
      }
      // The end of a live journal may be half written: whether it is torn shows when nothing more comes.
      if (!(await isLast())) {
        // What was written between the last look and the next segment's beginning.
        const { size } = bytes;
        await bytes.refresh();
        if (bytes.size > size) continue;
        // Where a writer died, the next one has cut off what it left: nothing is wrong any more.
        if (held === null || bytes.size < held.end) return { header, isEnd: false };
        report(reading, segment, held, 'damaged');
        links.damage();
        return { header, isEnd: false };
      }
      if (held !== null && mayGrow(reading) && (await isGrowing(bytes, held, reading.clock ?? systemClock()))) continue;
      if (reading.more === undefined || !(await reading.more())) {
        if (held !== null) report(reading, segment, held, 'torn');
        return { header, isEnd: true };
      }
      await bytes.refresh();
    }
  } finally {
    await bytes.close();
  }
}

async function findHeader(
  reading: FrameReading,
  segment: NamedSegment,
  bytes: SegmentBytes,
  isLast: () => Promise<boolean>,
): Promise<FoundHeader | null> {
  for (;;) {
    const found = await readSegmentHeader(bytes);
    if (found !== null) return found;
    // A live journal may be about to begin it.
    const waits = reading.more !== undefined && bytes.size < 4096 && (await isLast());
    if (!waits || !(await reading.more())) break;
    await bytes.refresh();
  }
  // Where its frames begin is found by looking for them, and reported from there.
  reading.links.damage();
  reading.links.nextNumber = segment.number + 1;
  return null;
}

function mayGrow({ more, isAtRest = false }: FrameReading): boolean {
  return more === undefined && !isAtRest;
}

/** A frame may be half written at the moment when it is looked at: a writer that lives has the rest of it there soon. */
async function isGrowing(bytes: SegmentBytes, held: FoundDamage, clock: Clock): Promise<boolean> {
  await new Promise<void>((resolve) => clock.setTimer(clock.now() + FRAME_WRITING_NS, true, resolve));
  await bytes.refresh();
  return bytes.size !== held.end;
}

function damageFrom(start: number, end: number): FoundDamage {
  return { kind: 'damage', start, end, reachesEnd: true };
}

function report(reading: FrameReading, segment: NamedSegment, part: FoundDamage, kind: JournalProblemKind): void {
  const { start, end } = part;
  const bytes = `${end - start} bytes from ${start}`;
  const message = kind === 'torn' ? `the end is not whole: ${bytes}` : `${bytes} are damaged`;
  reading.report({ kind, segment: segment.name, start, end, fromSeq: reading.links.nextSeq, toSeq: 0, message });
}
