import { expect } from 'chai';
import { type BlockCache, type BlockRange, type ErrorCode, type MemoryDevice, memoryDevice } from '../../src/index.js';
import { thrown } from '../device/support.js';
import { pattern, testCaches } from './support/caches.js';
import { named, wrong } from './support/wrong.js';

type Row = readonly [what: string, call: (cache: BlockCache) => unknown, code: ErrorCode];

const NUMBERS = [Number.NaN, -1, -0.5, 0.5, 1e-9, 2 ** 53, Infinity, '1', '', undefined, null, {}, 1n, true];
/** As a count, `undefined` stands for what is usual. */
const COUNTS = [0, ...NUMBERS.filter((value) => value !== undefined)];
const block = () => new Uint8Array(4096);

/** Every method that takes a block number, with something that is none. */
const BLOCKS: Readonly<Record<string, (cache: BlockCache, number: number) => unknown>> = {
  read: (cache, number) => cache.read(number),
  'read of a cached block': (cache, number) => cache.read(number, 1, block()),
  readNow: (cache, number) => cache.readNow(number, block()),
  write: (cache, number) => cache.write(number, block()),
  readBytes: (cache, number) => cache.readBytes(number, 10),
  writeBytes: (cache, number) => cache.writeBytes(number, block()),
  flush: (cache, number) => cache.flush({ block: number, count: 1 }),
  invalidate: (cache, number) => cache.invalidate({ block: number, count: 1 }),
  discard: (cache, number) => cache.discard({ block: number, count: 1 }),
  zero: (cache, number) => cache.zero({ block: number, count: 1 }),
  readahead: (cache, number) => cache.readahead({ block: number, count: 1 }),
  borrow: (cache, number) => cache.borrow(number),
  inspect: (cache, number) => cache.inspect(number),
};

/** Every method that takes a number of blocks or bytes. */
const LENGTHS: Readonly<Record<string, (cache: BlockCache, count: number) => unknown>> = {
  read: (cache, count) => cache.read(0, count),
  flush: (cache, count) => cache.flush({ block: 0, count }),
  invalidate: (cache, count) => cache.invalidate({ block: 0, count }),
  discard: (cache, count) => cache.discard({ block: 0, count }),
  zero: (cache, count) => cache.zero({ block: 0, count }),
  readahead: (cache, count) => cache.readahead({ block: 0, count }),
};

type Ranged = Readonly<Record<string, (cache: BlockCache, range: BlockRange) => unknown>>;

/** Every method that may go without a range, for everything, and every one that must not. */
const MAY_BE_WHOLE: Ranged = {
  flush: (cache, range) => cache.flush(range),
  invalidate: (cache, range) => cache.invalidate(range),
};
const RANGED: Ranged = {
  discard: (cache, range) => cache.discard(range),
  zero: (cache, range) => cache.zero(range),
  readahead: (cache, range) => cache.readahead(range),
};

/** 16 blocks and a tail of 100 bytes; block 0 is clean, block 2 dirty. */
const LAST = 16;
const PAST: readonly Row[] = [
  ['read', (cache) => cache.read(LAST + 1), 'CACHETRAIL_OUT_OF_RANGE'],
  ['read of several', (cache) => cache.read(LAST, 2), 'CACHETRAIL_OUT_OF_RANGE'],
  ['read of 2^53 - 1', (cache) => cache.read(2 ** 53 - 1, 2 ** 53 - 1), 'CACHETRAIL_OUT_OF_RANGE'],
  ['readNow', (cache) => cache.readNow(LAST + 1, block()), 'CACHETRAIL_OUT_OF_RANGE'],
  ['write', (cache) => cache.write(LAST + 1, block()), 'CACHETRAIL_OUT_OF_RANGE'],
  ['write of several', (cache) => cache.write(LAST - 1, new Uint8Array(3 * 4096)), 'CACHETRAIL_OUT_OF_RANGE'],
  ['readBytes', (cache) => cache.readBytes(LAST * 4096 + 99, 2), 'CACHETRAIL_OUT_OF_RANGE'],
  ['writeBytes', (cache) => cache.writeBytes(LAST * 4096 + 100, block()), 'CACHETRAIL_OUT_OF_RANGE'],
  ['flush', (cache) => cache.flush({ block: LAST, count: 2 }), 'CACHETRAIL_OUT_OF_RANGE'],
  ['invalidate', (cache) => cache.invalidate({ block: 0, count: LAST + 2 }), 'CACHETRAIL_OUT_OF_RANGE'],
  ['discard', (cache) => cache.discard({ block: LAST + 1, count: 1 }), 'CACHETRAIL_OUT_OF_RANGE'],
  ['zero', (cache) => cache.zero({ block: 2, count: LAST }), 'CACHETRAIL_OUT_OF_RANGE'],
  ['readahead', (cache) => cache.readahead({ block: LAST, count: 9 }), 'CACHETRAIL_OUT_OF_RANGE'],
  ['borrow', (cache) => cache.borrow(LAST + 1), 'CACHETRAIL_OUT_OF_RANGE'],
  ['inspect', (cache) => cache.inspect(LAST + 1), 'CACHETRAIL_OUT_OF_RANGE'],
];

/** Buffers that do not fit: for a cached block, one that is not, a dirty one, and the short last one. */
const BUFFERS: readonly Row[] = [0, 9, 2, LAST].flatMap((number): Row[] => {
  const fits = number === LAST ? 100 : 4096;
  const lengths = [0, 1, 4095, number === LAST ? 4096 : 100].map((length) => new Uint8Array(length));
  const noBytes = ['x'.repeat(fits), Array(fits).fill(0), new Uint16Array(fits), new DataView(new ArrayBuffer(fits))];
  return [
    ...lengths.flatMap((buffer) => withBuffer(number, fits, buffer, 'CACHETRAIL_BUFFER_LENGTH')),
    ...noBytes.flatMap((buffer) => withBuffer(number, fits, wrong(buffer), 'CACHETRAIL_INVALID_ARGUMENT')),
    [
      `readNow(${number}) into nothing`,
      (cache) => cache.readNow(number, wrong(undefined)),
      'CACHETRAIL_INVALID_ARGUMENT',
    ],
    [`write(${number}) of nothing`, (cache) => cache.write(number, wrong(null)), 'CACHETRAIL_INVALID_ARGUMENT'],
    [
      `writeBytes at ${number} of nothing`,
      (cache) => cache.writeBytes(number, wrong(null)),
      'CACHETRAIL_INVALID_ARGUMENT',
    ],
  ];
});

function withBuffer(number: number, fits: number, buffer: Uint8Array, code: ErrorCode): Row[] {
  return [
    [`read(${number})`, (cache) => cache.read(number, 1, buffer), code],
    [`readNow(${number})`, (cache) => cache.readNow(number, buffer), code],
    [`readBytes at ${number}`, (cache) => cache.readBytes(number * 4096, fits, { into: buffer }), code],
    [`write(${number})`, (cache) => cache.write(number, buffer), code],
  ];
}

const OTHERS: readonly Row[] = [
  ...[0, -1, 0.5, Number.NaN, 2 ** 53, '4', undefined].map(
    (capacity): Row => [
      `resize(${named(capacity)})`,
      (cache) => cache.resize(wrong(capacity)),
      'CACHETRAIL_INVALID_CAPACITY',
    ],
  ),
  ...[0, 100, 4095, 2 ** 21, Number.NaN, '512', undefined].map(
    (size): Row => [
      `setBlockSize(${named(size)})`,
      (cache) => cache.setBlockSize(wrong(size)),
      'CACHETRAIL_INVALID_BLOCK_SIZE',
    ],
  ),
  ...[1, null, undefined, {}, 1n].map(
    (option): Row => [
      `setOption(${named(option)})`,
      (cache) => cache.setOption(wrong(option), 1),
      'CACHETRAIL_INVALID_ARGUMENT',
    ],
  ),
  ...['', false, null, 0, {}, true].flatMap((reason): Row[] => [
    [
      `invalidate with discardDirty: ${named(reason)}`,
      (cache) => cache.invalidate(undefined, { discardDirty: wrong(reason) }),
      'CACHETRAIL_INVALID_ARGUMENT',
    ],
    [
      `close with abandon: ${named(reason)}`,
      (cache) => cache.close({ abandon: wrong(reason) }),
      'CACHETRAIL_INVALID_ARGUMENT',
    ],
  ]),
  ...[null, 'x', {}, true].flatMap((signal): Row[] => [
    [
      `read with signal: ${named(signal)}`,
      (cache) => cache.read(9, 1, undefined, { signal: wrong(signal) }),
      'CACHETRAIL_INVALID_ARGUMENT',
    ],
    [
      `write with signal: ${named(signal)}`,
      (cache) => cache.write(9, block(), { signal: wrong(signal) }),
      'CACHETRAIL_INVALID_ARGUMENT',
    ],
  ]),
];

describe('a request that is wrong in itself', () => {
  const open = testCaches();
  const tables: Readonly<Record<string, readonly Row[]>> = {
    'a block number that is none': table(BLOCKS, NUMBERS, 'CACHETRAIL_INVALID_BLOCK'),
    'a count that is none': table(LENGTHS, COUNTS, 'CACHETRAIL_INVALID_BLOCK'),
    'a length that is none': [...COUNTS.slice(1), undefined].map(
      (length): Row => [
        `readBytes(${named(length)})`,
        (cache) => cache.readBytes(0, wrong(length)),
        'CACHETRAIL_INVALID_BLOCK',
      ],
    ),
    'no range': [
      ...table({ ...MAY_BE_WHOLE, ...RANGED }, [null, 5, 'all'], 'CACHETRAIL_INVALID_ARGUMENT'),
      ...table({ ...MAY_BE_WHOLE, ...RANGED }, [[], {}], 'CACHETRAIL_INVALID_BLOCK'),
      ...table(RANGED, [undefined], 'CACHETRAIL_INVALID_ARGUMENT'),
    ],
    'a range past the end': PAST,
    'a buffer that does not fit': BUFFERS,
    'something else that cannot be': OTHERS,
  };

  for (const [what, rows] of Object.entries(tables)) {
    it(`for ${what} is refused with its code, does nothing and loses nothing (${rows.length} calls)`, async () => {
      const memory = memoryDevice({ bytes: pattern(LAST * 4096 + 100, 1) });
      const { cache, events } = await open(memory);
      await cache.read(0);
      await cache.write(2, pattern(4096, 2));
      const before = { events: events.length, stats: cache.stats(), hash: cache.hash() };
      for (const [method, call, code] of rows) {
        expect(await codeOf(() => call(cache)), `${method} for ${what}`).to.equal(code);
        expect(cache.closed, method).to.equal(false);
      }
      expect(events.slice(before.events), 'events').to.deep.equal([]);
      expect(cache.stats()).to.deep.equal(before.stats);
      expect(cache.hash()).to.equal(before.hash);
      await expectUnharmed(cache, memory);
    });
  }

  /** Usable, and what was dirty reaches the device. */
  async function expectUnharmed(cache: BlockCache, memory: MemoryDevice): Promise<void> {
    cache.checkInvariants();
    await cache.flush();
    const expected = pattern(LAST * 4096 + 100, 1);
    expected.set(pattern(4096, 2), 2 * 4096);
    expect(Buffer.compare(memory.bytes, expected)).to.equal(0);
  }
});

function table<T>(
  methods: Readonly<Record<string, (cache: BlockCache, value: T) => unknown>>,
  values: readonly unknown[],
  code: ErrorCode,
): Row[] {
  return Object.entries(methods).flatMap(([method, call]) =>
    values.map((value): Row => [`${method}(${named(value)})`, (cache) => call(cache, wrong(value)), code]),
  );
}

/** Of an error that is thrown, for methods that answer at once, or rejected with, for all others. */
async function codeOf(call: () => unknown): Promise<string> {
  let answer: unknown;
  try {
    answer = call();
  } catch {
    return thrown(call).code;
  }
  if (!(answer instanceof Promise)) return `no promise, and no error: ${String(answer)}`;
  return answer.then(
    (value) => `fulfilled with ${String(value)}`,
    (error: unknown) => (error instanceof Error && 'code' in error ? String(error.code) : String(error)),
  );
}
