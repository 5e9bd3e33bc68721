/** What a journal adds up to. A pure fold: events in, a report out. */
import { type DeviceShape, UNKNOWN_SHAPE } from '../shape.js';
import type { CacheEvent } from '../../../cache/events.js';
import { Latencies, type LatencySummary } from './latency.js';
import { type RequestTimes, RequestTimesFold } from './request-times.js';
import { HitSeries, type Span } from './series.js';
import { Top } from './top.js';

/** Counts of requests and operations unless the name says otherwise; bytes as the device moved them. */
export interface Totals {
  events: number;
  sessions: number;
  reads: number;
  writes: number;
  flushes: number;
  clears: number;
  /** Blocks that reads found in the cache, and that they did not. */
  readHits: number;
  readMisses: number;
  blocksWritten: number;
  deviceReads: number;
  deviceWrites: number;
  barriers: number;
  bytesRead: number;
  bytesWritten: number;
  batches: number;
  writebackBlocks: number;
  evictions: number;
  retries: number;
  splits: number;
  parks: number;
  discardedBlocks: number;
}

export type DeviceOperation = 'read' | 'write' | 'barrier' | 'discard' | 'zero';

export interface StatsReport {
  readonly totals: Readonly<Totals>;
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** Milliseconds since 1970. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly hitSeries: readonly Span[];
  /** Of operations that succeeded, and of those that failed, in nanoseconds. */
  readonly latencies: Readonly<Record<DeviceOperation, LatencySummary | null>>;
  /** What callers waited, in nanoseconds, however it ended. */
  readonly requestTimes: RequestTimes;
  /** By what failed and how: `write EIO`, `flush refused …`. */
  readonly errors: Readonly<Record<string, number>>;
  readonly topBlocks: readonly { readonly block: number; readonly reads: number; readonly writes: number }[];
  readonly topActors: readonly ({ readonly actor: string } & ActorCounts)[];
  /** Lists of the top are of what was frequent; the counts of others were forgotten. */
  readonly partial: boolean;
}

export interface ActorCounts {
  readonly reads: number;
  readonly writes: number;
  readonly others: number;
}

const NS_PER_MS = 1e6;

export class StatsFold {
  readonly #totals: Totals = noTotals();
  readonly #series = new HitSeries();
  readonly #latencies: Record<DeviceOperation, Latencies> = {
    read: new Latencies(),
    write: new Latencies(),
    barrier: new Latencies(),
    discard: new Latencies(),
    zero: new Latencies(),
  };
  readonly #requestTimes = new RequestTimesFold();
  readonly #errors = new Map<string, number>();
  readonly #blocks = new Top<number, { reads: number; writes: number }>(() => ({ reads: 0, writes: 0 }));
  readonly #actors = new Top<string, { reads: number; writes: number; others: number }>(() => {
    return { reads: 0, writes: 0, others: 0 };
  });
  #blockSize: number;
  #deviceBytes: number;
  #firstSeq = 0;
  #lastSeq = 0;
  #fromMs = Number.POSITIVE_INFINITY;
  #toMs = Number.NEGATIVE_INFINITY;

  /** What the device is where the events begin. */
  constructor({ blockSize, deviceBytes }: DeviceShape = UNKNOWN_SHAPE) {
    this.#blockSize = blockSize;
    this.#deviceBytes = deviceBytes;
  }

  /** `epochMs`: of the event's cache, milliseconds since 1970. */
  accept(event: CacheEvent, epochMs: number): void {
    const ms = epochMs + event.at / NS_PER_MS;
    this.#totals.events++;
    this.#firstSeq ||= event.seq;
    this.#lastSeq = event.seq;
    this.#fromMs = Math.min(this.#fromMs, ms);
    this.#toMs = Math.max(this.#toMs, ms);
    this.#request(event, ms);
    this.#device(event);
    this.#failure(event);
    this.#requestTimes.accept(event);
  }

  report(top: number): StatsReport {
    return {
      totals: { ...this.#totals },
      firstSeq: this.#firstSeq,
      lastSeq: this.#lastSeq,
      fromMs: this.#totals.events === 0 ? 0 : this.#fromMs,
      toMs: this.#totals.events === 0 ? 0 : this.#toMs,
      hitSeries: this.#series.spans(),
      latencies: {
        read: this.#latencies.read.summary(),
        write: this.#latencies.write.summary(),
        barrier: this.#latencies.barrier.summary(),
        discard: this.#latencies.discard.summary(),
        zero: this.#latencies.zero.summary(),
      },
      requestTimes: this.#requestTimes.summaries(),
      errors: Object.fromEntries([...this.#errors].sort(([, a], [, b]) => b - a)),
      topBlocks: this.#blocks.list(top).map(({ key, counts }) => ({ block: key, ...counts })),
      topActors: this.#actors.list(top).map(({ key, counts }) => ({ actor: key, ...counts })),
      partial: this.#blocks.isPartial || this.#actors.isPartial,
    };
  }

  #request(event: CacheEvent, ms: number): void {
    const totals = this.#totals;
    switch (event.type) {
      case 'opened':
        totals.sessions++;
        this.#blockSize = event.config.blockSize;
        this.#deviceBytes = event.config.deviceBytes;
        break;
      case 'blockSizeChanged':
        this.#blockSize = event.to;
        break;
      case 'read':
      case 'readMissed': {
        const hits = event.type === 'read' ? event.count : event.hits;
        totals.reads++;
        totals.readHits += hits;
        totals.readMisses += event.count - hits;
        this.#series.add(ms, hits, event.count - hits);
        for (let at = 0; at < event.count; at++) this.#blocks.of(event.block + at).reads++;
        break;
      }
      case 'written':
        totals.writes++;
        totals.blocksWritten += event.count;
        for (let at = 0; at < event.count; at++) this.#blocks.of(event.block + at).writes++;
        break;
      case 'flushStarted':
        totals.flushes++;
        break;
      case 'clearQueued':
        totals.clears++;
        break;
    }
    this.#actor(event);
  }

  /** Each request once: a write that waits is counted when it is admitted. */
  #actor(event: CacheEvent): void {
    if (!('actor' in event) || event.op === 0 || event.type === 'writeQueued' || event.type === 'borrowQueued') return;
    const counts = this.#actors.of(event.actor);
    if (event.type === 'read' || event.type === 'readMissed') counts.reads++;
    else if (event.type === 'written') counts.writes++;
    else counts.others++;
  }

  #device(event: CacheEvent): void {
    const totals = this.#totals;
    switch (event.type) {
      case 'fillStarted':
        totals.deviceReads++;
        break;
      case 'writebackStarted':
        totals.deviceWrites++;
        totals.writebackBlocks += event.count;
        break;
      case 'barrierStarted':
        totals.barriers++;
        break;
      case 'fillFinished':
        totals.bytesRead += this.#bytesOf(event);
        break;
      case 'writebackFinished':
        totals.bytesWritten += this.#bytesOf(event);
        break;
      case 'batchPlanned':
        totals.batches++;
        break;
      case 'writebackRetryScheduled':
        totals.retries++;
        break;
      case 'writebackSplit':
        totals.splits++;
        break;
      case 'blockParked':
        totals.parks++;
        break;
      case 'evicted':
        totals.evictions++;
        break;
      case 'dirtyDiscarded':
        totals.discardedBlocks += event.blocks.length;
        break;
    }
    const operation = operationOf(event);
    if (operation !== null && 'startedAt' in event) this.#latencies[operation].add(event.at - event.startedAt);
  }

  #failure(event: CacheEvent): void {
    const operation = operationOf(event);
    if (operation !== null && 'code' in event && event.code !== '') this.#count(`device ${operation}: ${event.code}`);
    else if (event.type === 'requestRefused') this.#count(`${event.request} refused: ${event.code}`);
    else if (event.type === 'requestAborted') this.#count(`request ended: ${event.code}`);
    else if (event.type === 'readFailed') this.#count(`read rejected: ${event.code}`);
    else if (event.type in REJECTIONS) this.#count(REJECTIONS[event.type] ?? '');
  }

  #count(what: string): void {
    this.#errors.set(what, (this.#errors.get(what) ?? 0) + 1);
  }

  /** A device's last block may be short. */
  #bytesOf({ block, count }: { readonly block: number; readonly count: number }): number {
    return Math.min((block + count) * this.#blockSize, this.#deviceBytes) - block * this.#blockSize;
  }
}

const REJECTIONS: { readonly [T in CacheEvent['type']]?: string } = {
  flushFailed: 'flush rejected',
  writeFailed: 'write rejected',
  closeFailed: 'close rejected',
  blockSizeFailed: 'change of the block size rejected',
  clearFailed: 'discard or zero rejected',
};

function operationOf(event: CacheEvent): DeviceOperation | null {
  switch (event.type) {
    case 'fillFinished':
    case 'fillFailed':
      return 'read';
    case 'writebackFinished':
    case 'writebackFailed':
      return 'write';
    case 'barrierFinished':
    case 'barrierFailed':
      return 'barrier';
    case 'clearAnswered':
      return event.kind === 'zero' ? 'zero' : 'discard';
    default:
      return null;
  }
}

function noTotals(): Totals {
  return {
    events: 0,
    sessions: 0,
    reads: 0,
    writes: 0,
    flushes: 0,
    clears: 0,
    readHits: 0,
    readMisses: 0,
    blocksWritten: 0,
    deviceReads: 0,
    deviceWrites: 0,
    barriers: 0,
    bytesRead: 0,
    bytesWritten: 0,
    batches: 0,
    writebackBlocks: 0,
    evictions: 0,
    retries: 0,
    splits: 0,
    parks: 0,
    discardedBlocks: 0,
  };
}
