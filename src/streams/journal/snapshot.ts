/** The state of a cache at an event of its journal, as a file. `docs/JOURNAL.md` has the layout. */
import { crc32 } from 'node:zlib';
import { hashState } from '../../cache/digest.js';
import { SLOT_COLUMNS, type SlotCopy } from '../../cache/slot-table.js';
import type { CacheState } from '../../cache/state.js';
import { copyState, type RestOfState, restoreState } from '../../cache/state-copy.js';
import { ByteSink, ROOM } from './codec/byte-sink.js';
import { ByteSource } from './codec/byte-source.js';
import { DIGEST_BYTES, type Digester } from './chain.js';
import { isSame } from './frame.js';
import { JOURNAL_ID_BYTES } from './segment-header.js';

const MAGIC = Uint8Array.of(0x89, 0x43, 0x54, 0x53, 0x0d, 0x0a, 0x1a, 0x0a);
/** Goes up with every change of what a state holds: snapshots of another version are passed over, and made anew. */
export const SNAPSHOT_VERSION = 1;

const VERSION = 8;
const FILE_BYTES = 12;
const JOURNAL_ID = 16;
const SEQ = 32;
const SEGMENT = 40;
const FRAME_AT = 48;
const EPOCH = 56;
const CHAIN = 64;
const STATE_HASH = 96;
const JSON_BYTES = 112;
const JSON_TEXT = 116;
const CRC_BYTES = 4;
/** Of a slot number or a count beside the rows, at most. */
const NUMBER_BYTES = 10;

/** Where in the journal a snapshot stands: right after the last event of a frame. */
export interface SnapshotPlace {
  readonly journalId: Uint8Array;
  /** Of the last event in it. */
  readonly seq: number;
  /** The segment's number, and where in it the frame begins that ends with that event. */
  readonly segment: number;
  readonly frameAt: number;
  /** The chain after the frame. */
  readonly chain: Uint8Array;
  /** Milliseconds since 1970 at the `at` 0 of the cache. */
  readonly epochMs: number;
}

export function encodeSnapshot(state: CacheState, place: SnapshotPlace, digester: Digester): Uint8Array {
  const { slots, rest } = copyState(state);
  const json = new TextEncoder().encode(JSON.stringify(rest));
  const sink = new ByteSink(JSON_TEXT + json.length + slots.rows.length * 2 + ROOM);
  sink.at = JSON_TEXT;
  sink.copy(json);
  putSlots(sink, slots);
  sink.reserve(DIGEST_BYTES + CRC_BYTES);
  const digestAt = sink.at;
  const bytes = sink.bytes.subarray(0, digestAt + DIGEST_BYTES + CRC_BYTES);
  const view = viewOf(bytes);
  bytes.set(MAGIC, 0);
  view.setUint16(VERSION, SNAPSHOT_VERSION, true);
  view.setUint32(FILE_BYTES, bytes.length, true);
  bytes.set(place.journalId, JOURNAL_ID);
  view.setBigUint64(SEQ, BigInt(place.seq), true);
  view.setBigUint64(SEGMENT, BigInt(place.segment), true);
  view.setBigUint64(FRAME_AT, BigInt(place.frameAt), true);
  view.setFloat64(EPOCH, place.epochMs, true);
  bytes.set(place.chain, CHAIN);
  bytes.set(new TextEncoder().encode(hashState(state)), STATE_HASH);
  view.setUint32(JSON_BYTES, json.length, true);
  bytes.set(digester(bytes.subarray(0, digestAt)), digestAt);
  view.setUint32(bytes.length - CRC_BYTES, crc32(bytes.subarray(0, bytes.length - CRC_BYTES)), true);
  return bytes;
}

/** Where a snapshot says that it stands; null if its bytes are not whole, or of another version. Without a digester only the sum is checked. */
export function snapshotPlace(bytes: Uint8Array, digester: Digester | null): SnapshotPlace | null {
  const digestAt = bytes.length - DIGEST_BYTES - CRC_BYTES;
  if (digestAt < JSON_TEXT || MAGIC.some((byte, at) => bytes[at] !== byte)) return null;
  const view = viewOf(bytes);
  if (view.getUint16(VERSION, true) !== SNAPSHOT_VERSION || view.getUint32(FILE_BYTES, true) !== bytes.length)
    return null;
  if (view.getUint32(bytes.length - CRC_BYTES, true) !== crc32(bytes.subarray(0, bytes.length - CRC_BYTES)))
    return null;
  const digest = bytes.subarray(digestAt, digestAt + DIGEST_BYTES);
  if (digester !== null && !isSame(digester(bytes.subarray(0, digestAt)), digest)) return null;
  return {
    journalId: bytes.slice(JOURNAL_ID, JOURNAL_ID + JOURNAL_ID_BYTES),
    seq: Number(view.getBigUint64(SEQ, true)),
    segment: Number(view.getBigUint64(SEGMENT, true)),
    frameAt: Number(view.getBigUint64(FRAME_AT, true)),
    chain: bytes.slice(CHAIN, CHAIN + DIGEST_BYTES),
    epochMs: view.getFloat64(EPOCH, true),
  };
}

/** The state in a snapshot that is whole; null if it does not come to the hash that was noted. */
export function snapshotState(bytes: Uint8Array): CacheState | null {
  const view = viewOf(bytes);
  const jsonEnd = JSON_TEXT + view.getUint32(JSON_BYTES, true);
  const source = new ByteSource(bytes, jsonEnd, bytes.length - DIGEST_BYTES - CRC_BYTES);
  try {
    // The parsing edge: what a writer of this version made, as the hash then shows.
    const rest = JSON.parse(new TextDecoder().decode(bytes.subarray(JSON_TEXT, jsonEnd))) as RestOfState;
    const state = restoreState({ slots: takeSlots(source), rest });
    const hash = new TextDecoder().decode(bytes.subarray(STATE_HASH, JSON_BYTES));
    return hashState(state) === hash ? state : null;
  } catch {
    // Nothing is lost with a snapshot: the events are read instead.
    return null;
  }
}

function putSlots(sink: ByteSink, { frames, rows, chains, free }: SlotCopy): void {
  sink.reserve(ROOM);
  sink.varint(frames);
  sink.varint(rows.length / SLOT_COLUMNS);
  for (let at = 0; at < rows.length; at++) {
    if (at % SLOT_COLUMNS === 0) sink.reserve(ROOM);
    sink.number(rows[at], at < SLOT_COLUMNS ? 0 : rows[at - SLOT_COLUMNS]);
  }
  for (const list of [...chains, free]) {
    sink.reserve(list.length * NUMBER_BYTES + ROOM);
    sink.varint(list.length);
    for (let index = 0; index < list.length; index++) sink.number(list[index], index === 0 ? 0 : list[index - 1]);
  }
}

function takeSlots(source: ByteSource): SlotCopy {
  const frames = source.varint();
  const blocks = source.varint();
  source.need(blocks * SLOT_COLUMNS);
  const rows = new Float64Array(blocks * SLOT_COLUMNS);
  for (let at = 0; at < rows.length; at++) rows[at] = source.number(at < SLOT_COLUMNS ? 0 : rows[at - SLOT_COLUMNS]);
  const lists: number[][] = [];
  while (source.at < source.end) {
    const list = new Array<number>(source.varint()).fill(0);
    source.need(list.length);
    for (let index = 0; index < list.length; index++) list[index] = source.number(index === 0 ? 0 : list[index - 1]);
    lists.push(list);
  }
  return { frames, rows, chains: lists.slice(0, -1), free: lists.at(-1) ?? [] };
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
