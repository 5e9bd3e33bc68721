import { expect } from 'chai';
import { type CacheOptions, codeOf, faultDevice, memoryDevice, openCache } from '../../src/index.js';
import { drain } from '../support/virtual-clock.js';

const BLOCK = 512;

/** A cache over bytes that say which block they are in. */
async function opened(options: CacheOptions = {}, bytes = numbered(64 * BLOCK)) {
  const memory = memoryDevice({ bytes });
  const device = faultDevice(memory);
  const cache = await openCache(device, { blockSize: BLOCK, capacity: 8, ...options });
  return { cache, device, memory };
}

function numbered(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, at) => Math.floor(at / BLOCK) + 1);
}

function block(fill: number): Uint8Array {
  return new Uint8Array(BLOCK).fill(fill);
}

/** The first byte of each block. */
function firsts(bytes: Uint8Array): number[] {
  return Array.from({ length: Math.ceil(bytes.length / BLOCK) }, (_, at) => bytes[at * BLOCK]);
}

describe('a read', () => {
  it('is put together from what is cached and what is not', async () => {
    const { cache } = await opened();
    await cache.write(4, block(200));
    await cache.read(6);
    expect(firsts(await cache.read(3, 5))).to.deep.equal([4, 200, 6, 7, 8]);
  });

  it('of more blocks than the cache holds is right', async () => {
    const { cache } = await opened({ capacity: 2 });
    expect(await cache.read(0, 64)).to.deep.equal(numbered(64 * BLOCK));
  });

  it('of more blocks than a request may have is right, at any alignment', async () => {
    const { cache } = await opened({ limits: { requestBlocksMax: 3 } });
    expect(await cache.read(1, 20)).to.deep.equal(numbered(64 * BLOCK).slice(BLOCK, 21 * BLOCK));
    expect(await cache.readBytes(100, 9000)).to.deep.equal(numbered(64 * BLOCK).slice(100, 9100));
  });

  it('fills the memory that it is given, and only that', async () => {
    const { cache } = await opened();
    const around = new Uint8Array(4 * BLOCK).fill(99);
    await cache.read(3, 2, around.subarray(BLOCK, 3 * BLOCK));
    expect(firsts(around)).to.deep.equal([99, 4, 5, 99]);
  });

  it('of bytes takes what is asked for, at any alignment', async () => {
    const { cache } = await opened();
    const model = numbered(64 * BLOCK);
    for (const [offset, length] of [
      [0, 1],
      [511, 2],
      [700, 2000],
      [BLOCK, BLOCK],
      [64 * BLOCK - 1, 1],
      [5, 0],
    ]) {
      expect(await cache.readBytes(offset, length)).to.deep.equal(model.slice(offset, offset + length));
      expect(await cache.readBytes(offset, length)).to.deep.equal(model.slice(offset, offset + length));
    }
  });

  it('of the short end of a device is short', async () => {
    const { cache } = await opened({}, numbered(10 * BLOCK + 100));
    expect(await cache.read(10)).to.deep.equal(new Uint8Array(100).fill(11));
    expect(await cache.read(9, 2)).to.have.length(BLOCK + 100);
    const into = new Uint8Array(100);
    expect(cache.readNow(10, into)).to.equal(true);
    expect(into[99]).to.equal(11);
  });

  it('that waits for a range to be cleared gets what was written to it meanwhile', async () => {
    const { cache } = await opened();
    const zeroed = cache.zero({ block: 5, count: 1 });
    const read = cache.read(4, 3);
    const written = cache.write(5, block(200));
    await Promise.all([zeroed, written]);
    expect(firsts(await read)).to.deep.equal([5, 200, 7]);
  });

  it('whose joined fill fails gets what was written meanwhile, and asks for the rest', async () => {
    const { cache, device } = await opened();
    const rule = device.inject({ on: 'read', hang: 'after', times: 1 });
    const first = cache.read(3, 3).then(() => 'read', codeOf);
    const second = cache.read(3, 3);
    await cache.write(4, block(200));
    rule.release('EIO');
    expect(await first).to.equal('CACHETRAIL_READ_FAILED');
    expect(firsts(await second)).to.deep.equal([4, 200, 6]);
  });

  it('that shares a fill gets its own bytes', async () => {
    const { cache, device } = await opened();
    const reads = [cache.read(3, 4), cache.read(5), cache.read(4, 2)];
    const [all, one, two] = await Promise.all(reads);
    expect([firsts(all), firsts(one), firsts(two)]).to.deep.equal([[4, 5, 6, 7], [6], [5, 6]]);
    expect(device.operations.read).to.equal(1);
  });

  it('does not hand out memory that changes afterwards', async () => {
    const { cache } = await opened();
    const before = await cache.read(3);
    await cache.write(3, block(200));
    for (let other = 10; other < 40; other++) await cache.read(other);
    expect(before).to.deep.equal(block(4));
  });

  it('is not changed by what the caller does to its memory', async () => {
    const { cache } = await opened();
    for (const into of [await cache.read(3), await cache.read(3)]) into.fill(0);
    expect(await cache.read(3)).to.deep.equal(block(4));
  });
});

describe('a write', () => {
  it('is a copy: what the caller does to its memory afterwards is not in it', async () => {
    const { cache, memory } = await opened();
    const data = block(200);
    await cache.write(3, data);
    data.fill(0);
    await cache.flush();
    expect(memory.bytes[3 * BLOCK]).to.equal(200);
  });

  it('of bytes changes what it covers, and nothing beside it', async () => {
    const { cache, memory } = await opened();
    const model = numbered(64 * BLOCK);
    for (const [offset, length] of [
      [10, 5],
      [BLOCK - 1, 2],
      [700, 2000],
      [40 * BLOCK, BLOCK],
      [64 * BLOCK - 3, 3],
    ]) {
      const data = new Uint8Array(length).fill(200 + (offset % 50));
      model.set(data, offset);
      await cache.writeBytes(offset, data);
      expect(await cache.readBytes(0, model.length)).to.deep.equal(model);
    }
    await cache.flush();
    expect(memory.bytes).to.deep.equal(model);
  });

  it('of more blocks than may be dirty at once arrives whole', async () => {
    const { cache, memory } = await opened({ capacity: 4 });
    const data = numbered(64 * BLOCK).reverse();
    await cache.write(0, data);
    await cache.flush();
    expect(memory.bytes).to.deep.equal(data);
  });

  it('to the short end of a device writes to its end', async () => {
    const { cache, memory } = await opened({}, numbered(10 * BLOCK + 100));
    await cache.write(10, new Uint8Array(100).fill(200));
    await cache.writeBytes(10 * BLOCK + 99, Uint8Array.of(7));
    await cache.flush();
    expect([...memory.bytes.slice(-2)]).to.deep.equal([200, 7]);
  });

  it('to a block that is being read is not overwritten by what the device gives', async () => {
    const { cache, device } = await opened();
    const rule = device.inject({ on: 'read', hang: 'before', times: 1 });
    const read = cache.read(3);
    await cache.write(3, block(200));
    rule.release();
    await read;
    expect(await cache.read(3)).to.deep.equal(block(200));
  });

  it('to a block that the device is taking does not change what it takes', async () => {
    const { cache, device, memory } = await opened();
    const rule = device.inject({ on: 'write', hang: 'after', times: 1 });
    await cache.write(3, block(200));
    const flushed = cache.flush();
    await drain();
    await cache.write(3, block(201));
    rule.release();
    await flushed;
    expect(memory.bytes[3 * BLOCK]).to.equal(200);
    await cache.flush();
    expect(memory.bytes[3 * BLOCK]).to.equal(201);
  });

  it('through is with the device when it resolves, without a barrier', async () => {
    const { cache, device, memory } = await opened();
    await cache.writeBytes(3 * BLOCK + 1, Uint8Array.of(200), { through: true });
    expect([...memory.bytes.slice(3 * BLOCK, 3 * BLOCK + 3)]).to.deep.equal([4, 200, 4]);
    expect(device.operations.barrier).to.equal(0);
  });
});

describe('a borrowed block', () => {
  it('is the cached bytes themselves, for reads, for writes and for the device', async () => {
    const { cache, memory } = await opened();
    const borrowed = await cache.borrow(3);
    expect(borrowed.bytes).to.deep.equal(block(4));
    borrowed.bytes[0] = 200;
    expect((await cache.read(3))[0]).to.equal(200);
    await cache.writeBytes(3 * BLOCK + 1, Uint8Array.of(201));
    expect(borrowed.bytes[1]).to.equal(201);
    borrowed.bytes[2] = 202;
    await borrowed.markDirty();
    await cache.flush();
    expect([...memory.bytes.slice(3 * BLOCK, 3 * BLOCK + 4)]).to.deep.equal([200, 201, 202, 4]);
    borrowed.release();
  });

  it('stays what it is while the cache evicts, grows and shrinks around it', async () => {
    const { cache, memory } = await opened({ capacity: 16, limits: { slabBytes: 4 * BLOCK } });
    await cache.read(20, 12);
    const borrowed = await cache.borrow(3);
    await cache.resize(2);
    for (let other = 10; other < 20; other++) await cache.read(other);
    await cache.resize(40);
    await cache.read(30, 30);
    borrowed.bytes.fill(200);
    await borrowed.markDirty();
    expect(await cache.read(3)).to.deep.equal(block(200));
    await cache.flush();
    expect(memory.bytes[3 * BLOCK]).to.equal(200);
    expect(memory.bytes[2 * BLOCK]).to.equal(3);
    borrowed.release();
    cache.checkInvariants();
  });

  it('has no bytes once it is released', async () => {
    const { cache } = await opened();
    const borrowed = await cache.borrow(3);
    borrowed.release();
    borrowed.release();
    expect(borrowed.bytes).to.have.length(0);
    expect(await borrowed.markDirty().then(() => 'none', codeOf)).to.equal('CACHETRAIL_INVALID_ARGUMENT');
  });
});

describe('memory', () => {
  it('follows use: frames come with the first blocks, and go when they are idle or given up', async () => {
    const { cache } = await opened({ capacity: 64, limits: { slabBytes: 8 * BLOCK } });
    expect(cache.stats()).to.include({ frames: 0, memoryBytes: 0 });
    await cache.read(0, 3);
    expect(cache.stats().frames).to.equal(8);
    await cache.read(0, 20);
    expect(cache.stats().frames).to.equal(24);
    await cache.resize(8);
    expect(cache.stats().frames).to.equal(8);
  });

  it('is not made anew for a miss, once it is there', async () => {
    const { cache } = await opened({ capacity: 8 });
    for (let at = 0; at < 64; at++) await cache.read(at);
    const { memoryBytes } = cache.stats();
    for (let round = 0; round < 3; round++) for (let at = 0; at < 64; at++) await cache.read(at);
    expect(cache.stats().memoryBytes).to.equal(memoryBytes);
  });

  it('keeps blocks right where longer device operations are allowed later', async () => {
    const { cache } = await opened({ capacity: 64, limits: { runBytesMax: 2 * BLOCK } });
    await cache.read(0, 4);
    await cache.setOption('runBytesMax', 32 * BLOCK);
    expect(firsts(await cache.read(10, 30))).to.deep.equal(Array.from({ length: 30 }, (_, at) => at + 11));
    await cache.write(0, numbered(30 * BLOCK).reverse());
    await cache.flush();
    expect(firsts(await cache.read(0, 30))).to.deep.equal(Array.from({ length: 30 }, (_, at) => 30 - at));
  });
});
