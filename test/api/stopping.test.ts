import { expect } from 'chai';
import { type BlockCache, type CacheEvent, type EventType, memoryDevice, openCache } from '../../src/index.js';
import { anyRejection, rejection, thrown } from '../device/support.js';
import { pattern } from './support/caches.js';
import { withParts } from './support/devices.js';

type Request = (cache: BlockCache) => Promise<unknown>;

/** Requests, each with an event on the way of which the journal fails. Blocks 0 and 3 are cached, and 3 is dirty. */
const REQUESTS: readonly (readonly [what: string, type: EventType, request: Request])[] = [
  ['a read that hits', 'read', (cache) => cache.read(0)],
  ['a read that misses', 'readMissed', (cache) => cache.read(5)],
  ['the start of a fill', 'fillStarted', (cache) => cache.read(5)],
  ['the end of a fill', 'fillFinished', (cache) => cache.read(5)],
  ['a write', 'written', (cache) => cache.write(1, pattern(4096, 1))],
  ['a write over a dirty block', 'written', (cache) => cache.write(3, pattern(4096, 1))],
  ['a flush', 'flushStarted', (cache) => cache.flush()],
  ['the start of a device write', 'writebackStarted', (cache) => cache.flush()],
  ['the end of a barrier', 'barrierFinished', (cache) => cache.flush()],
  ['a zero', 'clearQueued', (cache) => cache.zero({ block: 2, count: 1 })],
  ['a borrow', 'borrowed', (cache) => cache.borrow(0)],
  ['the end of a close', 'closed', (cache) => cache.close()],
];

describe('a cache whose journal fails', () => {
  const own = new Error('the journal is full');

  for (const [what, type, request] of REQUESTS) {
    it(`at ${what} stops for good, says so to all, and lets go of the device`, async () => {
      const { cache, fail, events, closes } = await journalled();
      fail(type);
      const before = cache.stats().events;
      expect(await rejection(request(cache))).to.include({ code: 'CACHETRAIL_INTERNAL', cause: own });
      expect(cache.closed).to.equal(true);
      for (const [, , again] of REQUESTS) expect((await rejection(again(cache))).code).to.equal('CACHETRAIL_INTERNAL');
      expect(thrown(() => cache.readNow(0, new Uint8Array(4096))).code).to.equal('CACHETRAIL_INTERNAL');
      await cache[Symbol.asyncDispose]();

      expect(closes()).to.equal(1);
      expect(events.length, 'nothing is stated that the journal does not have').to.equal(cache.stats().events);
      expect(events.slice(before).some((event) => event.type === type)).to.equal(false);
    });
  }

  it('at a synchronous read stops as well', async () => {
    const { cache, fail } = await journalled();
    fail('read');
    const into = new Uint8Array(4096);
    expect(thrown(() => cache.readNow(0, into))).to.include({ code: 'CACHETRAIL_INTERNAL', cause: own });
    expect(cache.closed).to.equal(true);
  });

  it('from the first event on is not opened', async () => {
    const append = () => {
      throw own;
    };
    const opening = openCache(memoryDevice({ sizeBytes: 4096 }), { journal: { append } });
    expect(await anyRejection(opening)).to.include({ code: 'CACHETRAIL_INTERNAL', cause: own });
  });

  async function journalled() {
    const memory = memoryDevice({ sizeBytes: 16 * 4096 });
    let closes = 0;
    const close = () => {
      closes++;
      return memory.close();
    };
    const events: CacheEvent[] = [];
    let failing: EventType | null = null;
    const append = (event: CacheEvent) => {
      if (event.type === failing) throw own;
      events.push(event);
    };
    const cache = await openCache(withParts(memory, { close }), { journal: { append } });
    await cache.read(0);
    await cache.write(3, pattern(4096, 1));
    const fail = (type: EventType) => {
      failing = type;
    };
    return { cache, events, fail, closes: () => closes };
  }
});
