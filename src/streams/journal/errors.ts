import { CachetrailError } from '../../device/errors.js';

/** A journal could not be opened, written, or understood. */
export class JournalError extends CachetrailError {
  override readonly name = 'JournalError';
}
