/** Metrics as a projection of the events that are no hits: plain counts, read when somebody collects, and the histograms. */
import type { CacheEvent, EventType, FillReason, QueueReason } from '../../cache/events.js';
import { REPLACED_CODE } from '../../cache/failure-codes.js';
import { type HistogramName, METRIC_ATTRIBUTE } from '../metric-names.js';
import { AttributeSets, type PointAttributes } from './attribute-sets.js';
import { Counted, ErrorTypes } from './counted.js';
import { WriteErrorTally } from './write-error-tally.js';

type EventOf<Type extends EventType> = Extract<CacheEvent, { type: Type }>;

/** Takes one value of a histogram: seconds or blocks. */
export type RecordValue = (name: HistogramName, value: number, attributes: PointAttributes) => void;

export type DeviceOperation = 'read' | 'write' | 'barrier' | 'discard' | 'zero';

/** A device operation that has ended. */
interface Ended {
  readonly io: number;
  readonly at: number;
  readonly startedAt: number;
}

interface Wait {
  readonly since: number;
  readonly reason: QueueReason;
  /** The event that says so. */
  readonly seq: number;
}

const S_PER_NS = 1e-9;
const { operation, reason, errorType } = METRIC_ATTRIBUTE;

export class Tally {
  /** Blocks that the device was asked to read. */
  readonly fills: Record<FillReason, number> = { read: 0, readahead: 0, borrow: 0, write: 0 };
  /** By `error.type`. */
  readonly requestErrors = new Counted();
  readonly writeErrors: WriteErrorTally;
  readonly #errorTypes = new ErrorTypes();
  readonly #record: RecordValue;
  /** When each device operation that is under way was decided on. */
  readonly #decidedAt = new Map<number, number>();
  readonly #waits = new Map<number, Wait>();
  readonly #ofOperation: AttributeSets;
  readonly #ofReason: AttributeSets;
  /** By operation: those of failed ones, by `error.type`. */
  readonly #ofFailed = new Map<DeviceOperation, AttributeSets>();

  /** `base` is part of the attributes of every value. */
  constructor(record: RecordValue, base: PointAttributes) {
    this.#record = record;
    this.#ofOperation = new AttributeSets(base, operation);
    this.#ofReason = new AttributeSets(base, reason);
    this.writeErrors = new WriteErrorTally(this.#errorTypes);
  }

  take(event: CacheEvent): void {
    this.#operations(event);
    this.#waiting(event);
    this.writeErrors.take(event);
    const told = toldBy(event);
    if (told !== '') this.requestErrors.add(this.#errorTypes.of(told));
    if (event.type === 'batchPlanned') {
      this.#record('cachetrail.batch.size', event.blocks, this.#ofReason.with(event.reason));
    }
  }

  #operations(event: CacheEvent): void {
    switch (event.type) {
      case 'fillStarted':
        this.fills[event.reason] += event.count;
        this.#decidedAt.set(event.io, event.at);
        return;
      case 'writebackStarted':
      case 'barrierStarted':
      case 'clearStarted':
        this.#decidedAt.set(event.io, event.at);
        return;
      case 'fillFinished':
        return this.#ended('read', event, '');
      case 'fillFailed':
        return this.#ended('read', event, event.code);
      case 'writebackFinished':
        return this.#ended('write', event, '');
      case 'writebackFailed':
        return this.#ended('write', event, event.code);
      case 'barrierFinished':
        return this.#ended('barrier', event, '');
      case 'barrierFailed':
        return this.#ended('barrier', event, event.code);
      case 'clearAnswered':
        // A drop asks nothing of the device, and has no answer.
        if (event.kind !== 'drop') this.#ended(event.kind, event, event.code);
        return;
    }
  }

  #ended(kind: DeviceOperation, { io, at, startedAt }: Ended, code: string): void {
    const decidedAt = this.#decidedAt.get(io);
    this.#decidedAt.delete(io);
    // The device was replaced: nobody knows when it would have answered.
    if (code === REPLACED_CODE) return;
    const plain = this.#ofOperation.with(kind);
    const attributes = code === '' ? plain : this.#failed(kind, code);
    this.#record('cachetrail.device.operation.duration', (at - startedAt) * S_PER_NS, attributes);
    // Unknown for what was under way when the metrics began.
    if (decidedAt === undefined) return;
    this.#record('cachetrail.device.queue.duration', Math.max(0, startedAt - decidedAt) * S_PER_NS, plain);
  }

  #failed(kind: DeviceOperation, code: string): PointAttributes {
    let sets = this.#ofFailed.get(kind);
    if (sets === undefined) {
      sets = new AttributeSets(this.#ofOperation.with(kind), errorType);
      this.#ofFailed.set(kind, sets);
    }
    return sets.with(this.#errorTypes.of(code));
  }

  #waiting(event: CacheEvent): void {
    switch (event.type) {
      case 'writeQueued':
      case 'borrowQueued':
        this.#waits.set(event.op, { since: event.at, reason: event.reason, seq: event.seq });
        return;
      case 'written':
      case 'borrowed':
      case 'readFailed':
      case 'requestRefused':
      case 'requestAborted':
        return this.#waited(event);
    }
  }

  #waited({
    op,
    at,
    cause,
  }: EventOf<'written' | 'borrowed' | 'readFailed' | 'requestRefused' | 'requestAborted'>): void {
    const wait = this.#waits.get(op);
    if (wait === undefined) return;
    this.#waits.delete(op);
    // Queued and admitted in one decision: frames had to be made, but it did not wait.
    if (cause === wait.seq) return;
    this.#record('cachetrail.admission.duration', (at - wait.since) * S_PER_NS, this.#ofReason.with(wait.reason));
  }
}

/** The code that a caller is told by an event, or ''. Events have the device's codes, callers get cachetrail's. */
function toldBy(event: CacheEvent): string {
  switch (event.type) {
    case 'requestRefused':
    case 'requestAborted':
      return event.code;
    case 'readFailed':
      return 'CACHETRAIL_READ_FAILED';
    case 'writeFailed':
      return 'CACHETRAIL_WRITE_FAILED';
    case 'flushFailed':
    case 'blockSizeFailed':
      return 'CACHETRAIL_FLUSH_FAILED';
    case 'closeFailed':
      return 'CACHETRAIL_CLOSE_FAILED';
    case 'clearFailed':
      return 'CACHETRAIL_CLEAR_FAILED';
    default:
      return '';
  }
}
