/**
 * The operations of the device as Linux' `blktrace` would have recorded them: queued (Q) when the cache decided on one,
 * issued (D) when the device was asked, completed (C) when it answered.
 */
import type { CacheEvent } from '../../../cache/events.js';
import {
  ACTION,
  actionOf,
  CATEGORY,
  DATA_BYTES_MAX,
  errnoOf,
  NOTIFY,
  RecordChunks,
  SECTOR_BYTES,
  type Step,
  type TraceRecord,
} from './blktrace-record.js';
import type { Exporter, ExportOptions } from './formats.js';
import { Geometry } from './geometry.js';
import { Processes } from './processes.js';
import { TimeOrder } from './time-order.js';

const NS_PER_MS = 1e6;
/** A record's length has 32 bits: a longer clear becomes several operations. */
const LENGTH_MAX = 2 ** 32 - SECTOR_BYTES;
const NOTHING = new Uint8Array(0);
const NONE: readonly Uint8Array[] = [];
/** Records that are put in order together: most events add none. */
const GATHERED = 1 << 12;

type EventOf<Type extends CacheEvent['type']> = Extract<CacheEvent, { type: Type }>;

interface Operation {
  readonly queuedAt: number;
  readonly pid: number;
  readonly categories: number;
  readonly offset: number;
  readonly length: number;
  readonly isWanted: boolean;
}

interface Ended {
  readonly io: number;
  readonly startedAt: number;
  readonly at: number;
}

/** Gives records in order of time. Counts what it gave. */
export class BlktraceExport implements Exporter {
  readonly counts = { queued: 0, issued: 0, completed: 0 };
  readonly #isWanted: (event: CacheEvent, epochMs: number) => boolean;
  readonly #device: Geometry;
  readonly #processes = new Processes((pid, name) => this.#notify(NOTIFY.process, pid, named(name)));
  readonly #order = new TimeOrder();
  readonly #operations = new Map<number, Operation>();
  readonly #chunks = new RecordChunks();
  /** Where the `at` 0 of the present cache lies, nanoseconds since the trace began. */
  #origin = 0;
  #firstEpochMs: number | null = null;
  #epochMs = Number.NaN;
  #lastTime = 0;

  /** An operation is exported whole if the event that began it is wanted. */
  constructor({ isWanted, shape }: Pick<ExportOptions, 'isWanted' | 'shape'>) {
    this.#isWanted = isWanted;
    this.#device = new Geometry(shape);
  }

  begin(): readonly Uint8Array[] {
    return [];
  }

  /** Full chunks of the records that are complete and in order by now. */
  take(event: CacheEvent, epochMs: number): readonly Uint8Array[] {
    if (event.type === 'opened' || this.#firstEpochMs === null) this.#begin(epochMs);
    this.#device.accept(event);
    this.#processes.accept(event);
    this.#lastTime = Math.max(this.#lastTime, this.#origin + event.at);
    this.#add(event, epochMs);
    return this.#order.size < GATHERED ? NONE : this.#encoded(this.#order.take(this.#oldest()));
  }

  /** The rest: what the device never answered has been queued and no more. */
  end(): readonly Uint8Array[] {
    this.#operations.clear();
    return [...this.#encoded(this.#order.drain()), this.#chunks.take()];
  }

  /** Caches that were opened one after the other have one clock, even where the wall's was put back between them. */
  #begin(epochMs: number): void {
    this.#operations.clear();
    if (this.#firstEpochMs === null) {
      this.#firstEpochMs = epochMs;
      this.#notify(NOTIFY.timestamp, 0, wallClock(epochMs));
    } else if (epochMs !== this.#epochMs) {
      this.#origin = Math.max(this.#lastTime, (epochMs - this.#firstEpochMs) * NS_PER_MS);
    }
    this.#epochMs = epochMs;
  }

  #add(event: CacheEvent, epochMs: number): void {
    switch (event.type) {
      case 'fillStarted':
      case 'writebackStarted':
      case 'clearStarted':
      case 'barrierStarted':
        return this.#started(event, this.#isWanted(event, epochMs));
      case 'fillFinished':
      case 'writebackFinished':
      case 'barrierFinished':
        return this.#ended(event, 0);
      case 'fillFailed':
      case 'writebackFailed':
      case 'barrierFailed':
        return this.#ended(event, errnoOf(event.code));
      case 'clearAnswered':
        return this.#ended(event, event.code === '' ? 0 : errnoOf(event.code));
      case 'deviceAnsweredLate':
        return this.#message(event);
    }
  }

  #started(
    event: EventOf<'fillStarted' | 'writebackStarted' | 'clearStarted' | 'barrierStarted'>,
    isWanted: boolean,
  ): void {
    // A drop asks the device for nothing.
    if (event.type === 'clearStarted' && event.kind === 'drop') return;
    const [offset, length] = event.type === 'barrierStarted' ? [0, 0] : this.#device.bytesOf(event);
    const pid = 'op' in event ? this.#processes.ofRequest(event.op) : this.#processes.cache;
    const queuedAt = this.#origin + event.at;
    const operation = { queuedAt, pid, categories: categoriesOf(event), offset, length, isWanted };
    this.#operations.set(event.io, operation);
    if (!isWanted) return;
    this.counts.queued++;
    this.#record('queue', operation, queuedAt, 0);
  }

  #ended({ io, startedAt, at }: Ended, error: number): void {
    const operation = this.#operations.get(io);
    this.#operations.delete(io);
    if (operation === undefined || !operation.isWanted) return;
    this.counts.issued++;
    this.counts.completed++;
    this.#record('issue', operation, this.#origin + startedAt, 0);
    this.#record('complete', operation, this.#origin + at, error);
  }

  #record(step: Step, { pid, categories, offset, length }: Operation, time: number, error: number): void {
    const action = actionOf(ACTION[step], categories | CATEGORY[step]);
    let done = 0;
    do {
      const part = Math.min(LENGTH_MAX, length - done);
      this.#order.add({ time, action, pid, offset: offset + done, length: part, error, data: NOTHING });
      done += part;
    } while (done < length);
  }

  /** It had been completed with its timeout: a trace has no second completion. */
  #message({ io, at, code }: EventOf<'deviceAnsweredLate'>): void {
    const text = `io ${io} answered after it had timed out: ${code === '' ? 'done' : code}`;
    this.#notify(NOTIFY.message, 0, new TextEncoder().encode(text), this.#origin + at);
  }

  #notify(low: number, pid: number, data: Uint8Array, time = this.#lastTime): void {
    const action = actionOf(low, CATEGORY.notify);
    this.#order.add({ time, action, pid, offset: 0, length: 0, error: 0, data });
  }

  /** No record of an operation that is still to end lies before the time at which it was queued. */
  #oldest(): number {
    for (const { queuedAt } of this.#operations.values()) return queuedAt;
    return Number.POSITIVE_INFINITY;
  }

  #encoded(records: Iterable<TraceRecord>): readonly Uint8Array[] {
    const full: Uint8Array[] = [];
    for (const record of records) {
      const chunk = this.#chunks.add(record);
      if (chunk !== null) full.push(chunk);
    }
    return full;
  }
}

function categoriesOf(event: EventOf<'fillStarted' | 'writebackStarted' | 'clearStarted' | 'barrierStarted'>): number {
  switch (event.type) {
    case 'fillStarted':
      return event.reason === 'readahead' ? CATEGORY.read | CATEGORY.ahead : CATEGORY.read;
    case 'writebackStarted':
      return isWaitedFor(event.reason) ? CATEGORY.write | CATEGORY.sync : CATEGORY.write;
    case 'clearStarted':
      return event.kind === 'discard' ? CATEGORY.write | CATEGORY.discard : CATEGORY.write;
    case 'barrierStarted':
      // As the kernel has an empty flush: a write of nothing.
      return CATEGORY.write | CATEGORY.flush | CATEGORY.sync;
  }
}

function isWaitedFor(reason: EventOf<'writebackStarted'>['reason']): boolean {
  return reason === 'flush' || reason === 'through';
}

function named(name: string): Uint8Array {
  return new TextEncoder().encode(`${name}\0`).subarray(0, DATA_BYTES_MAX);
}

/** Seconds and nanoseconds since 1970. */
function wallClock(epochMs: number): Uint8Array {
  const seconds = Number.isFinite(epochMs) ? Math.floor(epochMs / 1000) : 0;
  const nanoseconds = Number.isFinite(epochMs) ? Math.round((epochMs - seconds * 1000) * NS_PER_MS) : 0;
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, seconds, true);
  view.setUint32(4, nanoseconds, true);
  return bytes;
}
