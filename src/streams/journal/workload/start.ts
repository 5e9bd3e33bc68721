/** Where a journal can be begun with whose oldest segments, and the opening of its cache with them, have been deleted. */
import type { CacheState } from '../../../cache/state.js';
import { JournalError } from '../errors.js';
import { firstHeader } from '../seek.js';
import { snapshotSeqs } from '../snapshots.js';
import { stateAt } from '../state-at.js';

/** The state at the first snapshot; null where the journal begins with an opening, or has no snapshot that fits it. */
export async function startOf(directory: string, key: Uint8Array | undefined): Promise<CacheState | null> {
  const header = await firstHeader(directory);
  if (header === null || header.openedSeq >= header.firstSeq) return null;
  const { firstSeq } = header;
  for (const seq of (await snapshotSeqs(directory)).reverse()) {
    if (seq < firstSeq) continue;
    try {
      return (await stateAt(directory, seq, key === undefined ? {} : { key })).state;
    } catch (error) {
      if (!(error instanceof JournalError)) throw error;
    }
  }
  return null;
}
