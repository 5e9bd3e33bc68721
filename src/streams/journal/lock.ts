/** Keeps a second writer out of a journal's directory, for as long as this process lives. */
import { closeSync, openSync } from 'node:fs';
import path from 'node:path';
import { loadNative } from '../../device/native.js';
import { failedError, JournalError } from './errors.js';

export type Unlock = () => void;

/** Rejects with JournalError CACHETRAIL_JOURNAL_LOCKED, or _FAILED where a lock cannot be made. Where the native module does not load there are no locks. */
export async function lockJournal(directory: string): Promise<Unlock> {
  const native = await loadNative();
  if (native === undefined) return () => {};
  const fd = openLock(directory);
  let granted = false;
  let cause: unknown;
  try {
    granted = native.tryLock(fd);
  } catch (error) {
    cause = error;
  }
  if (granted) return () => closeSync(fd);
  closeSync(fd);
  throw new JournalError('CACHETRAIL_JOURNAL_LOCKED', `${directory} is being written by another cache`, { cause });
}

function openLock(directory: string): number {
  try {
    return openSync(path.join(directory, 'lock'), 'a');
  } catch (cause) {
    throw failedError(directory, cause);
  }
}
