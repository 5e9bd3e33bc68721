import { expect } from 'chai';
import { faultDevice, latencyDevice, memoryDevice } from '../../src/index.js';
import { expectBytes, pattern, stateOf, testCaches } from './support/caches.js';
import { DEVICE_KINDS, devicesOf } from './support/devices.js';
import { sparseDevice } from './support/sparse-device.js';
import { TestClock } from './support/virtual-clock.js';

const BLOCK = 4096;
const MIB = 1024 * 1024;
const OLD = pattern(4 * MIB, 1);
const blocks = (block: number, count: number) => OLD.slice(block * BLOCK, (block + count) * BLOCK);

for (const kind of DEVICE_KINDS)
  describe(`resizing over a ${kind} device`, () => {
    const open = testCaches();
    const make = devicesOf(kind);

    it('up makes room without losing what is cached; down makes the coldest leave', async () => {
      const { device } = await make(OLD);
      const { cache, of } = await open(device, { capacity: 8 });
      await cache.read(0, 8);
      await cache.resize(16);
      await cache.read(8, 8);
      expect(cache.stats()).to.include({ residentBlocks: 16, capacityBlocks: 16, evictions: 0 });
      await cache.resize(4);
      expect(cache.capacity).to.equal(4);
      expect(of('evicted').map(({ block, reason }) => [block, reason])).to.deep.equal(
        Array.from({ length: 12 }, (_, block) => [block, 'resize']),
      );
      expectBytes(await cache.read(12, 4), blocks(12, 4));
      expect(cache.stats()).to.include({ residentBlocks: 4, frames: 4, deviceReads: 2 });
    });

    it('down below what is dirty loses nothing: it leaves when it is durable', async () => {
      const made = await make(OLD);
      const { cache } = await open(made.device, { capacity: 64 });
      await cache.write(10, pattern(30 * BLOCK, 2));
      await cache.resize(2);
      expect(cache.capacity).to.equal(2);
      await cache.flush();
      expectBytes(made.bytes().subarray(10 * BLOCK, 40 * BLOCK), pattern(30 * BLOCK, 2));
      expect(cache.stats().residentBlocks).to.be.at.most(2);
      expectBytes(await cache.read(10, 30), pattern(30 * BLOCK, 2));
    });

    it('up and down under load leaves the right bytes', async () => {
      const made = await make(OLD);
      const { cache } = await open(made.device, { capacity: 16 });
      const model = OLD.slice();
      const load = async () => {
        for (let step = 0; step < 60; step++) {
          const data = pattern(3 * BLOCK, step);
          const block = (step * 37) % 1000;
          model.set(data, block * BLOCK + 9);
          await cache.writeBytes(block * BLOCK + 9, data);
          expectBytes(
            await cache.readBytes(block * BLOCK, 4 * BLOCK),
            model.subarray(block * BLOCK, (block + 4) * BLOCK),
          );
        }
      };
      const loading = load();
      for (const capacity of [3, 200, 1, 1000, 7, 64, 2]) {
        await cache.resize(capacity);
        await new Promise((resolve) => setImmediate(resolve));
      }
      await loading;
      await cache.flush();
      expectBytes(made.bytes(), model);
    });
  });

describe('a cache', () => {
  const open = testCaches();

  it('takes memory as it is used, and no more than its capacity', async () => {
    const { cache, of } = await open(memoryDevice({ bytes: OLD.slice() }), { capacity: 600 });
    expect(cache.stats()).to.include({ frames: 0, memoryBytes: 0 });
    await cache.read(0, 10);
    expect(cache.stats().frames).to.equal(256);
    const few = cache.stats().memoryBytes;
    expect(few).to.be.within(MIB, 2 * MIB);
    await cache.readBytes(0, 4 * MIB);
    expect(cache.stats()).to.include({ frames: 600, residentBlocks: 600 });
    // Whole slabs, and what is between the frames and the device: at most 8 operations of 1 MiB.
    expect(cache.stats().memoryBytes).to.be.within(600 * BLOCK, 3 * MIB + 8 * MIB);
    expect(of('resized').every(({ reason }) => reason === 'growth')).to.equal(true);
  });

  it('gives memory back that has not been used for long, and keeps what is dirty or in use', async () => {
    const clock = new TestClock();
    const memory = memoryDevice({ bytes: OLD.slice() });
    const { cache, of } = await open(memory, { clock, capacity: 1024, limits: { dirtyAgeNs: 600e9 } });
    await cache.readBytes(0, 4 * MIB);
    await cache.write(1000, pattern(BLOCK, 2));
    const borrowed = await cache.borrow(3);
    const before = cache.stats().memoryBytes;
    expect(cache.stats().frames).to.equal(1024);
    await clock.pass(61_000);
    await cache.read(5);
    await clock.pass(180_000);
    const after = cache.stats();
    expect(after.frames).to.be.at.most(512);
    expect(after.memoryBytes).to.be.below(before - 2 * MIB);
    expect(of('evicted').every(({ reason }) => reason === 'idle')).to.equal(true);
    expectBytes(await cache.read(1000), pattern(BLOCK, 2));
    expect(cache.inspect(1000).state).to.equal('dirty');
    expectBytes(borrowed.bytes, blocks(3, 1));
    borrowed.release();
    await clock.pass(180_000);
    expect(cache.stats().frames).to.equal(256);
    expectBytes(await cache.readBytes(0, 4 * MIB).then((all) => all.subarray(0, MIB)), OLD.subarray(0, MIB));
  });

  it('has 16 MiB where nothing is said, or all of a smaller device', async () => {
    const { cache: large } = await open(sparseDevice(2 ** 30));
    expect(large.capacity).to.equal(4096);
    const { cache: blocks512 } = await open(sparseDevice(2 ** 30), { blockSize: 512 });
    expect(blocks512.capacity).to.equal(32_768);
    const { cache: small } = await open(memoryDevice({ sizeBytes: 10 * BLOCK + 1 }));
    expect(small.capacity).to.equal(11);
  });

  for (const policy of ['lru', 'priority'] as const)
    it(`that evicts by ${policy} keeps what is used`, async () => {
      const { cache } = await open(memoryDevice({ bytes: OLD.slice() }), { capacity: 16, policy });
      for (let block = 100; block < 200; block++) {
        await cache.read(7);
        await cache.read(block);
      }
      expect(cache.inspect(7).state).to.equal('clean');
      expect(cache.stats()).to.include({ residentBlocks: 16, evictions: 85 });
    });
});

describe('a device of 2^53 - 1 bytes', () => {
  const open = testCaches();
  const LARGEST = Number.MAX_SAFE_INTEGER;

  for (const blockSize of [512, 4096, MIB])
    it(`is cached in blocks of ${blockSize}, to its last byte`, async () => {
      const device = sparseDevice(LARGEST);
      const { cache, of } = await open(device, { blockSize, capacity: 64 });
      const last = cache.blockCount - 1;
      expect(cache.blockCount).to.equal(Math.ceil(LARGEST / blockSize));
      expect(last * blockSize + (blockSize - 1)).to.equal(LARGEST);
      const near = [0, 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 1, 2 ** 33 + 5].filter((block) => block < last);
      for (const block of near) await cache.write(block, pattern(blockSize, block % 1009));
      await cache.write(last, pattern(blockSize - 1, 99));
      await cache.flush();
      await cache.invalidate();
      for (const block of near)
        expectBytes(await cache.read(block), pattern(blockSize, block % 1009), `block ${block}`);
      expectBytes(await cache.read(last), pattern(blockSize - 1, 99), 'the last block');
      expect(cache.inspect(last).state).to.equal('clean');
      expect(of('fillStarted').at(-1)).to.include({ block: last, count: 1 });
      expectBytes(await cache.readBytes(LARGEST - 1, 1), pattern(blockSize - 1, 99).subarray(-1));
    });

  it('tells blocks apart that are alike in their lower 32 bits', async () => {
    const device = sparseDevice(LARGEST);
    const { cache } = await open(device, { blockSize: 512, capacity: 256 });
    const alike = Array.from({ length: 64 }, (_, index) => 5 + index * 2 ** 32);
    for (const [index, block] of alike.entries()) await cache.write(block, pattern(512, index));
    for (const [index, block] of alike.entries()) expectBytes(await cache.read(block), pattern(512, index));
    await cache.zero({ block: alike[1], count: 2 ** 33 });
    expectBytes(await cache.read(alike[2]), new Uint8Array(512));
    expectBytes(await cache.read(alike[0]), pattern(512, 0));
    expectBytes(await cache.read(alike[5]), pattern(512, 5));
    await cache.flush();
    expect(device.pages.size).to.equal(64 - 2);
  });

  it('takes ranges as wide as itself', async () => {
    const device = sparseDevice(LARGEST);
    const { cache, of } = await open(device, { blockSize: 512, capacity: 16 });
    const whole = { block: 0, count: cache.blockCount };
    await cache.write(2 ** 40, pattern(512, 1));
    cache.readahead(whole);
    await cache.flush(whole);
    expect(await cache.invalidate(whole)).to.deep.include({ discarded: [] });
    await cache.discard(whole);
    expect(device.pages.size).to.equal(0);
    expect(of('flushFinished')).to.have.lengthOf(1);
  });
});

describe('a device with a tail shorter than a block', () => {
  const open = testCaches();

  for (const tail of [1, 511, 4095])
    it(`of ${tail} bytes is read, written and borrowed to its end and not beyond`, async () => {
      const memory = memoryDevice({ bytes: OLD.slice(0, 3 * BLOCK + tail) });
      const device = faultDevice(memory);
      const { cache, of } = await open(device);
      expect(cache.blockCount).to.equal(4);
      expectBytes(await cache.read(3), OLD.subarray(3 * BLOCK, 3 * BLOCK + tail));
      await cache.write(2, pattern(BLOCK + tail, 2));
      await cache.writeBytes(3 * BLOCK + tail - 1, Uint8Array.of(7));
      await cache.flush();
      const model = OLD.slice(0, 3 * BLOCK + tail);
      model.set(pattern(BLOCK + tail, 2), 2 * BLOCK);
      model[model.length - 1] = 7;
      expectBytes(memory.bytes, model);
      await cache.zero({ block: 3, count: 1 });
      expectBytes(memory.bytes.subarray(3 * BLOCK), new Uint8Array(tail));
      expect(of('writebackFailed')).to.deep.equal([]);
    });

  it('needs no read to be written to its end', async () => {
    const device = faultDevice(memoryDevice({ bytes: OLD.slice(0, 3 * BLOCK + 100) }));
    const { cache } = await open(device);
    await cache.writeBytes(3 * BLOCK, pattern(100, 2));
    await cache.write(3, pattern(100, 3));
    expect(device.operations.read).to.equal(0);
    await cache.writeBytes(3 * BLOCK, pattern(99, 2));
    expect(device.operations.read, 'it is cached by now').to.equal(0);
  });

  it('can be smaller than a block altogether, where blocks are small enough', async () => {
    const memory = memoryDevice({ bytes: OLD.slice(0, 700) });
    const { cache } = await open(memory, { blockSize: 512, capacity: 1 });
    await cache.write(1, pattern(188, 2));
    await cache.writeBytes(500, pattern(20, 3));
    await cache.flush();
    const model = OLD.slice(0, 700);
    model.set(pattern(188, 2), 512);
    model.set(pattern(20, 3), 500);
    expectBytes(memory.bytes, model);
  });
});

describe('a write that waits while the cache is made smaller', () => {
  const open = testCaches();

  it('than itself goes on in parts', async () => {
    const clock = new TestClock();
    const memory = memoryDevice({ bytes: OLD.slice() });
    const { after: setTimer } = clock;
    const { cache } = await open(latencyDevice(memory, { writeMs: 10, setTimer }), { clock, capacity: 32 });
    await cache.write(100, pattern(25 * BLOCK, 1));
    const write = cache.write(200, pattern(20 * BLOCK, 2));
    expect(await stateOf(write)).to.equal('pending');
    await cache.resize(4);
    await clock.until(write);
    await clock.until(cache.flush());
    expectBytes(memory.bytes.subarray(200 * BLOCK, 220 * BLOCK), pattern(20 * BLOCK, 2));
    expectBytes(memory.bytes.subarray(100 * BLOCK, 125 * BLOCK), pattern(25 * BLOCK, 1));
  });
});
