import { expect } from 'chai';
import { faultDevice, memoryDevice } from '../../src/index.js';
import { rejection } from '../device/support.js';
import { expectBytes, pattern, testCaches } from './support/caches.js';
import { BLOCK, blocksOf, faultyFiles, survivorsOf } from './support/faulty.js';
import { TestClock } from './support/virtual-clock.js';

const OLD = pattern(64 * BLOCK, 1);
const NEW = pattern(4 * BLOCK, 2);
const TIMEOUT = 'CACHETRAIL_DEVICE_TIMEOUT';
const AT = { offset: 8 * BLOCK, length: BLOCK };

describe('a device write without an answer', () => {
  const open = faultyFiles();

  for (const hang of ['before', 'after'] as const)
    it(`that is done ${hang} it is given up on is not sent again before it is answered, then newer bytes follow`, async () => {
      const { cache, clock, device, file, of } = await open(OLD);
      const rule = device.inject({ on: 'write', hang, range: AT, times: 1 });
      await cache.write(8, NEW);
      const asked = clock.now();
      const error = await survivorsOf(clock.until(cache.flush()));
      expect(clock.now() - asked).to.equal(1e9);
      expect(blocksOf(error)).to.deep.equal([8, 9, 10, 11].map((block) => [block, TIMEOUT]));
      expect(of('writebackFailed').map(({ code, outcome }) => [code, outcome])).to.deep.equal([[TIMEOUT, 'unknown']]);

      const newer = pattern(BLOCK, 3);
      await cache.write(9, newer);
      await survivorsOf(clock.until(cache.flush()));
      await clock.pass(60_000);
      expect(device.operations.write, 'nothing is written over it').to.equal(1);
      expectBytes(await cache.read(9), newer);

      rule.release();
      await clock.rest();
      expect(of('deviceAnsweredLate').map(({ code }) => code)).to.deep.equal(['']);
      await clock.until(cache.flush());
      const expected = NEW.slice();
      expected.set(newer, BLOCK);
      expectBytes(file(8, 4), expected);
      expect(cache.stats()).to.include({ dirtyBlocks: 0, parkedBlocks: 0 });
    });

  it('that fails late is written again by the next flush', async () => {
    const { cache, clock, device, file, of } = await open(OLD);
    const rule = device.inject({ on: 'write', hang: 'after', range: AT, times: 1 });
    await cache.write(8, NEW);
    await survivorsOf(clock.until(cache.flush()));
    rule.release('EIO');
    await clock.rest();
    expect(of('deviceAnsweredLate').map(({ code }) => code)).to.deep.equal(['EIO']);
    await clock.until(cache.flush());
    expectBytes(file(8, 4), NEW);
  });

  it('does not keep the rest from being written, and other requests from being served', async () => {
    const { cache, clock, device, file } = await open(OLD);
    device.inject({ on: 'write', hang: 'after', range: AT, times: 1 });
    await cache.write(8, NEW);
    await cache.write(30, NEW);
    expect((await survivorsOf(clock.until(cache.flush()))).blocks).to.have.lengthOf(4);
    expectBytes(file(30, 4), NEW);
    expectBytes(await clock.until(cache.read(50)), OLD.subarray(50 * BLOCK, 51 * BLOCK));
    await clock.until(cache.flush({ block: 12, count: 40 }));
  });

  it('lets the cache be closed by abandoning its blocks alone', async () => {
    const { cache, clock, device, of } = await open(OLD);
    device.inject({ on: 'write', hang: 'after', range: AT, times: 1 });
    await cache.write(8, NEW);
    expect(blocksOf(await survivorsOf(clock.until(cache.close())))).to.have.lengthOf(4);
    await clock.until(cache.close({ abandon: 'the disk does not answer' }));
    expect(of('dirtyDiscarded').map(({ blocks }) => blocks)).to.deep.equal([[8, 9, 10, 11]]);
  });
});

describe('a device read without an answer', () => {
  const open = faultyFiles();

  it('is given up on in time, and what comes late is given to nobody', async () => {
    const { cache, clock, device, of } = await open(OLD);
    const rule = device.inject({ on: 'read', hang: 'after', times: 1 });
    const into = new Uint8Array(4 * BLOCK).fill(0xee);
    const read = rejection(cache.read(8, 4, into));
    const joined = cache.read(9);
    expect((await clock.until(read)).code).to.equal(TIMEOUT);
    expectBytes(await clock.until(joined), OLD.subarray(9 * BLOCK, 10 * BLOCK), 'who joined it asked again');
    await cache.write(8, NEW);
    rule.release();
    await clock.rest();
    expect(of('deviceAnsweredLate')).to.have.lengthOf(1);
    expect(into.every((byte) => byte === 0xee)).to.equal(true);
    expectBytes(await cache.read(8, 4), NEW);
  });
});

describe('a barrier without an answer', () => {
  const open = faultyFiles();

  const at = (blocks: readonly number[]) => blocks.map((block) => [block, TIMEOUT]);

  for (const answer of [undefined, 'EIO'])
    it(`makes flushes fail until it is answered ${answer === undefined ? 'well' : 'with an error'}, then another is asked for`, async () => {
      const { cache, clock, device, file, of } = await open(OLD);
      const rule = device.inject({ on: 'barrier', hang: 'after', times: 1 });
      await cache.write(8, NEW);
      const asked = clock.now();
      const error = await survivorsOf(clock.until(cache.flush()));
      expect(clock.now() - asked).to.equal(1e9);
      expect(blocksOf(error)).to.deep.equal(at([8, 9, 10, 11]));
      expect(error.cause).to.include({ code: TIMEOUT });
      expect(device.operations).to.include({ write: 2, barrier: 1 });

      const later = pattern(BLOCK, 5);
      await cache.write(30, later);
      expect(blocksOf(await survivorsOf(cache.flush({ block: 30, count: 1 })))).to.deep.equal(at([30]));
      expect(await rejection(cache.flush({ block: 50, count: 1 }))).to.include({ code: 'CACHETRAIL_BARRIER_FAILED' });
      await clock.pass(60_000);
      expect(device.operations, 'nothing is asked for again').to.include({ write: 3, barrier: 1 });

      rule.release(answer);
      await clock.rest();
      expect(of('deviceAnsweredLate').map(({ code }) => code)).to.deep.equal([answer ?? '']);
      await clock.until(cache.flush());
      expect(device.operations.write, 'all that is in doubt is written again').to.equal(answer === undefined ? 3 : 5);
      expectBytes(file(8, 4), NEW);
      expectBytes(file(30, 1), later);
      expect(cache.stats()).to.include({ dirtyBlocks: 0, unsyncedBlocks: 0 });
    });

  it('lets the cache be closed only by who gives up what is in doubt', async () => {
    const { cache, clock, device, of } = await open(OLD);
    device.inject({ on: 'barrier', hang: 'after', times: 1 });
    await cache.write(8, NEW);
    expect(blocksOf(await survivorsOf(clock.until(cache.close())))).to.deep.equal(at([8, 9, 10, 11]));
    expectBytes(await cache.read(8, 4), NEW);
    await clock.until(cache.close({ abandon: 'the disk does not answer' }));
    expect(of('dirtyDiscarded').map(({ blocks }) => blocks)).to.deep.equal([[8, 9, 10, 11]]);
  });

  it('makes a zero fail, which could not be made durable', async () => {
    const { cache, clock, device, file } = await open(OLD);
    const rule = device.inject({ on: 'barrier', hang: 'after', times: 1 });
    await rejection(clock.until(cache.flush()));
    const error = await rejection(clock.until(cache.zero({ block: 8, count: 4 })));
    expect(error).to.include({ code: 'CACHETRAIL_CLEAR_FAILED' });
    expect(error.cause).to.include({ code: TIMEOUT });
    rule.release();
    await clock.rest();
    await clock.until(cache.zero({ block: 8, count: 4 }));
    expectBytes(file(8, 4), new Uint8Array(4 * BLOCK));
  });
});

describe('a device that answers nothing', () => {
  const open = testCaches();

  it('is asked for no more when it owes too much, and is asked again when it has answered', async () => {
    const clock = new TestClock();
    const device = faultDevice(memoryDevice({ bytes: pattern(256 * BLOCK, 1) }));
    const { cache, of } = await open(device, { clock, deviceTimeoutMs: 1000 });
    device.inject({ on: 'read', hang: 'after' });
    const reads = Array.from({ length: 100 }, (_, block) => cache.read(block));
    const outcomes = await clock.until(Promise.allSettled(reads));
    const codes = outcomes.map((outcome) => (outcome.status === 'rejected' ? outcome.reason.code : 'fulfilled'));
    expect(new Set(codes.slice(0, 64))).to.deep.equal(new Set([TIMEOUT]));
    expect(new Set(codes.slice(64 + 8))).to.deep.equal(new Set(['CACHETRAIL_DEVICE_STALLED']));
    expect(device.operations.read).to.be.at.most(72);
    expect((await rejection(clock.until(cache.read(200)))).code).to.equal('CACHETRAIL_DEVICE_STALLED');
    device.cure();
    device.release();
    await clock.rest();
    expect(of('deviceAnsweredLate').length).to.equal(device.operations.read);
    expectBytes(await clock.until(cache.read(0, 100)), pattern(256 * BLOCK, 1).subarray(0, 100 * BLOCK));
  });
});
