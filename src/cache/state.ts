/** The whole state of a cache: a fold of its events and nothing else. Only `evolve` changes it. */
import { blockCountOf, bytesOfRange } from '../device/geometry.js';
import { Counters } from './counters.js';
import type { ClearKind, FailureEnd, TraceRef, WritebackReason } from './events.js';
import { Frames } from './frames.js';
import { type CoreConfig, type CoreLimits, DEFAULT_LIMITS, slabBlocks } from './limits.js';
import { NumberedMap } from './numbered-map.js';
import { type PlannedRun, RunQueue } from './run-queue.js';
import { SlotTable } from './slot-table.js';

/** A read whose missing blocks are on their way. */
export interface PendingRead {
  readonly kind: 'read';
  readonly op: number;
  readonly block: number;
  readonly count: number;
  /** Fills that it waits for. */
  fills: number;
  /** Waits for a cleared range to be unlocked before it asks the device. */
  blocked: boolean;
}

/** A write or a borrow that waits for its turn, in order of arrival. */
export interface PendingAdmission {
  readonly kind: 'write' | 'borrow';
  readonly op: number;
  readonly block: number;
  readonly count: number;
  /** Bytes. */
  readonly offset: number;
  readonly length: number;
  readonly through: boolean;
  readonly actor: string;
  readonly trace: TraceRef | null;
  readonly since: number;
}

/** A flush, close, change of block size or write-through that waits until writes up to a generation are safe. */
export interface PendingWait {
  readonly kind: 'flush' | 'close' | 'blockSize' | 'through';
  readonly op: number;
  readonly block: number;
  readonly count: number;
  readonly generation: number;
  /** Blocks of the range with bytes, up to the generation, that the device does not hold. */
  unwritten: number;
  /** Blocks of the range with bytes, up to the generation, that are not durable. */
  undurable: number;
  /** The barrier that must have succeeded, at least. */
  readonly neededBarrier: number;
  barrierFailures: number;
  /** Of a close: why what cannot be saved may be lost, or ''. Of a change of block size: the new one, in bytes. */
  readonly abandon: string;
  readonly blockSize: number;
  /** Who asked, of a flush or close; NOBODY is owed nothing. */
  readonly handle: number;
}

/** A discard, zero or drop. Its range is locked from the moment that it is asked for. */
export interface PendingClear {
  readonly kind: 'clear';
  readonly clear: ClearKind;
  readonly op: number;
  readonly block: number;
  readonly count: number;
  readonly reason: string;
  /** The device operation, or 0 before it has started. */
  io: number;
  /** The barrier that must succeed for it to count, or 0 while the device is at it. */
  neededBarrier: number;
  /** A barrier that failed while the device was at it, and its code: a zero does not count then. 0 and '' for none. */
  doubtIo: number;
  doubtCode: string;
}

export type PendingOp = PendingRead | PendingAdmission | PendingWait | PendingClear;

/** A device read in flight. */
export interface Fill {
  readonly kind: 'fill';
  readonly io: number;
  /** The request that started it. */
  readonly op: number;
  readonly block: number;
  readonly count: number;
  readonly cached: boolean;
  readonly readahead: boolean;
  /** The requests that wait for it. */
  readonly waiters: number[];
}

/** A device write in flight. */
export interface Writeback {
  readonly kind: 'writeback';
  readonly io: number;
  readonly block: number;
  readonly count: number;
  readonly batch: number;
  readonly reason: WritebackReason;
  readonly attempt: number;
}

export interface Barrier {
  readonly kind: 'barrier';
  readonly io: number;
  /** Its number among barriers, from 1. */
  readonly epoch: number;
}

export interface ClearIo {
  readonly kind: 'clear';
  readonly io: number;
  readonly op: number;
  readonly block: number;
  readonly count: number;
}

export type DeviceIo = Fill | Writeback | Barrier | ClearIo;

/** A run that waits for its next try. */
export interface ScheduledRetry extends PlannedRun {
  readonly dueAt: number;
}

/** The last error of a block that is not durable because of it. */
export interface BlockFailure {
  readonly code: string;
  readonly io: number;
}

/** A failure that was told, or was final enough to be: of one block, which is not safe until it is resolved. */
export interface RememberedFailure extends BlockFailure {
  readonly block: number;
  /** The event that made it final. */
  readonly seq: number;
  /** Handles that were open then and have not been told of it. */
  owed: number[];
}

export interface ResolvedFailure extends RememberedFailure {
  readonly end: FailureEnd;
  readonly resolvedAt: number;
  readonly resolvedIo: number;
}

/** Who is told of failures. Number 0 is the cache itself; the others are the numbers of the requests that opened them. */
export interface Handle {
  readonly handle: number;
  readonly openedSeq: number;
  /** Resolved failures that it is owed and of which too many were remembered, and the blocks between which they were. */
  forgotten: number;
  forgottenFrom: number;
  forgottenEnd: number;
}

/** The handle of a request that is nobody's: it is told of no resolved failures. */
export const NOBODY = -1;

const UNOPENED: CoreConfig = {
  deviceBytes: 1,
  blockSize: 512,
  capacity: 1,
  policy: 'lru',
  mode: 'readonly',
  seed: 0,
  limits: DEFAULT_LIMITS,
};

export class CacheState {
  /** The seq of the last event. */
  seq = 0;
  phase: 'unopened' | 'open' | 'closing' | 'closed' = 'unopened';
  config: CoreConfig = UNOPENED;
  /** The device's name. */
  identity = '';
  /** As in the config, but for what `setOption` has changed. */
  limits: CoreLimits = DEFAULT_LIMITS;
  blockSize = UNOPENED.blockSize;
  blockCount = 1;
  deviceBytes = 1;
  capacity = 1;
  slots = new SlotTable(1, 'lru');
  /** The bytes; null where only the history is of interest, as in a replay. */
  frames: Frames | null;

  /** The newest generation: raised by every write. */
  generation = 0;
  lastOp = 0;
  lastIo = 0;
  lastBatch = 0;
  /** Why the last batch was planned. */
  lastBatchReason: WritebackReason = 'age';
  barriersStarted = 0;
  /** The newest barrier that succeeded. */
  barrierDone = 0;
  /** Barriers that have failed since the last one that succeeded. */
  barrierFailures = 0;
  /** After a failed barrier: nothing is written before this time that nobody waits for. 0 if there is none. */
  holdOffUntil = 0;
  /** State of the generator of jitter. */
  random = 1;
  /** The request that is changing the block size, or 0. */
  blockSizeOp = 0;
  lastIdleCheck = 0;
  /** When parked blocks last failed, or were last tried again. */
  lastParkedAt = 0;
  readaheadBlocks = 0;

  readonly reads = new NumberedMap<PendingRead>();
  /** Reads that wait for a range to be unlocked. */
  blockedReads = 0;
  readonly admissions = new Map<number, PendingAdmission>();
  readonly waits = new Map<number, PendingWait>();
  readonly clears = new Map<number, PendingClear>();
  /** Device operations that have not been answered and have not timed out. */
  readonly ios = new NumberedMap<DeviceIo>();
  writebacksInFlight = 0;
  clearsInFlight = 0;
  barrier: Barrier | null = null;
  /** The barrier that failed last, or 0. */
  failedBarrierIo = 0;
  /** Device operations that timed out and have not been answered since. */
  readonly stuck = new Map<number, DeviceIo>();
  readonly runs = new RunQueue();
  retries: ScheduledRetry[] = [];
  readonly failures = new Map<number, BlockFailure>();
  readonly handles = new Map<number, Handle>([[0, newHandle(0, 0)]]);
  /** Failures that were told or final and are not resolved, by block. */
  readonly remembered = new Map<number, RememberedFailure>();
  /** Those that have been resolved, oldest first, while some handle has not been told. */
  resolved: ResolvedFailure[] = [];
  readonly counters = new Counters();

  constructor(options: { readonly bytes: boolean }) {
    this.frames = options.bytes ? new Frames(this.blockSize, 1) : null;
  }

  /** Sets block size and capacity with an empty cache: at the opening and when the block size changes. */
  shape(blockSize: number, capacity: number): void {
    this.blockSize = blockSize;
    this.blockCount = blockCountOf(this.deviceBytes, blockSize);
    this.capacity = capacity;
    this.slots = new SlotTable(capacity, this.config.policy);
    if (this.frames !== null) this.frames = new Frames(blockSize, Math.min(capacity, this.slabBlocks));
  }

  get slabBlocks(): number {
    return slabBlocks(this.limits, this.blockSize);
  }

  get waitingRequests(): number {
    return this.reads.size + this.admissions.size + this.waits.size + this.clears.size;
  }

  /**
   * The barrier that has timed out and has not been answered, or null. While there is one nobody knows what is durable: a system tells
   * of a failed write once, and it may be the one that is told, so the success of another would prove nothing.
   */
  get owedBarrier(): Barrier | null {
    for (const io of this.stuck.values()) if (io.kind === 'barrier') return io;
    return null;
  }

  /** The bytes of a range, less than whole blocks only at the device's tail. */
  bytesOf(block: number, count: number): number {
    return bytesOfRange(block, count, this.blockSize, this.deviceBytes);
  }

  /** Something is clearing a part of the range: the device must not be asked for it. */
  isClearing(block: number, count: number): boolean {
    if (this.clears.size === 0) return false;
    for (const clear of this.clears.values()) if (overlaps(clear, block, count)) return true;
    return false;
  }

  /** A range that may not be written: it is being cleared, or a clear that timed out could still land on it. */
  isLocked(block: number, count: number): boolean {
    if (this.isClearing(block, count)) return true;
    for (const io of this.stuck.values()) if (io.kind === 'clear' && overlaps(io, block, count)) return true;
    return false;
  }
}

export function newHandle(handle: number, openedSeq: number): Handle {
  return { handle, openedSeq, forgotten: 0, forgottenFrom: 0, forgottenEnd: 0 };
}

/** A handle has not been told of a failure in the range. */
export function isOwed(
  failure: RememberedFailure,
  handle: number,
  range: { readonly block: number; readonly count: number },
): boolean {
  return failure.owed.includes(handle) && overlaps(range, failure.block, 1);
}

/** So many barriers have failed that the wait ends without them. A write-through needs none, and goes on. */
export function hasGivenUp(state: CacheState, wait: PendingWait): boolean {
  return wait.kind !== 'through' && wait.barrierFailures >= state.limits.barrierAttemptsMax;
}

export function overlaps(
  range: { readonly block: number; readonly count: number },
  block: number,
  count: number,
): boolean {
  return range.block < block + count && block < range.block + range.count;
}
