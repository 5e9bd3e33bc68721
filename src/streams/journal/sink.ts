import type { CacheEvent } from '../../cache/events.js';
import type { CachetrailError } from '../../device/errors.js';
import type { EventSink } from '../pipeline.js';
import type { JournalStats } from './types.js';

/** The journal as the pipeline sees it. */
export interface JournalSink extends EventSink {
  /** `append` is to be given the bytes of every `written` event. */
  readonly wantsPayload: boolean;
  /** Set when the journal has failed and its policy is `stop`: no write may be admitted or acknowledged any more. */
  readonly failure: CachetrailError | null;
  /** Never throws for what a journal's device does. `payload` is read before it returns: `length` bytes of a `written`. */
  append(event: CacheEvent, payload?: Uint8Array): void;
  /**
   * Resolves when every event up to `seq` is on stable storage. All that wait at once share one sync. Rejects with
   * JournalError CACHETRAIL_JOURNAL_FAILED when they cannot be brought there.
   */
  committed(seq: number): Promise<void>;
  /** Writes what is buffered, to stable storage. */
  flush(): Promise<void>;
  /** The same, and lets go of the files. */
  close(): Promise<void>;
  stats(): JournalStats;
}
