/**
 * What a crash has left in a durable journal and not on the device: the bytes of every acknowledged write that no barrier
 * had covered. Written again they give each block its last contents, whatever part of them the device had.
 *
 * Only the end of a journal is read: from the segment on that the newest segment's header names. What lies before is for
 * `verifyJournal` to check.
 */
import { digesterFor } from './chain.js';
import { EventDecoder } from './codec/decoder.js';
import { isMarkedComplete } from './complete.js';
import type { ProvenBlock } from './durable-sample.js';
import { JournalError } from './errors.js';
import { Links } from './link.js';
import { type JournalledDevice, PendingWrites, type RecoveredBytes } from './pending-writes.js';
import { readFrames } from './read-frames.js';
import { recordsOf } from './reader.js';
import { firstHeaderWith, headerIn, isKeyed, newestHeaderWith } from './seek.js';
import { type NamedSegment, namedSegmentsOf } from './segments.js';
import { checkKey } from './tail.js';
import type { JournalProblem } from './types.js';

export interface Recovery {
  /** In order of offset. */
  readonly writes: readonly RecoveredBytes[];
  readonly blocks: number;
  /** What the device must hold, if it is the one that the journal goes with. */
  readonly proven: readonly ProvenBlock[];
  /** The next recovery needs nothing before this seq. */
  readonly neededFrom: number;
  /** Writes before this seq prove nothing of the device. */
  readonly provenFrom: number;
  /** The journal has the bytes of writes. */
  readonly hasPayloads: boolean;
}

export const NOTHING_TO_RECOVER: Recovery = {
  writes: [],
  blocks: 0,
  proven: [],
  neededFrom: Infinity,
  provenFrom: 0,
  hasPayloads: false,
};

/**
 * Reads what is to be recovered. Rejects with JournalError CACHETRAIL_JOURNAL_DEVICE for the journal of another device and
 * CACHETRAIL_JOURNAL_DAMAGED for one that cannot be trusted; a torn end is what a crash leaves, and no reason to refuse.
 */
export async function recoverWrites(
  directory: string,
  device: JournalledDevice,
  key: Uint8Array | undefined,
): Promise<Recovery> {
  const start = await startOf(directory);
  const { isComplete } = start;
  const pending = new PendingWrites(directory, device, start.provenFrom);
  const header = await headerIn(start.segment);
  if (header !== null) pending.begin({ ...header, borrowed: header.recovery?.borrowed ?? null });
  // Of a journal that has never had the bytes of a write a crash may have lost any part: it is no reason to refuse the device.
  if ((await firstHeaderWith(directory, ({ payloads }) => payloads)) === null) return NOTHING_TO_RECOVER;
  const { doubt, lastSeq, isClosed } = await fold(directory, key, start, pending);
  if (doubt !== null) throw new JournalError('CACHETRAIL_JOURNAL_DAMAGED', `${directory}: ${doubt}`);
  const { writes, blocks } = pending;
  const neededFrom = pending.neededFrom(start.segment.firstSeq);
  // A crash of an audit journal can have taken writes that the device has.
  const isKnown = isComplete && (isClosed || !start.endsInAudit);
  const proven = isKnown ? pending.proven : [];
  const provenFrom = isKnown ? start.provenFrom : lastSeq + 1;
  return { writes, blocks, proven, neededFrom, provenFrom, hasPayloads: true };
}

const WENT_ON =
  'the cache went on when the journal could not be written any more, so newer bytes than those in it can be on the device';

interface Folded {
  /** Why what is left cannot be known, if events are missing; damage is thrown. */
  readonly doubt: string | null;
  readonly lastSeq: number;
  /** By the last event. */
  readonly isClosed: boolean;
}

async function fold(
  directory: string,
  key: Uint8Array | undefined,
  { segment, needed, continues, isComplete }: RecoveryStart,
  pending: PendingWrites,
): Promise<Folded> {
  const missing: { message: string | null } = { message: null };
  const onProblem = ({ kind, toSeq, segment: name, message }: JournalProblem) => {
    if (kind === 'torn') return;
    if (kind !== 'lost') throw new JournalError('CACHETRAIL_JOURNAL_DAMAGED', `${directory}: ${name}: ${message}`);
    pending.missed();
    if (toSeq >= needed) missing.message = `${name}: ${message}`;
  };
  const isUnchecked = key === undefined && (await isKeyed(directory));
  const frames = readFrames({
    directory,
    links: new Links(isUnchecked ? null : digesterFor(key ?? null), onProblem),
    report: onProblem,
    startsAt: (_, next) => next.firstSeq > segment.firstSeq,
    wants: () => true,
    isAtRest: true,
    key: (found) => {
      if (key !== undefined) checkKey(found, key);
    },
  });
  const decoder = new EventDecoder();
  let isClosed = false;
  let lastSeq = 0;
  for await (const found of frames) {
    for (const record of recordsOf(found, decoder, onProblem)) {
      pending.add(record);
      lastSeq = record.event.seq;
      isClosed = record.event.type === 'closed';
      // Nothing is left then, of whatever was missing.
      if (isClosed) missing.message = null;
    }
  }
  const wentOn = continues && !isComplete && !isClosed;
  return { doubt: missing.message ?? (wentOn ? WENT_ON : null), lastSeq, isClosed };
}

interface RecoveryStart {
  readonly segment: NamedSegment;
  /** No write before this seq is to be brought back. */
  readonly needed: number;
  /** Writes before this one prove nothing of the device. */
  readonly provenFrom: number;
  /** The cache went on without the journal when that could not be written. */
  readonly continues: boolean;
  /** The newest segment is that of an audit journal. */
  readonly endsInAudit: boolean;
  /** Nothing was given to the device, or acknowledged, that the journal does not hold. */
  readonly isComplete: boolean;
}

/** Where to read from: the oldest segment that a recovery needs. Where no header names it, the oldest of all. */
async function startOf(directory: string): Promise<RecoveryStart> {
  const segments = await namedSegmentsOf(directory);
  const newest = await newestHeaderWith(directory, () => true);
  const pointed = await newestHeaderWith(directory, ({ recovery }) => recovery !== null);
  const from = pointed?.recovery?.from ?? 0;
  const segment = segments.findLast(({ firstSeq }) => firstSeq <= from) ?? segments[0];
  const { needed = 0, provenFrom = 0 } = pointed?.recovery ?? {};
  const isComplete = newest?.marked !== true || (await isMarkedComplete(directory));
  const endsInAudit = newest?.payloads === false;
  return { segment, needed, provenFrom, continues: newest?.continues === true, isComplete, endsInAudit };
}
