import { existsSync, readFileSync } from 'node:fs';
import { expect } from 'chai';
import {
  type BlockCache,
  type FaultDevice,
  faultDevice,
  memoryDevice,
  openCache,
  openFileDevice,
} from '../../src/index.js';
import { imageFolder } from '../device/images.js';
import { anyRejection, rejection, thrown } from '../device/support.js';
import { pattern, stateOf, testCaches } from './support/caches.js';
import { DEVICE_KINDS, devicesOf } from './support/devices.js';
import { TestClock } from './support/virtual-clock.js';

for (const kind of DEVICE_KINDS)
  describe(`closing a cache over a ${kind} device`, () => {
    const open = testCaches();
    const make = devicesOf(kind);

    it('makes everything durable, completes the events, and closes the device', async () => {
      const made = await make(new Uint8Array(16 * 4096));
      const { cache, events } = await open(made.device);
      const seen: string[] = [];
      cache.events$.subscribe({ next: ({ type }) => seen.push(type), complete: () => seen.push('complete') });
      await cache.write(3, pattern(4096, 1));
      await cache.close();
      expect(made.bytes().subarray(3 * 4096, 4 * 4096)).to.deep.equal(new Uint8Array(pattern(4096, 1)));
      expect(events.at(-1)?.type).to.equal('closed');
      expect(seen.slice(-2)).to.deep.equal(['closed', 'complete']);
      expect(await anyRejection(made.device.read(0, [new Uint8Array(1)]))).to.include({ code: 'CACHETRAIL_CLOSED' });
    });

    it('waits for the requests that were made before it', async () => {
      const made = await make(pattern(16 * 4096, 2));
      const { cache } = await open(made.device, { capacity: 4 });
      const read = cache.read(0, 8);
      const write = cache.writeBytes(9 * 4096 + 5, pattern(5000, 1));
      const zero = cache.zero({ block: 14, count: 1 });
      await cache.close();
      expect(await stateOf(Promise.all([read, write, zero]))).to.equal('fulfilled');
      expect(Buffer.compare(await read, pattern(16 * 4096, 2).subarray(0, 8 * 4096))).to.equal(0);
      expect(Buffer.compare(made.bytes().subarray(9 * 4096 + 5, 9 * 4096 + 5005), pattern(5000, 1))).to.equal(0);
      expect(made.bytes()[14 * 4096]).to.equal(0);
    });

    it('in the middle of a write in parts refuses the parts that are left, and keeps those that were taken', async () => {
      const made = await make(new Uint8Array(16 * 4096));
      const { cache } = await open(made.device, { capacity: 4 });
      const data = pattern(12 * 4096, 1);
      const write = rejection(cache.write(0, data));
      await cache.close();
      expect((await write).code).to.equal('CACHETRAIL_CLOSED');
      expect(Buffer.compare(made.bytes().subarray(0, 3 * 4096), data.subarray(0, 3 * 4096))).to.equal(0);
    });

    it('again is refused, and await using does not mind', async () => {
      const { device } = await make(new Uint8Array(4096));
      const cache = await openCache(device);
      const first = cache.close();
      const during = rejection(cache.close());
      await cache[Symbol.asyncDispose]();
      expect(await stateOf(first), 'it waited for the close that was under way').to.equal('fulfilled');
      expect((await during).code).to.equal('CACHETRAIL_CLOSED');
      expect((await rejection(cache.close())).code).to.equal('CACHETRAIL_CLOSED');
      expect((await rejection(cache.close({ abandon: 'anything' }))).code).to.equal('CACHETRAIL_CLOSED');
      await cache[Symbol.asyncDispose]();
    });

    it('by await using saves what was written', async () => {
      const made = await make(new Uint8Array(4096));
      const cache = await openCache(made.device);
      await (async () => {
        await using used = cache;
        await used.write(0, pattern(4096, 1));
      })();
      expect(cache.closed).to.equal(true);
      expect(Buffer.compare(made.bytes(), pattern(4096, 1))).to.equal(0);
    });
  });

describe('a closed cache', () => {
  const requests: Readonly<Record<string, (cache: BlockCache) => unknown>> = {
    'read of what was cached': (cache) => cache.read(0),
    'read of what was not': (cache) => cache.read(9, 2),
    readNow: (cache) => cache.readNow(0, new Uint8Array(4096)),
    write: (cache) => cache.write(0, new Uint8Array(4096)),
    'write of many': (cache) => cache.write(0, new Uint8Array(9 * 4096)),
    readBytes: (cache) => cache.readBytes(1, 2),
    'readBytes of none': (cache) => cache.readBytes(1, 0),
    writeBytes: (cache) => cache.writeBytes(1, new Uint8Array(2)),
    'writeBytes of none': (cache) => cache.writeBytes(1, new Uint8Array(0)),
    flush: (cache) => cache.flush(),
    'flush of a range': (cache) => cache.flush({ block: 0, count: 1 }),
    invalidate: (cache) => cache.invalidate(),
    'invalidate with discardDirty': (cache) => cache.invalidate(undefined, { discardDirty: 'test' }),
    discard: (cache) => cache.discard({ block: 0, count: 1 }),
    zero: (cache) => cache.zero({ block: 0, count: 1 }),
    readahead: (cache) => cache.readahead({ block: 0, count: 1 }),
    borrow: (cache) => cache.borrow(0),
    resize: (cache) => cache.resize(4),
    setBlockSize: (cache) => cache.setBlockSize(8192),
    'setBlockSize to what it was': (cache) => cache.setBlockSize(4096),
    'setOption of the cache': (cache) => cache.setOption('dirtyAgeNs', 1),
    'setOption of the device': (cache) => cache.setOption('other', 1),
    close: (cache) => cache.close(),
  };
  for (const [name, request] of Object.entries(requests)) {
    it(`refuses ${name}, before any event`, async () => {
      const cache = await openCache(memoryDevice({ sizeBytes: 16 * 4096 }));
      await cache.read(0);
      await cache.close();
      const { events } = cache.stats();
      const synchronous = name === 'readNow' || name === 'readahead';
      const error = synchronous ? thrown(() => request(cache)) : await rejection(Promise.resolve(request(cache)));
      expect(error.code).to.equal('CACHETRAIL_CLOSED');
      expect(cache.stats().events).to.equal(events);
    });
  }

  it('still tells what it was', async () => {
    const cache = await openCache(memoryDevice({ sizeBytes: 16 * 4096 + 1 }), { capacity: 7 });
    await cache.close();
    const { closed, blockSize, blockCount, sizeBytes, capacity, readOnly, identity } = cache;
    const expected = { blockSize: 4096, blockCount: 17, sizeBytes: 65_537, capacity: 7, readOnly: false };
    expect({ closed, blockSize, blockCount, sizeBytes, capacity, readOnly, identity }).to.deep.equal({
      closed: true,
      identity: 'memory:65537',
      ...expected,
    });
    expect(cache.stats().residentBlocks).to.equal(0);
    expect(cache.inspect(3).state).to.equal('absent');
    cache.checkInvariants();
  });
});

describe('closing a cache over a device that', () => {
  const open = testCaches();
  const broken: Readonly<Record<string, (device: FaultDevice) => unknown>> = {
    'fails to close': (device) => device.inject({ on: 'close', code: 'EIO' }),
    'throws when it is closed': (device) => device.inject({ on: 'close', throws: 'EIO' }),
    'never answers its close': (device) => device.inject({ on: 'close', hang: 'after' }),
  };
  for (const [what, breaks] of Object.entries(broken)) {
    it(`${what} rejects, with everything durable and the cache closed`, async () => {
      const clock = new TestClock();
      const memory = memoryDevice({ sizeBytes: 16 * 4096 });
      const device = faultDevice(memory);
      breaks(device);
      const { cache } = await open(device, { clock });
      await cache.write(0, pattern(4096, 1));
      const closing = cache.close();
      const disposing = anyRejection(cache[Symbol.asyncDispose]());
      const error = await rejection(clock.until(closing));
      expect(error.code).to.equal('CACHETRAIL_DEVICE_CLOSE_FAILED');
      const cause = what.startsWith('never') ? 'CACHETRAIL_DEVICE_TIMEOUT' : 'EIO';
      expect(error.cause).to.include({ code: cause });
      expect(await disposing).to.equal(error);
      expect(cache.closed).to.equal(true);
      expect((await rejection(cache.read(0))).code).to.equal('CACHETRAIL_CLOSED');
      await cache[Symbol.asyncDispose]();
      expect(memory.bytes.subarray(0, 4096)).to.deep.equal(pattern(4096, 1));
      expect(clock.timers, 'timers left').to.equal(0);
    });
  }

  it('never answers a read waits for the timeout, not for ever', async () => {
    const clock = new TestClock();
    const device = faultDevice(memoryDevice({ sizeBytes: 16 * 4096 }));
    device.inject({ on: 'read', hang: 'after' });
    const { cache } = await open(device, { clock });
    const read = rejection(cache.read(0));
    await clock.until(cache.close());
    expect((await read).code).to.equal('CACHETRAIL_DEVICE_TIMEOUT');
    expect(clock.timers, 'timers left').to.equal(0);
  });
});

describe('closing a cache with borrowed blocks', () => {
  const open = testCaches();

  it('is refused until they are released', async () => {
    const { cache } = await open(memoryDevice({ sizeBytes: 16 * 4096 }));
    const borrowed = await cache.borrow(0);
    expect((await rejection(cache.close())).code).to.equal('CACHETRAIL_PINNED');
    expect((await rejection(cache[Symbol.asyncDispose]())).code).to.equal('CACHETRAIL_PINNED');
    expect(cache.closed).to.equal(false);
    borrowed.release();
    await cache.close();
  });
});

describe('a file', () => {
  const images = imageFolder();

  it('can be opened again, and removed, as soon as its cache is closed', async () => {
    const path = images.make('again.img', 8192);
    for (let round = 1; round < 4; round++) {
      const cache = await openCache(await openFileDevice(path), { blockSize: 512 });
      await cache.write(round, new Uint8Array(512).fill(round));
      await cache.close();
      expect(readFileSync(path)[round * 512]).to.equal(round);
    }
    expect(existsSync(path)).to.equal(true);
  });
});
