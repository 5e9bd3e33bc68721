import { expect } from 'chai';
import { type CacheOptions, type ErrorCode, memoryDevice, openCache, openFileDevice } from '../../src/index.js';
import { imageFolder } from '../device/images.js';
import { rejection } from '../device/support.js';
import { pattern } from './support/caches.js';
import { withParts } from './support/devices.js';
import { named, wrong } from './support/wrong.js';

type Row = readonly [what: string, options: CacheOptions, code: ErrorCode];

describe('opening a cache', () => {
  const SIZE = 16 * 4096;
  const OPTIONS: readonly Row[] = [
    ...[0, -4096, 256, 511, 1000, 4095, 4097, 2 ** 21, 4096.5, Number.NaN, Infinity, '4096', null].map((size): Row => {
      return [`a block size of ${named(size)}`, { blockSize: wrong(size) }, 'CACHETRAIL_INVALID_BLOCK_SIZE'];
    }),
    ['a block size larger than the device', { blockSize: 2 * SIZE }, 'CACHETRAIL_INVALID_BLOCK_SIZE'],
    ...[0, -1, 1.5, Number.NaN, Infinity, 2 ** 40, 2 ** 53, '8'].map((capacity): Row => {
      return [`a capacity of ${named(capacity)}`, { capacity: wrong(capacity) }, 'CACHETRAIL_INVALID_CAPACITY'];
    }),
    ['an unknown policy', { policy: wrong('fifo') }, 'CACHETRAIL_INVALID_ARGUMENT'],
    ['an unknown mode', { mode: wrong('writearound') }, 'CACHETRAIL_INVALID_ARGUMENT'],
    ['a fractional seed', { seed: 0.5 }, 'CACHETRAIL_INVALID_ARGUMENT'],
    ['no device timeout', { deviceTimeoutMs: 0 }, 'CACHETRAIL_INVALID_ARGUMENT'],
    ['a device timeout of NaN', { deviceTimeoutMs: Number.NaN }, 'CACHETRAIL_INVALID_ARGUMENT'],
    ['no depth', { deviceDepth: 0 }, 'CACHETRAIL_INVALID_ARGUMENT'],
    ['an unknown limit', { limits: wrong({ dirtyShare: 0.5 }) }, 'CACHETRAIL_INVALID_ARGUMENT'],
    ['a share above 1', { limits: { pinnedShare: 2 } }, 'CACHETRAIL_INVALID_ARGUMENT'],
    ['watermarks the wrong way round', { limits: { dirtyHardShare: 0.2 } }, 'CACHETRAIL_INVALID_ARGUMENT'],
    ['a limit of 0', { limits: { dirtyAgeNs: 0 } }, 'CACHETRAIL_INVALID_ARGUMENT'],
  ];
  for (const [what, options, code] of OPTIONS) {
    it(`with ${what} is refused with ${code}, and leaves the device to the caller`, async () => {
      const device = memoryDevice({ sizeBytes: SIZE });
      expect((await rejection(openCache(device, options))).code).to.equal(code);
      const cache = await openCache(device);
      expect((await cache.read(0)).length).to.equal(4096);
      await cache.close();
    });
  }

  const SIZES = [Number.NaN, -1, 8192.5, 2 ** 53, Infinity, '8192', undefined, null];
  for (const sizeBytes of SIZES) {
    it(`over a device whose size is ${named(sizeBytes)} is refused`, async () => {
      const memory = memoryDevice({ sizeBytes: SIZE });
      const device = withParts(memory, { sizeBytes: wrong(sizeBytes) });
      expect((await rejection(openCache(device))).code).to.equal('CACHETRAIL_DEVICE_PROTOCOL');
      expect(await memory.read(0, [new Uint8Array(1)]), 'the device is still open').to.equal(1);
    });
  }

  it('over an empty device is refused', async () => {
    const device = withParts(memoryDevice({ sizeBytes: 1 }), { sizeBytes: 0 });
    expect((await rejection(openCache(device))).code).to.equal('CACHETRAIL_DEVICE_EMPTY');
  });

  it('over a device smaller than a block is refused, but not with smaller blocks', async () => {
    const device = memoryDevice({ sizeBytes: 1000 });
    expect((await rejection(openCache(device))).code).to.equal('CACHETRAIL_INVALID_BLOCK_SIZE');
    const cache = await openCache(device, { blockSize: 512 });
    expect((await cache.read(1)).length).to.equal(488);
    await cache.close();
  });

  for (const device of [undefined, null, 'disk.img', 7, {}, { sizeBytes: 4096, supports: null }]) {
    it(`over ${JSON.stringify(device)} is refused`, async () => {
      expect((await rejection(openCache(wrong(device)))).code).to.equal('CACHETRAIL_INVALID_ARGUMENT');
    });
  }

  const images = imageFolder();

  it('of one file twice is refused until the first cache is closed', async () => {
    const path = images.make('twice.img', SIZE);
    const first = await openCache(await openFileDevice(path));
    await first.write(1, pattern(4096, 1));
    expect((await rejection(openFileDevice(path))).code).to.equal('CACHETRAIL_DEVICE_LOCKED');
    expect((await rejection(openFileDevice(path, { readOnly: true }))).code).to.equal('CACHETRAIL_DEVICE_LOCKED');
    await first.close();
    const second = await openCache(await openFileDevice(path));
    expect(await second.read(1)).to.deep.equal(pattern(4096, 1));
    await second.close();
  });

  it('of an empty file is refused', async () => {
    const path = images.make('empty.img', 0);
    expect((await rejection(openFileDevice(path))).code).to.equal('CACHETRAIL_DEVICE_EMPTY');
  });
});
