import { expect } from 'chai';
import { type CacheMode, faultDevice, latencyDevice, memoryDevice, WriteError } from '../../src/index.js';
import { rejection } from '../device/support.js';
import { expectBytes, pattern, stateOf, testCaches } from './support/caches.js';
import { survivorsOf } from './support/faulty.js';
import { DEVICE_KINDS, devicesOf } from './support/devices.js';
import { TestClock } from './support/virtual-clock.js';

const BLOCK = 4096;
/** 64 whole blocks, and 700 bytes. */
const SIZE = 64 * BLOCK + 700;
const OLD = pattern(SIZE, 1);
const MODES: readonly CacheMode[] = ['writeback', 'writethrough'];

for (const kind of DEVICE_KINDS)
  for (const mode of MODES)
    describe(`writing over a ${kind} device, ${mode}`, () => {
      const open = testCaches();
      const make = devicesOf(kind);

      async function opened(capacity = 64) {
        const made = await make(OLD);
        const model = OLD.slice();
        const test = await open(made.device, { capacity, mode });
        const write = (block: number, data: Uint8Array) => {
          model.set(data, block * BLOCK);
          return test.cache.write(block, data);
        };
        const writeBytes = (offset: number, data: Uint8Array, through = false) => {
          model.set(data, offset);
          return test.cache.writeBytes(offset, data, { through });
        };
        const expectSaved = async () => {
          expectBytes(await test.cache.readBytes(0, SIZE), model, 'cache');
          await test.cache.flush();
          expectBytes(made.bytes(), model, 'device');
        };
        return { ...test, made, model, write, writeBytes, expectSaved };
      }

      it('takes one block, several, and the short last one', async () => {
        const { write, expectSaved } = await opened();
        await write(3, pattern(BLOCK, 2));
        await write(10, pattern(20 * BLOCK, 3));
        await write(64, pattern(700, 4));
        await write(62, pattern(2 * BLOCK + 700, 5));
        await write(3, pattern(BLOCK, 6));
        await expectSaved();
      });

      it('takes bytes at any alignment, and keeps those around them', async () => {
        const { writeBytes, expectSaved } = await opened(16);
        const ranges = [
          [0, 1],
          [1, 4094],
          [4095, 2],
          [4096, 4096],
          [50_000, 20_000],
          [SIZE - 1, 1],
          [64 * BLOCK + 5, 690],
        ];
        for (const [index, [offset, length]] of ranges.entries()) await writeBytes(offset, pattern(length, index));
        await expectSaved();
        await writeBytes(0, pattern(SIZE, 77));
        await expectSaved();
      });

      it('takes bytes through to the device', async () => {
        const { writeBytes, made, model, expectSaved } = await opened(16);
        for (const [offset, length] of [
          [5, 10],
          [BLOCK - 1, BLOCK + 2],
          [SIZE - 700, 700],
        ]) {
          await writeBytes(offset, pattern(length, offset), true);
          expectBytes(made.bytes(), model, `${length} at ${offset}`);
        }
        await expectSaved();
      });

      it('takes more than fits in the cache, in parts', async () => {
        const { write, writeBytes, expectSaved, cache } = await opened(4);
        await write(1, pattern(60 * BLOCK, 2));
        await writeBytes(77, pattern(40 * BLOCK, 3));
        await expectSaved();
        expect(cache.stats().residentBlocks).to.be.at.most(4);
      });

      it('takes what many write at once, each block from the last of its writers', async () => {
        const { write, writeBytes, expectSaved } = await opened(8);
        const writes: Promise<void>[] = [];
        for (let index = 0; index < 60; index++) {
          const seed = (index * 7) % 23;
          if (index % 3 === 0) writes.push(writeBytes(seed * 1000 + index, pattern(3000, index)));
          else writes.push(write(seed, pattern((1 + (index % 3)) * BLOCK, index)));
        }
        await Promise.all(writes);
        await expectSaved();
      });

      it('of nothing at all is nothing', async () => {
        const { cache, events } = await opened();
        const before = events.length;
        await cache.writeBytes(SIZE, new Uint8Array(0));
        expect(events.length).to.equal(before);
      });

      it('has the bytes once it has resolved, whatever the caller does to the buffer then', async () => {
        const { write, cache, expectSaved } = await opened();
        const data = pattern(BLOCK, 8);
        await write(9, data);
        data.fill(0);
        expectBytes(await cache.read(9), pattern(BLOCK, 8));
        await expectSaved();
      });
    });

describe('a write, writeback', () => {
  const open = testCaches();

  it('resolves before the device is asked, and reaches it when it is old enough', async () => {
    const clock = new TestClock();
    const device = faultDevice(memoryDevice({ bytes: OLD.slice() }));
    const { cache, of } = await open(device, { clock });
    await cache.write(3, pattern(BLOCK, 2));
    expect(device.operations.write).to.equal(0);
    expect(cache.inspect(3)).to.deep.include({ state: 'dirty', generation: 1, dirtySince: 0, parked: false });
    await clock.pass(4_999);
    expect(device.operations.write).to.equal(0);
    await clock.pass(1);
    expect(device.operations).to.include({ write: 1, barrier: 1 });
    expect(of('batchPlanned').map(({ reason }) => reason)).to.deep.equal(['age']);
    expect(cache.inspect(3)).to.include({ state: 'clean', dirtySince: null });
    expect(clock.timers, 'an idle cache has no timer').to.equal(0);
  });

  it('is carried with its neighbours when much is dirty, before anything has to wait', async () => {
    const device = faultDevice(memoryDevice({ bytes: OLD.slice() }));
    const { cache, of } = await open(device, { capacity: 32 });
    for (let block = 0; block < 16; block++) await cache.write(block, pattern(BLOCK, block));
    expect(of('batchPlanned').map(({ reason }) => reason)).to.deep.equal(['background']);
    await cache.flush();
    expect(device.operations.write).to.be.below(4);
  });

  it('is not lost when it comes while the block is being written', async () => {
    const clock = new TestClock();
    const memory = memoryDevice({ bytes: OLD.slice() });
    const { after: setTimer } = clock;
    const { cache } = await open(latencyDevice(memory, { writeMs: 10, setTimer }), { clock });
    await cache.write(3, pattern(BLOCK, 2));
    const flush = cache.flush();
    await clock.pass(5);
    expect(cache.inspect(3).state).to.equal('writing');
    await cache.write(3, pattern(BLOCK, 3));
    await clock.until(flush);
    expectBytes(memory.bytes.subarray(3 * BLOCK, 4 * BLOCK), pattern(BLOCK, 2), 'the device has a whole older version');
    expect(cache.inspect(3).state).to.equal('dirty');
    await clock.until(cache.flush());
    expectBytes(memory.bytes.subarray(3 * BLOCK, 4 * BLOCK), pattern(BLOCK, 3));
  });
});

describe('a write, writethrough', () => {
  const open = testCaches();

  it('resolves when the device holds it, and rejects with what the device says; the data is kept all the same', async () => {
    const clock = new TestClock();
    const memory = memoryDevice({ bytes: OLD.slice() });
    const device = faultDevice(memory);
    const { after: setTimer } = clock;
    const slow = latencyDevice(device, { writeMs: 10, setTimer });
    const { cache } = await open(slow, { clock, mode: 'writethrough' });
    const write = cache.write(3, pattern(BLOCK, 2));
    await clock.pass(5);
    expect(await stateOf(write)).to.equal('pending');
    await clock.until(write);
    expectBytes(memory.bytes.subarray(3 * BLOCK, 4 * BLOCK), pattern(BLOCK, 2));

    const rule = device.inject({ on: 'write', code: 'ENOSPC' });
    const error = await rejection(clock.until(cache.write(4, pattern(BLOCK, 3))));
    expect(error.code).to.equal('CACHETRAIL_WRITE_FAILED');
    expect(error.cause).to.include({ code: 'ENOSPC' });
    expectBytes(await cache.read(4), pattern(BLOCK, 3));
    expect(cache.inspect(4).state).to.equal('dirty');
    rule.cure();
    await clock.until(cache.write(4, pattern(BLOCK, 4)));
    expectBytes(memory.bytes.subarray(4 * BLOCK, 5 * BLOCK), pattern(BLOCK, 4));
  });

  it('of several blocks that neighbour each other is one device write', async () => {
    const device = faultDevice(memoryDevice({ bytes: OLD.slice() }));
    const { cache } = await open(device, { mode: 'writethrough' });
    await cache.write(3, pattern(10 * BLOCK, 2));
    expect(device.operations.write).to.equal(1);
  });

  it('in parts is in the cache to its end though the device takes none of them, and all of them are named', async () => {
    const clock = new TestClock();
    const memory = memoryDevice({ bytes: OLD.slice() });
    const device = faultDevice(memory);
    const { cache } = await open(device, { clock, mode: 'writethrough', limits: { requestBlocksMax: 4 } });
    device.inject({ on: 'write', code: 'EROFS' });
    const error = await rejection(clock.until(cache.write(10, pattern(10 * BLOCK, 2))));
    if (!(error instanceof WriteError)) throw error;
    expect(error.code).to.equal('CACHETRAIL_WRITE_FAILED');
    expect(error.cause).to.include({ code: 'EROFS' });
    expect(error.blocks.map(({ block }) => block)).to.deep.equal([10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
    expectBytes(await cache.read(10, 10), pattern(10 * BLOCK, 2));
    device.cure();
    const resolved = await survivorsOf(clock.until(cache.flush()));
    expect(resolved.code).to.equal('CACHETRAIL_FAILURE_RESOLVED');
    expect(resolved.blocks).to.have.lengthOf(10);
    await clock.until(cache.flush());
    expectBytes(memory.bytes.subarray(10 * BLOCK, 20 * BLOCK), pattern(10 * BLOCK, 2));
  });

  it('through a borrowed block resolves when the device holds it', async () => {
    const device = faultDevice(memoryDevice({ bytes: OLD.slice() }));
    const { cache } = await open(device, { mode: 'writethrough' });
    const borrowed = await cache.borrow(5);
    borrowed.bytes.fill(9);
    await borrowed.markDirty();
    expect(device.operations.write).to.equal(1);
    borrowed.release();
  });
});
