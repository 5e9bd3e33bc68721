/** What becomes of blocks that a device write has failed for, folded from the events until each is settled. */
import type { CacheEvent, EventType } from '../../cache/events.js';
import { TIMEOUT_CODE } from '../../cache/failure-codes.js';
import { Counted, type ErrorTypes } from './counted.js';

type EventOf<Type extends EventType> = Extract<CacheEvent, { type: Type }>;

export type WriteErrorOutcome = 'retried' | 'split' | 'parked' | 'held' | 'durable' | 'discarded' | 'cleared';

interface FailedBlock {
  readonly errorType: string;
  /** The barrier that would make it durable, by number; 0 while the device does not have it. */
  barrier: number;
}

interface Run {
  readonly block: number;
  readonly count: number;
}

export class WriteErrorTally {
  /** Failed device writes by `error.type`. */
  readonly errors = new Counted();
  readonly outcomes = new Map<WriteErrorOutcome, Counted>();
  readonly #errorTypes: ErrorTypes;
  /** Blocks that have failed and are neither durable nor given up. As few as there are dirty blocks. */
  readonly #failed = new Map<number, FailedBlock>();
  readonly #inFlight = new Set<number>();
  /** Writes in flight when a barrier failed: that they succeed says nothing. */
  readonly #doubtful = new Set<number>();
  #barriers = 0;
  /** Barriers that timed out: when one fails late, that may tell of what was written since. */
  readonly #owedBarriers = new Set<number>();
  /** Requests whose clearing the device was asked for. */
  readonly #clears = new Set<number>();

  constructor(errorTypes: ErrorTypes) {
    this.#errorTypes = errorTypes;
  }

  take(event: CacheEvent): void {
    switch (event.type) {
      case 'writebackStarted':
        this.#inFlight.add(event.io);
        return;
      case 'writebackFailed':
        return this.#failure(event);
      case 'writebackFinished':
        return this.#taken(event);
      case 'writebackRetryScheduled':
        return this.#eachOf(event, (failed) => this.#count('retried', failed));
      case 'writebackSplit':
        return this.#eachOf(event, (failed) => this.#count('split', failed));
      case 'blockParked':
        return this.#eachOf({ block: event.block, count: 1 }, (failed) => this.#count('parked', failed));
      case 'barrierStarted':
        this.#barriers++;
        return;
      case 'barrierFinished':
        return this.#synced();
      case 'barrierFailed':
        if (event.code === TIMEOUT_CODE) this.#owedBarriers.add(event.io);
        return this.#doubt();
      case 'deviceReplaced':
        return this.#doubt();
      case 'deviceAnsweredLate':
        if (this.#owedBarriers.delete(event.io) && event.code !== '') this.#doubt();
        return;
      default:
        return this.#lose(event);
    }
  }

  /** Blocks that no longer have to reach the device, or whose clearing has put them in doubt. */
  #lose(event: CacheEvent): void {
    switch (event.type) {
      case 'dirtyDiscarded':
        for (const block of event.blocks) {
          this.#eachOf({ block, count: 1 }, (failed) => this.#settle('discarded', block, failed));
        }
        return;
      case 'clearStarted':
        this.#clears.add(event.op);
        return;
      case 'clearFinished':
        this.#clears.delete(event.op);
        return this.#eachOf(event, (failed, block) => this.#settle('cleared', block, failed));
      case 'clearFailed':
        if (!this.#clears.delete(event.op)) return;
        return this.#eachOf(event, (failed) => {
          failed.barrier = 0;
        });
      case 'blockSizeChanged':
        this.#failed.clear();
        return;
    }
  }

  #failure({ io, block, count, code }: EventOf<'writebackFailed'>): void {
    this.#inFlight.delete(io);
    this.#doubtful.delete(io);
    const errorType = this.#errorTypes.of(code);
    this.errors.add(errorType);
    for (let at = block; at < block + count; at++) {
      const failed = { errorType, barrier: 0 };
      this.#failed.set(at, failed);
      // The device may still do it: nothing is tried before it answers.
      if (code === TIMEOUT_CODE) this.#count('held', failed);
    }
  }

  #taken(event: EventOf<'writebackFinished'>): void {
    this.#inFlight.delete(event.io);
    if (this.#doubtful.delete(event.io)) return;
    this.#eachOf(event, (failed) => {
      failed.barrier = this.#barriers + 1;
    });
  }

  /** What the device has taken since the last good barrier may be gone. */
  #doubt(): void {
    for (const io of this.#inFlight) this.#doubtful.add(io);
    for (const failed of this.#failed.values()) failed.barrier = 0;
  }

  #synced(): void {
    for (const [block, failed] of this.#failed) {
      if (failed.barrier !== 0 && failed.barrier <= this.#barriers) this.#settle('durable', block, failed);
    }
  }

  #settle(outcome: WriteErrorOutcome, block: number, failed: FailedBlock): void {
    this.#failed.delete(block);
    this.#count(outcome, failed);
  }

  #count(outcome: WriteErrorOutcome, { errorType }: FailedBlock): void {
    let counted = this.outcomes.get(outcome);
    if (counted === undefined) {
      counted = new Counted();
      this.outcomes.set(outcome, counted);
    }
    counted.add(errorType);
  }

  /** The failed blocks of a range, which may be the whole device. */
  #eachOf({ block, count }: Run, visit: (failed: FailedBlock, block: number) => void): void {
    if (this.#failed.size === 0) return;
    if (count > this.#failed.size) {
      for (const [at, failed] of this.#failed) if (at >= block && at - block < count) visit(failed, at);
      return;
    }
    for (let at = block; at < block + count; at++) {
      const failed = this.#failed.get(at);
      if (failed !== undefined) visit(failed, at);
    }
  }
}
