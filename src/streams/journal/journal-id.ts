import { createHash } from 'node:crypto';
import type { Opened } from '../../cache/events.js';
import { JOURNAL_ID_BYTES } from './segment-header.js';

/** The id of a journal that begins with this event. Nothing random: the same run gives the same bytes. */
export function newJournalId({ identity, at }: Opened, epochMs: number): Uint8Array {
  return createHash('sha256')
    .update(JSON.stringify([identity, epochMs, at]))
    .digest()
    .subarray(0, JOURNAL_ID_BYTES);
}
