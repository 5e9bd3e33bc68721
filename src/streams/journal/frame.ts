/** Frames: groups of events with their length, sums and place in the chain. `docs/JOURNAL.md` has the layout. */
import { crc32 } from 'node:zlib';
import { assert } from '../../device/errors.js';
import { DIGEST_BYTES, type Digester } from './chain.js';

/** The body follows at once. */
export const FRAME_HEADER_BYTES = 112;
/** A longer body is no body: memory for it is never allocated. */
export const BODY_BYTES_MAX = 2 ** 31 - 1;
export const FRAME_MAGIC: Uint8Array = new TextEncoder().encode('CTJF');
export const TAG_BYTES = 4;
/** What of the header goes into the digest: all but the digest and the sums. */
const DIGESTED_BYTES = 72;

const TAG = 4;
const FIRST_SEQ = 8;
const COUNT = 16;
const BODY_BYTES = 20;
const MIN_AT = 24;
const MAX_AT = 32;
const BEFORE = 40;
const DIGEST = 72;
const BODY_CRC = 104;
const HEADER_CRC = 108;

export interface FrameHeader {
  readonly firstSeq: number;
  /** Events. */
  readonly count: number;
  readonly bodyBytes: number;
  /** Least and greatest `at` of its events. */
  readonly minAt: number;
  readonly maxAt: number;
  /** The digest that the chain has before this frame, and after it. */
  readonly before: Uint8Array;
  readonly digest: Uint8Array;
  readonly bodyCrc: number;
}

export interface FrameFacts {
  /** First bytes of the journal's id: frames of another journal, in a payload say, are not taken for this one's. */
  readonly tag: Uint8Array;
  readonly firstSeq: number;
  readonly count: number;
  readonly minAt: number;
  readonly maxAt: number;
  readonly before: Uint8Array;
}

/** Completes a frame whose body is in place, behind room for the header. Gives its digest. */
export function sealFrame(frame: Uint8Array, facts: FrameFacts, digester: Digester): Uint8Array {
  const bodyBytes = frame.length - FRAME_HEADER_BYTES;
  assert(bodyBytes > 0 && bodyBytes <= BODY_BYTES_MAX && facts.count > 0, 'a frame holds events');
  const view = viewOf(frame);
  frame.set(FRAME_MAGIC, 0);
  frame.set(facts.tag, TAG);
  view.setBigUint64(FIRST_SEQ, BigInt(facts.firstSeq), true);
  view.setUint32(COUNT, facts.count, true);
  view.setUint32(BODY_BYTES, bodyBytes, true);
  view.setFloat64(MIN_AT, facts.minAt, true);
  view.setFloat64(MAX_AT, facts.maxAt, true);
  frame.set(facts.before, BEFORE);
  const body = frame.subarray(FRAME_HEADER_BYTES);
  const digest = digester(frame.subarray(0, DIGESTED_BYTES), body);
  frame.set(digest, DIGEST);
  view.setUint32(BODY_CRC, crc32(body), true);
  view.setUint32(HEADER_CRC, crc32(frame.subarray(0, HEADER_CRC)), true);
  return digest;
}

/** Null unless the bytes are, by magic, tag and sum, the header of a frame of this journal. */
export function parseFrameHeader(bytes: Uint8Array, tag: Uint8Array): FrameHeader | null {
  if (bytes.length < FRAME_HEADER_BYTES) return null;
  for (let at = 0; at < TAG; at++) {
    if (bytes[at] !== FRAME_MAGIC[at] || bytes[TAG + at] !== tag[at]) return null;
  }
  const view = viewOf(bytes);
  if (view.getUint32(HEADER_CRC, true) !== crc32(bytes.subarray(0, HEADER_CRC))) return null;
  const firstSeq = Number(view.getBigUint64(FIRST_SEQ, true));
  const count = view.getUint32(COUNT, true);
  const bodyBytes = view.getUint32(BODY_BYTES, true);
  if (!Number.isSafeInteger(firstSeq + count) || count === 0 || bodyBytes === 0) return null;
  // An event has two bytes at least.
  if (bodyBytes > BODY_BYTES_MAX || count > bodyBytes / 2) return null;
  return {
    firstSeq,
    count,
    bodyBytes,
    minAt: view.getFloat64(MIN_AT, true),
    maxAt: view.getFloat64(MAX_AT, true),
    before: bytes.slice(BEFORE, BEFORE + DIGEST_BYTES),
    digest: bytes.slice(DIGEST, DIGEST + DIGEST_BYTES),
    bodyCrc: view.getUint32(BODY_CRC, true),
  };
}

/** The digest that a frame must have, for one who has the key if there is one. */
export function digestOfFrame(frame: Uint8Array, digester: Digester): Uint8Array {
  return digester(frame.subarray(0, DIGESTED_BYTES), frame.subarray(FRAME_HEADER_BYTES));
}

export function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

export function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
