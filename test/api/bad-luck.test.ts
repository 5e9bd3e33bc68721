import { expect } from 'chai';
import {
  type BlockCache,
  type ErrorCode,
  type Fault,
  type FaultDevice,
  type FaultSpec,
  faultDevice,
  type MemoryDevice,
  memoryDevice,
  WriteError,
} from '../../src/index.js';
import { rejection } from '../device/support.js';
import { expectBytes, pattern, testCaches } from './support/caches.js';
import { drain } from '../support/virtual-clock.js';
import { TestClock } from './support/virtual-clock.js';

const SIZE = 32 * 4096 + 300;
const RANGE = { block: 4, count: 3 };

interface Broken {
  readonly clock: TestClock;
  readonly memory: MemoryDevice;
  readonly device: FaultDevice;
  readonly cache: BlockCache;
}

/** What can go wrong with an operation, and the code that the device's failure is told with. */
const FAULTS: Readonly<Record<string, readonly [fault: Fault, code: string]>> = {
  'fails at once': [{ code: 'EIO' }, 'EIO'],
  'fails for good': [{ code: 'EROFS' }, 'EROFS'],
  'fails half way': [{ code: 'ENOSPC', transferred: 1000 }, 'ENOSPC'],
  'is short': [{ short: 100 }, 'SHORT'],
  'moves nothing': [{ short: 0 }, 'SHORT'],
  'never answers': [{ hang: 'after' }, 'CACHETRAIL_DEVICE_TIMEOUT'],
  'never answers, though it did it': [{ hang: 'before' }, 'CACHETRAIL_DEVICE_TIMEOUT'],
  throws: [{ throws: 'EIO' }, 'EIO'],
  'answers with nothing': [{ answer: undefined }, 'CACHETRAIL_DEVICE_PROTOCOL'],
  'answers with a text': [{ answer: '4096' }, 'CACHETRAIL_DEVICE_PROTOCOL'],
  'answers with NaN': [{ answer: Number.NaN }, 'CACHETRAIL_DEVICE_PROTOCOL'],
  'answers with too much': [{ answer: 2 ** 40 }, 'CACHETRAIL_DEVICE_PROTOCOL'],
  'answers with less than nothing': [{ answer: -1 }, 'CACHETRAIL_DEVICE_PROTOCOL'],
  'answers with a fraction': [{ answer: 0.5 }, 'CACHETRAIL_DEVICE_PROTOCOL'],
};

describe('over a device of which', () => {
  const open = testCaches();

  async function broken(spec: FaultSpec): Promise<Broken> {
    const clock = new TestClock();
    const memory = memoryDevice({ bytes: pattern(SIZE, 1) });
    const device = faultDevice(memory);
    const { cache } = await open(device, { clock, deviceTimeoutMs: 1000 });
    await cache.read(20);
    await cache.write(4, pattern(3 * 4096, 2));
    device.inject(spec);
    return { clock, memory, device, cache };
  }

  /** A cured device gets everything, and all that was asked in vain is answered. */
  async function expectNothingLost({ clock, memory, device, cache }: Broken): Promise<void> {
    const expected = pattern(SIZE, 1);
    expected.set(pattern(3 * 4096, 2), 4 * 4096);
    expect(cache.closed).to.equal(false);
    cache.checkInvariants();
    expectBytes(await clock.until(cache.read(4, 3)), pattern(3 * 4096, 2), 'read from the cache');
    expectBytes(await cache.read(20), expected.subarray(20 * 4096, 21 * 4096), 'a cached block');
    device.cure();
    device.release();
    await drain();
    await clock.until(cache.flush());
    expectBytes(await clock.until(cache.readBytes(0, SIZE)), expected, 'read');
    expectBytes(memory.bytes, expected, 'device');
    expect(cache.stats()).to.include({ dirtyBlocks: 0, parkedBlocks: 0, waitingRequests: 0 });
    await clock.until(cache.close());
  }

  for (const [what, [fault, code]] of Object.entries(FAULTS)) {
    it(`a read ${what}, the reader is told and nothing is cached`, async () => {
      const test = await broken(spec(fault, 'read'));
      const { clock, cache } = test;
      const told = codeOfRead(code);
      expect((await rejection(clock.until(cache.read(10, 4)))).code).to.equal(told);
      expect((await rejection(clock.until(cache.readBytes(10, 3)))).code).to.equal(told);
      expect((await rejection(clock.until(cache.borrow(11)))).code).to.equal(told);
      expect((await rejection(clock.until(cache.writeBytes(13 * 4096 + 1, pattern(5, 1))))).code).to.equal(told);
      expect((await rejection(clock.until(cache.read(32)))).code, 'of the short last block').to.equal(told);
      cache.readahead({ block: 24, count: 4 });
      await clock.pass(2000);
      for (const block of [10, 13, 24, 32]) expect(cache.inspect(block).state).to.equal('absent');
      await expectNothingLost(test);
    });

    it(`a write ${what}, the flush and the close are told, and the data is kept`, async () => {
      const test = await broken(spec(fault, 'write'));
      const { clock, cache } = test;
      const own = code === 'SHORT' ? 'CACHETRAIL_SHORT_WRITE' : code;
      const told: WriteError[] = [];
      for (const asked of [() => cache.flush(), () => cache.flush(RANGE), () => cache.close()]) {
        const error = await rejection(clock.until(asked()));
        if (error instanceof WriteError) told.push(error);
      }
      const saved = ['CACHETRAIL_FLUSH_FAILED', 'CACHETRAIL_FLUSH_FAILED', 'CACHETRAIL_CLOSE_FAILED'];
      expect(told.map((error) => error.code)).to.deep.equal(saved);
      for (const { blocks } of told) {
        expect(blocks.map((failed) => [failed.block, failed.code])).to.deep.equal([4, 5, 6].map((at) => [at, own]));
      }
      await expectNothingLost(test);
    });

    if ('short' in fault || 'transferred' in fault || 'answer' in fault) continue;
    it(`a barrier ${what}, the flush is told and what it was for is kept`, async () => {
      const test = await broken(spec(fault, 'barrier'));
      const { clock, cache } = test;
      const error = await rejection(clock.until(cache.flush()));
      if (!(error instanceof WriteError)) throw error;
      expect(error.blocks.map((failed) => [failed.block, failed.code])).to.deep.equal(
        [4, 5, 6].map((at) => [at, code]),
      );
      expect((await rejection(clock.until(cache.close()))).code).to.equal('CACHETRAIL_CLOSE_FAILED');
      await expectNothingLost(test);
    });

    for (const clear of ['discard', 'zero'] as const)
      it(`a ${clear} ${what}, the caller is told and dirty blocks of the range are kept`, async () => {
        const test = await broken(spec(fault, clear));
        const { clock, cache, memory } = test;
        const error = await rejection(clock.until(cache[clear]({ block: 3, count: 3 })));
        expect(error.code).to.equal('CACHETRAIL_CLEAR_FAILED');
        expect(error.cause).to.include({ code });
        if ('hang' in fault) memory.bytes.set(pattern(SIZE, 1));
        expect(cache.inspect(4).state).to.equal('dirty');
        expect(cache.inspect(3).state).to.equal('absent');
        if (!('hang' in fault)) return expectNothingLost(test);
        await expectSavedAfterLateClear(test, clear);
      });
  }

  /** A clear that may still happen: what is in its range must not be written before, and must be written after. */
  async function expectSavedAfterLateClear({ clock, memory, device, cache }: Broken, clear: string): Promise<void> {
    const error = await rejection(clock.until(cache.flush()));
    if (!(error instanceof WriteError)) throw error;
    const timeouts = [4, 5].map((at) => [at, 'CACHETRAIL_DEVICE_TIMEOUT']);
    expect(
      error.blocks.map((failed) => [failed.block, failed.code]),
      clear,
    ).to.deep.equal(timeouts);
    expectBytes(memory.bytes.subarray(6 * 4096, 7 * 4096), pattern(3 * 4096, 2).subarray(2 * 4096), 'the neighbour');
    device.cure();
    device.release();
    await drain();
    await clock.until(cache.flush());
    expectBytes(memory.bytes.subarray(4 * 4096, 7 * 4096), pattern(3 * 4096, 2));
    cache.checkInvariants();
  }

  for (const twice of ['answer', 'error'] as const)
    it(`every operation answers twice, the second time with an ${twice}, nobody is told twice and nothing breaks`, async () => {
      const test = await broken({ on: ['read', 'write', 'barrier', 'discard', 'zero'], twice });
      const { clock, cache } = test;
      const reads = await Promise.all([cache.read(10), cache.read(10), cache.read(11, 3)]);
      expectBytes(reads[1], pattern(SIZE, 1).subarray(10 * 4096, 11 * 4096));
      await cache.flush();
      await cache.write(30, pattern(4096, 3));
      await cache.zero({ block: 30, count: 1 });
      await cache.write(30, pattern(SIZE, 1).slice(30 * 4096, 31 * 4096));
      await clock.until(cache.flush());
      await expectNothingLost(test);
    });

  it('is closed behind the back of the cache, which is told as a failure and not as a closed cache', async () => {
    const clock = new TestClock();
    const device = memoryDevice({ bytes: pattern(SIZE, 1) });
    const { cache } = await open(device, { clock });
    await cache.write(4, pattern(3 * 4096, 2));
    await device.close();
    const read = await rejection(cache.read(10));
    expect(read.code).to.equal('CACHETRAIL_READ_FAILED');
    expect(read.cause).to.include({ code: 'CACHETRAIL_CLOSED' });
    const flush = await rejection(clock.until(cache.flush()));
    expect(flush.code).to.equal('CACHETRAIL_FLUSH_FAILED');
    expect(flush.cause).to.include({ code: 'CACHETRAIL_CLOSED' });
    expectBytes(await cache.read(4, 3), pattern(3 * 4096, 2));
  });

  it('every operation fails, every request ends, and nothing is lost', async () => {
    const test = await broken({ on: ['read', 'write', 'barrier', 'discard', 'zero'], code: 'EIO' });
    const { clock, cache } = test;
    const asked = [
      cache.read(10),
      cache.flush(),
      cache.flush(RANGE),
      cache.discard({ block: 12, count: 1 }),
      cache.setBlockSize(512),
      cache.close(),
    ];
    const outcomes = await clock.until(Promise.allSettled(asked));
    expect(outcomes.map(({ status }) => status)).to.deep.equal(asked.map(() => 'rejected'));
    await expectNothingLost(test);
  });
});

/** The rule, with what it cannot have for this operation left out. */
function spec(fault: Fault, on: FaultSpec['on']): FaultSpec {
  return { ...fault, on };
}

function codeOfRead(code: string): ErrorCode {
  if (code === 'SHORT') return 'CACHETRAIL_SHORT_READ';
  if (code === 'CACHETRAIL_DEVICE_TIMEOUT' || code === 'CACHETRAIL_DEVICE_PROTOCOL') return code;
  return 'CACHETRAIL_READ_FAILED';
}
