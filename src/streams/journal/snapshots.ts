/**
 * The snapshots beside a journal's segments. They are derived from it: each can be deleted at any time, and none is believed
 * before its sums, its place in the chain and its state's hash have been checked.
 */
import { readdir, readFile, unlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { CacheState } from '../../cache/state.js';
import type { Digester } from './chain.js';
import { FRAME_HEADER_BYTES, isSame, parseFrameHeader } from './frame.js';
import { readSegmentHeader } from './read-header.js';
import { SegmentBytes } from './segment-bytes.js';
import { tagOf } from './segment-header.js';
import { namedSegmentsOf } from './segments.js';
import { type SnapshotPlace, snapshotPlace, snapshotState } from './snapshot.js';

/** A state from which to go on reading. */
export interface FoundSnapshot {
  readonly place: SnapshotPlace;
  readonly state: CacheState;
  /** Where the next frame begins. */
  readonly nextAt: number;
}

const NAME = /^(\d{16})\.cts$/;

export function snapshotFile(directory: string, seq: number): string {
  return path.join(directory, `${String(seq).padStart(16, '0')}.cts`);
}

/** In any state that a crash leaves it, it is passed over or right: nothing has to be made durable. */
export async function writeSnapshot(directory: string, seq: number, bytes: Uint8Array): Promise<void> {
  await writeFile(snapshotFile(directory, seq), bytes);
}

/** Seqs of the snapshots in a directory, highest first. */
export async function snapshotSeqs(directory: string): Promise<number[]> {
  const seqs: number[] = [];
  for (const name of await readdir(directory)) {
    const match = NAME.exec(name);
    if (match !== null) seqs.push(Number(match[1]));
  }
  return seqs.sort((a, b) => b - a);
}

/** Those of frames that are not there any more. */
export async function removeSnapshotsBefore(directory: string, seq: number): Promise<void> {
  for (const stale of await snapshotSeqs(directory)) if (stale < seq) await unlink(snapshotFile(directory, stale));
}

/** The last one at or before `seq`, and not before `from`, that fits the journal; null if none does. */
export async function findSnapshot(
  directory: string,
  from: number,
  seq: number,
  digester: Digester | null,
): Promise<FoundSnapshot | null> {
  for (const candidate of await snapshotSeqs(directory)) {
    if (candidate > seq) continue;
    if (candidate < from) return null;
    const found = await openSnapshot(directory, candidate, digester).catch(() => null);
    if (found !== null) return found;
  }
  return null;
}

async function openSnapshot(directory: string, seq: number, digester: Digester | null): Promise<FoundSnapshot | null> {
  const bytes = await readFile(snapshotFile(directory, seq));
  const place = snapshotPlace(bytes, digester);
  if (place === null || place.seq !== seq) return null;
  const nextAt = await frameEnd(directory, place);
  const state = nextAt === null ? null : snapshotState(bytes);
  return nextAt === null || state === null || state.seq !== seq ? null : { place, state, nextAt };
}

/** Where the frame ends that a snapshot follows; null if there is another in its place. */
async function frameEnd(
  directory: string,
  { journalId, seq, segment, frameAt, chain }: SnapshotPlace,
): Promise<number | null> {
  const file = (await namedSegmentsOf(directory)).find(({ number }) => number === segment);
  if (file === undefined) return null;
  const bytes = await SegmentBytes.open(file.path);
  try {
    const found = await readSegmentHeader(bytes);
    if (found === null || !isSame(found.header.journalId, journalId)) return null;
    const header = parseFrameHeader(await bytes.peek(frameAt, FRAME_HEADER_BYTES), tagOf(found.header));
    if (header === null || header.firstSeq + header.count - 1 !== seq || !isSame(header.digest, chain)) return null;
    return frameAt + FRAME_HEADER_BYTES + header.bodyBytes;
  } finally {
    await bytes.close();
  }
}
