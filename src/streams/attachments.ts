import type { Input } from '../cache/inputs.js';
import type { CacheState } from '../cache/state.js';
import type { Clock } from './clock.js';
import type { JournalStats } from './journal/types.js';
import type { JournalOpening } from './open-cache.js';
import type { Commits, EventSink, WriteGate } from './pipeline.js';

/** A cache that runs, for who opened it. */
export interface Running {
  readonly state: CacheState;
  submit(input: Input): void;
  halt(cause: unknown): void;
}

/** What a cache is made with beside its options: the journal that was opened for it, and what that brought back. */
export interface Attachments {
  readonly clock: Clock;
  readonly journal: EventSink | null;
  readonly commits: Commits | null;
  /** What must not have failed for a write to be taken. */
  readonly gate?: WriteGate;
  /** The seq that the first event follows. */
  readonly lastSeq: number;
  readonly opening: JournalOpening | null;
  readonly journalStats?: () => JournalStats;
  /** Gets what runs the cache, before the first event: its state to be read, a way to tell it, and one to stop it. */
  readonly started?: (running: Running) => void;
  /** Lets go of the journal when the cache is closed. */
  readonly released?: () => Promise<void>;
}
