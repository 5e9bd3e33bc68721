/**
 * Writebacks: a span for each run, from its first try to its end at the device, with the tries, the waits between them and,
 * where it is split, its halves below it. State: one entry for each run that is under way, and for each block of it that
 * waits for another try.
 */
import type { CacheEvent } from '../../cache/events.js';
import { REPLACED_CODE, TIMEOUT_CODE } from '../../cache/failure-codes.js';
import { ATTRIBUTE, SPAN } from '../names.js';
import type { Barriers } from './barriers.js';
import type { CarriedWrites } from './carried-writes.js';
import type { DeviceSpans } from './device.js';
import { type Blocks, entriesIn, type EventOf, holds, type Run, runAttributes } from './event.js';
import type { Requests } from './requests.js';
import type { SpanLink, SpanRef } from './span-sink.js';
import type { OpenSpan, Spans } from './spans.js';
import type { Troubles } from './troubles.js';

interface Writeback extends Run {
  readonly span: OpenSpan;
  readonly batch: number;
  /** Of a half: the run that was split. */
  readonly whole: Writeback | null;
  /** Blocks whose fate is open. */
  left: number;
  attempts: number;
  retries: number;
  generation: number;
  /** Followed writes that it carries: it has a link to each. */
  readonly writes: Set<object>;
  /** Of what has gone wrong for good, the last; '' for nothing. */
  error: string;
  result: Result;
  readonly links: SpanLink[];
  readonly waits: RetryWait[];
}

/** `unanswered`: not in time, or not before the device was replaced. `superseded`: its blocks went into another batch. */
type Result = 'written' | 'parked' | 'unanswered' | 'discarded' | 'superseded';

interface RetryWait extends Run {
  readonly span: OpenSpan;
}

type Moment = Pick<CacheEvent, 'seq' | 'at'>;

export interface WritebackParts {
  readonly spans: Spans;
  readonly requests: Requests;
  readonly device: DeviceSpans;
  readonly writes: CarriedWrites;
  readonly troubles: Troubles;
  readonly barriers: Barriers;
}

export class Writebacks {
  readonly #parts: WritebackParts;
  /** By device operation. */
  readonly #running = new Map<number, Writeback>();
  /** By block: what has failed and will be tried again. */
  readonly #awaiting = new Map<number, Writeback>();
  /** The last batch planned, and what its runs are children of: only its runs are still to start. */
  #planned: { readonly batch: number; readonly parent: SpanRef | null } = { batch: 0, parent: null };

  constructor(parts: WritebackParts) {
    this.#parts = parts;
  }

  /** A flush's writebacks are its children, and a write-through's its; the others begin traces of their own. */
  planned({ batch, reason, runs }: EventOf<'batchPlanned'>): void {
    const kind = reason === 'flush' ? 'durable' : reason === 'through' ? 'through' : null;
    const [block] = runs;
    const count = runs[runs.length - 2] + runs[runs.length - 1] - block;
    const parent = kind === null ? null : this.#parts.requests.waiting(kind, { block, count });
    this.#planned = { batch, parent };
  }

  started(event: EventOf<'writebackStarted'>): void {
    const { seq, at, io, batch, attempt, generation } = event;
    const awaiting = this.#awaiting.get(event.block);
    const known = awaiting?.batch === batch ? awaiting : null;
    const writeback = this.#takeUp(event, known);
    writeback.attempts++;
    writeback.generation = Math.max(writeback.generation, generation);
    this.#running.set(io, writeback);
    this.#parts.barriers.writing(io);
    const attributes = { ...runAttributes(event), [ATTRIBUTE.attempt]: attempt };
    const parent = writeback.span.ref;
    this.#parts.device.started(io, { name: SPAN.deviceWrite, started: { seq, at }, parent, attributes });
  }

  finished(event: EventOf<'writebackFinished'>): void {
    const { barriers, device, troubles, writes } = this.#parts;
    device.answered({ ...event, code: '' }, SPAN.deviceWrite);
    const writeback = this.#running.get(event.io);
    this.#running.delete(event.io);
    const doubt = barriers.doubtOf(event.io);
    if (doubt === null) {
      writes.wrote(event, barriers.next, writeback?.span.ref ?? null);
      barriers.wrote(event, writeback?.span.ref ?? null);
    } else {
      writes.failed(event);
      troubles.put(event, doubt, event.seq);
    }
    if (writeback !== undefined) this.#settle(writeback, event.count, event);
  }

  failed(event: EventOf<'writebackFailed'>): void {
    const { barriers, device, troubles, writes } = this.#parts;
    const ref = device.answered(event, SPAN.deviceWrite);
    barriers.doubtOf(event.io);
    writes.failed(event);
    const writeback = this.#running.get(event.io);
    this.#running.delete(event.io);
    if (event.code === TIMEOUT_CODE || event.code === REPLACED_CODE) {
      // Nothing is tried before the device has answered, or another is there; then the blocks are written anew.
      troubles.put(event, { ref: writeback?.span.ref ?? ref, code: event.code }, event.seq);
      if (writeback !== undefined) this.#settle(writeback, event.count, event, 'unanswered', event.code);
    } else if (writeback !== undefined) {
      for (let block = event.block; block < event.block + event.count; block++) this.#awaiting.set(block, writeback);
    }
  }

  retryScheduled(event: EventOf<'writebackRetryScheduled'>): void {
    const writeback = this.#awaiting.get(event.block);
    if (writeback === undefined) return;
    const { seq, at, block, count, attempt } = event;
    writeback.retries++;
    const attributes = { [ATTRIBUTE.seq]: seq, ...runAttributes(event), [ATTRIBUTE.attempt]: attempt };
    const parent = writeback.span.ref;
    const span = this.#parts.spans.begin({ key: `retry ${seq}`, name: SPAN.retryWait, at, parent, attributes });
    writeback.waits.push({ block, count, span });
  }

  split(event: EventOf<'writebackSplit'>): void {
    const whole = this.#awaiting.get(event.block);
    if (whole === undefined) return;
    const { block, count, splitAt } = event;
    this.#half(event, whole, { block, count: splitAt - block });
    this.#half(event, whole, { block: splitAt, count: block + count - splitAt });
  }

  parked({ seq, at, block, code, io }: EventOf<'blockParked'>): void {
    const { spans, troubles } = this.#parts;
    const writeback = this.#awaiting.get(block);
    if (writeback === undefined) return;
    this.#awaiting.delete(block);
    const parent = writeback.span.ref;
    const attributes = { [ATTRIBUTE.seq]: seq, [ATTRIBUTE.block]: block };
    spans.whole({ key: `park ${seq} ${io}`, name: SPAN.park, at, parent, attributes }, { at, error: code });
    troubles.put({ block, count: 1 }, { ref: parent, code }, seq);
    this.#settle(writeback, 1, { seq, at }, 'parked', code);
  }

  /** The blocks are clean, or gone, for another reason than a writeback. */
  discarded(blocks: Blocks, event: Moment): void {
    this.#giveUp(blocks, event, 'discarded');
  }

  get size(): number {
    return this.#running.size + this.#awaiting.size;
  }

  finish(at: number): void {
    const open = new Set([...this.#running.values(), ...this.#awaiting.values()]);
    for (const writeback of open) {
      for (let one: Writeback | null = writeback; one !== null; one = one.whole) open.add(one);
    }
    for (const writeback of open) {
      for (const { span } of writeback.waits) this.#parts.spans.end(span, { at });
      const { error, links } = writeback;
      const attributes = { ...countsOf(writeback), [ATTRIBUTE.unfinished]: true };
      this.#parts.spans.end(writeback.span, { at, attributes, error, links });
    }
    this.#running.clear();
    this.#awaiting.clear();
    this.#planned = { batch: 0, parent: null };
  }

  /** The writeback that this try belongs to, with what it carries. */
  #takeUp(event: EventOf<'writebackStarted'>, known: Writeback | null): Writeback {
    const { writes } = this.#parts;
    if (known === null) {
      this.#giveUp(event, event, 'superseded');
      return this.#first(event);
    }
    for (let block = event.block; block < event.block + event.count; block++) this.#awaiting.delete(block);
    this.#endWaits(known, event, event.at);
    known.links.push(...writes.carry(event, known.writes));
    return known;
  }

  #first(event: EventOf<'writebackStarted'>): Writeback {
    const { spans, troubles, writes } = this.#parts;
    const { seq, at, batch, reason } = event;
    const parent = this.#planned.batch === batch ? this.#planned.parent : null;
    const attributes = {
      [ATTRIBUTE.seq]: seq,
      ...runAttributes(event),
      [ATTRIBUTE.reason]: reason,
      [ATTRIBUTE.batch]: batch,
    };
    const links = troubles.linksFor(event);
    const span = spans.begin({ key: `writeback ${seq}`, name: SPAN.writeback, at, parent, attributes, links });
    troubles.retried(event, event, span.ref);
    const writeback = newWriteback(span, event, batch, null);
    writeback.links.push(...writes.carry(event, writeback.writes));
    return writeback;
  }

  #half({ seq, at, reason, batch }: EventOf<'writebackSplit'>, whole: Writeback, run: Run): void {
    const { block, count } = run;
    const attributes = {
      [ATTRIBUTE.seq]: seq,
      ...runAttributes(run),
      [ATTRIBUTE.reason]: reason,
      [ATTRIBUTE.batch]: batch,
    };
    const key = `writeback ${seq} ${block}`;
    const parent = whole.span.ref;
    const span = this.#parts.spans.begin({ key, name: SPAN.writeback, at, parent, attributes });
    const half = newWriteback(span, { block, count }, batch, whole);
    for (let at = block; at < block + count; at++) this.#awaiting.set(at, half);
  }

  /** What waits for another try will have none in its own writeback. */
  #giveUp(blocks: Blocks, event: Moment, result: Result): void {
    const given = new Map<Writeback, number>();
    for (const [block, writeback] of entriesIn(this.#awaiting, blocks)) {
      this.#awaiting.delete(block);
      given.set(writeback, (given.get(writeback) ?? 0) + 1);
    }
    for (const [writeback, count] of given) this.#settle(writeback, count, event, result);
  }

  /** So many blocks of a writeback have come to an end; with the last of them, it has. */
  #settle(writeback: Writeback, blocks: number, event: Moment, result: Result = 'written', error = ''): void {
    writeback.left -= blocks;
    if (error !== '') writeback.error = error;
    if (result !== 'written') writeback.result = result;
    if (writeback.left > 0) return;
    for (const { span } of writeback.waits) this.#parts.spans.end(span, { at: event.at });
    const { whole, links } = writeback;
    const attributes = { ...countsOf(writeback), [ATTRIBUTE.endSeq]: event.seq };
    this.#parts.spans.end(writeback.span, { at: event.at, attributes, error: writeback.error, links });
    if (whole !== null) this.#settle(whole, writeback.count, event, writeback.result, writeback.error);
  }

  #endWaits(writeback: Writeback, run: Run, at: number): void {
    for (const [index, wait] of writeback.waits.entries()) {
      if (!holds(run, wait.block) && !holds(wait, run.block)) continue;
      this.#parts.spans.end(wait.span, { at });
      writeback.waits.splice(index, 1);
      return;
    }
  }
}

function newWriteback(span: OpenSpan, { block, count }: Run, batch: number, whole: Writeback | null): Writeback {
  return {
    ...{ span, block, count, batch, whole, left: count, attempts: 0, retries: 0, generation: 0 },
    ...{ error: '', result: 'written', writes: new Set(), links: [], waits: [] },
  };
}

function countsOf({ attempts, retries, generation, writes, result }: Writeback) {
  return {
    [ATTRIBUTE.attempts]: attempts,
    [ATTRIBUTE.retries]: retries,
    [ATTRIBUTE.generation]: generation,
    [ATTRIBUTE.writes]: writes.size,
    [ATTRIBUTE.result]: result,
  };
}
