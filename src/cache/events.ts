/**
 * Every fact that a cache can state. One flat object a fact, past tense, told apart by `type`; `docs/EVENTS.md` lists
 * them with every field and its unit and is held against this file by a test.
 *
 * The first event of a decision is its input's own and has `cause` 0; the others carry its seq in `cause`. From the
 * first events alone every input can be rebuilt (see `inputs.ts`), which is what makes a replay exact.
 */
import type { CoreConfig } from './limits.js';

/** The trace that a request was made in: W3C ids in lower-case hex, and the trace flags. */
export interface TraceRef {
  readonly traceId: string;
  readonly spanId: string;
  readonly flags: number;
}

interface Fact<Type extends string> {
  readonly type: Type;
  /** The event's number, from 1, without gaps. */
  readonly seq: number;
  /** Nanoseconds since the cache's epoch. */
  readonly at: number;
  /** The seq of the decision's first event; 0 on that event itself. */
  readonly cause: number;
}

/** A fact about a request. */
interface RequestFact<Type extends string> extends Fact<Type> {
  /** The request's number, from 1. */
  readonly op: number;
}

/** The first fact about a request: says who made it. */
interface Request<Type extends string> extends RequestFact<Type> {
  /** The caller's label, or ''. */
  readonly actor: string;
  readonly trace: TraceRef | null;
}

interface Run {
  readonly block: number;
  /** Blocks. */
  readonly count: number;
}

/** A fact about a device operation. */
interface DeviceFact<Type extends string> extends Fact<Type>, Run {
  /** The device operation's number, from 1. */
  readonly io: number;
}

/** A device operation's end: `startedAt` and `at` are exact, in nanoseconds since the cache's epoch. */
interface DeviceAnswer<Type extends string> extends DeviceFact<Type> {
  readonly startedAt: number;
}

interface DeviceFailure<Type extends string> extends DeviceAnswer<Type> {
  /** The device's own code (EIO, ENOSPC, …) or one of cachetrail's. */
  readonly code: string;
  readonly outcome: FailureOutcome;
}

/** Blocks that could not be made safe, each with the code and the device operation of its last failure. */
interface Survivors {
  readonly blocks: readonly number[];
  readonly codes: readonly string[];
  readonly ios: readonly number[];
  /** The barrier that failed last, if that is why; else 0. */
  readonly barrierIo: number;
}

export type FillReason = 'read' | 'readahead' | 'borrow' | 'write';
export type QueueReason = 'order' | 'locked' | 'frames' | 'fill' | 'dirty-limit';
export type WritebackReason = 'age' | 'background' | 'hard' | 'pressure' | 'flush' | 'through';
export type BarrierReason = 'flush' | 'batch' | 'age' | 'pressure' | 'clear';
export type EvictionReason = 'room' | 'resize' | 'idle';
export type ResizeReason = 'asked' | 'growth' | 'idle';
/** `drop` only forgets what is cached, dirty blocks included: an invalidation that was told to discard. */
export type ClearKind = 'discard' | 'zero' | 'drop';
/** `unknown`: a timeout or a short write; part of the run may have reached the device. */
export type FailureOutcome = 'failed' | 'unknown';
/** How a failure was resolved: what had failed became durable, or was given up or replaced by name. */
export type FailureEnd = 'durable' | 'discarded';
export type RequestKind =
  | 'read'
  | 'write'
  | 'flush'
  | 'invalidate'
  | 'discard'
  | 'zero'
  | 'drop'
  | 'readahead'
  | 'borrow'
  | 'markDirty'
  | 'resize'
  | 'setBlockSize'
  | 'close'
  | 'openHandle'
  | 'replaceDevice';

export interface Opened extends Fact<'opened'> {
  readonly identity: string;
  readonly config: CoreConfig;
}

/** A read answered wholly from the cache. */
export interface Read extends Request<'read'>, Run {}
/** A read that needs the device; the `hits` blocks that were there have been copied. */
export interface ReadMissed extends Request<'readMissed'>, Run {
  readonly hits: number;
}
export interface ReadFinished extends RequestFact<'readFinished'> {}
export interface ReadFailed extends RequestFact<'readFailed'> {
  readonly io: number;
  readonly code: string;
}
/** A read waits until a range that it needs has been cleared. */
export interface ReadBlocked extends RequestFact<'readBlocked'> {}
/**
 * A read begins anew, because the range that it waited for has been cleared or the fill that it had joined has failed:
 * what is cached by now is copied, and it asks the device for the rest.
 */
export interface ReadResumed extends RequestFact<'readResumed'> {}
/** A request waits for a fill that another one started. */
export interface FillJoined extends RequestFact<'fillJoined'> {
  readonly io: number;
}
/** A read at the device. Not `cached` when there was no frame to keep the blocks in. */
export interface FillStarted extends DeviceFact<'fillStarted'> {
  readonly op: number;
  readonly cached: boolean;
  readonly reason: FillReason;
}
export interface FillFinished extends DeviceAnswer<'fillFinished'> {}
export interface FillFailed extends DeviceFailure<'fillFailed'> {}
export interface ReadaheadRequested extends Request<'readaheadRequested'>, Run {}

/** A write that could not be admitted at once. */
export interface WriteQueued extends Request<'writeQueued'> {
  /** Bytes. */
  readonly offset: number;
  readonly length: number;
  readonly through: boolean;
  readonly reason: QueueReason;
}
/** A write was admitted: its bytes are in the cache, dirty, with this generation. */
export interface Written extends Request<'written'>, Run {
  /** Bytes. */
  readonly offset: number;
  readonly length: number;
  readonly generation: number;
  readonly through: boolean;
  /** Made through a borrowed view (`markDirty`). */
  readonly borrowed: boolean;
}
/** A write that waited for the device (`through`) is there. */
export interface WriteFinished extends RequestFact<'writeFinished'> {}
export interface WriteFailed extends RequestFact<'writeFailed'>, Survivors {}

export interface FlushStarted extends Request<'flushStarted'>, Run {
  /** Blocks of the range that were not durable. */
  readonly pending: number;
  /** Writes up to this generation are to become durable. */
  readonly generation: number;
  /** Who is told of failures that have been resolved: the cache itself is 0, and -1 is nobody. */
  readonly handle: number;
}
export interface FlushFinished extends RequestFact<'flushFinished'> {}
/**
 * The handle of a flush or close is told of failures that have been resolved since, and of which it had not been told while
 * they were not. Comes before the end of the request, which fails if it is a flush.
 */
export interface ResolvedTold extends RequestFact<'resolvedTold'> {
  readonly handle: number;
  readonly blocks: readonly number[];
  readonly codes: readonly string[];
  /** The device operations that failed. */
  readonly ios: readonly number[];
  readonly ends: readonly FailureEnd[];
  readonly resolvedAt: readonly number[];
  /** The barriers that made the blocks durable, or the clears that replaced them; 0 where the cache alone forgot them. */
  readonly resolvedIos: readonly number[];
  /** More of them, of which too many were remembered to keep their blocks. */
  readonly forgotten: number;
}
export interface FlushFailed extends RequestFact<'flushFailed'>, Survivors {}

/** A writeback batch: `runs` is block, count, block, count, … in order of block. */
export interface BatchPlanned extends Fact<'batchPlanned'> {
  readonly batch: number;
  readonly reason: WritebackReason;
  readonly blocks: number;
  readonly runs: readonly number[];
}
/** A write at the device. `generation` is the newest that it carries. */
export interface WritebackStarted extends DeviceFact<'writebackStarted'> {
  readonly batch: number;
  readonly reason: WritebackReason;
  /** 1 for the first try of this run. */
  readonly attempt: number;
  readonly generation: number;
}
export interface WritebackFinished extends DeviceAnswer<'writebackFinished'> {}
export interface WritebackFailed extends DeviceFailure<'writebackFailed'> {
  readonly attempt: number;
}
export interface WritebackRetryScheduled extends Fact<'writebackRetryScheduled'>, Run {
  readonly batch: number;
  readonly reason: WritebackReason;
  /** The number that the coming try will have. */
  readonly attempt: number;
  readonly dueAt: number;
}
/** A failing run was cut in two, so that good neighbours reach the device: the second half starts at `splitAt`. */
export interface WritebackSplit extends Fact<'writebackSplit'>, Run {
  readonly batch: number;
  readonly reason: WritebackReason;
  readonly splitAt: number;
}
/** A block that keeps failing: kept dirty, tried again by the next flush. */
export interface BlockParked extends Fact<'blockParked'> {
  readonly block: number;
  readonly io: number;
  readonly code: string;
}

/** A request waits for room that parked blocks take up, so they are tried again without waiting for a flush. */
export interface ParkedRetried extends Fact<'parkedRetried'> {
  readonly blocks: readonly number[];
}

export interface BarrierStarted extends Fact<'barrierStarted'> {
  readonly io: number;
  readonly reason: BarrierReason;
}
export interface BarrierFinished extends Fact<'barrierFinished'> {
  readonly io: number;
  readonly startedAt: number;
}
export interface BarrierFailed extends Fact<'barrierFailed'> {
  readonly io: number;
  readonly startedAt: number;
  readonly code: string;
  readonly outcome: FailureOutcome;
}
/** The device answered an operation that had timed out. Only then is another barrier begun, and a barrier's failure is believed. */
export interface DeviceAnsweredLate extends Fact<'deviceAnsweredLate'> {
  readonly io: number;
  readonly startedAt: number;
  /** '' if it succeeded after all. */
  readonly code: string;
}

export interface Evicted extends Fact<'evicted'> {
  readonly block: number;
  readonly reason: EvictionReason;
}
export interface Invalidated extends Request<'invalidated'>, Run {
  /** Blocks dropped from the cache. */
  readonly dropped: number;
}
/** Dirty blocks were lost because the caller said so. */
export interface DirtyDiscarded extends RequestFact<'dirtyDiscarded'> {
  readonly blocks: readonly number[];
  readonly reason: string;
}

export interface ClearQueued extends Request<'clearQueued'>, Run {
  readonly kind: ClearKind;
  /** Why dirty blocks may be lost, for a `drop`. */
  readonly reason: string;
}
export interface ClearStarted extends DeviceFact<'clearStarted'> {
  readonly op: number;
  readonly kind: ClearKind;
}
export interface ClearAnswered extends DeviceAnswer<'clearAnswered'> {
  readonly op: number;
  readonly kind: ClearKind;
  /** '' if it succeeded. */
  readonly code: string;
  readonly outcome: FailureOutcome;
}
/** The range is clear; `dropped` cached blocks went with it. */
export interface ClearFinished extends RequestFact<'clearFinished'>, Run {
  readonly kind: ClearKind;
  readonly dropped: number;
}
export interface ClearFailed extends RequestFact<'clearFailed'>, Run {
  readonly kind: ClearKind;
  readonly io: number;
  readonly code: string;
}

/** A borrow that could not be granted at once. */
export interface BorrowQueued extends Request<'borrowQueued'> {
  readonly block: number;
  readonly reason: QueueReason;
}
export interface Borrowed extends Request<'borrowed'> {
  readonly block: number;
}
export interface Released extends RequestFact<'released'> {
  readonly block: number;
}

/** `op` is 0 when the cache grew or shrank by itself. Capacities and frames in blocks. */
export interface Resized extends Request<'resized'> {
  readonly reason: ResizeReason;
  readonly capacity: number;
  readonly frames: number;
}
/** A handle was opened: failures from here on are owed to it. Its number is that of the request. */
export interface HandleOpened extends Request<'handleOpened'> {}
export interface HandleClosed extends Request<'handleClosed'> {
  readonly handle: number;
}

/**
 * The cache goes on with another device object for the same device. What the old one had taken and no barrier has covered is
 * dirty again, parked blocks get another chance, and what it has not answered ends in the same decision.
 */
export interface DeviceReplaced extends Request<'deviceReplaced'> {
  readonly identity: string;
  /** Bytes. */
  readonly deviceBytes: number;
}

export interface BlockSizeRequested extends Request<'blockSizeRequested'> {
  /** Bytes. */
  readonly to: number;
}
export interface BlockSizeChanged extends RequestFact<'blockSizeChanged'> {
  /** Bytes. */
  readonly from: number;
  readonly to: number;
  readonly capacity: number;
}
export interface BlockSizeFailed extends RequestFact<'blockSizeFailed'>, Survivors {}
export interface OptionSet extends Request<'optionSet'> {
  readonly name: string;
  readonly value: number;
}

/** A well-formed request that the cache would not take. */
export interface RequestRefused extends Request<'requestRefused'>, Run {
  readonly request: RequestKind;
  /** Bytes, for a write; the block size asked for, for setBlockSize; else 0. */
  readonly offset: number;
  readonly length: number;
  readonly code: string;
}
/** A waiting request ended before it was served: the caller's signal, or the wait was too long. */
export interface RequestAborted extends RequestFact<'requestAborted'> {
  readonly code: string;
}
/** A deadline came that something waited for. */
export interface Ticked extends Fact<'ticked'> {}

/** The use of the cache was looked at, to give frames back that are not needed. */
export interface IdleChecked extends Fact<'idleChecked'> {
  /** Blocks used since the last look. */
  readonly used: number;
}

export interface CloseStarted extends Request<'closeStarted'> {
  /** Why what cannot be saved may be lost, or ''. */
  readonly abandon: string;
  readonly generation: number;
}
export interface CloseFailed extends RequestFact<'closeFailed'>, Survivors {}
export interface Closed extends RequestFact<'closed'> {}

/** What the cache does without its journal: takes no more writes, or goes on and states what is lost. */
export type JournalPolicy = 'stop' | 'continue';
/** Events could not be written, or old ones not be deleted. */
export type JournalTask = 'writing' | 'retention';

/** The journal failed. Under `continue` it is tried again. */
export interface JournalFailed extends Fact<'journalFailed'> {
  readonly task: JournalTask;
  readonly policy: JournalPolicy;
  readonly code: string;
  /** Events lost so far. */
  readonly lost: number;
}
/** The journal is written again; what was lost meanwhile stays lost. */
export interface JournalResumed extends Fact<'journalResumed'> {
  readonly lost: number;
}

export type CacheEvent =
  | Opened
  | JournalFailed
  | JournalResumed
  | Read
  | ReadMissed
  | ReadFinished
  | ReadFailed
  | ReadBlocked
  | ReadResumed
  | FillJoined
  | FillStarted
  | FillFinished
  | FillFailed
  | ReadaheadRequested
  | WriteQueued
  | Written
  | WriteFinished
  | WriteFailed
  | FlushStarted
  | FlushFinished
  | FlushFailed
  | ResolvedTold
  | BatchPlanned
  | WritebackStarted
  | WritebackFinished
  | WritebackFailed
  | WritebackRetryScheduled
  | WritebackSplit
  | BlockParked
  | ParkedRetried
  | BarrierStarted
  | BarrierFinished
  | BarrierFailed
  | DeviceAnsweredLate
  | Evicted
  | Invalidated
  | DirtyDiscarded
  | ClearQueued
  | ClearStarted
  | ClearAnswered
  | ClearFinished
  | ClearFailed
  | BorrowQueued
  | Borrowed
  | Released
  | HandleOpened
  | HandleClosed
  | DeviceReplaced
  | Resized
  | BlockSizeRequested
  | BlockSizeChanged
  | BlockSizeFailed
  | OptionSet
  | RequestRefused
  | RequestAborted
  | Ticked
  | IdleChecked
  | CloseStarted
  | CloseFailed
  | Closed;

export type EventType = CacheEvent['type'];
