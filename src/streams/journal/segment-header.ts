/** The beginning of every segment: all that is needed to read it by itself. `docs/JOURNAL.md` has the layout. */
import { crc32 } from 'node:zlib';
import type { CoreConfig } from '../../cache/limits.js';
import { DIGEST_BYTES, type Digester } from './chain.js';
import { JournalError } from './errors.js';
import { TAG_BYTES } from './frame.js';

export const FORMAT_VERSION = 1;
export const JOURNAL_ID_BYTES = 16;
/** Not text, and changed by whatever changes line ends. */
const MAGIC = Uint8Array.of(0x89, 0x43, 0x54, 0x4a, 0x0d, 0x0a, 0x1a, 0x0a);

const VERSION = 8;
const FLAGS = 10;
const HEADER_BYTES = 12;
const JOURNAL_ID = 16;
const NUMBER = 32;
const FIRST_SEQ = 40;
const OPENED_SEQ = 48;
const LOST = 56;
const EPOCH = 64;
const BEFORE = 72;
const KEY_CHECK = 104;
const JSON_BYTES = 120;
const JSON_TEXT = 124;
const CRC_BYTES = 4;

/** Bytes that tell a segment, and how long its header is. */
export const SEGMENT_PROBE_BYTES = 16;
export const SEGMENT_HEADER_BYTES_MAX = 1 << 20;

const KEYED = 1;
const PAYLOADS = 2;
const DIGESTS = 4;
const MARKED = 8;
const CONTINUES = 16;

/** What a recovery from a journal that ends in the segment needs. */
export interface RecoveryPoint {
  /** No write before this seq is needed, to bring it back or to know the device by it. */
  readonly from: number;
  /** No write before this one is to be brought back. */
  readonly needed: number;
  /** Writes before this one prove nothing of the device, which may have been given what the journal does not hold; 0 usually. */
  readonly provenFrom: number;
  /** Blocks that were borrowed when the segment was begun; null where they are too many to be named. */
  readonly borrowed: readonly number[] | null;
}

export interface SegmentHeader {
  readonly journalId: Uint8Array;
  /** From 1, without gaps. */
  readonly number: number;
  readonly firstSeq: number;
  /** The seq of the `opened` event that its events belong to. */
  readonly openedSeq: number;
  /** Events that could not be written just before. */
  readonly lost: number;
  /** Milliseconds since 1970 at `at` 0. */
  readonly epochMs: number;
  /** The chain before the segment. */
  readonly before: Uint8Array;
  /** Null if the chain has no key. */
  readonly keyCheck: Uint8Array | null;
  readonly payloads: boolean;
  readonly contentDigests: boolean;
  /** Whether it holds everything, `complete.ts` tells. */
  readonly marked: boolean;
  /** The cache goes on when the journal cannot be written. */
  readonly continues: boolean;
  /** The device's identity and the cache's options, as in `opened`. */
  readonly identity: string;
  readonly config: CoreConfig;
  /** Null in a journal that never had the bytes of a write, and in one by an older version. */
  readonly recovery: RecoveryPoint | null;
}

type Stated = Pick<SegmentHeader, 'identity' | 'config' | 'recovery'>;

export function encodeSegmentHeader(header: SegmentHeader): Uint8Array {
  const { identity, config, recovery } = header;
  const stated = { identity, config, ...(recovery === null ? {} : { recovery }) };
  const json = new TextEncoder().encode(JSON.stringify(stated));
  const bytes = new Uint8Array(JSON_TEXT + json.length + CRC_BYTES);
  const view = new DataView(bytes.buffer);
  bytes.set(MAGIC, 0);
  view.setUint16(VERSION, FORMAT_VERSION, true);
  const { keyCheck, payloads, contentDigests, marked, continues } = header;
  view.setUint16(
    FLAGS,
    (keyCheck === null ? 0 : KEYED) |
      (payloads ? PAYLOADS : 0) |
      (contentDigests ? DIGESTS : 0) |
      (marked ? MARKED : 0) |
      (continues ? CONTINUES : 0),
    true,
  );
  view.setUint32(HEADER_BYTES, bytes.length, true);
  bytes.set(header.journalId, JOURNAL_ID);
  view.setBigUint64(NUMBER, BigInt(header.number), true);
  view.setBigUint64(FIRST_SEQ, BigInt(header.firstSeq), true);
  view.setBigUint64(OPENED_SEQ, BigInt(header.openedSeq), true);
  view.setBigUint64(LOST, BigInt(header.lost), true);
  view.setFloat64(EPOCH, header.epochMs, true);
  bytes.set(header.before, BEFORE);
  if (keyCheck !== null) bytes.set(keyCheck, KEY_CHECK);
  view.setUint32(JSON_BYTES, json.length, true);
  bytes.set(json, JSON_TEXT);
  const crcAt = bytes.length - CRC_BYTES;
  view.setUint32(crcAt, crc32(bytes.subarray(0, crcAt)), true);
  return bytes;
}

/** What the chain is after a segment's header: `before` of its first frame. */
export function chainAfterHeader(bytes: Uint8Array, digester: Digester): Uint8Array {
  return digester(bytes.subarray(0, bytes.length - CRC_BYTES));
}

/** The length of the header that begins so, or null if no segment does. Throws JournalError CACHETRAIL_JOURNAL_VERSION. */
export function segmentHeaderBytes(probe: Uint8Array): number | null {
  if (probe.length < SEGMENT_PROBE_BYTES || MAGIC.some((byte, at) => probe[at] !== byte)) return null;
  const view = new DataView(probe.buffer, probe.byteOffset, probe.byteLength);
  const length = view.getUint32(HEADER_BYTES, true);
  return length > JSON_TEXT + CRC_BYTES && length <= SEGMENT_HEADER_BYTES_MAX ? length : null;
}

/** Whether a crash can have left bytes that begin so of a segment that was being begun: part of it, or zeros. */
export function canBeTornHeader(probe: Uint8Array): boolean {
  const start = probe.subarray(0, MAGIC.length);
  return start.every((byte, at) => byte === MAGIC[at]) || probe.every((byte) => byte === 0);
}

/** Null if the sum is wrong. Throws JournalError CACHETRAIL_JOURNAL_VERSION for a format that is not known. */
export function parseSegmentHeader(bytes: Uint8Array): SegmentHeader | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const crcAt = bytes.length - CRC_BYTES;
  if (crcAt < JSON_TEXT || view.getUint32(crcAt, true) !== crc32(bytes.subarray(0, crcAt))) return null;
  const version = view.getUint16(VERSION, true);
  if (version !== FORMAT_VERSION) {
    throw new JournalError(
      'CACHETRAIL_JOURNAL_VERSION',
      `the journal has format ${version}; this reads ${FORMAT_VERSION}`,
    );
  }
  const stated = statedIn(bytes.subarray(JSON_TEXT, crcAt));
  if (stated === null || view.getUint32(JSON_BYTES, true) !== crcAt - JSON_TEXT) return null;
  const flags = view.getUint16(FLAGS, true);
  return {
    journalId: bytes.slice(JOURNAL_ID, JOURNAL_ID + JOURNAL_ID_BYTES),
    number: Number(view.getBigUint64(NUMBER, true)),
    firstSeq: Number(view.getBigUint64(FIRST_SEQ, true)),
    openedSeq: Number(view.getBigUint64(OPENED_SEQ, true)),
    lost: Number(view.getBigUint64(LOST, true)),
    epochMs: view.getFloat64(EPOCH, true),
    before: bytes.slice(BEFORE, BEFORE + DIGEST_BYTES),
    keyCheck: (flags & KEYED) === 0 ? null : bytes.slice(KEY_CHECK, JSON_BYTES),
    payloads: (flags & PAYLOADS) !== 0,
    contentDigests: (flags & DIGESTS) !== 0,
    marked: (flags & MARKED) !== 0,
    continues: (flags & CONTINUES) !== 0,
    ...stated,
  };
}

export function tagOf(header: SegmentHeader): Uint8Array {
  return header.journalId.subarray(0, TAG_BYTES);
}

function statedIn(json: Uint8Array): Stated | null {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(json));
    if (typeof value !== 'object' || value === null || !('identity' in value) || !('config' in value)) return null;
    if (typeof value.identity !== 'string' || typeof value.config !== 'object' || value.config === null) return null;
    // The parsing edge: the sum is right, so these are the options that a cache was opened with.
    const recovery = 'recovery' in value ? (value.recovery as RecoveryPoint) : null;
    return { identity: value.identity, config: value.config as CoreConfig, recovery };
  } catch {
    return null;
  }
}
