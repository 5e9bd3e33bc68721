import { expect } from 'chai';
import { BlockCache, type FaultDevice, faultDevice, memoryDevice } from '../../src/index.js';
import { rejection } from '../device/support.js';
import { expectBytes, pattern, testCaches } from './support/caches.js';
import { withParts } from './support/devices.js';
import { TestClock } from './support/virtual-clock.js';
import { wrong } from './support/wrong.js';

const BLOCK = 512;
const OLD = pattern(64 * BLOCK, 1);
const DIRTY = pattern(4 * BLOCK, 2);
const AT = { block: 8, count: 4 };

/** Every request there is, made of blocks that are not durable. Those that may lose them are not here. */
const REQUESTS: Readonly<Record<string, (cache: BlockCache) => unknown>> = {
  read: (cache) => cache.read(8, 4),
  readNow: (cache) => cache.readNow(8, new Uint8Array(BLOCK)),
  readBytes: (cache) => cache.readBytes(8 * BLOCK + 1, 700),
  write: (cache) => cache.write(20, pattern(8 * BLOCK, 3)),
  writeBytes: (cache) => cache.writeBytes(20 * BLOCK + 7, pattern(700, 3), { through: true }),
  flush: (cache) => cache.flush(),
  open: async (cache) => (await cache.open()).close(),
  invalidate: (cache) => cache.invalidate(AT),
  discard: (cache) => cache.discard(AT),
  zero: (cache) => cache.zero(AT),
  readahead: (cache) => cache.readahead({ block: 0, count: 64 }),
  borrow: async (cache) => (await cache.borrow(8)).release(),
  resize: (cache) => cache.resize(1),
  setBlockSize: (cache) => cache.setBlockSize(1024),
  setOption: (cache) => cache.setOption('colour', 'blue'),
  stats: (cache) => cache.stats(),
  inspect: (cache) => cache.inspect(8),
  hash: (cache) => cache.hash(),
  checkInvariants: (cache) => cache.checkInvariants(),
  close: (cache) => cache.close(),
  replaceDevice: (cache) => cache.replaceDevice(dead(cache)),
};
const LOSING: readonly string[] = ['discardDirty'];

/** Another device that takes nothing. */
function dead(cache: BlockCache): FaultDevice {
  const device = faultDevice(memoryDevice({ bytes: new Uint8Array(cache.sizeBytes) }));
  for (const on of ['write', 'barrier', 'zero', 'discard'] as const) device.inject({ on, code: 'EIO' });
  return device;
}

describe('bytes that are not durable', () => {
  const open = testCaches();

  /** Blocks 8 and 9 are parked, 10 is dirty, 11 is with the device and not synced; from here on it takes nothing. */
  async function failing() {
    const clock = new TestClock();
    const memory = memoryDevice({ bytes: OLD.slice() });
    const device = faultDevice(withParts(memory, { close: async () => {} }));
    const limits = { writeAttemptsMax: 1, admissionTimeoutNs: 1e9, dirtyBackgroundShare: 1, dirtyHardShare: 1 };
    const test = await open(device, { blockSize: BLOCK, capacity: 16, clock, limits });
    const { cache } = test;
    device.inject({ on: 'write', code: 'EIO', range: { offset: 8 * BLOCK, length: 2 * BLOCK } });
    await cache.write(8, DIRTY.subarray(0, 2 * BLOCK));
    await rejection(clock.until(cache.flush({ block: 8, count: 2 })));
    await clock.until(cache.writeBytes(11 * BLOCK, DIRTY.subarray(3 * BLOCK), { through: true }));
    for (const on of ['write', 'barrier', 'zero', 'discard'] as const) device.inject({ on, code: 'EIO' });
    await cache.write(10, DIRTY.subarray(2 * BLOCK, 3 * BLOCK));
    expect([8, 9, 10, 11].map((block) => cache.inspect(block).parked)).to.deep.equal([true, true, false, false]);
    expect([10, 11].map((block) => cache.inspect(block).state)).to.deep.equal(['dirty', 'unsynced']);
    return { ...test, clock, device, memory };
  }

  it('are tried here with every request that a cache has', () => {
    const names = Object.getOwnPropertyNames(BlockCache.prototype).filter((name) => {
      return typeof Object.getOwnPropertyDescriptor(BlockCache.prototype, name)?.value === 'function';
    });
    const expected = [...Object.keys(REQUESTS), ...LOSING, 'constructor'];
    expect(names).to.have.members(expected);
  });

  for (const [name, ask] of Object.entries(REQUESTS)) {
    it(`are kept whatever ${name} does over a device that takes nothing, and reach one that does`, async () => {
      const { cache, clock, device, memory, of } = await failing();
      try {
        await clock.until(Promise.resolve(ask(cache)));
      } catch (error) {
        expect(error).to.have.property('code');
      }
      await clock.rest();
      expect(cache.closed).to.equal(false);
      expect(of('dirtyDiscarded')).to.deep.equal([]);
      const kept = [8, 9, 10, 11].map((block) => cache.inspect(block).state);
      for (const state of kept) expect(state).to.be.oneOf(['dirty', 'writing', 'unsynced']);
      expectBytes(await clock.until(cache.read(8, 4)), DIRTY);
      device.cure();
      if (name === 'replaceDevice') await clock.until(cache.replaceDevice(withParts(memory, {})));
      await clock.until(cache.flush().catch(() => cache.flush()));
      expectBytes(memory.bytes.subarray(8 * BLOCK, 12 * BLOCK), DIRTY);
    });
  }

  it('are lost by discardDirty, which names them and says why', async () => {
    const { cache, clock, device, memory, of } = await failing();
    const lost = await cache.discardDirty({ block: 8, count: 3 }, 'the file is remade', { actor: 'me' });
    expect(lost).to.deep.equal({ dropped: 3, discarded: [8, 9, 10] });
    const [{ op, blocks, reason }] = of('dirtyDiscarded');
    expect({ blocks, reason }).to.deep.equal({ blocks: [8, 9, 10], reason: 'the file is remade' });
    expect(of('clearQueued')[0]).to.include({ op, actor: 'me', kind: 'drop' });
    expect(cache.inspect(11).state).to.equal('unsynced');
    device.cure();
    await clock.until(cache.flush().catch(() => cache.flush()));
    expectBytes(memory.bytes.subarray(8 * BLOCK, 11 * BLOCK), OLD.subarray(8 * BLOCK, 11 * BLOCK));
    for (const reason of ['', undefined, 5]) {
      expect((await rejection(cache.discardDirty(AT, wrong(reason)))).code).to.equal('CACHETRAIL_INVALID_ARGUMENT');
    }
  });

  it('are lost by a close that abandons them, which names them and says why', async () => {
    const { cache, clock, of } = await failing();
    await clock.until(cache.close({ abandon: 'the disk is dead' }));
    expect(of('dirtyDiscarded').map(({ blocks, reason }) => ({ blocks, reason }))).to.deep.equal([
      { blocks: [8, 9, 10, 11], reason: 'the disk is dead' },
    ]);
  });

  for (const name of ['zero', 'discard'] as const) {
    it(`are replaced by a ${name} that the device has done`, async () => {
      const { cache, clock, device, of } = await failing();
      device.cure();
      await clock.until(cache[name](AT));
      expect(of('clearFinished').at(-1)).to.include({ kind: name, dropped: 4 });
      expect(of('dirtyDiscarded')).to.deep.equal([]);
      await clock.until(cache.flush().catch(() => cache.flush()));
    });
  }
});
