import { expect } from 'chai';
import { DEFAULT_LIMITS } from '../../src/index.js';
import { rejection } from '../device/support.js';
import { expectBytes, pattern } from './support/caches.js';
import { BLOCK, blocksOf, faultyFiles, survivorsOf } from './support/faulty.js';

const SIZE = 64 * BLOCK;
const OLD = pattern(SIZE, 1);
const NEW = pattern(16 * BLOCK, 2);

describe('a device write that fails', () => {
  const open = faultyFiles();

  for (const code of ['EIO', 'ENOSPC', 'EAGAIN', 'EINTR'])
    it(`with ${code} and then succeeds is retried, waiting longer each time, and the flush never hears of it`, async () => {
      const { cache, clock, fail, file, of } = await open(OLD);
      fail('write', code, 12, 3);
      await cache.write(8, NEW);
      await clock.until(cache.flush());
      expectBytes(file(8, 16), NEW);
      expect(
        of('writebackFailed').map((failed) => [failed.block, failed.count, failed.code, failed.attempt]),
      ).to.deep.equal([
        [8, 16, code, 1],
        [8, 16, code, 2],
        [8, 16, code, 3],
      ]);
      const waits = of('writebackRetryScheduled').map(({ at, dueAt }) => dueAt - at);
      const { retryBaseNs } = DEFAULT_LIMITS;
      for (const [index, wait] of waits.entries()) {
        expect(wait).to.be.within((retryBaseNs * 2 ** index) / 2, retryBaseNs * 2 ** index);
      }
      expect(cache.stats()).to.include({ writeErrors: 3, retries: 3, splits: 0, parks: 0 });
      expect(of('flushFinished')).to.have.lengthOf(1);
    });

  it('because it stopped short is written again whole: nobody knows what got there', async () => {
    const { cache, clock, device, file, of } = await open(OLD);
    device.inject({ on: 'write', short: 5 * BLOCK + 100, times: 1 });
    await cache.write(8, NEW);
    await clock.until(cache.flush());
    expectBytes(file(8, 16), NEW);
    expect(of('writebackFailed').map(({ code, outcome }) => [code, outcome])).to.deep.equal([
      ['CACHETRAIL_SHORT_WRITE', 'unknown'],
    ]);
    expect(of('writebackFinished').map(({ block, count }) => [block, count])).to.deep.equal([[8, 16]]);
  });

  it('for good in the middle of a run is cut out: its neighbours reach the file, and it alone is parked', async () => {
    const { cache, clock, fail, file, of } = await open(OLD);
    fail('write', 'EIO', 13);
    await cache.write(8, NEW);
    const error = await survivorsOf(clock.until(cache.flush()));
    expect(blocksOf(error)).to.deep.equal([[13, 'EIO']]);
    expect(error.cause).to.include({ code: 'EIO', syscall: 'write' });
    const expected = OLD.slice();
    expected.set(NEW, 8 * BLOCK);
    expected.set(OLD.subarray(13 * BLOCK, 14 * BLOCK), 13 * BLOCK);
    expectBytes(file(), expected);
    expect(of('writebackSplit').map(({ block, count, splitAt }) => [block, count, splitAt])).to.deep.equal([
      [8, 16, 16],
      [8, 8, 12],
      [12, 4, 14],
      [12, 2, 13],
    ]);
    expect(of('blockParked').map(({ block, code }) => [block, code])).to.deep.equal([[13, 'EIO']]);
    expect(cache.inspect(13)).to.include({ state: 'dirty', parked: true, lastError: 'EIO' });
    expect(cache.inspect(12).state).to.equal('clean');
    expect(cache.stats()).to.include({ dirtyBlocks: 1, parkedBlocks: 1 });
  });

  it('for good is cut out at once where another try cannot mend it', async () => {
    const { cache, clock, fail, of } = await open(OLD);
    fail('write', 'EINVAL', 13);
    await cache.write(12, NEW.subarray(0, 2 * BLOCK));
    expect(blocksOf(await survivorsOf(clock.until(cache.flush())))).to.deep.equal([[13, 'EINVAL']]);
    expect(of('writebackRetryScheduled')).to.deep.equal([]);
    expect(of('writebackFailed')).to.have.lengthOf(2);
  });

  it('for good at several places leaves each of them named, with its own error, at every flush', async () => {
    const { cache, clock, fail, file } = await open(OLD);
    const rules = [fail('write', 'EIO', 8), fail('write', 'ENOSPC', 15), fail('write', 'EROFS', 23)];
    await cache.write(8, NEW);
    const left = [
      [8, 'EIO'],
      [15, 'ENOSPC'],
      [23, 'EROFS'],
    ] as const;
    for (let round = 0; round < 3; round++) {
      const error = await survivorsOf(clock.until(cache.flush()));
      expect(blocksOf(error)).to.deep.equal(left);
      for (const { cause, code } of error.blocks) expect(cause).to.include({ code, syscall: 'write' });
    }
    expect(blocksOf(await survivorsOf(clock.until(cache.flush({ block: 10, count: 8 }))))).to.deep.equal([left[1]]);
    await clock.until(cache.flush({ block: 16, count: 4 }));
    rules[1].cure();
    expect(blocksOf(await survivorsOf(clock.until(cache.flush())))).to.deep.equal([left[0], left[2]]);
    expect(blocksOf(await survivorsOf(clock.until(cache.close())))).to.deep.equal([left[0], left[2]]);
    rules[0].cure();
    rules[2].cure();
    await clock.until(cache.close());
    expectBytes(file(8, 16), NEW);
  });

  it('for good is mended by a newer write, by discarding it by name, or by zeroing it', async () => {
    const { cache, clock, fail, file } = await open(OLD);
    const rules = [9, 11, 13].map((block) => fail('write', 'EIO', block));
    await cache.write(8, NEW.subarray(0, 8 * BLOCK));
    await survivorsOf(clock.until(cache.flush()));
    for (const rule of rules) rule.cure();
    const newer = pattern(BLOCK, 7);
    await cache.write(9, newer);
    await clock.until(cache.zero({ block: 13, count: 1 }));
    const lost = await cache.invalidate({ block: 11, count: 1 }, { discardDirty: 'the file is remade' });
    expect(lost).to.deep.equal({ dropped: 1, discarded: [11] });
    await clock.until(cache.flush());
    expectBytes(file(9, 1), newer);
    expectBytes(file(11, 1), OLD.subarray(11 * BLOCK, 12 * BLOCK));
    expectBytes(file(13, 1), new Uint8Array(BLOCK));
  });

  it('can be followed step by step in the events, from the flush that met it to the flush that mended it', async () => {
    const { cache, clock, fail, events } = await open(OLD, { limits: { writeAttemptsMax: 2 } });
    const rule = fail('write', 'EIO', 9);
    await cache.write(8, NEW.subarray(0, 2 * BLOCK));
    await survivorsOf(clock.until(cache.flush(undefined, { actor: 'first' })));
    rule.cure();
    await clock.until(cache.flush(undefined, { actor: 'second' }));
    const path = ['flush', 'batch', 'writeback', 'block', 'barrier'];
    const steps = events.filter(({ type }) => path.some((start) => type.startsWith(start))).map(({ type }) => type);
    expect(steps).to.deep.equal([
      'flushStarted',
      'batchPlanned',
      'writebackStarted',
      'writebackFailed',
      'writebackRetryScheduled',
      'writebackStarted',
      'writebackFailed',
      'writebackSplit',
      'writebackStarted',
      'writebackStarted',
      // The file takes longer than the fault.
      'writebackFailed',
      'blockParked',
      'writebackFinished',
      'barrierStarted',
      'barrierFinished',
      'flushFailed',
      'flushStarted',
      'batchPlanned',
      'writebackStarted',
      'writebackFinished',
      'barrierStarted',
      'barrierFinished',
      'flushFinished',
    ]);
  });
});

describe('a device read that fails', () => {
  const open = faultyFiles();

  it('fails the reads that need it and no others, and can be tried again', async () => {
    const { cache, clock, fail, device } = await open(OLD, { limits: { fillBlocksMax: 4 } });
    const rule = fail('read', 'EIO', 9);
    const asked = [cache.read(4, 4), cache.read(8, 4), cache.read(9), cache.readBytes(7 * BLOCK + 5, BLOCK)];
    const outcomes = await clock.until(Promise.allSettled(asked));
    expect(outcomes.map(({ status }) => status)).to.deep.equal(['fulfilled', 'rejected', 'rejected', 'fulfilled']);
    expect((await rejection(asked[2])).cause).to.include({ code: 'EIO', syscall: 'read' });
    expect(cache.inspect(9).state).to.equal('absent');
    rule.cure();
    const reads = device.operations.read;
    expectBytes(await clock.until(cache.read(4, 8)), OLD.subarray(4 * BLOCK, 12 * BLOCK));
    expect(device.operations.read).to.be.above(reads);
    expect(cache.stats().readErrors).to.be.above(0);
  });

  it('does not undo a write that came meanwhile', async () => {
    const { cache, clock, fail, file } = await open(OLD);
    fail('read', 'EIO');
    const read = rejection(cache.read(8, 4));
    await cache.write(9, NEW.subarray(0, BLOCK));
    expect((await clock.until(read)).code).to.equal('CACHETRAIL_READ_FAILED');
    expectBytes(await cache.read(9), NEW.subarray(0, BLOCK));
    await clock.until(cache.flush());
    expectBytes(file(9, 1), NEW.subarray(0, BLOCK));
  });
});

describe('a barrier that fails', () => {
  const open = faultyFiles();
  const written = async () => {
    const test = await open(OLD);
    await test.cache.write(8, NEW.subarray(0, 2 * BLOCK));
    return test;
  };

  for (const times of [1, 2])
    it(`${times} times is tried again, each time after the blocks were written again`, async () => {
      const { cache, clock, fail, file, device } = await written();
      fail('barrier', 'EIO', undefined, times);
      await clock.until(cache.flush());
      expect(device.operations).to.include({ write: times + 1, barrier: times + 1 });
      expect(cache.stats()).to.include({ barrierErrors: times, dirtyBlocks: 0, unsyncedBlocks: 0 });
      expectBytes(file(8, 2), NEW.subarray(0, 2 * BLOCK));
    });

  it('three times fails the flush; the next one writes the blocks again and succeeds', async () => {
    const { cache, clock, fail, device } = await written();
    fail('barrier', 'ENOSPC', undefined, 3);
    const error = await survivorsOf(clock.until(cache.flush()));
    expect(blocksOf(error)).to.deep.equal([
      [8, 'ENOSPC'],
      [9, 'ENOSPC'],
    ]);
    expect(error.cause).to.include({ code: 'ENOSPC', syscall: 'fdatasync' });
    const { write } = device.operations;
    await clock.until(cache.flush());
    expect(device.operations.write).to.equal(write + 1);
  });

  it('for ever fails every flush, and the device is not written to all the time in between', async () => {
    const { cache, clock, device, fail } = await open(OLD, { capacity: 16 });
    const rule = fail('barrier', 'EIO');
    await cache.write(8, NEW.subarray(0, 12 * BLOCK));
    for (let round = 0; round < 3; round++) {
      expect((await survivorsOf(clock.until(cache.flush()))).blocks).to.have.lengthOf(12);
    }
    const { write } = device.operations;
    await clock.pass(10_000);
    expect(device.operations.write - write, 'device writes in ten seconds').to.be.within(5, 40);
    expect((await survivorsOf(clock.until(cache.close()))).blocks).to.have.lengthOf(12);
    rule.cure();
    await clock.until(cache.close());
  });

  it('fails the zeros that waited for it, and their old bytes are not read from the cache', async () => {
    const { cache, clock, fail, file } = await written();
    await clock.until(cache.read(20, 2));
    fail('barrier', 'EIO', undefined, 1);
    const error = await rejection(clock.until(cache.zero({ block: 20, count: 2 })));
    expect(error).to.include({ code: 'CACHETRAIL_CLEAR_FAILED' });
    expect(error.cause).to.include({ code: 'EIO', syscall: 'fdatasync' });
    expectBytes(await clock.until(cache.read(20, 2)), file(20, 2));
  });
});
