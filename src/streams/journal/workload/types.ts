/** What a replay of a recorded workload is asked, and what it answers. */
import type { CacheMode, CoreConfig, CoreLimits, PolicyName } from '../../../cache/limits.js';
import type { FailureOutcome } from '../../../cache/events.js';
import type { JournalProblem } from '../types.js';

/** Options other than the recorded ones. What is not given stays as it was recorded. */
export interface WorkloadOptions {
  /** Blocks. Then the resizes of the recording are left out. */
  readonly capacity?: number;
  readonly policy?: PolicyName;
  readonly mode?: CacheMode;
  /**
   * Bytes. Then requests cover the blocks that hold what was asked for, the capacity keeps its bytes unless it is given,
   * and borrows are replayed as reads and writes.
   */
  readonly blockSize?: number;
  readonly limits?: Partial<CoreLimits>;
}

export type DeviceOperationKind = 'read' | 'write' | 'barrier' | 'discard' | 'zero';

/** An operation that a device is asked for. */
export interface ModelledOperation {
  readonly kind: DeviceOperationKind;
  /** Blocks, and bytes; 0 for a barrier. */
  readonly block: number;
  readonly count: number;
  readonly offset: number;
  readonly bytes: number;
}

/** What a device answers, so long after it was asked. */
export interface ModelledAnswer {
  /** `Infinity`: it does not. */
  readonly delayNs: number;
  /** '' for success. */
  readonly code: string;
  readonly outcome: FailureOutcome;
}

/**
 * Where the answers of the device come from.
 *
 * `modelled`: nothing fails, and operations take as long as the recorded ones of their kind and about their size did, some
 * short and some long. `recorded`:
 * each is answered as the recorded one of the same kind and blocks was, the first as the first and so on, failures
 * included, and the others as modelled; takes memory for each recorded operation. A function: so many nanoseconds each.
 */
export type WorkloadDevice = 'modelled' | 'recorded' | ((operation: ModelledOperation) => number);

export interface ReplayWorkloadOptions {
  /** One replay for each; all are fed by one reading of the journal. Default: one with the recorded options. */
  readonly runs?: readonly WorkloadOptions[];
  /** Default `modelled`. */
  readonly device?: WorkloadDevice;
  /** Of a keyed journal, to check its chain. */
  readonly key?: Uint8Array;
  readonly signal?: AbortSignal;
  /** Called now and then with the events read so far, of how many. */
  readonly onProgress?: (done: number, total: number) => void;
  /** Told of what is wrong with the journal. A cache's events behind a gap are left out. */
  readonly onProblem?: (problem: JournalProblem) => void;
}

/** What a workload costs. Counts unless the name says otherwise. */
export interface WorkloadFigures {
  /** Requests of the workload. */
  readonly requests: number;
  readonly reads: number;
  readonly writes: number;
  readonly flushes: number;
  /** Blocks that reads asked for, and those of them that were in the cache. */
  readonly readBlocks: number;
  readonly readHits: number;
  /** `readHits` of `readBlocks`; 1 where nothing was read. */
  readonly readHitRatio: number;
  /** Hits of all blocks that reads and writes asked for, as in `stats()`; 0 before there were any. */
  readonly hitRatio: number;
  readonly deviceReads: number;
  readonly deviceWrites: number;
  readonly barriers: number;
  readonly clears: number;
  readonly blocksRead: number;
  readonly blocksWritten: number;
  readonly bytesRead: number;
  readonly bytesWritten: number;
  readonly batches: number;
  /** Blocks in a device write, on average. */
  readonly meanRunBlocks: number;
  readonly evictions: number;
  /** Bytes that writers gave to the cache. */
  readonly bytesAccepted: number;
  /** `bytesWritten` of `bytesAccepted`: below 1 where the cache absorbs writes; 0 where nothing was written. */
  readonly writeAmplification: number;
  /** Writes and borrows that had to wait to be admitted, and how long in all. */
  readonly admissionWaits: number;
  readonly admissionWaitNs: number;
  readonly refusals: number;
  readonly retries: number;
  readonly splits: number;
  readonly parks: number;
  readonly deviceErrors: number;
  /** From the opening to the last request's end, of all caches of the journal. */
  readonly elapsedNs: number;
}

/** Requests that change what a replay's options say: then they are not made. */
export type LeftOutRequest = 'resize' | 'setBlockSize' | 'setOption';

export interface WorkloadRun {
  readonly options: WorkloadOptions;
  /** Of the last cache in the journal. */
  readonly config: CoreConfig;
  readonly figures: WorkloadFigures;
  /** Requests that did not end within an hour of the replay's time, because the device owes an answer. */
  readonly unended: number;
  /** Requests that were not made, since the options of the replay say otherwise. All others are, through handles too. */
  readonly leftOut: Readonly<Record<LeftOutRequest, number>>;
}

export interface WorkloadReport {
  readonly events: number;
  /** Caches that the journal holds from their opening, or from a snapshot, on. */
  readonly caches: number;
  /** Events that could not be replayed: before the first opening or snapshot, or behind a gap. */
  readonly skipped: number;
  /**
   * The first event that counts, where the journal no longer holds the opening of its first cache: replays begin there with
   * an empty cache, the recorded one went on with a full one. Else null.
   */
  readonly coldFrom: number | null;
  /** As recorded: the options of the last cache, and what it all cost. */
  readonly recorded: { readonly config: CoreConfig; readonly figures: WorkloadFigures };
  readonly runs: readonly WorkloadRun[];
}
