/** What `docs/ORDERING.md` promises and no other test holds, through the public API. */
import { expect } from 'chai';
import { type BlockDevice, type CacheOptions, faultDevice, latencyDevice, memoryDevice } from '../../src/index.js';
import { rejection } from '../device/support.js';
import { expectBytes, pattern, stateOf, testCaches } from './support/caches.js';
import { withParts } from './support/devices.js';
import { TestClock } from './support/virtual-clock.js';

const BLOCK = 512;
const OLD = pattern(64 * BLOCK, 1);
const filled = (byte: number, blocks = 1) => new Uint8Array(blocks * BLOCK).fill(byte);

/** What reaches the device, in the order in which it was answered: block → first bytes. */
interface Reached {
  readonly block: number;
  readonly byte: number;
}

describe('the order of requests', () => {
  const open = testCaches();

  /** Over a device whose operations overtake each other. */
  async function jittery(options: CacheOptions = {}, seed = 1) {
    const clock = new TestClock();
    const memory = memoryDevice({ bytes: OLD.slice() });
    const reached: Reached[] = [];
    const noting = withParts(memory, {
      write: (offset, buffers) => {
        const [bytes] = buffers;
        for (let at = 0; at < bytes.length; at += BLOCK) {
          reached.push({ block: (offset + at) / BLOCK, byte: bytes[at] });
        }
        return memory.write(offset, buffers);
      },
    });
    const waits = { readMs: 3, writeMs: 20, barrierMs: 5, zeroMs: 10, discardMs: 10, jitter: 1 };
    const device: BlockDevice = latencyDevice(noting, { ...waits, seed, setTimer: clock.after });
    const test = await open(device, { clock, blockSize: BLOCK, ...options });
    return { ...test, clock, memory, reached };
  }

  it('holds for the writes of one block: the device never gets an older one after a newer one', async () => {
    for (let seed = 1; seed <= 10; seed++) {
      const limits = { runBytesMax: BLOCK * (1 + (seed % 3)), dirtyBackgroundShare: 0.1 };
      const { cache, clock, reached, memory } = await jittery({ capacity: 8, limits }, seed);
      const flushes: Promise<void>[] = [];
      for (let version = 1; version <= 60; version++) {
        await clock.until(cache.write(version % 3, filled(version)));
        if (version % 7 === 0) flushes.push(cache.flush({ block: version % 3, count: 1 }));
        await clock.pass(version % 5);
      }
      await clock.until(Promise.all([...flushes, cache.flush()]));
      for (const block of [0, 1, 2]) {
        const bytes = reached.filter((one) => one.block === block).map(({ byte }) => byte);
        expect(bytes, `block ${block}, seed ${seed}`).to.deep.equal([...bytes].sort((a, b) => a - b));
        expect(memory.bytes[block * BLOCK]).to.equal(bytes.at(-1));
      }
    }
  });

  it('is none between different blocks before a flush: a later write may be on the device before an earlier one', async () => {
    const { cache, clock, of } = await jittery();
    await cache.write(9, filled(1));
    await cache.write(3, filled(2));
    await clock.until(cache.flush());
    expect(of('writebackStarted').map(({ block }) => block)).to.deep.equal([3, 9]);
  });

  it('is kept across a flush: what is written after it has resolved reaches the device after what was before it', async () => {
    const { cache, clock, reached } = await jittery();
    await cache.write(9, filled(1));
    await clock.until(cache.flush());
    await cache.write(3, filled(2));
    await clock.until(cache.flush());
    expect(reached.map(({ block }) => block)).to.deep.equal([9, 3]);
  });

  it('has a read see every write that had resolved before it was asked, from whichever handle', async () => {
    const { cache, clock } = await jittery({ capacity: 4 });
    const [one, other] = [await cache.open(), await cache.open()];
    for (let version = 1; version <= 20; version++) {
      await clock.until(one.write(version % 6, filled(version)));
      expectBytes(await clock.until(other.read(version % 6)), filled(version));
      expectBytes(await clock.until(cache.readBytes((version % 6) * BLOCK, BLOCK)), filled(version));
    }
  });

  it('has a read see all of a write of several blocks, or nothing of it', async () => {
    const { cache, clock } = await jittery({ capacity: 16 });
    await clock.until(cache.write(4, filled(1, 4)));
    for (let version = 2; version < 30; version++) {
      const write = cache.write(4, filled(version, 4));
      const bytes = await clock.until(cache.read(4, 4));
      expect(new Set(bytes).size).to.equal(1);
      await clock.until(write);
    }
  });

  for (const [what, capacity, cached] of [
    ['is cached', 16, [1]],
    ['the device answers first', 16, [2]],
    ['finds no room', 2, []],
  ] as const)
    it(`has a read that is under way see all of it, or nothing, with a block that ${what}`, async () => {
      for (const hang of ['before', 'after'] as const)
        for (const held of [0, 1, 2]) {
          const clock = new TestClock();
          const device = faultDevice(memoryDevice({ bytes: filled(1, 64) }));
          const { cache } = await open(device, {
            clock,
            blockSize: BLOCK,
            capacity,
            limits: { fillBlocksMax: 1, dirtyHardShare: 1 },
          });
          for (const block of cached) await clock.until(cache.read(block));
          const rule = device.inject({ on: 'read', hang, range: { offset: held * BLOCK, length: BLOCK } });
          const whole = cache.read(0, 3);
          const bytes = cache.readBytes(100, 2 * BLOCK);
          await clock.rest();
          // Taken, and with the device, while the reads wait for a block.
          await clock.until(cache.write(0, filled(2, 2)));
          await clock.until(cache.write(1, filled(3, 2)));
          await clock.until(cache.flush({ block: 0, count: 3 }));
          rule.cure();
          rule.release();
          const [a, b, c] = [0, 1, 2].map(async (at) => (await clock.until(whole))[at * BLOCK]);
          const seen = `${await a}${await b}${await c}`;
          expect(['111', '221', '233'], `${hang}, block ${held}`).to.include(seen);
          const part = await clock.until(bytes);
          const own = [part[0], part[BLOCK], part.at(-1)].join('');
          expect(['111', '221', '233'], `bytes, ${hang}, block ${held}`).to.include(own);
        }
    });

  it('lets other writes come between the parts of one that is longer than a request may be', async () => {
    const { cache, clock, of } = await jittery({ limits: { requestBlocksMax: 4 } });
    const long = cache.write(0, filled(1, 12));
    const short = cache.write(8, filled(2, 4));
    await clock.until(Promise.all([long, short]));
    expect(of('written').map(({ block, count }) => [block, count])).to.deep.equal([
      [0, 4],
      [8, 4],
      [4, 4],
      [8, 4],
    ]);
    expectBytes(await cache.read(8, 4), filled(1, 4));
  });

  it('has a flush wait for what had been accepted, and not for a write that still waits for room', async () => {
    const clock = new TestClock();
    const device = faultDevice(memoryDevice({ bytes: OLD.slice() }));
    const limits = { dirtyHardShare: 0.5, dirtyBackgroundShare: 0.5 };
    const { cache, of } = await open(device, { clock, blockSize: BLOCK, capacity: 4, limits });
    const held = device.inject({ on: 'write', hang: 'after' });
    await cache.write(0, filled(1, 2));
    const waiting = cache.write(5, filled(2));
    expect(await stateOf(waiting)).to.equal('pending');
    const flush = cache.flush();
    held.cure();
    held.release();
    await clock.until(flush);
    const [asked] = of('flushStarted');
    expect(of('written').find(({ block }) => block === 5)?.generation).to.be.above(asked.generation);
    await clock.until(waiting);
  });
});

describe('a write that goes through', () => {
  const open = testCaches();

  async function volatile() {
    const clock = new TestClock();
    const memory = memoryDevice({ bytes: OLD.slice() });
    const device = faultDevice(memory, { volatile: true });
    return { ...(await open(device, { clock, blockSize: BLOCK })), clock, memory, device };
  }

  it('is with the device when it resolves, and durable only by a flush: a power cut may take it', async () => {
    for (const flushes of [false, true]) {
      const { cache, clock, device, memory } = await volatile();
      await clock.until(cache.writeBytes(7 * BLOCK, filled(9), { through: true }));
      expect(device.operations).to.include({ write: 1, barrier: 0 });
      if (flushes) await clock.until(cache.flush());
      await device.powerCut();
      expect(memory.bytes[7 * BLOCK]).to.equal(flushes ? 9 : OLD[7 * BLOCK]);
    }
  });

  it('is taken although its wait is aborted, once it is in the cache', async () => {
    const { cache, clock, device, memory } = await volatile();
    const held = device.inject({ on: 'write', hang: 'after' });
    const abort = new AbortController();
    const write = rejection(cache.writeBytes(5 * BLOCK, filled(3), { through: true, signal: abort.signal }));
    await clock.rest();
    abort.abort();
    expect((await write).code).to.equal('CACHETRAIL_ABORTED');
    expectBytes(await cache.read(5), filled(3));
    held.cure();
    held.release();
    await clock.until(cache.flush());
    expect(memory.bytes[5 * BLOCK]).to.equal(3);
  });

  it('and another after it reach the device in their order, since each waits for its answer', async () => {
    const { cache, clock, device } = await volatile();
    await clock.until(cache.writeBytes(9 * BLOCK, filled(1), { through: true }));
    await clock.until(cache.writeBytes(3 * BLOCK, filled(2), { through: true }));
    expect(device.operations.write).to.equal(2);
  });

  it('does not wait for older dirty blocks, nor take them along', async () => {
    const { cache, clock, device } = await volatile();
    await cache.write(20, filled(1));
    await clock.until(cache.writeBytes(9 * BLOCK, filled(2), { through: true }));
    expect(device.operations.write).to.equal(1);
    expect(cache.inspect(20).state).to.equal('dirty');
  });
});

describe('after a power cut, a device without a journal', () => {
  const open = testCaches();

  it('has each block as it was at its last flush, or as it was written since', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const clock = new TestClock();
      const memory = memoryDevice({ bytes: new Uint8Array(16 * BLOCK) });
      const device = faultDevice(memory, { volatile: true });
      const limits = { dirtyBackgroundShare: 0.25 };
      const { cache } = await open(device, { clock, blockSize: BLOCK, capacity: 8, limits });
      const flushed = new Map<number, number>();
      const written = new Map<number, number>();
      for (let step = 0; step < 60; step++) {
        const [draw, block] = pattern(2, seed * 100 + step);
        await clock.until(cache.write(block % 16, filled(step + 1)));
        written.set(block % 16, step + 1);
        if (draw % 9 !== 0) continue;
        await clock.until(cache.flush());
        for (const [at, version] of written) flushed.set(at, version);
      }
      const share = (seed % 3) / 2;
      await device.powerCut((change, index) => (index % 2 === 0 ? change.length : change.length * share));
      for (const [block, newest] of written) {
        const version = memory.bytes[block * BLOCK];
        expect(version, `block ${block}, seed ${seed}`).to.be.within(flushed.get(block) ?? 0, newest);
      }
    }
  });
});
