import { type BlockCache, type CacheEvent, type CacheOptions, openCache } from '../src/index.js';
import type { BlockDevice } from '../src/device/index.js';

/** A cache with two subscribers, as one has with metrics and an audit: each looks at every event. */
export interface Watched {
  readonly cache: BlockCache;
  /** What the subscribers have seen since the last call; throws if they don't agree. */
  readonly seen: () => { readonly events: number; readonly reads: number };
  /** The first event of a type. Not the last: to keep each would cost more than to look at it. */
  readonly firstEvent: (type: 'read' | 'written') => CacheEvent;
}

export async function openWatched(device: BlockDevice, options: CacheOptions): Promise<Watched> {
  const cache = await openCache(device, options);
  let events = 0;
  let reads = 0;
  let lastSeq = 0;
  let seqs = 0;
  let read: CacheEvent | undefined;
  let written: CacheEvent | undefined;
  cache.events$.subscribe((event) => {
    events++;
    if (event.type === 'read') {
      reads++;
      read ??= event;
    } else if (event.type === 'written') {
      written ??= event;
    }
  });
  cache.events$.subscribe((event) => {
    seqs += event.seq - lastSeq;
    lastSeq = event.seq;
  });
  cache.errors$.subscribe(({ error }) => {
    throw error;
  });
  const seen = (): { events: number; reads: number } => {
    if (events !== seqs) throw new Error(`one subscriber saw ${events} events, the other ${seqs}`);
    const counts = { events, reads };
    events = 0;
    seqs = 0;
    reads = 0;
    return counts;
  };
  const firstEvent = (type: 'read' | 'written'): CacheEvent => {
    const event = type === 'read' ? read : written;
    if (event === undefined) throw new Error(`there was no ${type}`);
    return event;
  };
  return { cache, seen, firstEvent };
}
