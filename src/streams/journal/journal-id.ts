import { createHash } from 'node:crypto';
import { hexOf } from './frame.js';
import { JOURNAL_ID_BYTES } from './segment-header.js';

/** The id of a journal that begins when this cache was opened, in hex. Nothing random: the same run gives the same bytes. */
export function newJournalId(identity: string, epochMs: number, openedAt: number): string {
  return hexOf(newJournalIdBytes(identity, epochMs, openedAt));
}

export function newJournalIdBytes(identity: string, epochMs: number, openedAt: number): Uint8Array {
  return createHash('sha256')
    .update(JSON.stringify([identity, epochMs, openedAt]))
    .digest()
    .subarray(0, JOURNAL_ID_BYTES);
}
