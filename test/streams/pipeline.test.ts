import { expect } from 'chai';
import {
  type BlockCache,
  type CacheEvent,
  type CacheOptions,
  CachetrailError,
  codeOf,
  faultDevice,
  memoryDevice,
  openCache,
} from '../../src/index.js';
import { advance } from '../support/clock.js';
import { expectSameDecisions, foldedHash } from '../support/refold.js';
import { drain, VirtualClock } from '../support/virtual-clock.js';

const BLOCK = 512;
const BLOCKS = 64;

function block(fill: number): Uint8Array {
  return new Uint8Array(BLOCK).fill(fill);
}

/** A small cache on a virtual clock, with all its events. */
async function opened(options: CacheOptions = {}) {
  const clock = new VirtualClock();
  const memory = memoryDevice({ sizeBytes: BLOCKS * BLOCK });
  const device = faultDevice(memory);
  const events: CacheEvent[] = [];
  const cache = await openCache(device, { blockSize: BLOCK, capacity: 8, clock, ...options });
  cache.events$.subscribe((event) => events.push(event));
  return { cache, clock, device, memory, events };
}

const typesOf = (events: readonly CacheEvent[]) => events.map(({ type }) => type);
const codeOfRejection = (promise: Promise<unknown>) => promise.then(() => 'none', codeOf);

describe('requests that a subscriber makes in its handler', () => {
  it('are decided after the current one, and all subscribers see one order', async () => {
    const { cache, clock, events } = await opened();
    const other: number[] = [];
    const made: Promise<unknown>[] = [];
    const first = cache.events$.subscribe(({ type }) => {
      if (type !== 'flushStarted') return;
      first.unsubscribe();
      made.push(cache.write(1, block(1)), cache.read(2), cache.invalidate({ block: 40, count: 1 }));
    });
    cache.events$.subscribe(({ seq }) => other.push(seq));
    await clock.until(cache.flush());
    await clock.until(Promise.all(made));
    expect(other).to.deep.equal(events.map(({ seq }) => seq));
    expect(other).to.deep.equal(other.map((_, at) => at + 1));
    const asked = events.filter((event) => 'actor' in event && event.cause === 0);
    expect(typesOf(asked)).to.deep.equal(['flushStarted', 'writeQueued', 'readMissed', 'invalidated']);
    expectSameDecisions(events);
  });

  it('come after everything that the current decision states', async () => {
    const { cache, clock, events } = await opened();
    let made: Promise<unknown> | null = null;
    cache.events$.subscribe(({ type }) => {
      if (type === 'readMissed' && made === null) made = cache.flush();
    });
    await clock.until(cache.read(0));
    if (made !== null) await clock.until(made);
    expect(typesOf(events).slice(0, 5)).to.deep.equal([
      'opened',
      'readMissed',
      'resized',
      'fillStarted',
      'flushStarted',
    ]);
  });

  it('may be made without end, and a hundred deep, without growing the stack', async () => {
    const { cache, clock, events } = await opened();
    await clock.until(cache.read(0));
    let left = 10_000;
    const into = new Uint8Array(BLOCK);
    cache.events$.subscribe(({ type }) => {
      if (type === 'read' && left-- > 0) cache.readNow(0, into);
    });
    cache.readNow(0, into);
    expect(events.filter(({ type }) => type === 'read')).to.have.length(10_001);
  });

  it('are answered with the bytes of their turn', async () => {
    const { cache, clock } = await opened();
    const reads: Promise<Uint8Array>[] = [];
    cache.events$.subscribe((event) => {
      if (event.type === 'written' && event.block === 0) reads.push(cache.read(0, 2));
    });
    await clock.until(cache.write(0, block(7)));
    expect(reads).to.have.length(1);
    const bytes = await clock.until(reads[0]);
    expect([bytes[0], bytes[BLOCK]]).to.deep.equal([7, 0]);
  });
});

describe('readNow in a handler', () => {
  it('reads at once where nothing waits, and its event comes after the current one', async () => {
    const { cache, clock, events } = await opened();
    await clock.until(cache.write(0, block(5)));
    const into = new Uint8Array(BLOCK);
    const hits: boolean[] = [];
    const once = cache.events$.subscribe(() => {
      once.unsubscribe();
      hits.push(cache.readNow(0, into));
    });
    const { length } = events;
    cache.readahead({ block: 9, count: 1 });
    expect(hits).to.deep.equal([true]);
    expect(into[0]).to.equal(5);
    expect(typesOf(events.slice(length))).to.deep.equal(['readaheadRequested', 'fillStarted', 'read']);
  });

  it('is a miss while earlier requests of the handler wait their turn', async () => {
    const { cache, clock } = await opened();
    await clock.until(cache.write(0, block(5)));
    const hits: boolean[] = [];
    const once = cache.events$.subscribe(() => {
      once.unsubscribe();
      cache.write(0, block(6)).catch(() => {});
      hits.push(cache.readNow(0, new Uint8Array(BLOCK)));
    });
    await clock.until(cache.read(0));
    expect(hits).to.deep.equal([false]);
  });
});

describe('the journal seam', () => {
  it('gets every event before it is applied, and before anybody sees it', async () => {
    const appended: CacheEvent[] = [];
    const seen: number[] = [];
    let cache: BlockCache | null = null;
    const early: string[] = [];
    const append = (event: CacheEvent) => {
      if (cache !== null && cache.stats().events !== event.seq - 1) early.push(`${event.seq} is applied`);
      if (seen.includes(event.seq)) early.push(`${event.seq} has been seen`);
      appended.push(event);
    };
    const { cache: opening, clock, events } = await opened({ journal: { append } });
    cache = opening;
    cache.events$.subscribe(({ seq }) => seen.push(seq));
    await clock.until(cache.write(0, block(1)));
    await clock.until(cache.write(0, block(2)));
    await clock.until(cache.read(0));
    await clock.until(cache.read(4, 3));
    await clock.until(cache.close());
    expect(early).to.deep.equal([]);
    expect(appended).to.deep.equal(events);
    expect(events.at(-1)?.type).to.equal('closed');
  });

  it('tells all: the events alone give the state, and their inputs give the events', async () => {
    const { cache, clock, events, device } = await opened();
    device.inject({ on: 'write', code: 'EIO', times: 2 });
    await clock.until(cache.write(0, block(1)));
    await clock.until(cache.writeBytes(700, block(2)));
    await clock.until(cache.flush());
    await clock.until(cache.zero({ block: 0, count: 2 }));
    expect(foldedHash(events)).to.equal(cache.hash());
    expectSameDecisions(events);
  });

  it('that throws stops the cache, and whoever waits is told', async () => {
    let broken = false;
    const append = () => {
      if (broken) throw new Error('no room');
    };
    const { cache, clock, events } = await opened({ journal: { append } });
    const waiting = [codeOfRejection(cache.read(0)), codeOfRejection(cache.flush())];
    broken = true;
    const last = codeOfRejection(cache.invalidate());
    expect(await clock.until(Promise.all([...waiting, last]))).to.deep.equal(Array(3).fill('CACHETRAIL_INTERNAL'));
    expect(cache.closed).to.equal(true);
    await drain();
    expect(typesOf(events)).to.not.include('invalidated');
    expect(clock.timers).to.equal(0);
  });
});

describe('the timers of a cache', () => {
  it('are none while nothing is dirty and nothing is asked of the device', async () => {
    const { cache, clock } = await opened();
    expect(clock.timers).to.equal(0);
    await clock.until(cache.read(0, 4));
    cache.readNow(0, new Uint8Array(BLOCK));
    await clock.until(cache.flush());
    expect(clock.timers).to.equal(0);
  });

  it('are one from the first dirty block on, until it is durable', async () => {
    const { cache, clock, events, memory } = await opened();
    await clock.until(cache.write(0, block(7)));
    expect(clock.timers).to.equal(1);
    await clock.until(cache.write(1, block(7)));
    expect(clock.timers).to.equal(1);
    await advance(clock, 5e9);
    expect(typesOf(events).slice(-3)).to.deep.equal(['writebackFinished', 'barrierStarted', 'barrierFinished']);
    expect(memory.bytes[BLOCK]).to.equal(7);
    expect(clock.timers).to.equal(0);
  });

  it('are armed again for a block that is written while its bytes are synced', async () => {
    const { cache, clock, memory, device } = await opened();
    const barrier = device.inject({ on: 'barrier', hang: 'after', times: 1 });
    await clock.until(cache.write(0, block(1)));
    const flushed = cache.flush();
    await drain();
    expect(cache.inspect(0).state).to.equal('unsynced');
    await clock.until(cache.write(0, block(2)));
    barrier.release();
    await clock.until(flushed);
    expect(cache.inspect(0).state).to.equal('dirty');
    await advance(clock, 6e9);
    expect(cache.inspect(0).state).to.equal('clean');
    expect(memory.bytes[0]).to.equal(2);
  });

  it('are none after the end', async () => {
    const { cache, clock } = await opened();
    await clock.until(cache.write(0, block(7)));
    await clock.until(cache.close());
    await drain();
    expect(clock.timers).to.equal(0);
  });

  it('watch the device while it is at something', async () => {
    const { cache, clock, device } = await opened({ deviceTimeoutMs: 100 });
    const rule = device.inject({ on: 'read', hang: 'after' });
    const read = codeOfRejection(cache.read(0));
    await drain();
    expect(clock.timers).to.equal(1);
    expect(await clock.until(read)).to.equal('CACHETRAIL_DEVICE_TIMEOUT');
    expect(clock.now()).to.equal(100e6);
    rule.release();
    await drain();
    expect(clock.timers).to.equal(0);
  });
});

describe('the last event', () => {
  it('is that the cache is closed, whatever is asked in the handlers before it', async () => {
    const clock = new VirtualClock();
    const device = memoryDevice({ sizeBytes: BLOCKS * BLOCK }, { readOnly: true });
    const cache = await openCache(device, { blockSize: BLOCK, capacity: 8, clock });
    await clock.until(cache.read(0));
    const events: CacheEvent[] = [];
    const asked: Promise<string>[] = [];
    let completed = false;
    cache.events$.subscribe({
      next: (event) => {
        events.push(event);
        if (event.type !== 'read' || asked.length > 0) return;
        asked.push(codeOfRejection(cache.close()), codeOfRejection(cache.read(1)), codeOfRejection(cache.flush()));
      },
      complete: () => {
        completed = true;
      },
    });
    cache.readNow(0, new Uint8Array(BLOCK));
    expect(await clock.until(Promise.all(asked))).to.deep.equal(['none', 'CACHETRAIL_CLOSED', 'CACHETRAIL_CLOSED']);
    expect(typesOf(events)).to.deep.equal(['read', 'closeStarted', 'closed']);
    expect(completed).to.equal(true);
  });

  it('is not followed by a late answer', async () => {
    const { cache, clock, device, events } = await opened({ deviceTimeoutMs: 100 });
    const rule = device.inject({ on: 'write', hang: 'after' });
    await clock.until(cache.write(0, block(7)));
    expect(await clock.until(codeOfRejection(cache.close()))).to.equal('CACHETRAIL_CLOSE_FAILED');
    const closed = cache.close({ abandon: 'the disk is gone' });
    rule.release();
    await clock.until(closed);
    await drain();
    expect(events.at(-1)?.type).to.equal('closed');
  });
});

describe('errors of the device', () => {
  it('are the cause, as they came', async () => {
    const { cache, clock, device } = await opened();
    device.inject({ on: 'read', code: 'EIO' });
    const error: unknown = await clock.until(cache.read(0).catch((thrown: unknown) => thrown));
    expect(error).to.be.instanceOf(CachetrailError);
    if (!(error instanceof CachetrailError)) return;
    expect(error.code).to.equal('CACHETRAIL_READ_FAILED');
    expect(error.cause).to.be.an('error').with.property('syscall', 'read');
  });

  it('that look like a timeout of cachetrail’s own do not leave a block stuck: the device has answered', async () => {
    const { cache, clock, device } = await opened();
    const rule = device.inject({ on: 'write', code: 'CACHETRAIL_DEVICE_TIMEOUT' });
    await clock.until(cache.write(0, block(7)));
    expect(await clock.until(codeOfRejection(cache.flush()))).to.equal('CACHETRAIL_FLUSH_FAILED');
    rule.cure();
    await clock.until(cache.flush());
    expect(cache.inspect(0).state).to.equal('clean');
  });
});
