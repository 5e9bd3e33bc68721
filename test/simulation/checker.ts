/**
 * Holds what the cache does against the model, event by event. It stands where a journal stands, so it sees each event
 * before it is applied: the model changes at the moment that the event names, and what the device holds at that moment
 * must bear out what the event tells the caller.
 */
import type { CacheEvent } from '../../src/cache/events.js';
import type { BlockCache } from '../../src/streams/block-cache.js';
import type { EventSink } from '../../src/streams/pipeline.js';
import { RECOVERY_ACTOR } from '../../src/streams/open-cache.js';
import { Accounts } from './accounts.js';
import { AfterPowerLoss } from './after-power-loss.js';
import { CELL_BYTES, cellCountOf, tagsOf } from './cells.js';
import { demand } from './failure.js';
import type { Medium } from './medium.js';
import type { Model } from './model.js';

/** A request that somebody waits for. */
export interface Asked {
  readonly actor: string;
  readonly what: string;
  /** The model's moment when it was made. */
  readonly from: number;
  /** Of a write: its first cell, the tag of that, and its cells. */
  readonly cell: number;
  readonly tag: number;
  readonly cells: number;
  /** Cells that the cache says it has taken. */
  taken: number;
  /** The moment after which it had taken the last of them. */
  takenAt: number;
}

/** Cells that something is told of when an operation ends. */
interface Told {
  readonly cell: number;
  readonly cells: number;
  /** All that was written up to here is meant. */
  readonly from: number;
}

interface Clearing extends Told {
  readonly kind: 'zero' | 'discard';
  io: number;
}

export interface CheckerParts {
  readonly model: Model;
  readonly medium: Medium;
  readonly expected: AfterPowerLoss | null;
  /** The cache has a durable journal. */
  readonly tellsLater: boolean;
}

type EventOf<Type extends CacheEvent['type']> = Extract<CacheEvent, { type: Type }>;
const KEPT: readonly string[] = ['dirty', 'writing', 'unsynced'];

export class Checker implements EventSink {
  readonly events: CacheEvent[] = [];
  /** What is wrong: thrown here it would only stop the cache. */
  found: unknown = null;
  cache: BlockCache | null = null;
  /** The tag of a borrowed block that is being marked dirty. */
  marking = 0;
  /** Called when another object takes the device's place. */
  replaced: () => void = () => {};
  readonly asked = new Map<string, Asked>();
  readonly accounts: Accounts;
  readonly #model: Model;
  readonly #medium: Medium;
  /** Of the medium, before. */
  readonly #losses: number;
  /** Of the power loss before, if there was one. */
  readonly #expected: AfterPowerLoss | null;
  readonly #tellsLater: boolean;
  readonly #flushes = new Map<number, Told>();
  readonly #throughs = new Map<number, Told>();
  /** Requests that may lose what is not durable, and the reason that their callers gave. */
  readonly #losing = new Map<number, string>();
  /** Blocks whose clearing has failed in this step. */
  readonly #doubtful: number[] = [];
  /** Of flushes and clears. */
  readonly #actors = new Map<number, string>();
  readonly #toBeTold = new Map<string, () => void>();
  /** Requests that wait to be admitted, in order. */
  readonly #queued = new Set<number>();
  /** Clears that the device is at, or that timed out and may still happen. */
  readonly #clearings = new Map<number, Clearing>();

  constructor(parts: CheckerParts) {
    this.#model = parts.model;
    this.#medium = parts.medium;
    this.#losses = parts.medium.losses;
    this.#expected = parts.expected;
    this.#tellsLater = parts.tellsLater;
    this.accounts = new Accounts({
      moment: () => this.#model.moment,
      demandDurable: (block, moment) => {
        if (this.cache === null) return;
        const { cell, cells } = this.#cellsOf(block, 1);
        for (let at = cell; at < cell + cells; at++) this.#demandKept(at, moment, 'when a failure of it is over');
      },
    });
  }

  append(event: CacheEvent, payload?: Uint8Array): void {
    this.events.push(event);
    try {
      this.accounts.add(event);
      if (this.cache !== null) this.#check(event);
      else if (event.type === 'written') this.#recovered(event, payload);
    } catch (error) {
      this.report(error);
    }
  }

  report(error: unknown): void {
    this.found ??= error;
  }

  /** What the device keeps without power must be what somebody wrote, and no older than what was told to be durable. */
  afterPowerLoss(keepsAcknowledged: boolean, kept = this.#medium.durable): AfterPowerLoss {
    const model = this.#model;
    const floorOf = (cell: number) => {
      return Math.max(keepsAcknowledged ? model.acknowledgedOf(cell) : 0, model.floorOf(cell));
    };
    return new AfterPowerLoss(model, kept, floorOf, (cell) => this.#clearingOf(cell) !== undefined);
  }

  /** The cache is open. */
  begin(cache: BlockCache): void {
    this.cache = cache;
    if (this.found !== null) throw this.found;
    this.#expected?.check();
    this.#expected?.apply();
  }

  /** A write was acknowledged: what it wrote, or something newer, is there. */
  acknowledged({ actor, cell, cells, taken, takenAt }: Asked): void {
    this.told(actor);
    if (taken > 0) for (let at = cell; at < cell + cells; at++) this.#model.acknowledge(at, takenAt);
  }

  /** A read that began at a moment gave this: of a cell that was in doubt it can only ever be this from now on. */
  seen(cell: number, tag: number, from: number): void {
    if (!this.#model.isUnknown(cell) || this.#medium.current[cell] !== tag) return;
    if (this.#medium.isSettled(cell) && this.#clearingOf(cell) === undefined) this.#model.settle(cell, tag, from);
  }

  /** After a step: no copy of what a failed clear may have taken is given for what the device has. */
  checkDoubtful(): void {
    for (const block of this.#doubtful) {
      const { state, pins } = this.cache?.inspect(block) ?? { state: 'absent', pins: 0 };
      demand(state !== 'clean' || pins > 0, `block ${block} is clean, and a clear of it has failed`);
    }
    this.#doubtful.length = 0;
  }

  #check(event: CacheEvent): void {
    switch (event.type) {
      case 'writeQueued':
      case 'borrowQueued':
        this.#queued.add(event.op);
        return;
      case 'borrowed':
      case 'requestRefused':
      case 'requestAborted':
      case 'readFailed':
        this.#queued.delete(event.op);
        return;
      case 'written':
        return this.#written(event);
      case 'flushStarted':
        return this.#flushStarted(event);
      case 'flushFinished':
        return this.#flushFinished(event);
      case 'flushFailed':
        return this.#flushFailed(event);
      case 'writeFinished':
        return this.#throughFinished(event);
      case 'evicted':
        return this.#evicted(event);
      case 'dirtyDiscarded':
        return this.#dirtyDiscarded(event);
      case 'clearQueued':
        this.#actors.set(event.op, event.actor);
        if (event.kind === 'drop') this.#losing.set(event.op, event.reason);
        return;
      case 'closeStarted':
        if (event.abandon !== '') this.#losing.set(event.op, event.abandon);
        return;
      case 'clearStarted':
        return this.#clearStarted(event);
      case 'clearFinished':
        return this.#clearFinished(event);
      case 'clearFailed':
        return this.#clearFailed(event);
      case 'deviceAnsweredLate':
        return this.#answeredLate(event);
      case 'blockSizeChanged':
        // Nothing is cached any more, and the blocks have other numbers.
        this.#doubtful.length = 0;
        return;
      case 'deviceReplaced':
        return this.replaced();
      case 'closed':
        return this.#closed(event.op);
    }
  }

  #written(event: EventOf<'written'>): void {
    const { offset, length, op } = event;
    const cell = offset / CELL_BYTES;
    const cells = cellCountOf(length);
    let tag = this.marking;
    const asked = this.asked.get(event.actor);
    if (!event.borrowed) {
      const [first = op] = this.#queued;
      demand(first === op, () => `request ${op} has overtaken request ${first}, which waits`);
      this.#queued.delete(op);
      demand(asked !== undefined, () => `written, and nobody asked for it: ${JSON.stringify(event)}`);
      demand(
        asked.tag > 0 && cell >= asked.cell && cell + cells <= asked.cell + asked.cells,
        () => `${asked.what} wrote cells ${cell} to ${cell + cells}`,
      );
      asked.taken += cells;
      tag = asked.tag + cell - asked.cell;
    }
    for (let at = 0; at < cells; at++) this.#model.write(cell + at, tag + at);
    if (asked !== undefined) asked.takenAt = this.#model.moment;
    if (event.through) this.#throughs.set(op, { cell, cells, from: this.#model.moment });
  }

  /** Nobody has asked for anything yet: what is written comes from the journal. */
  #recovered({ actor, offset, length }: EventOf<'written'>, payload: Uint8Array | undefined): void {
    demand(
      this.#expected !== null && payload !== undefined && actor === RECOVERY_ACTOR,
      'recovered where nothing can be',
    );
    const tags = tagsOf(payload, cellCountOf(length));
    for (let at = 0; at < tags.length; at++) this.#expected.recovered(offset / CELL_BYTES + at, tags[at]);
  }

  #flushStarted(event: EventOf<'flushStarted'>): void {
    const asked = this.asked.get(event.actor);
    demand(asked !== undefined, 'a flush that nobody asked for');
    this.#actors.set(event.op, event.actor);
    this.#flushes.set(event.op, { ...this.#cellsOf(event.block, event.count), from: asked.from });
  }

  #flushFinished(event: EventOf<'flushFinished'>): void {
    const told = this.#flushes.get(event.op);
    demand(told !== undefined, 'a flush ends that never began');
    this.#flushes.delete(event.op);
    for (let cell = told.cell; cell < told.cell + told.cells; cell++) {
      this.#demandKept(
        cell,
        Math.max(told.from, this.#model.floorOf(cell)),
        'when a flush was told that it was durable',
      );
      const clearing = this.#clearingOf(cell);
      if (clearing !== undefined) this.#model.beneath(cell, clearing.kind);
    }
    this.#whenTold(event.op, told, told.from);
  }

  /** Names blocks that are kept, and every one that is not durable: the others are. */
  #flushFailed(event: EventOf<'flushFailed'>): void {
    const told = this.#flushes.get(event.op);
    demand(told !== undefined, 'a flush fails that never began');
    this.#flushes.delete(event.op);
    for (const block of event.blocks) {
      const { cell } = this.#cellsOf(block, 1);
      demand(cell < told.cell + told.cells && cell + this.#cellsOf(block, 1).cells > told.cell, 'blocks of the flush');
      demand(this.#isKept(block), () => `a flush failed for block ${block}, which is not kept`);
    }
    for (let cell = told.cell; cell < told.cell + told.cells; cell++) {
      if (event.blocks.includes(this.#blockOf(cell))) continue;
      this.#demandKept(cell, Math.max(told.from, this.#model.floorOf(cell)), 'when a failed flush did not name it');
    }
    // With none that is named it was told of what is over, or of a barrier that failed.
    if (event.blocks.length === 0 && event.barrierIo === 0) this.#whenTold(event.op, told, told.from);
  }

  /** A write-through is with the device, if not durably. */
  #throughFinished(event: EventOf<'writeFinished'>): void {
    const told = this.#throughs.get(event.op);
    demand(told !== undefined, 'a write ends that never began');
    this.#throughs.delete(event.op);
    if (this.#medium.losses > this.#losses) return;
    for (let cell = told.cell; cell < told.cell + told.cells; cell++) {
      const held = this.#medium.current[cell];
      demand(
        this.#model.mayKeep(cell, held, told.from) || this.#clearingOf(cell) !== undefined,
        () => `the device holds ${held} in cell ${cell} when a write-through ends: ${this.#model.tell(cell)}`,
      );
    }
  }

  /** What leaves the cache is what a read of the device gives; one of a range that is being cleared waits. */
  #evicted(event: EventOf<'evicted'>): void {
    const { cell, cells } = this.#cellsOf(event.block, 1);
    for (let at = cell; at < cell + cells; at++) {
      const held = this.#medium.current[at];
      demand(
        this.#model.is(at, held) || this.#clearingOf(at) !== undefined,
        () => `block ${event.block} is evicted and the device holds ${held} in cell ${at}: ${this.#model.tell(at)}`,
      );
    }
  }

  #dirtyDiscarded(event: EventOf<'dirtyDiscarded'>): void {
    demand(this.#losing.get(event.op) === event.reason, () => `nobody gave up blocks ${event.blocks}: ${event.reason}`);
    for (const block of event.blocks) {
      const { cell, cells } = this.#cellsOf(block, 1);
      for (let at = cell; at < cell + cells; at++) this.#model.revert(at);
    }
  }

  #clearStarted(event: EventOf<'clearStarted'>): void {
    const { io, op, block, count, kind } = event;
    demand(kind !== 'drop', 'a drop asks nothing of the device');
    this.#clearings.set(op, { ...this.#cellsOf(block, count), from: this.#model.moment, kind, io });
    this.#mayBeCleared(block, count, kind);
  }

  #clearFinished(event: EventOf<'clearFinished'>): void {
    const { op, block, count, kind } = event;
    if (kind === 'drop') return;
    this.#clearings.delete(op);
    const { cell, cells } = this.#cellsOf(block, count);
    for (let at = cell; at < cell + cells; at++) {
      if (kind === 'discard') {
        this.#model.anything(at);
        continue;
      }
      demand(this.#medium.durable[at] === 0, () => `cell ${at} was told to be zero and durable`);
      this.#model.write(at, 0);
    }
    if (kind === 'zero') this.#whenTold(op, { cell, cells }, this.#model.moment, cells);
  }

  #clearFailed(event: EventOf<'clearFailed'>): void {
    const clearing = this.#clearings.get(event.op);
    if (clearing === undefined) return;
    for (let block = event.block; block < event.block + event.count; block++) this.#doubtful.push(block);
    this.#mayBeCleared(event.block, event.count, clearing.kind);
    // What timed out may still happen.
    if (event.code !== 'CACHETRAIL_DEVICE_TIMEOUT' || event.io !== clearing.io) this.#clearings.delete(event.op);
  }

  #answeredLate(event: EventOf<'deviceAnsweredLate'>): void {
    for (const [op, { io, kind, cell, cells }] of this.#clearings) {
      if (io !== event.io) continue;
      this.#clearings.delete(op);
      for (let at = cell; at < cell + cells; at++) {
        if (this.#isKept(this.#blockOf(at))) this.#model.beneath(at, kind);
        else if (kind === 'zero') this.#model.maybeZero(at);
        else this.#model.anything(at);
      }
    }
  }

  /** Until it is known: a block that the cache must keep is as it was, and the device's copy of it may be gone. */
  #mayBeCleared(block: number, count: number, kind: 'zero' | 'discard'): void {
    for (let at = block; at < block + count; at++) {
      const { cell, cells } = this.#cellsOf(at, 1);
      const isKept = this.#isKept(at);
      for (let one = cell; one < cell + cells; one++) {
        if (isKept) this.#model.beneath(one, kind);
        else if (kind === 'zero') this.#model.maybeZero(one);
        else this.#model.anything(one);
      }
    }
  }

  #closed(op: number): void {
    const { cells, moment } = this.#model;
    for (let cell = 0; cell < cells; cell++) this.#demandKept(cell, moment, 'when the cache was closed');
    this.#whenTold(op, { cell: 0, cells }, moment);
  }

  /** A durable journal has to know too before a caller is told that what was there at a moment is durable. */
  #whenTold(op: number, { cell, cells }: Omit<Told, 'from'>, from: number, zeroed = 0): void {
    const told = () => {
      const oldest = this.#oldest();
      // Each cell that was zeroed has a moment of its own, up to the last one's.
      for (let at = 0; at < cells; at++) this.#model.durable(cell + at, from - Math.max(0, zeroed - 1 - at), oldest);
    };
    if (this.#tellsLater) this.#toBeTold.set(this.#actors.get(op) ?? '', told);
    else told();
  }

  /** A request has ended well. */
  told(actor: string): void {
    this.#toBeTold.get(actor)?.();
    this.#toBeTold.delete(actor);
  }

  #demandKept(cell: number, floor: number, when: string): void {
    const kept = this.#medium.durable[cell];
    if (this.#model.mayKeep(cell, kept, floor) || this.#clearingOf(cell) !== undefined) return;
    demand(false, `cell ${cell} is ${kept} on the device ${when}: ${this.#model.tell(cell)}, asked at ${floor}`);
  }

  #clearingOf(cell: number): Clearing | undefined {
    if (this.#clearings.size === 0) return undefined;
    for (const clearing of this.#clearings.values()) {
      if (cell >= clearing.cell && cell < clearing.cell + clearing.cells) return clearing;
    }
    return undefined;
  }

  /** Reads that began before this moment are not waited for any more. */
  #oldest(): number {
    let oldest = Number.POSITIVE_INFINITY;
    for (const { from } of this.asked.values()) if (from < oldest) oldest = from;
    return oldest;
  }

  #isKept(block: number): boolean {
    return KEPT.includes(this.cache?.inspect(block).state ?? '');
  }

  #cellsOf(block: number, count: number): Omit<Told, 'from'> {
    const cellsPerBlock = (this.cache?.blockSize ?? 1) / CELL_BYTES;
    const cell = block * cellsPerBlock;
    return { cell, cells: Math.min(count * cellsPerBlock, this.#model.cells - cell) };
  }

  #blockOf(cell: number): number {
    return Math.floor((cell * CELL_BYTES) / (this.cache?.blockSize ?? 1));
  }
}
