import { CachetrailError, codeOf } from '../../device/errors.js';

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
