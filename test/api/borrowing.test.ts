import { expect } from 'chai';
import { faultDevice, latencyDevice, memoryDevice } from '../../src/index.js';
import { rejection } from '../device/support.js';
import { expectBytes, pattern, stateOf, testCaches } from './support/caches.js';
import { DEVICE_KINDS, devicesOf } from './support/devices.js';
import { TestClock } from './support/virtual-clock.js';

const BLOCK = 4096;
const SIZE = 64 * BLOCK + 700;
const OLD = pattern(SIZE, 1);
const blocks = (block: number, count: number) => OLD.slice(block * BLOCK, (block + count) * BLOCK);

for (const kind of DEVICE_KINDS)
  describe(`a block borrowed over a ${kind} device`, () => {
    const open = testCaches();
    const make = devicesOf(kind);

    it('is a view of the cached bytes, read first where it is not cached', async () => {
      const { device } = await make(OLD);
      const { cache, of } = await open(device);
      const borrowed = await cache.borrow(3);
      expect(borrowed.block).to.equal(3);
      expectBytes(borrowed.bytes, blocks(3, 1));
      const again = await cache.borrow(3);
      expect(again.bytes.buffer).to.equal(borrowed.bytes.buffer);
      expect(again.bytes.byteOffset).to.equal(borrowed.bytes.byteOffset);
      const tail = await cache.borrow(64);
      expectBytes(tail.bytes, blocks(64, 1), 'the short last block');
      expect(cache.stats().pinnedBlocks).to.equal(2);
      expect(cache.inspect(3).pins).to.equal(2);
      for (const each of [borrowed, again, tail]) each.release();
      expect(cache.stats().pinnedBlocks).to.equal(0);
      expect(of('borrowed').map(({ block }) => block)).to.deep.equal([3, 3, 64]);
      expect(of('released').map(({ block }) => block)).to.deep.equal([3, 3, 64]);
    });

    it('shows what others write, and shows them what was changed in it', async () => {
      const made = await make(OLD);
      const { cache } = await open(made.device);
      const borrowed = await cache.borrow(3);
      await cache.write(3, pattern(BLOCK, 2));
      expectBytes(borrowed.bytes, pattern(BLOCK, 2));
      borrowed.bytes.set([1, 2, 3], 100);
      await borrowed.markDirty();
      expect([...(await cache.readBytes(3 * BLOCK + 100, 3))]).to.deep.equal([1, 2, 3]);
      await cache.flush();
      expect([...made.bytes().subarray(3 * BLOCK + 100, 3 * BLOCK + 103)]).to.deep.equal([1, 2, 3]);
      borrowed.release();
    });

    it('of the short tail can be changed and written back', async () => {
      const made = await make(OLD);
      const { cache } = await open(made.device);
      const tail = await cache.borrow(64);
      tail.bytes.fill(9);
      await tail.markDirty();
      tail.release();
      await cache.close();
      expect(made.bytes().length).to.equal(SIZE);
      expect(
        made
          .bytes()
          .subarray(64 * BLOCK)
          .every((byte) => byte === 9),
      ).to.equal(true);
    });
  });

describe('a borrowed block', () => {
  const open = testCaches();

  it('does not leave to make room, nor when the capacity shrinks, and its view stays good', async () => {
    const { cache } = await open(memoryDevice({ bytes: OLD.slice() }), { capacity: 4 });
    const borrowed = await cache.borrow(60);
    for (let block = 0; block < 30; block++) await cache.read(block);
    expectBytes(borrowed.bytes, blocks(60, 1));
    await cache.resize(1);
    await cache.read(7);
    expectBytes(borrowed.bytes, blocks(60, 1));
    expect(cache.inspect(60)).to.include({ state: 'clean', pins: 1 });
    await cache.resize(32);
    await cache.read(0, 30);
    expectBytes(borrowed.bytes, blocks(60, 1));
    borrowed.bytes.fill(5);
    await borrowed.markDirty();
    expect((await cache.read(60))[0]).to.equal(5);
    borrowed.release();
    await cache.resize(1);
    await cache.flush();
    expect(cache.stats()).to.include({ residentBlocks: 1, frames: 1 });
  });

  it('ends with its scope, and can be released again and again', async () => {
    const { cache, of } = await open(memoryDevice({ bytes: OLD.slice() }));
    {
      using borrowed = await cache.borrow(5);
      expect(cache.inspect(borrowed.block).pins).to.equal(1);
    }
    expect(cache.inspect(5).pins).to.equal(0);
    const borrowed = await cache.borrow(5);
    borrowed.release();
    borrowed.release();
    borrowed[Symbol.dispose]();
    expect(of('released')).to.have.lengthOf(2);
    expect(borrowed.bytes.length).to.equal(0);
    expect((await rejection(borrowed.markDirty())).code).to.equal('CACHETRAIL_INVALID_ARGUMENT');
  });

  it('changed without a word reaches nobody but the cache; a word later it reaches the device', async () => {
    const memory = memoryDevice({ bytes: OLD.slice() });
    const { cache } = await open(memory);
    const borrowed = await cache.borrow(5);
    borrowed.bytes.fill(1);
    await cache.flush();
    expectBytes(memory.bytes, OLD);
    await borrowed.markDirty();
    await cache.flush();
    expect(memory.bytes[5 * BLOCK]).to.equal(1);
    borrowed.release();
  });

  it('is given bytes that do not change under a device write in flight', async () => {
    const clock = new TestClock();
    const memory = memoryDevice({ bytes: OLD.slice() });
    const { after: setTimer } = clock;
    const { cache } = await open(latencyDevice(memory, { writeMs: 10, setTimer }), { clock });
    const borrowed = await clock.until(cache.borrow(5));
    borrowed.bytes.fill(1);
    await borrowed.markDirty();
    const flush = cache.flush();
    await clock.pass(5);
    borrowed.bytes.fill(2);
    await borrowed.markDirty();
    await clock.until(flush);
    expect(new Set(memory.bytes.subarray(5 * BLOCK, 6 * BLOCK))).to.deep.equal(new Set([1]));
    await clock.until(cache.flush());
    expect(new Set(memory.bytes.subarray(5 * BLOCK, 6 * BLOCK))).to.deep.equal(new Set([2]));
    borrowed.release();
  });

  it('more than its share of the capacity is refused, but not once others are released', async () => {
    const { cache } = await open(memoryDevice({ bytes: OLD.slice() }), { capacity: 8 });
    const borrowed = [];
    for (let block = 0; block < 4; block++) borrowed.push(await cache.borrow(block));
    expect((await rejection(cache.borrow(9))).code).to.equal('CACHETRAIL_PINNED');
    const again = await cache.borrow(0);
    borrowed[1].release();
    const other = await cache.borrow(9);
    for (const each of [...borrowed, again, other]) each.release();
  });

  it('and given up while it waits is not borrowed', async () => {
    const clock = new TestClock();
    const { after: setTimer } = clock;
    const device = latencyDevice(memoryDevice({ bytes: OLD.slice() }), { readMs: 10, setTimer });
    const { cache } = await open(device, { clock });
    const abort = new AbortController();
    const borrow = rejection(cache.borrow(5, { signal: abort.signal }));
    await clock.pass(5);
    abort.abort();
    expect((await borrow).code).to.equal('CACHETRAIL_ABORTED');
    await clock.pass(50);
    expect(cache.inspect(5)).to.include({ pins: 0 });
  });

  it('of a read-only cache cannot be marked dirty', async () => {
    const { cache } = await open(memoryDevice({ bytes: OLD.slice() }, { readOnly: true }));
    const borrowed = await cache.borrow(5);
    expect((await rejection(borrowed.markDirty())).code).to.equal('CACHETRAIL_READ_ONLY');
    borrowed.release();
  });
});

describe('a cache of a few blocks', () => {
  const open = testCaches();

  it('of 1 whose block is borrowed still reads, and writes to that block', async () => {
    const clock = new TestClock();
    const device = faultDevice(memoryDevice({ bytes: OLD.slice() }));
    const { cache } = await open(device, { clock, capacity: 1 });
    const borrowed = await cache.borrow(3);
    expectBytes(await cache.read(0, 20), blocks(0, 20));
    await cache.write(3, pattern(BLOCK, 2));
    await cache.writeBytes(3 * BLOCK + 1, pattern(5, 3));
    expect((await rejection(cache.borrow(4))).code).to.equal('CACHETRAIL_PINNED');
    const write = cache.write(4, pattern(BLOCK, 4));
    await clock.pass(1000);
    expect(await stateOf(write)).to.equal('pending');
    borrowed.release();
    await clock.until(write);
    expectBytes(await cache.read(4), pattern(BLOCK, 4));
  });
});
