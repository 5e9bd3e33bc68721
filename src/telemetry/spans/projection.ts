/**
 * Spans as a fold of the events: the same for a cache that runs and for its journal, so that what is seen live and what is
 * made of the journal afterwards are the same spans. It may begin anywhere: an end whose beginning it has not seen ends
 * nothing.
 *
 * What it keeps is bounded by the cache: an entry for each open request, each device operation in flight, and each block
 * that is not durable, with one for each traced context that has written the block since it last was.
 */
import type { CacheEvent } from '../../cache/events.js';
import { ATTRIBUTE, SPAN } from '../names.js';
import { Barriers } from './barriers.js';
import { CarriedWrites } from './carried-writes.js';
import { Clears } from './clears.js';
import { DeviceSpans } from './device.js';
import { type EventOf, runAttributes } from './event.js';
import { Fills } from './fills.js';
import { refused, Requests } from './requests.js';
import type { SpanAttributes, SpanRef, SpanSink } from './span-sink.js';
import { Spans } from './spans.js';
import { Troubles } from './troubles.js';
import { Writebacks } from './writebacks.js';

export interface ProjectionOptions {
  /** Cached reads, writes and borrows have spans too, of no length. Default false. */
  readonly hits?: boolean;
  /** The device's name, for events that begin after `opened`. */
  readonly device?: string;
}

const SURVIVOR_CODES = {
  writeFailed: 'CACHETRAIL_WRITE_FAILED',
  flushFailed: 'CACHETRAIL_FLUSH_FAILED',
  closeFailed: 'CACHETRAIL_CLOSE_FAILED',
  blockSizeFailed: 'CACHETRAIL_FLUSH_FAILED',
} as const;

export class SpanProjection {
  readonly #hits: boolean;
  readonly #requests: Requests;
  readonly #device: DeviceSpans;
  readonly #fills: Fills;
  readonly #writes: CarriedWrites;
  readonly #troubles: Troubles;
  readonly #barriers: Barriers;
  readonly #writebacks: Writebacks;
  readonly #clears: Clears;
  /** Of the last event. */
  #at = 0;

  constructor(sink: SpanSink, { hits = false, device: identity = '' }: ProjectionOptions = {}) {
    const spans = new Spans(sink);
    const requests = new Requests(spans);
    const device = new DeviceSpans(spans);
    const writes = new CarriedWrites(spans);
    const troubles = new Troubles(spans);
    const barriers = new Barriers(requests, device, writes, troubles);
    const writebacks = new Writebacks({ spans, requests, device, writes, troubles, barriers });
    device.identity = identity;
    this.#hits = hits;
    this.#requests = requests;
    this.#device = device;
    this.#fills = new Fills(requests, device);
    this.#writes = writes;
    this.#troubles = troubles;
    this.#barriers = barriers;
    this.#writebacks = writebacks;
    this.#clears = new Clears({ requests, device, writes, troubles, barriers, writebacks });
  }

  /** The next event, in order. A new `opened` ends what the cache before it has left unfinished. */
  apply(event: CacheEvent): void {
    if (event.type === 'opened') this.finish();
    // Answers are decided on after requests that may have been made a moment later.
    this.#at = Math.max(this.#at, event.at);
    this.#fold(event);
    if (event.type === 'closed') this.finish();
  }

  /** Entries that it keeps: for what is open, in flight or not durable. */
  get size(): number {
    const parts = [
      this.#requests,
      this.#device,
      this.#fills,
      this.#writes,
      this.#troubles,
      this.#barriers,
      this.#writebacks,
    ];
    return parts.reduce((sum, part) => sum + part.size, 0);
  }

  /** Ends what is open, at the time of the last event: the events end here. */
  finish(): void {
    this.#device.finish(this.#at);
    this.#writebacks.finish(this.#at);
    this.#requests.finish(this.#at);
    this.#fills.finish();
    this.#barriers.finish();
    this.#troubles.finish();
    this.#writes.finish();
    this.#at = 0;
  }

  #fold(event: CacheEvent): void {
    switch (event.type) {
      case 'opened':
        this.#device.identity = event.identity;
        return;
      case 'read':
        return this.#hit(SPAN.read, event, { ...runAttributes(event), [ATTRIBUTE.hits]: event.count });
      case 'readMissed':
        return this.#requests.begin(SPAN.read, event, { ...runAttributes(event), [ATTRIBUTE.hits]: event.hits });
      case 'readFailed':
      case 'requestAborted':
        return this.#requests.end(event, { error: event.code });
      case 'readFinished':
      case 'writeFinished':
      case 'flushFinished':
      case 'blockSizeChanged':
      case 'closed':
        return this.#requests.end(event);
      case 'readaheadRequested':
        return this.#requests.hinted(event);
      case 'writeQueued':
        return this.#writeQueued(event);
      case 'written':
        return this.#written(event);
      case 'flushStarted':
      case 'closeStarted':
      case 'blockSizeRequested':
        return this.#waitBegins(event);
      case 'writeFailed':
      case 'flushFailed':
      case 'closeFailed':
      case 'blockSizeFailed':
        return this.#reported(event);
      case 'borrowQueued':
        return this.#requests.begin(SPAN.borrow, event, {
          [ATTRIBUTE.block]: event.block,
          [ATTRIBUTE.reason]: event.reason,
        });
      case 'borrowed':
        if (this.#requests.isOpen(event.op)) return this.#requests.end(event);
        return this.#hit(SPAN.borrow, event, { [ATTRIBUTE.block]: event.block });
      case 'requestRefused':
        return refused(this.#requests, event);
      default:
        return this.#foldDevice(event);
    }
  }

  #foldDevice(event: Exclude<CacheEvent, { type: FoldedFirst }>): void {
    switch (event.type) {
      case 'fillStarted':
        return this.#fills.started(event);
      case 'fillJoined':
        return this.#fills.joined(event);
      case 'fillFinished':
      case 'fillFailed':
        return this.#fills.answered(event);
      case 'batchPlanned':
        return this.#writebacks.planned(event);
      case 'writebackStarted':
        return this.#writebacks.started(event);
      case 'writebackFinished':
        return this.#writebacks.finished(event);
      case 'writebackFailed':
        return this.#writebacks.failed(event);
      case 'writebackRetryScheduled':
        return this.#writebacks.retryScheduled(event);
      case 'writebackSplit':
        return this.#writebacks.split(event);
      case 'blockParked':
        return this.#writebacks.parked(event);
      case 'barrierStarted':
        return this.#barriers.started(event);
      case 'barrierFinished':
        return this.#barriers.finished(event);
      case 'barrierFailed':
        return this.#barriers.failed(event);
      case 'deviceAnsweredLate':
        return this.#barriers.answeredLate(event, this.#device.answeredLate(event));
      case 'deviceReplaced':
        return this.#barriers.replaced();
      case 'clearQueued':
        return this.#clears.queued(event);
      case 'clearStarted':
        return this.#clears.started(event);
      case 'clearAnswered':
        return this.#clears.answered(event);
      case 'clearFinished':
        return this.#clears.finished(event);
      case 'clearFailed':
        return this.#clears.failed(event);
      case 'dirtyDiscarded':
        return this.#clears.discarded(event);
      case 'readBlocked':
      case 'readResumed':
      case 'parkedRetried':
      case 'evicted':
      case 'invalidated':
      case 'released':
      case 'handleOpened':
      case 'handleClosed':
      case 'resolvedTold':
      case 'resized':
      case 'optionSet':
      case 'ticked':
      case 'idleChecked':
      case 'journalFailed':
      case 'journalResumed':
        return;
      default: {
        const unknown: never = event;
        throw new TypeError(`unknown event ${JSON.stringify(unknown)}`);
      }
    }
  }

  #hit(name: 'cachetrail.read' | 'cachetrail.borrow', event: EventOf<'read' | 'borrowed'>, attributes: SpanAttributes) {
    if (this.#hits) this.#requests.instant(name, event, attributes);
  }

  #writeQueued(event: EventOf<'writeQueued'>): void {
    const { offset, length, through, reason } = event;
    const bytes = { [ATTRIBUTE.offset]: offset, [ATTRIBUTE.length]: length };
    this.#requests.begin(SPAN.write, event, { ...bytes, [ATTRIBUTE.through]: through, [ATTRIBUTE.reason]: reason });
  }

  /** Hot for writes that the cache takes at once: they have no span, and are followed if they were made in a sampled trace. */
  #written(event: EventOf<'written'>): void {
    const isOpen = this.#requests.isOpen(event.op);
    const context = isOpen || event.through || this.#hits ? this.#writeContext(event, isOpen) : event.trace;
    if (context !== null) this.#writes.add(event, context);
  }

  /** A write that waited has a span; one that waits for the device has one from here at the latest. */
  #writeContext(event: EventOf<'written'>, isOpen: boolean): SpanRef | null {
    const { op, block, count, offset, length, through, generation } = event;
    const requests = this.#requests;
    const admitted = { ...runAttributes(event), [ATTRIBUTE.generation]: generation };
    const bytes = { [ATTRIBUTE.offset]: offset, [ATTRIBUTE.length]: length, [ATTRIBUTE.through]: through };
    const wait = { kind: 'through', block, count } as const;
    if (!isOpen && !through) return requests.instant(SPAN.write, event, { ...bytes, ...admitted });
    if (!isOpen) requests.begin(SPAN.write, event, { ...bytes, ...admitted }, wait);
    else if (through) requests.waits(op, wait, admitted);
    const context = requests.refOf(op);
    if (!through) requests.end(event, { attributes: admitted });
    return context;
  }

  #waitBegins(event: EventOf<'flushStarted' | 'closeStarted' | 'blockSizeRequested'>): void {
    const whole = { kind: 'durable', block: 0, count: Number.MAX_SAFE_INTEGER } as const;
    switch (event.type) {
      case 'flushStarted': {
        const { block, count, pending } = event;
        const attributes = { ...runAttributes(event), [ATTRIBUTE.pending]: pending };
        return this.#requests.begin(SPAN.flush, event, attributes, { kind: 'durable', block, count });
      }
      case 'closeStarted': {
        const attributes = event.abandon === '' ? {} : { [ATTRIBUTE.reason]: event.abandon };
        return this.#requests.begin(SPAN.close, event, attributes, whole);
      }
      default:
        return this.#requests.begin(SPAN.setBlockSize, event, { [ATTRIBUTE.blockSize]: event.to }, whole);
    }
  }

  /** The caller is told which blocks are not safe: told in the trace of what made them so as well. */
  #reported(event: EventOf<'writeFailed' | 'flushFailed' | 'closeFailed' | 'blockSizeFailed'>): void {
    const { type, op, blocks, codes, ios, barrierIo } = event;
    const barrier = this.#barriers.failedBy(barrierIo);
    const links = this.#troubles.reported(event, this.#requests.refOf(op), (index) => {
      const ref = this.#device.timedOut(ios[index]);
      return ref === null ? barrier : { ref, code: codes[index] };
    });
    const attributes = { [ATTRIBUTE.blocks]: blocks.length, [ATTRIBUTE.codes]: [...new Set(codes)].sort() };
    const isResolved = blocks.length === 0 && barrierIo === 0;
    const error = isResolved ? 'CACHETRAIL_FAILURE_RESOLVED' : SURVIVOR_CODES[type];
    this.#requests.end(event, { attributes, error, links });
  }
}

type FoldedFirst =
  | 'opened'
  | 'read'
  | 'readMissed'
  | 'readFailed'
  | 'requestAborted'
  | 'readFinished'
  | 'writeFinished'
  | 'flushFinished'
  | 'blockSizeChanged'
  | 'closed'
  | 'readaheadRequested'
  | 'writeQueued'
  | 'written'
  | 'flushStarted'
  | 'closeStarted'
  | 'blockSizeRequested'
  | 'writeFailed'
  | 'flushFailed'
  | 'closeFailed'
  | 'blockSizeFailed'
  | 'borrowQueued'
  | 'borrowed'
  | 'requestRefused';
