/**
 * Who is owed word of which failure, block by block, told from the events alone: a failure that lasts is told to everybody who
 * asks, one that is over once to each handle that was open when it happened, and to none opened later.
 */
import type { CacheEvent, FailureEnd } from '../../src/cache/events.js';
import { RESOLVED_FAILURES_MAX } from '../../src/cache/limits.js';
import { NOBODY } from '../../src/cache/state.js';
import type { FailedBlock } from '../../src/device/errors.js';
import { demand } from './failure.js';

/** What the accounts ask of who keeps them. */
export interface Facts {
  /** The model's newest moment. */
  readonly moment: () => number;
  /** Complains if what the block was at a moment, or something newer, is not durable. */
  readonly demandDurable: (block: number, moment: number) => void;
}

interface Cause {
  readonly code: string;
  readonly io: number;
}

/** A failure that was told, or was final enough to be. */
interface Episode extends Cause {
  readonly block: number;
  readonly seq: number;
  readonly moment: number;
  /** Handles that were open, and have not heard of it. */
  readonly owed: Set<number>;
}

interface Over extends Episode {
  readonly end: FailureEnd;
  readonly at: number;
  readonly resolvedIo: number;
}

interface Range {
  readonly block: number;
  readonly count: number;
}

/** A flush, close or change of block size that is waited for. */
interface Asking extends Range {
  readonly handle: number;
  readonly actor: string;
  readonly isTold: boolean;
  /** The model's when it was asked: what was written since is not meant. */
  readonly moment: number;
}

type EventOf<Type extends CacheEvent['type']> = Extract<CacheEvent, { type: Type }>;
type Failed = EventOf<'flushFailed' | 'writeFailed' | 'closeFailed' | 'blockSizeFailed'>;

const TIMEOUT = 'CACHETRAIL_DEVICE_TIMEOUT';
const REPLACED = 'CACHETRAIL_DEVICE_REPLACED';
const WHOLE: Range = { block: 0, count: Number.MAX_SAFE_INTEGER };

export class Accounts {
  readonly #facts: Facts;
  #deviceBytes = 0;
  /** Those that are open, by number: the seq of their opening. */
  readonly #handles = new Map([[0, 0]]);
  /** Blocks with bytes that the device has not said to have. */
  readonly #dirty = new Map<number, 'dirty' | 'writing' | 'rewritten'>();
  /** Why a block is not durable, as the device said last. */
  readonly #causes = new Map<number, Cause>();
  /** The first barrier, counted from 1, that makes durable what the device has taken of a block. */
  readonly #covering = new Map<number, number>();
  readonly #lasting = new Map<number, Episode>();
  #over: Over[] = [];
  readonly #asking = new Map<number, Asking>();
  readonly #writebacks = new Map<number, Range & { isDoubtful: boolean }>();
  readonly #barriers = new Map<number, number>();
  #barriersStarted = 0;
  /** The barrier that has timed out and is not answered, or 0: what needs one fails because of it. */
  #owedBarrier = 0;
  readonly #clears = new Map<number, number>();
  /** Clears that the device may still carry out. */
  readonly #owedClears = new Map<number, Range>();
  /** By who asked: what the events say that he is told. */
  readonly #told = new Map<string, { readonly failed: Failed | null; readonly over: readonly Over[] }>();

  constructor(facts: Facts) {
    this.#facts = facts;
  }

  /** Handles that are open, the cache itself among them. */
  get handles(): number {
    return this.#handles.size;
  }

  /** Holds what a caller was told of blocks against what the events say. */
  demandTold(actor: string, blocks: readonly FailedBlock[]): void {
    const { failed = null, over = [] } = this.#told.get(actor) ?? {};
    this.#told.delete(actor);
    const wanted = [
      ...(failed?.blocks ?? []).map((block, at) => `${block} ${failed?.codes[at]} ${failed?.ios[at]}`),
      ...over.map(nameOf),
    ];
    const told = blocks.map(({ block, code, io, resolved }) => {
      return `${block} ${code} ${io}${resolved === null ? '' : ` ${resolved.end} ${resolved.at} ${resolved.io}`}`;
    });
    demand(
      isSame(told, wanted),
      () => `${actor} is told of ${told.join(', ')}, and the events say ${wanted.join(', ')}`,
    );
  }

  /** Before the event is applied. */
  add(event: CacheEvent): void {
    switch (event.type) {
      case 'opened':
        this.#deviceBytes = event.config.deviceBytes;
        return;
      case 'handleOpened':
        this.#handles.set(event.op, event.seq);
        return;
      case 'handleClosed':
        return this.#handleClosed(event.handle);
      case 'flushStarted':
        this.#asking.set(event.op, { ...event, isTold: true, moment: this.#facts.moment() });
        return;
      case 'closeStarted':
        this.#asksForAll(event, event.abandon === '');
        return;
      case 'blockSizeRequested':
        this.#asksForAll(event, false);
        return;
      case 'requestAborted':
        this.#asking.delete(event.op);
        return;
      case 'resolvedTold':
        return this.#resolvedTold(event);
      case 'flushFinished':
      case 'closed':
        return this.#ended(event.op, null);
      case 'flushFailed':
      case 'writeFailed':
      case 'closeFailed':
      case 'blockSizeFailed':
        return this.#failed(event);
      case 'blockParked':
        return this.#remember(event.block, event, event.seq);
      case 'blockSizeChanged':
        return this.#blockSizeChanged(event);
      default:
        return this.#device(event);
    }
  }

  #device(event: CacheEvent): void {
    switch (event.type) {
      case 'written':
        return this.#written(event);
      case 'writebackStarted':
        this.#writebacks.set(event.io, { block: event.block, count: event.count, isDoubtful: false });
        eachBlock(event, (block) => this.#dirty.set(block, 'writing'));
        return;
      case 'writebackFinished':
        return this.#writebackFinished(event.io);
      case 'writebackFailed':
        eachBlock(this.#takeWriteback(event.io), (block) => {
          this.#dirty.set(block, 'dirty');
          this.#causes.set(block, event);
        });
        return;
      case 'barrierStarted':
        demand(this.#owedBarrier === 0, () => `a barrier begins, and ${this.#owedBarrier} is not answered`);
        this.#barriers.set(event.io, ++this.#barriersStarted);
        return;
      case 'barrierFinished':
        return this.#barrierFinished(event);
      case 'barrierFailed':
        if (event.code === TIMEOUT) this.#owedBarrier = event.io;
        return this.#doubt(event);
      case 'deviceReplaced':
        return this.#doubt({ code: REPLACED, io: 0 });
      case 'deviceAnsweredLate':
        this.#owedClears.delete(event.io);
        if (event.io === this.#owedBarrier) this.#owedBarrier = 0;
        return this.#barriers.has(event.io) && event.code !== '' ? this.#doubt(event) : undefined;
      case 'clearStarted':
        this.#clears.set(event.op, event.io);
        return;
      case 'clearAnswered':
        return event.code === TIMEOUT ? this.#clearTimedOut(event) : undefined;
      case 'clearFailed':
        return this.#clearFailed(event);
      case 'clearFinished':
        eachBlock(event, (block) => this.#givenUp(block, event.at, this.#clears.get(event.op) ?? 0));
        return;
      case 'dirtyDiscarded':
        for (const block of event.blocks) this.#givenUp(block, event.at, 0);
        return;
    }
  }

  #asksForAll({ op, actor }: EventOf<'closeStarted' | 'blockSizeRequested'>, isTold: boolean): void {
    this.#asking.set(op, { ...WHOLE, handle: 0, actor, isTold, moment: this.#facts.moment() });
  }

  #handleClosed(handle: number): void {
    demand(this.#handles.delete(handle), () => `handle ${handle} is closed, and was not open`);
    for (const { owed } of [...this.#lasting.values(), ...this.#over]) owed.delete(handle);
    this.#forgive();
  }

  /** All that is owed in the range, no more and no less. */
  #resolvedTold(event: EventOf<'resolvedTold'>): void {
    const asking = this.#asking.get(event.op);
    demand(asking?.isTold === true && asking.handle === event.handle, 'who asks is told of failures that are over');
    const owed = this.#owedTo(asking);
    const wanted = owed.map(nameOf);
    const { blocks, codes, ios, ends, resolvedAt, resolvedIos } = event;
    const told = blocks.map((block, at) => {
      return `${block} ${codes[at]} ${ios[at]} ${ends[at]} ${resolvedAt[at]} ${resolvedIos[at]}`;
    });
    demand(isSame(told, wanted), () => {
      return `handle ${event.handle} is told of ${told.join(', ')}, and is owed ${wanted.join(', ')}`;
    });
    demand(owed.length > 0 && event.forgotten === 0, 'told of nothing');
    for (const one of owed) one.owed.delete(event.handle);
    this.#told.set(asking.actor, { failed: null, over: owed });
    this.#forgive();
  }

  #failed(event: Failed): void {
    const asking = this.#asking.get(event.op);
    const handle = asking?.handle ?? NOBODY;
    const now = this.#facts.moment();
    this.#ended(event.op, event);
    const isOwed = this.#owedBarrier !== 0 && event.type !== 'writeFailed';
    const unknown = isOwed ? { code: TIMEOUT, io: this.#owedBarrier } : { code: '', io: 0 };
    for (const [at, block] of event.blocks.entries()) {
      const known = this.#causes.get(block) ?? unknown;
      const told = { code: event.codes[at], io: event.ios[at] };
      demand(told.code === known.code && told.io === known.io, () => {
        return `block ${block} is said to have failed with ${told.code} (${told.io}), not ${known.code} (${known.io})`;
      });
      const ofBarrier = { code: 'CACHETRAIL_BARRIER_FAILED', io: event.barrierIo };
      // What the device has already is not written again; what has been written since is another matter.
      const moment = this.#causes.has(block) ? now : (asking?.moment ?? now);
      if (told.code !== '' || event.barrierIo !== 0)
        this.#remember(block, told.code === '' ? ofBarrier : told, event.seq, moment);
      this.#lasting.get(block)?.owed.delete(handle);
    }
  }

  /** Whoever asked has been told of all that is over. */
  #ended(op: number, failed: Failed | null): void {
    const asking = this.#asking.get(op);
    if (asking === undefined) return;
    this.#asking.delete(op);
    if (asking.isTold) this.#demandAllTold(asking);
    const over = this.#told.get(asking.actor)?.over ?? [];
    if (failed !== null || over.length > 0) this.#told.set(asking.actor, { failed, over });
  }

  #demandAllTold(asking: Asking): void {
    const [untold] = this.#owedTo(asking);
    demand(untold === undefined, () => {
      return `handle ${asking.handle} has not been told of block ${untold.block}, which failed with ${untold.code}`;
    });
  }

  #remember(block: number, { code, io }: Cause, seq: number, moment = this.#facts.moment()): void {
    const known = this.#lasting.get(block);
    const owed = new Set(known?.owed);
    for (const [handle, openedSeq] of this.#handles) if (openedSeq > (known?.seq ?? -1)) owed.add(handle);
    this.#lasting.set(block, { block, code, io, seq, moment, owed });
  }

  #writebackFinished(io: number): void {
    const run = this.#takeWriteback(io);
    eachBlock(run, (block) => {
      if (run.isDoubtful || this.#dirty.get(block) === 'rewritten') this.#dirty.set(block, 'dirty');
      else this.#dirty.delete(block);
      if (run.isDoubtful) return;
      this.#covering.set(block, this.#barriersStarted + 1);
      this.#causes.delete(block);
    });
  }

  #takeWriteback(io: number): Range & { readonly isDoubtful: boolean } {
    const run = this.#writebacks.get(io);
    demand(run !== undefined, `write ${io} ends, and never began`);
    this.#writebacks.delete(io);
    return run;
  }

  #barrierFinished({ io, at }: EventOf<'barrierFinished'>): void {
    const barrier = this.#barriers.get(io) ?? 0;
    this.#barriers.delete(io);
    for (const [block, first] of this.#covering) {
      if (first > barrier) continue;
      this.#covering.delete(block);
      // What was written since, and has failed, has to wait for another.
      if (!this.#dirty.has(block)) this.#causes.delete(block);
      if (this.#causes.has(block)) continue;
      const episode = this.#lasting.get(block);
      if (episode !== undefined) this.#facts.demandDurable(block, episode.moment);
      this.#end(block, { end: 'durable', at, resolvedIo: io });
    }
  }

  /** What no barrier has covered is to be written again, and what is under way does not count. */
  #doubt({ code, io }: Cause): void {
    for (const run of this.#writebacks.values()) run.isDoubtful = true;
    for (const block of [...this.#covering.keys()]) this.#takeBack(block, { code, io });
  }

  #takeBack(block: number, cause: Cause): void {
    if (!this.#covering.delete(block)) return;
    this.#causes.set(block, cause);
    if (!this.#dirty.has(block)) this.#dirty.set(block, 'dirty');
  }

  #clearTimedOut(event: EventOf<'clearAnswered'>): void {
    this.#owedClears.set(event.io, event);
    eachBlock(event, (block) => {
      if (this.#dirty.has(block) || this.#covering.has(block)) this.#causes.set(block, event);
    });
  }

  #clearFailed(event: EventOf<'clearFailed'>): void {
    if (!this.#clears.has(event.op)) return;
    eachBlock(event, (block) => this.#takeBack(block, event));
  }

  #written(event: EventOf<'written'>): void {
    eachBlock(event, (block) => {
      const before = this.#dirty.get(block);
      this.#dirty.set(block, before === undefined || before === 'dirty' ? 'dirty' : 'rewritten');
    });
    if (event.borrowed) this.#borrowedWritten(event.block);
  }

  /** A borrowed block that is changed where a clear has timed out cannot be written before that is answered. */
  #borrowedWritten(block: number): void {
    for (const [io, range] of this.#owedClears) {
      if (!overlaps(range, block)) continue;
      this.#causes.set(block, { code: TIMEOUT, io });
      return;
    }
  }

  #givenUp(block: number, at: number, io: number): void {
    this.#dirty.delete(block);
    this.#causes.delete(block);
    this.#covering.delete(block);
    this.#end(block, { end: 'discarded', at, resolvedIo: io });
  }

  #end(block: number, how: Pick<Over, 'end' | 'at' | 'resolvedIo'>): void {
    const episode = this.#lasting.get(block);
    if (episode === undefined) return;
    this.#lasting.delete(block);
    if (episode.owed.size === 0) return;
    this.#over.push({ ...episode, ...how });
    demand(this.#over.length <= RESOLVED_FAILURES_MAX, 'the cache knows all that is over by its block');
  }

  #blockSizeChanged({ from, to }: EventOf<'blockSizeChanged'>): void {
    demand(this.#lasting.size === 0, 'no failure lasts when the block size changes');
    this.#dirty.clear();
    this.#causes.clear();
    this.#covering.clear();
    const over = this.#over.splice(0);
    for (const one of over) {
      const first = Math.floor((one.block * from) / to);
      const end = Math.min(Math.ceil(((one.block + 1) * from) / to), Math.ceil(this.#deviceBytes / to));
      for (let block = first; block < end; block++) this.#addRenumbered({ ...one, block, owed: new Set(one.owed) });
    }
    for (const [io, { block, count }] of this.#owedClears) {
      const first = Math.floor((block * from) / to);
      this.#owedClears.set(io, { block: first, count: Math.ceil(((block + count) * from) / to) - first });
    }
  }

  /** What failed and ended by the same operations, and is one block now, is one failure. */
  #addRenumbered(one: Over): void {
    const same = this.#over.find((other) => nameOf(other) === nameOf(one));
    if (same === undefined) this.#over.push(one);
    else for (const handle of one.owed) same.owed.add(handle);
  }

  #owedTo({ handle, block, count }: Asking): Over[] {
    return this.#over.filter((one) => one.owed.has(handle) && overlaps({ block, count }, one.block));
  }

  #forgive(): void {
    this.#over = this.#over.filter(({ owed }) => owed.size > 0);
  }
}

function nameOf({ block, code, io, end, at, resolvedIo }: Over): string {
  return `${block} ${code} ${io} ${end} ${at} ${resolvedIo}`;
}

function overlaps({ block, count }: Range, one: number): boolean {
  return one >= block && one < block + count;
}

function eachBlock({ block, count }: Range, visit: (block: number) => void): void {
  for (let at = block; at < block + count; at++) visit(at);
}

/** The same, in whatever order. */
function isSame(one: readonly string[], other: readonly string[]): boolean {
  if (one.length !== other.length) return false;
  const sorted = [...other].sort();
  return [...one].sort().every((text, at) => text === sorted[at]);
}
