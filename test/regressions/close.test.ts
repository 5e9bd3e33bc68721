import { expect } from 'chai';
import { faultDevice, memoryDevice, WriteError } from '../../src/index.js';
import { pattern, testCaches } from '../api/support/caches.js';
import { TestClock } from '../api/support/virtual-clock.js';
import { rejection } from '../device/support.js';

/** The original drops the result of the flush in its close, and then the dirty blocks. */
describe('a close whose flush fails', () => {
  const open = testCaches();

  async function failing(code: string) {
    const clock = new TestClock();
    const memory = memoryDevice({ sizeBytes: 64 * 4096 });
    const device = faultDevice(memory);
    const test = await open(device, { clock });
    await test.cache.write(7, pattern(4096, 1));
    await test.cache.write(30, pattern(4096, 2));
    const rule = device.inject({ on: 'write', code, range: { offset: 30 * 4096, length: 4096 } });
    return { clock, memory, device, rule, ...test };
  }

  for (const code of ['EIO', 'ENOSPC', 'EROFS']) {
    it(`rejects with ${code} for the block, and the cache stays open and keeps it`, async () => {
      const { clock, memory, device, cache } = await failing(code);
      const error = await rejection(clock.until(cache.close()));
      if (!(error instanceof WriteError)) throw error;

      expect(error.code).to.equal('CACHETRAIL_CLOSE_FAILED');
      expect(error.blocks.map((failed) => [failed.block, failed.code])).to.deep.equal([[30, code]]);
      expect(error.blocks[0].cause).to.include({ code, syscall: 'write' });
      expect(cache.closed).to.equal(false);
      expect(device.operations.close).to.equal(0);
      expect(await cache.read(30)).to.deep.equal(pattern(4096, 2));
      expect(memory.bytes.subarray(7 * 4096, 8 * 4096), 'the good block').to.deep.equal(pattern(4096, 1));
    });
  }

  it('rejects every time until the device is cured, and then loses nothing', async () => {
    const { clock, memory, rule, cache } = await failing('EIO');
    await rejection(clock.until(cache.close()));
    await rejection(clock.until(cache.close()));
    rule.cure();
    await clock.until(cache.close());
    expect(cache.closed).to.equal(true);
    expect(memory.bytes.subarray(30 * 4096, 31 * 4096)).to.deep.equal(pattern(4096, 2));
  });

  it('rejects for a barrier that fails, and keeps what it was for', async () => {
    const { clock, device, rule, cache } = await failing('EIO');
    rule.cure();
    device.inject({ on: 'barrier', code: 'EIO' });
    const error = await rejection(clock.until(cache.close()));
    expect(error.code).to.equal('CACHETRAIL_CLOSE_FAILED');
    expect(cache.inspect(7).state).to.equal('dirty');
    expect(cache.inspect(30).state).to.equal('dirty');
  });

  it('loses what it must by name alone, and says so in an event', async () => {
    const { clock, memory, cache, of } = await failing('EIO');
    await rejection(clock.until(cache.close()));
    await clock.until(cache.close({ abandon: 'the disk is gone' }));
    expect(of('dirtyDiscarded').map(({ blocks, reason }) => ({ blocks, reason }))).to.deep.equal([
      { blocks: [30], reason: 'the disk is gone' },
    ]);
    expect(cache.closed).to.equal(true);
    expect(memory.bytes[30 * 4096]).to.equal(0);
  });
});
