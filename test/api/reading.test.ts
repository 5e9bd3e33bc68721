import { expect } from 'chai';
import { faultDevice, latencyDevice, memoryDevice } from '../../src/index.js';
import { expectBytes, pattern, testCaches } from './support/caches.js';
import { DEVICE_KINDS, devicesOf } from './support/devices.js';
import { TestClock } from './support/virtual-clock.js';

const BLOCK = 4096;
/** 64 whole blocks, and 700 bytes. */
const SIZE = 64 * BLOCK + 700;
const OLD = pattern(SIZE, 1);
const blocks = (block: number, count: number) => OLD.slice(block * BLOCK, (block + count) * BLOCK);

for (const kind of DEVICE_KINDS)
  describe(`reading over a ${kind} device`, () => {
    const open = testCaches();
    const make = devicesOf(kind);
    const opened = async (capacity = 64) => open((await make(OLD)).device, { capacity });

    it('gives the bytes of one block, of several, and of the short last one', async () => {
      const { cache } = await opened();
      for (let round = 0; round < 2; round++) {
        expectBytes(await cache.read(3), blocks(3, 1));
        expectBytes(await cache.read(7, 9), blocks(7, 9));
        expectBytes(await cache.read(64), blocks(64, 1));
        expectBytes(await cache.read(60, 5), blocks(60, 5));
        expectBytes(await cache.read(0, 65), OLD);
      }
    });

    it('gives them in the buffer that the caller brings', async () => {
      const { cache } = await opened();
      const into = new Uint8Array(3 * BLOCK);
      expect(await cache.read(1, 3, into)).to.equal(into);
      expectBytes(into, blocks(1, 3));
      const tail = Buffer.alloc(700);
      expect(await cache.read(64, 1, tail)).to.equal(tail);
      expectBytes(tail, blocks(64, 1));
      const window = new Uint8Array(new ArrayBuffer(2 * BLOCK), 100, BLOCK);
      await cache.read(2, 1, window);
      expectBytes(window, blocks(2, 1), 'a window of a larger buffer');
      expect(new Uint8Array(window.buffer, 0, 100).every((byte) => byte === 0)).to.equal(true);
    });

    it('gives a copy: what the caller does to it changes nothing', async () => {
      const { cache } = await opened();
      (await cache.read(3)).fill(0);
      (await cache.read(3)).fill(0);
      expectBytes(await cache.read(3), blocks(3, 1));
    });

    it('at once answers for what is cached, and only for that', async () => {
      const { cache } = await opened();
      const into = new Uint8Array(BLOCK);
      expect(cache.readNow(3, into)).to.equal(false);
      expect(into.every((byte) => byte === 0)).to.equal(true);
      await cache.read(3);
      expect(cache.readNow(3, into)).to.equal(true);
      expectBytes(into, blocks(3, 1));
      const tail = new Uint8Array(700);
      expect(cache.readNow(64, tail)).to.equal(false);
      await cache.read(64);
      expect(cache.readNow(64, tail)).to.equal(true);
      expectBytes(tail, blocks(64, 1));
    });

    it('of bytes has any alignment', async () => {
      const { cache } = await opened(16);
      const ranges = [
        [0, 1],
        [1, 4094],
        [4095, 2],
        [4096, 4096],
        [100, 20_000],
        [SIZE - 1, 1],
        [64 * BLOCK + 5, 690],
        [0, SIZE],
      ];
      for (const [offset, length] of ranges) {
        expectBytes(
          await cache.readBytes(offset, length),
          OLD.subarray(offset, offset + length),
          `${length} at ${offset}`,
        );
      }
      const into = new Uint8Array(5000);
      expect(await cache.readBytes(3000, 5000, { into })).to.equal(into);
      expectBytes(into, OLD.subarray(3000, 8000));
      expect(await cache.readBytes(SIZE, 0)).to.deep.equal(new Uint8Array(0));
    });

    it('of more than fits in the cache gives all of it', async () => {
      const { cache } = await opened(4);
      expectBytes(await cache.read(0, 65), OLD);
      expectBytes(await cache.readBytes(5, SIZE - 10), OLD.subarray(5, SIZE - 5));
      expect(cache.stats().residentBlocks).to.be.at.most(4);
    });

    it('of more than one request may ask for is several requests', async () => {
      const { device } = await make(OLD);
      const { cache, of } = await open(device, { limits: { requestBlocksMax: 10 } });
      expectBytes(await cache.read(2, 60), blocks(2, 60));
      expect(of('readMissed').map(({ block, count }) => [block, count])).to.deep.equal([
        [2, 10],
        [12, 10],
        [22, 10],
        [32, 10],
        [42, 10],
        [52, 10],
      ]);
    });
  });

describe('reading', () => {
  const open = testCaches();

  it('joins missing neighbours in one device read, around what is cached', async () => {
    const device = faultDevice(memoryDevice({ bytes: OLD.slice() }));
    const { cache, of } = await open(device);
    await cache.read(10);
    await cache.write(13, pattern(BLOCK, 2));
    expectBytes((await cache.read(6, 12)).subarray(0, 7 * BLOCK), blocks(6, 7));
    expect(of('fillStarted').map(({ block, count }) => [block, count])).to.deep.equal([
      [10, 1],
      [6, 4],
      [11, 2],
      [14, 4],
    ]);
    expect(of('readMissed').at(-1)).to.include({ block: 6, count: 12, hits: 2 });
    expect(cache.stats()).to.include({ hits: 2, misses: 1 + 1 + 10 });
  });

  it('by several of one missing block is one device read', async () => {
    const clock = new TestClock();
    const device = faultDevice(memoryDevice({ bytes: OLD.slice() }));
    const { after: setTimer } = clock;
    const { cache } = await open(latencyDevice(device, { readMs: 5, setTimer }), { clock });
    const all = [cache.read(3), cache.read(3), cache.read(2, 3), cache.readBytes(3 * BLOCK + 9, 9), cache.read(3)];
    const [first, , range, bytes, last] = await clock.until(Promise.all(all));
    expectBytes(first, blocks(3, 1));
    expectBytes(last, first);
    expectBytes(range, blocks(2, 3));
    expectBytes(bytes, OLD.subarray(3 * BLOCK + 9, 3 * BLOCK + 18));
    expect(device.operations.read, 'block 3, then 2 and 4').to.equal(3);
  });

  it('of 64 cached blocks is one event', async () => {
    const { cache, events } = await open(memoryDevice({ bytes: OLD.slice() }));
    await cache.read(0, 64);
    const before = events.length;
    await cache.read(0, 64);
    expect(events.slice(before).map((event) => event.type)).to.deep.equal(['read']);
  });

  it('of a hit that is refused for its buffer is no event and no hit', async () => {
    const { cache, events } = await open(memoryDevice({ bytes: OLD.slice() }));
    await cache.read(0);
    const { hits } = cache.stats();
    const before = events.length;
    await cache.read(0, 1, new Uint8Array(1)).catch(() => undefined);
    expect(events.length).to.equal(before);
    expect(cache.stats().hits).to.equal(hits);
  });
});

describe('readahead', () => {
  const open = testCaches();

  it('reads what is missing and waits for nothing', async () => {
    const device = faultDevice(memoryDevice({ bytes: OLD.slice() }));
    const { cache, of } = await open(device);
    await cache.read(12);
    cache.readahead({ block: 10, count: 6 }, { actor: 'guess' });
    expect(of('readaheadRequested').map(({ block, count, actor }) => [block, count, actor])).to.deep.equal([
      [10, 6, 'guess'],
    ]);
    await new Promise((resolve) => setImmediate(resolve));
    const { read } = device.operations;
    expectBytes(await cache.read(10, 6), blocks(10, 6));
    expect(device.operations.read).to.equal(read);
    expect(cache.stats().hits).to.equal(6);
  });

  it('never makes dirty blocks leave, and is bounded', async () => {
    const clock = new TestClock();
    const { after: setTimer } = clock;
    const memory = memoryDevice({ bytes: OLD.slice() });
    const options = { clock, capacity: 16, limits: { readaheadBlocksMax: 6 } };
    const { cache, of } = await open(latencyDevice(memory, { readMs: 5, setTimer }), options);
    await cache.write(0, pattern(7 * BLOCK, 2));
    for (let round = 0; round < 5; round++) cache.readahead({ block: 10, count: 50 });
    expect(of('fillStarted').reduce((sum, { count }) => sum + count, 0)).to.equal(6);
    await clock.pass(50);
    cache.readahead({ block: 0, count: 64 });
    await clock.pass(50);
    for (let block = 0; block < 7; block++) expect(cache.inspect(block).state).to.equal('dirty');
  });

  it('that the device fails is nobody’s error, and the blocks can be read', async () => {
    const device = faultDevice(memoryDevice({ bytes: OLD.slice() }));
    device.inject({ on: 'read', code: 'EIO', times: 1 });
    const { cache, of } = await open(device);
    cache.readahead({ block: 10, count: 6 });
    await new Promise((resolve) => setImmediate(resolve));
    expect(of('fillFailed')).to.have.lengthOf(1);
    expectBytes(await cache.read(10, 6), blocks(10, 6));
  });
});
