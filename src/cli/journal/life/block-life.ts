/**
 * The life of one block, from the events alone: who wrote it, when it reached the device, when it became durable, each
 * error and its path, why it left the cache. A pure fold: events go in, in order, and entries come out as soon as they are
 * known.
 */
import type { CacheEvent } from '../../../cache/events.js';
import { DURABILITY } from './durability.js';
import type { LifeEntry } from './entry.js';
import { Evictions, LEAVING } from './leaving.js';
import { READING } from './reading.js';
import { standingText } from './standing.js';
import { type Tales, Teller } from './teller.js';
import { WRITING } from './writing.js';

const TALES: Tales = { ...READING, ...WRITING, ...DURABILITY, ...LEAVING };

export class BlockLife {
  readonly block: number;
  readonly #life: Teller;
  readonly #evictions: Evictions;

  /** `blockSize` in bytes, for who starts after the cache was opened. */
  constructor(block: number, blockSize = 1) {
    this.block = block;
    this.#life = new Teller(block, blockSize);
    this.#evictions = new Evictions(this.#life);
  }

  /** What can be told now that this event is known. `epochMs`: of the event's cache, milliseconds since 1970. */
  accept(event: CacheEvent, epochMs: number): LifeEntry[] {
    const life = this.#life;
    life.epochMs = epochMs;
    life.requests.accept(event);
    this.#evictions.accept(event);
    if (this.#mayConcern(event)) tell(event.type, life, event);
    life.requests.settle();
    return life.taken();
  }

  /** The rest, when there are no more events. */
  end(): LifeEntry[] {
    this.#evictions.end();
    this.#life.tellAccesses();
    return this.#life.taken();
  }

  /** How the block stands after the last event, in words. */
  standing(): string {
    return standingText(this.#life.standing);
  }

  /** Nothing that was written to it is still on its way. */
  get isSafe(): boolean {
    return this.#life.standing.isSafe;
  }

  /** Not in the cache: after a write, it was made durable and left, or was given up. */
  get isGone(): boolean {
    return !this.#life.standing.isPresent;
  }

  /** The newest generation that became durable since the cache was opened, or 0. */
  get durable(): number {
    return this.#life.standing.durable;
  }

  /** Of events that name one range, only those whose range has the block. */
  #mayConcern(event: CacheEvent): boolean {
    if (!('block' in event)) return true;
    return 'count' in event ? this.#life.isIn(event) : event.block === this.block;
  }
}

function tell<T extends CacheEvent['type']>(type: T, life: Teller, event: Extract<CacheEvent, { type: T }>): void {
  TALES[type]?.(life, event);
}
