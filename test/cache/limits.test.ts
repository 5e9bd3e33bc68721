import { expect } from 'chai';
import { isTransient, TIMEOUT_CODE } from '../../src/cache/failure-codes.js';
import {
  assertConfig,
  backoffNs,
  CAPACITY_BLOCKS_MAX,
  type CoreConfig,
  type CoreLimits,
  DEFAULT_LIMITS,
  dirtyBackgroundBlocks,
  dirtyHardBlocks,
  pinnedBlocksMax,
  runBlocksMax,
  slabBlocks,
} from '../../src/cache/limits.js';
import { nextRandom, uniform } from '../../src/cache/random.js';
import { InternalError } from '../../src/device/errors.js';

const CONFIG: CoreConfig = {
  deviceBytes: 65_536,
  blockSize: 512,
  capacity: 8,
  policy: 'lru',
  mode: 'writeback',
  seed: 1,
  limits: DEFAULT_LIMITS,
};

describe('the limits', () => {
  it('hold by default', () => {
    assertConfig(CONFIG);
    assertConfig({ ...CONFIG, deviceBytes: Number.MAX_SAFE_INTEGER, capacity: CAPACITY_BLOCKS_MAX });
  });

  const wrongConfigs: readonly Partial<CoreConfig>[] = [
    { blockSize: 0 },
    { blockSize: 256 },
    { blockSize: 513 },
    { blockSize: 2 ** 21 },
    { deviceBytes: 0 },
    { deviceBytes: 1.5 },
    { deviceBytes: 2 ** 53 },
    { capacity: 0 },
    { capacity: 1.5 },
    { capacity: Number.NaN },
    { capacity: CAPACITY_BLOCKS_MAX + 1 },
  ];
  for (const wrong of wrongConfigs) {
    it(`do not hold for ${JSON.stringify(wrong)}`, () => {
      expect(() => assertConfig({ ...CONFIG, ...wrong })).to.throw(InternalError);
    });
  }

  const wrongLimits: readonly Partial<CoreLimits>[] = [
    { dirtyBackgroundShare: 0 },
    { dirtyHardShare: 1.1 },
    { dirtyBackgroundShare: 0.9, dirtyHardShare: 0.8 },
    { pinnedShare: 0 },
    { pinnedShare: 2 },
    { retryBaseNs: 2, retryCapNs: 1 },
    ...Object.keys(DEFAULT_LIMITS).map((name) => ({ [name]: 0 })),
    ...Object.keys(DEFAULT_LIMITS).map((name) => ({ [name]: Number.POSITIVE_INFINITY })),
  ];
  it('do not hold where a relation between them is broken', () => {
    for (const wrong of wrongLimits) {
      const limits = { ...DEFAULT_LIMITS, ...wrong };
      expect(() => assertConfig({ ...CONFIG, limits }), JSON.stringify(wrong)).to.throw(InternalError);
    }
  });

  it('leave room for one of everything, in the smallest cache', () => {
    const tiny = {
      ...DEFAULT_LIMITS,
      dirtyHardShare: 1e-9,
      dirtyBackgroundShare: 1e-9,
      pinnedShare: 1e-9,
      slabBytes: 1,
      runBytesMax: 1,
    };
    expect([
      dirtyHardBlocks(tiny, 1),
      dirtyBackgroundBlocks(tiny, 1),
      pinnedBlocksMax(tiny, 1),
      slabBlocks(tiny, 512),
      runBlocksMax(tiny, 512),
    ]).to.deep.equal([1, 1, 1, 1, 1]);
  });

  it('are whole blocks', () => {
    const limits = {
      ...DEFAULT_LIMITS,
      dirtyHardShare: 0.8,
      dirtyBackgroundShare: 0.5,
      runBytesMax: 1300,
      slabBytes: 5000,
    };
    expect([
      dirtyHardBlocks(limits, 9),
      dirtyBackgroundBlocks(limits, 9),
      runBlocksMax(limits, 512),
      slabBlocks(limits, 512),
    ]).to.deep.equal([7, 4, 2, 9]);
  });
});

describe('backoffNs', () => {
  it('doubles from the base to the cap', () => {
    const limits = { ...DEFAULT_LIMITS, retryBaseNs: 3, retryCapNs: 20 };
    expect([1, 2, 3, 4, 5, 2000].map((failures) => backoffNs(limits, failures))).to.deep.equal([3, 6, 12, 20, 20, 20]);
  });
});

describe('isTransient', () => {
  it('holds for what another try may mend, and for what nobody knows', () => {
    for (const code of [
      'EIO',
      'ENOSPC',
      'EAGAIN',
      'EBUSY',
      'ETIMEDOUT',
      'CACHETRAIL_SHORT_WRITE',
      TIMEOUT_CODE,
      'MY_OWN',
      '',
    ]) {
      expect(isTransient(code), code).to.equal(true);
    }
  });

  it('does not hold for what no try can mend', () => {
    for (const code of [
      'EBADF',
      'EINVAL',
      'EROFS',
      'EPERM',
      'ENODEV',
      'CACHETRAIL_CLOSED',
      'CACHETRAIL_READ_ONLY',
      'CACHETRAIL_UNSUPPORTED',
    ]) {
      expect(isTransient(code), code).to.equal(false);
    }
  });
});

describe('the generator of jitter', () => {
  const drawn = (seed: number, count: number) => {
    let state = seed;
    return Array.from({ length: count }, () => {
      state = nextRandom(state);
      return uniform(state);
    });
  };

  it('draws the same numbers for the same seed, others for another', () => {
    expect(drawn(1, 10)).to.deep.equal(drawn(1, 10));
    expect(drawn(1, 10)).to.not.deep.equal(drawn(2, 10));
  });

  it('draws numbers from 0 to below 1, spread evenly', () => {
    const numbers = [...drawn(1, 5000), ...drawn(-7, 5000)];
    for (const number of numbers) expect(number).to.be.within(0, 1).and.not.equal(1);
    const tenths = Array.from(
      { length: 10 },
      (_, tenth) => numbers.filter((number) => Math.floor(number * 10) === tenth).length,
    );
    for (const count of tenths) expect(count).to.be.within(850, 1150);
  });

  it('has a state that fits in 32 bits', () => {
    let state = 2 ** 31 - 1;
    for (let step = 0; step < 1000; step++) {
      state = nextRandom(state);
      expect(state).to.equal(state | 0);
    }
  });
});
