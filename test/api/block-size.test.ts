import { expect } from 'chai';
import { faultDevice, latencyDevice, memoryDevice } from '../../src/index.js';
import { rejection } from '../device/support.js';
import { expectBytes, pattern, testCaches } from './support/caches.js';
import { DEVICE_KINDS, devicesOf } from './support/devices.js';
import { TestClock } from './support/virtual-clock.js';

const SIZE = 64 * 4096 + 700;

for (const kind of DEVICE_KINDS)
  describe(`setBlockSize over a ${kind} device`, () => {
    const open = testCaches();
    const make = devicesOf(kind);

    it('flushes, empties the cache and goes on with blocks of the new size', async () => {
      const made = await make(pattern(SIZE, 1));
      const { cache, of } = await open(made.device, { capacity: 32 });
      const expected = pattern(SIZE, 1);
      expected.set(pattern(4096, 2), 3 * 4096);
      await cache.write(3, pattern(4096, 2));
      for (const blockSize of [512, 65_536, 1024, 131_072, 4096]) {
        const before = cache.blockSize;
        await cache.setBlockSize(blockSize);
        expect(of('blockSizeChanged').at(-1)).to.include({ from: before, to: blockSize });
        expect(cache.blockSize).to.equal(blockSize);
        expect(cache.blockCount).to.equal(Math.ceil(SIZE / blockSize));
        expect(cache.stats().residentBlocks).to.equal(0);
        const last = cache.blockCount - 1;
        expectBytes(await cache.read(last), expected.subarray(last * blockSize));
        expectBytes(await cache.readBytes(0, SIZE), expected);
        const data = pattern(blockSize, blockSize);
        expected.set(data, blockSize);
        await cache.write(1, data);
      }
      await cache.flush();
      expectBytes(made.bytes(), expected);
    });

    it('keeps about as much memory: the capacity is in blocks of the new size', async () => {
      const { device } = await make(new Uint8Array(SIZE));
      const { cache } = await open(device, { capacity: 32 });
      await cache.setBlockSize(512);
      expect(cache.capacity).to.equal(256);
      await cache.setBlockSize(131_072);
      expect(cache.capacity).to.equal(1);
      await cache.setBlockSize(131_072);
    });
  });

describe('setBlockSize', () => {
  const open = testCaches();

  it('changes nothing if what is dirty cannot be saved', async () => {
    const clock = new TestClock();
    const memory = memoryDevice({ bytes: pattern(SIZE, 1) });
    const device = faultDevice(memory);
    const { cache, of } = await open(device, { clock });
    const rule = device.inject({ on: 'write', code: 'ENOSPC' });
    await cache.write(3, pattern(4096, 2));
    await cache.read(5);
    expect(await rejection(clock.until(cache.setBlockSize(512)))).to.include({ code: 'CACHETRAIL_FLUSH_FAILED' });
    expect(cache.blockSize).to.equal(4096);
    expect(cache.inspect(5).state, 'the clean blocks are still there').to.equal('clean');
    expect(await cache.read(3)).to.deep.equal(pattern(4096, 2));
    expect(of('blockSizeChanged')).to.deep.equal([]);
    rule.cure();
    await clock.until(cache.setBlockSize(512));
    expectBytes(memory.bytes.subarray(3 * 4096, 4 * 4096), pattern(4096, 2));
  });

  it('is refused while blocks are borrowed', async () => {
    const { cache } = await open(memoryDevice({ sizeBytes: SIZE }));
    const borrowed = await cache.borrow(1);
    expect((await rejection(cache.setBlockSize(512))).code).to.equal('CACHETRAIL_PINNED');
    borrowed.release();
    await cache.setBlockSize(512);
  });

  it('has requests that come meanwhile wait for their turn, or tells them that it is busy', async () => {
    const clock = new TestClock();
    const memory = memoryDevice({ bytes: pattern(SIZE, 1) });
    const { after: setTimer } = clock;
    const { cache } = await open(latencyDevice(memory, { writeMs: 5, barrierMs: 5, readMs: 5, setTimer }), { clock });
    await cache.write(3, pattern(4096, 2));
    const reading = cache.read(10, 4);
    const changing = cache.setBlockSize(512);
    expect((await rejection(cache.read(1))).code).to.equal('CACHETRAIL_BUSY');
    expect((await rejection(cache.write(1, new Uint8Array(4096)))).code).to.equal('CACHETRAIL_BUSY');
    expect((await rejection(cache.setBlockSize(1024))).code).to.equal('CACHETRAIL_BUSY');
    await clock.until(changing);
    expectBytes(await reading, pattern(SIZE, 1).subarray(10 * 4096, 14 * 4096));
    await clock.until(cache.read(1));
  });

  for (const blockSize of [512, 16_384]) {
    it(`to ${blockSize} between two parts of a long read leaves it the right bytes`, async () => {
      const clock = new TestClock();
      const memory = memoryDevice({ bytes: pattern(SIZE, 1) });
      const { after: setTimer } = clock;
      const slow = latencyDevice(memory, { readMs: 50, barrierMs: 1, setTimer });
      const { cache } = await open(slow, { clock, limits: { requestBlocksMax: 8 } });
      const read = cache.read(0, 40);
      await clock.pass(120);
      await clock.until(cache.setBlockSize(blockSize));
      expectBytes(await clock.until(read), pattern(SIZE, 1).subarray(0, 40 * 4096));
      const bytes = cache.readBytes(1000, 100_001);
      await clock.pass(20);
      await clock.until(cache.setBlockSize(4096));
      expectBytes(await clock.until(bytes), pattern(SIZE, 1).subarray(1000, 101_001));
    });

    it(`to ${blockSize} between two parts of a long write refuses the rest, which can be written again`, async () => {
      const clock = new TestClock();
      const memory = memoryDevice({ bytes: pattern(SIZE, 1) });
      const { after: setTimer } = clock;
      const slow = latencyDevice(memory, { writeMs: 50, barrierMs: 1, setTimer });
      const options = { clock, mode: 'writethrough', capacity: 64, limits: { requestBlocksMax: 4 } } as const;
      const { cache } = await open(slow, options);
      const expected = pattern(SIZE, 1);
      expected.set(pattern(15 * 4096, 3), 45 * 4096 + 3);
      const write = rejection(cache.writeBytes(45 * 4096 + 3, pattern(15 * 4096, 3)));
      await clock.pass(70);
      await clock.until(cache.setBlockSize(blockSize));
      expect((await clock.until(write)).code).to.equal('CACHETRAIL_BUSY');
      await clock.until(cache.writeBytes(45 * 4096 + 3, pattern(15 * 4096, 3)));
      await clock.until(cache.flush());
      expectBytes(memory.bytes, expected);
    });
  }
});
