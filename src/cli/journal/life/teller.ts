/** What the parts of a block's life share: the block, how it stands, who asks, and where entries go. */
import type { CacheEvent, EventType } from '../../../cache/events.js';
import { durationText } from '../text.js';
import { Accesses } from './accesses.js';
import { entryOf, type Facts, type LifeEntry, type LifeKind } from './entry.js';
import { Requests } from './requests.js';
import { Standing } from './standing.js';

export type EventOf<Type extends EventType> = Extract<CacheEvent, { type: Type }>;

/** What is told for each type of event, if it is about the block. */
export type Tales = { readonly [T in EventType]?: (life: Teller, event: EventOf<T>) => void };

export const TIMEOUT = 'CACHETRAIL_DEVICE_TIMEOUT';

export class Teller {
  readonly block: number;
  readonly requests = new Requests();
  readonly accesses = new Accesses();
  readonly standing = new Standing();
  /** Requests that wait for the block, and of which that was told. */
  readonly waiting = new Set<number>();
  /** Barriers that timed out and that the device has not answered. */
  readonly barriersOwed = new Set<number>();
  blockSize: number;
  epochMs = 0;
  /** Openings of the cache so far. */
  sessions = 0;
  #out: LifeEntry[] = [];

  constructor(block: number, blockSize: number) {
    this.block = block;
    this.blockSize = blockSize;
  }

  tell(event: CacheEvent, kind: LifeKind, text: string, facts: Facts = {}): void {
    this.tellAccesses();
    this.#out.push(entryOf(event, this.epochMs, kind, text, facts));
  }

  tellAccesses(): void {
    this.#out.push(...this.accesses.take());
  }

  taken(): LifeEntry[] {
    const taken = this.#out;
    if (taken.length > 0) this.#out = [];
    return taken;
  }

  isIn({ block, count }: { readonly block: number; readonly count: number }): boolean {
    return this.block >= block && this.block < block + count;
  }
}

type Failure = Pick<EventOf<'barrierFailed'>, 'code' | 'io' | 'at' | 'startedAt' | 'outcome'>;

export function failureText({ code, io, at, startedAt, outcome }: Failure): string {
  const part = outcome === 'unknown' ? ', and a part may have been done' : '';
  return `${code} after ${durationText(at - startedAt)} (io ${io}${part})`;
}
