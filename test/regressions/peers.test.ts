import { expect } from 'chai';
import { type BlockDevice, latencyDevice, memoryDevice, openFileDevice } from '../../src/index.js';
import { expectBytes, pattern, testCaches } from '../api/support/caches.js';
import { TestClock } from '../api/support/virtual-clock.js';
import { imageFolder } from '../device/images.js';

const MIB = 1024 * 1024;

/** nbdkit's cache filter reclaims dirty blocks unwritten when it is full. */
describe('a cache much smaller than what is written through it', () => {
  const open = testCaches();
  const images = imageFolder();

  const devices: Record<string, () => Promise<BlockDevice>> = {
    memory: () => Promise.resolve(memoryDevice({ sizeBytes: 8 * MIB })),
    file: () => openFileDevice(images.make('full.img', 8 * MIB)),
  };
  for (const [name, device] of Object.entries(devices)) {
    it(`loses nothing of 8 MiB through 1 MiB over a ${name} device`, async () => {
      const bytes = pattern(8 * MIB, 1);
      const { cache } = await open(await device(), { capacity: 256 });
      for (let offset = 0; offset < bytes.length; offset += 16_384) {
        await cache.writeBytes(offset, bytes.subarray(offset, offset + 16_384));
      }
      expectBytes(await cache.readBytes(0, bytes.length), bytes);
      await cache.flush();
      await cache.invalidate();
      expectBytes(await cache.readBytes(0, bytes.length), bytes);
      expect(cache.stats().residentBlocks).to.be.at.most(256);
    });
  }

  it('has all of it on the device after a close, though 64 writers were at it at once', async () => {
    const memory = memoryDevice({ sizeBytes: 8 * MIB });
    const bytes = pattern(8 * MIB, 2);
    const { cache } = await open(memory, { capacity: 256 });
    const writer = async (first: number) => {
      for (let block = first; block < 2048; block += 64) {
        await cache.write(block, bytes.subarray(block * 4096, (block + 1) * 4096));
      }
    };
    await Promise.all(Array.from({ length: 64 }, (_, first) => writer(first)));
    await cache.close();
    expectBytes(memory.bytes, bytes);
  });
});

/** cache-chunk-store keeps the old data when a put meets a get in flight. */
describe('a write while the same block is on its way from the device', () => {
  const open = testCaches();
  const old = pattern(16 * 4096, 1);

  async function reading(block: number, count: number) {
    const clock = new TestClock();
    const memory = memoryDevice({ bytes: old.slice() });
    const { after: setTimer } = clock;
    const test = await open(latencyDevice(memory, { readMs: 10, writeMs: 1, setTimer }), { clock });
    const read = test.cache.read(block, count);
    await clock.pass(5);
    expect(test.cache.inspect(block).state).to.equal('loading');
    return { clock, memory, read, ...test };
  }

  it('wins: reads after it, and the device after a flush, have the newer bytes', async () => {
    const { clock, memory, read, cache } = await reading(2, 3);
    const newer = pattern(4096, 7);
    await cache.write(3, newer);
    expect(await cache.read(3)).to.deep.equal(newer);
    await clock.until(read);
    expect(await cache.read(3)).to.deep.equal(newer);
    expect(await cache.read(2)).to.deep.equal(old.slice(2 * 4096, 3 * 4096));
    await clock.until(cache.flush());
    expect(memory.bytes.subarray(3 * 4096, 4 * 4096)).to.deep.equal(newer);
  });

  it('wins in part where it covers a part', async () => {
    const { clock, memory, read, cache } = await reading(3, 1);
    const write = cache.writeBytes(3 * 4096 + 100, pattern(50, 7));
    const later = cache.writeBytes(3 * 4096 + 120, pattern(10, 8));
    await clock.until(Promise.all([read, write, later]));
    const expected = old.slice(3 * 4096, 4 * 4096);
    expected.set(pattern(50, 7), 100);
    expected.set(pattern(10, 8), 120);
    expect(await cache.read(3)).to.deep.equal(expected);
    await clock.until(cache.flush());
    expect(memory.bytes.subarray(3 * 4096, 4 * 4096)).to.deep.equal(expected);
    expect(cache.stats().deviceReads, 'the writes joined the fill').to.equal(1);
  });

  it('wins over a readahead and over the read of a borrow', async () => {
    const { clock, read, cache } = await reading(0, 1);
    cache.readahead({ block: 8, count: 4 });
    const borrow = cache.borrow(6);
    const newer = pattern(4096, 7);
    await Promise.all([clock.until(cache.write(9, newer)), clock.until(cache.write(6, newer)), clock.until(read)]);
    const borrowed = await clock.until(borrow);
    expect(borrowed.bytes).to.deep.equal(newer);
    borrowed.release();
    await clock.pass(100);
    expect(await cache.read(9)).to.deep.equal(newer);
  });

  it('wins in a block that was dropped and written during the read', async () => {
    const { clock, read, cache } = await reading(3, 1);
    await cache.invalidate({ block: 3, count: 1 });
    const newer = pattern(4096, 7);
    await cache.write(3, newer);
    await clock.until(read);
    expect(await cache.read(3)).to.deep.equal(newer);
  });
});
