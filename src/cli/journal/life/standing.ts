/** Where a block stands: what of it is cached, on its way, at the device, durable. */
import type { CacheEvent } from '../../../cache/events.js';

type EventOf<Type extends CacheEvent['type']> = Extract<CacheEvent, { type: Type }>;

interface Carried {
  readonly io: number;
  readonly generation: number;
  /** A barrier has failed since it began. */
  tainted: boolean;
}

interface Unsynced {
  readonly generation: number;
  /** The barrier that covers it; 0 while none has begun. */
  barrierIo: number;
}

const TIMEOUT = 'CACHETRAIL_DEVICE_TIMEOUT';

export class Standing {
  /** The fill that is to bring it, or 0. */
  loading = 0;
  /** The newest generation; 0 before the first write since the cache was opened. */
  newest = 0;
  parked = false;
  carried: Carried | null = null;
  /** Operations on it that timed out and that the device has not answered. */
  readonly stuck = new Set<number>();
  #cached = false;
  #dirty = false;
  #unsynced: Unsynced | null = null;
  #durable = 0;
  #durableSeq = 0;
  #lost = false;

  reset(): void {
    this.gone();
    this.newest = 0;
    this.stuck.clear();
    this.#durable = 0;
    this.#durableSeq = 0;
    this.#lost = false;
  }

  /** It left the cache. */
  gone(): void {
    this.loading = 0;
    this.parked = false;
    this.carried = null;
    this.#lost ||= !this.isSafe;
    this.#cached = false;
    this.#dirty = false;
    this.#unsynced = null;
  }

  get isCached(): boolean {
    return this.#cached;
  }

  get isPresent(): boolean {
    return this.#cached || this.loading !== 0;
  }

  get isSafe(): boolean {
    return !this.#dirty && this.carried === null && this.#unsynced === null;
  }

  get state(): 'absent' | 'loading' | 'clean' | 'dirty' | 'writing' | 'unsynced' {
    if (this.carried !== null) return 'writing';
    if (this.#dirty) return 'dirty';
    if (this.#unsynced !== null) return 'unsynced';
    if (this.#cached) return 'clean';
    return this.loading === 0 ? 'absent' : 'loading';
  }

  filled(io: number): 'kept' | 'newer' {
    if (this.loading === io) {
      this.#cached = true;
      this.loading = 0;
      return 'kept';
    }
    return this.#cached && this.newest > 0 ? 'newer' : 'kept';
  }

  /** Whether it was dirty already, beyond what is on its way. */
  written(event: EventOf<'written'>): boolean {
    const again = this.#dirty;
    this.loading = 0;
    this.#cached = true;
    this.#dirty = true;
    this.#lost = false;
    this.newest = event.generation;
    // A write whose caller waits for the device gives a parked block another chance.
    if (event.through) this.parked = false;
    return again && !event.through;
  }

  /** The generation that is on its way. */
  writing(event: EventOf<'writebackStarted'>): number {
    this.carried = { io: event.io, generation: this.newest, tainted: false };
    this.#cached = true;
    this.#dirty = false;
    return this.newest;
  }

  atDevice(io: number): { readonly tainted: boolean; readonly generation: number; readonly stale: boolean } {
    const { carried } = this;
    if (carried === null || carried.io !== io) return { tainted: false, generation: this.newest, stale: false };
    const { tainted, generation } = carried;
    this.carried = null;
    if (tainted) this.#dirty = true;
    else this.#unsynced = { generation, barrierIo: 0 };
    return { tainted, generation, stale: this.#dirty };
  }

  failed(event: EventOf<'writebackFailed'>): void {
    this.carried = null;
    this.#dirty = true;
    if (event.code === TIMEOUT) this.stuck.add(event.io);
  }

  /** Whether the barrier covers something of it. */
  barrierStarted(io: number): boolean {
    if (this.#unsynced === null || this.#unsynced.barrierIo !== 0) return false;
    this.#unsynced.barrierIo = io;
    return true;
  }

  /** The generation that has become durable; 0 for none. */
  barrierFinished({ io, seq }: EventOf<'barrierFinished'>): number {
    const unsynced = this.#unsynced;
    if (unsynced === null || unsynced.barrierIo !== io) return 0;
    this.#unsynced = null;
    this.#durable = unsynced.generation;
    this.#durableSeq = seq;
    return unsynced.generation;
  }

  barrierFailed(): 'unsynced' | 'carried' | 'none' {
    const hadCarried = this.carried !== null;
    if (this.carried !== null) this.carried.tainted = true;
    if (this.#unsynced === null) return hadCarried ? 'carried' : 'none';
    this.#unsynced = null;
    this.#dirty = true;
    return 'unsynced';
  }

  /** What the device holds is unknown: a clean copy is not to be trusted. */
  clearFailed(): void {
    if (!this.isSafe) return;
    this.#cached = false;
    this.loading = 0;
  }

  durableText(): string {
    if (this.#lost) return 'its last write was given up';
    if (this.newest === 0) return 'it was as on the device';
    if (!this.isSafe) return `generation ${this.newest} is not durable`;
    return this.#durable === 0 ? 'it was clean' : `generation ${this.#durable} was durable since #${this.#durableSeq}`;
  }

  get durable(): number {
    return this.#durable;
  }
}

/** In words, with what is not safe. */
export function standingText(standing: Standing): string {
  const { state, parked, newest } = standing;
  const where = state === 'absent' ? 'not in the cache' : `in the cache, ${state}${parked ? ' and parked' : ''}`;
  return newest === 0 ? where : `${where}; ${standing.durableText()}`;
}
