import { CachetrailError, codeOf } from '../../device/errors.js';

const NS_PER_MS = 1e6;

/** A journal could not be opened, written, or understood. */
export class JournalError extends CachetrailError {
  override readonly name = 'JournalError';
}

/** The system does not let the journal be written. */
export function failedError(directory: string, cause: unknown): JournalError {
  return new JournalError('CACHETRAIL_JOURNAL_FAILED', `the journal in ${directory} failed: ${codeOf(cause)}`, {
    cause,
  });
}

/** `ns`: how long it was waited for, nanoseconds. */
export function timeoutError(directory: string, ns: number): JournalError {
  const message = `the disk of the journal in ${directory} has not answered a sync in ${ns / NS_PER_MS} ms`;
  return new JournalError('CACHETRAIL_JOURNAL_TIMEOUT', message);
}
