/** What a journal is asked, and what it answers. */
import type { BlockRange } from '../../device/geometry.js';
import type { CacheEvent, EventType, JournalPolicy } from '../../cache/events.js';
import type { CacheState } from '../../cache/state.js';
import type { CachetrailError } from '../../device/errors.js';
import type { Clock } from '../clock.js';
import type { BlockInfo, StateStats } from '../stats.js';
import type { RecoveryPoint } from './segment-header.js';

export type { RecoveryPoint };

/**
 * `audit`: events only, buffered; a crash loses at most the last buffer. `durable`: with the bytes of every write, and a
 * write may be acknowledged when `committed` has resolved for it.
 */
export type JournalMode = 'audit' | 'durable';

/** `stop`: nothing more is journalled, and `committed` rejects. `continue`: tries again with a new segment and states what is lost. */
export type JournalFailurePolicy = JournalPolicy;

export interface JournalOptions {
  /** Default `audit`. */
  readonly mode?: JournalMode;
  /** The cache's clock: the journal keeps its epoch, and flushes by it. */
  readonly clock: Clock;
  /** Makes the chain an HMAC-SHA-256, which only who has the key can continue or forge. 16 bytes at least. */
  readonly key?: Uint8Array;
  /** Journals SHA-256 of what each write puts into each block. Default false. */
  readonly contentDigests?: boolean;
  /**
   * What a failing journal does. Default `stop` when durable, else `continue`. A durable journal that the cache went on without
   * is of no use to a recovery, and refused, until it is written again or the cache was closed with it.
   */
  readonly onFailure?: JournalFailurePolicy;
  /** Most bytes of events kept in memory before they are written: up to 4 MiB while a durable journal waits for its disk. Default 64 KiB. */
  readonly bufferBytes?: number;
  /** Longest time that an event is kept in memory, milliseconds. Default 1000. */
  readonly bufferMs?: number;
  /**
   * A sync that takes longer has failed (CACHETRAIL_JOURNAL_TIMEOUT), and what waits for it is told so, by whatever `onFailure` says:
   * writes, flushes, the close. Default 30,000. Bytes are written into the page cache synchronously, as are the syncs at
   * the beginning of a segment: a disk that hangs there holds up the process, whatever this says.
   */
  readonly syncTimeoutMs?: number;
  /** A segment this long is closed, and the next begun. Default 16 MiB. */
  readonly segmentBytes?: number;
  /** Old segments are deleted above these bounds; nothing is when none is given. */
  readonly retention?: JournalRetention;
  /** The seq of the oldest event that recovery still needs: no segment that holds it or a later one is deleted. */
  readonly neededFrom?: () => number;
  /** What each segment's header says for a recovery, asked when it is begun; without it, or for null, all is read. */
  readonly recoveryPoint?: () => RecoveryPoint | null;
  /**
   * Events between snapshots of the cache's state, from which `stateAt` goes on instead of reading from the beginning; none
   * for `Infinity`. They are made when the event loop has time, and beyond the first MiB take an eighth of the journal's bytes at most.
   * Default 1,000,000.
   */
  readonly snapshotEvents?: number;
  /** Told of each failure and of what became of it; `stats()` counts them. */
  readonly onTrouble?: (trouble: JournalTrouble) => void;
}

/** Bounds of all segments together, kept to when something is written. The one being written is always kept. */
export interface JournalRetention {
  readonly bytes?: number;
  readonly segments?: number;
  /** A segment leaves when its last event is older than this. */
  readonly ageMs?: number;
}

export interface JournalTrouble {
  readonly kind: 'failed' | 'resumed' | 'retention';
  readonly error: CachetrailError | null;
  /** Events lost so far. */
  readonly lost: number;
  /** What becomes of it: `stop` also where a durable journal cannot be marked as not holding everything. */
  readonly policy: JournalFailurePolicy;
}

export interface JournalStats {
  readonly mode: JournalMode;
  /** `failed`: events are being lost until it can be written again. `stopped`: for good, and the cache takes no more writes. */
  readonly state: 'writing' | 'failed' | 'stopped';
  readonly policy: JournalFailurePolicy;
  /** Events taken, and those of them that were lost because the journal could not be written. */
  readonly events: number;
  readonly lost: number;
  readonly frames: number;
  readonly segments: number;
  readonly bytes: number;
  readonly syncs: number;
  /** Events that are not written yet, and their bytes. */
  readonly bufferedEvents: number;
  readonly bufferedBytes: number;
  /** For how long the oldest of them has waited, nanoseconds. */
  readonly bufferedNs: number;
  /** Events that are not known to be on stable storage, lost ones included. */
  readonly unsyncedEvents: number;
  readonly failures: number;
  readonly lastError: CachetrailError | null;
  /** The chain's digest after the last frame written, hex: what an auditor notes. */
  readonly head: string;
}

/** What was found at the end of a journal that is continued. */
export interface JournalTail {
  /** The last event that is whole; 0 in a new journal. */
  readonly seq: number;
  /** Bytes cut off behind it. */
  readonly tornBytes: number;
}

/** Which events to read. Every field that is given must match. */
export interface JournalFilter {
  /** Seqs, both included. */
  readonly from?: number;
  readonly to?: number;
  /** Milliseconds since 1970, both included, each with all of its microsecond. */
  readonly since?: number;
  readonly until?: number;
  readonly types?: readonly EventType[];
  /** Events that name any of these blocks, alone or in a range or list. */
  readonly blocks?: readonly (number | BlockRange)[];
  readonly actors?: readonly string[];
  readonly ops?: readonly number[];
  readonly traceId?: string;
}

export interface JournalReadOptions extends JournalFilter {
  /** Goes on with what is written later, until `to` is reached or `signal` ends it. Default false. */
  readonly follow?: boolean;
  readonly signal?: AbortSignal;
  /** For what is waited for: the system's, unless another is given. */
  readonly clock?: Clock;
  /** Told of everything that is wrong with the journal. Without it each is a process warning. */
  readonly onProblem?: (problem: JournalProblem) => void;
  /** A further condition, asked of each event before any other: what it does not want costs little beside its decoding. */
  readonly where?: (event: CacheEvent) => boolean;
  /** Called after each frame, with the seq of its last event, whether anything in it matched or not. */
  readonly onFrame?: (lastSeq: number) => void;
}

/** An event as it was read, with what stands beside it. */
export interface JournalRecord {
  readonly event: CacheEvent;
  /** Milliseconds since 1970 at the `at` 0 of the event's cache. */
  readonly epochMs: number;
  /** Of `written`, in a durable journal: the bytes. */
  readonly payload: Uint8Array | null;
  /** Of `written`, if asked for: SHA-256 of the bytes in each block, one after the other. */
  readonly digests: Uint8Array | null;
}

/**
 * `torn`: the end is not whole, as after a crash. `damaged`: sums are wrong. `altered`: sums are right, and the chain is
 * broken. `lost`: the writer itself says that it could not write these events. `expired`: retention deleted them while the
 * journal was being read, which is as it should be.
 */
export type JournalProblemKind = 'torn' | 'damaged' | 'altered' | 'lost' | 'expired';

export interface JournalProblem {
  readonly kind: JournalProblemKind;
  /** The segment's file name. */
  readonly segment: string;
  /** Bytes of the segment, `end` not included. */
  readonly start: number;
  readonly end: number;
  /** Events concerned, both included, as far as it can be told; 0 where it cannot. */
  readonly fromSeq: number;
  readonly toSeq: number;
  readonly message: string;
}

export type JournalStatus = 'sound' | 'torn' | 'damaged' | 'altered' | 'diverged';

/** Where the decisions of a new core first differ from those recorded. */
export interface JournalDivergence {
  readonly seq: number;
  readonly recorded: CacheEvent | null;
  readonly decided: CacheEvent | null;
  /** Digest of the new core's state after its decision. */
  readonly stateHash: string;
  readonly message: string;
  /** The state before the event; null where the journal does not lead to it. */
  readonly before: StateBefore | null;
}

/** What matters of a state to whoever asks why an event came of it. */
export interface StateBefore {
  readonly seq: number;
  readonly hash: string;
  readonly phase: CacheState['phase'];
  /** The blocks that either event names, the first few of them. */
  readonly blocks: readonly BlockInfo[];
  readonly stats: StateStats;
}

export interface JournalVerification {
  readonly status: JournalStatus;
  readonly problems: readonly JournalProblem[];
  readonly divergence: JournalDivergence | null;
  /** Digest of the last whole frame, hex; to be noted for `expect`. */
  readonly head: string;
  readonly journalId: string;
  readonly keyed: boolean;
  /** The chain was checked: false for a keyed journal read without its key. */
  readonly chainChecked: boolean;
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly events: number;
  /** Events that a new core has decided again. */
  readonly replayed: number;
  readonly frames: number;
  readonly segments: number;
  readonly bytes: number;
}
