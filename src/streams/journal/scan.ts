/** The frames of a segment one after the other, and between them the bytes that are none. */
import { crc32 } from 'node:zlib';
import { FRAME_HEADER_BYTES, FRAME_MAGIC, type FrameHeader, parseFrameHeader, TAG_BYTES } from './frame.js';
import type { SegmentBytes } from './segment-bytes.js';

export interface FoundFrame {
  readonly kind: 'frame';
  readonly start: number;
  readonly end: number;
  readonly header: FrameHeader;
  /** Header and body, the body's sum checked; null if nobody wanted it. */
  readonly bytes: Uint8Array | null;
}

/** Bytes that are no whole frame. */
export interface FoundDamage {
  readonly kind: 'damage';
  readonly start: number;
  readonly end: number;
  /** Nothing whole follows in this segment. */
  readonly reachesEnd: boolean;
}

const SEARCH_BYTES = 1 << 16;

/** Reads the bodies that `wants` asks for; of the others nothing but the header is looked at. */
export async function* scanFrames(
  segment: SegmentBytes,
  start: number,
  tag: Uint8Array,
  wants: (header: FrameHeader) => boolean,
): AsyncGenerator<FoundFrame | FoundDamage, void, undefined> {
  let at = start;
  while (at < segment.size) {
    const frame = await frameAt(segment, at, tag, wants);
    if (frame !== null) {
      yield frame;
      at = frame.end;
      continue;
    }
    const next = await nextFrame(segment, at + 1, tag);
    yield { kind: 'damage', start: at, end: next ?? segment.size, reachesEnd: next === null };
    at = next ?? segment.size;
  }
}

/** Null if there is no whole frame here. */
async function frameAt(
  segment: SegmentBytes,
  start: number,
  tag: Uint8Array,
  wants: (header: FrameHeader) => boolean,
): Promise<FoundFrame | null> {
  const header = parseFrameHeader(await segment.peek(start, FRAME_HEADER_BYTES), tag);
  if (header === null) return null;
  const end = start + FRAME_HEADER_BYTES + header.bodyBytes;
  if (end > segment.size) return null;
  if (!wants(header)) return { kind: 'frame', start, end, header, bytes: null };
  const bytes = await segment.read(start, end - start);
  if (bytes.length < end - start || crc32(bytes.subarray(FRAME_HEADER_BYTES)) !== header.bodyCrc) return null;
  return { kind: 'frame', start, end, header, bytes };
}

/** The tag of the first frame whose header is whole, where no segment's header tells it. */
export async function findTag(segment: SegmentBytes): Promise<Uint8Array | null> {
  return search(segment, 0, FRAME_MAGIC, async (at) => {
    const bytes = await segment.peek(at, FRAME_HEADER_BYTES);
    const tag = bytes.slice(FRAME_MAGIC.length, FRAME_MAGIC.length + TAG_BYTES);
    return parseFrameHeader(bytes, tag) === null ? null : tag;
  });
}

/** The first place from `start` at which a whole frame lies. */
async function nextFrame(segment: SegmentBytes, start: number, tag: Uint8Array): Promise<number | null> {
  const marker = Buffer.concat([FRAME_MAGIC, tag]);
  return search(segment, start, marker, async (at) =>
    (await frameAt(segment, at, tag, () => true)) === null ? null : at,
  );
}

/** Looks at every place where the marker stands, until `look` finds something. */
async function search<T>(
  segment: SegmentBytes,
  start: number,
  marker: Uint8Array,
  look: (at: number) => Promise<T | null>,
): Promise<T | null> {
  for (let at = start; at + FRAME_HEADER_BYTES <= segment.size; ) {
    const bytes = await segment.read(at, SEARCH_BYTES);
    const found = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).indexOf(marker);
    if (found === -1) {
      at += Math.max(1, bytes.length - marker.length + 1);
      continue;
    }
    const result = await look(at + found);
    if (result !== null) return result;
    at += found + 1;
  }
  return null;
}
