import { readFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { expect } from 'chai';
import { ext2fsDisk } from '../../src/adapters/ext2fs.js';
import type { CacheEvent } from '../../src/cache/events.js';
import { mount } from '../../src/cli/demo/mount.js';
import { shippedImagePath } from '../../src/cli/package-files.js';
import { faultDevice, memoryDevice } from '../../src/device/index.js';
import { openCache } from '../../src/streams/open-cache.js';
import { rejection } from '../device/support.js';

const BLOCK = 4096;
/** Ten blocks and a short one. */
const SIZE = 10 * BLOCK + 1000;

async function opened() {
  const bytes = Buffer.from(Array.from({ length: SIZE }, (_, index) => index % 251));
  const device = faultDevice(memoryDevice({ bytes }));
  const cache = await openCache(device, { limits: { retryBaseNs: 1e5, retryCapNs: 1e5 } });
  const events: CacheEvent[] = [];
  cache.events$.subscribe((event) => events.push(event));
  return { bytes: Buffer.from(bytes), device, cache, disk: ext2fsDisk(cache, { actor: 'libext2fs' }), events };
}

describe('the disk for ext2fs', () => {
  it('says the size of the device', async () => {
    const { disk, cache } = await opened();
    expect(await disk.getCapacity()).to.equal(SIZE);
    expect(disk.readOnly).to.equal(false);
    await cache.close();
  });

  it('reads any range to the buffer’s offset and leaves the rest of the buffer alone', async () => {
    const { disk, cache, bytes } = await opened();
    for (const [bufferOffset, length, fileOffset] of [
      [0, BLOCK, 0],
      [7, 1024, 1024],
      [100, 3 * BLOCK, 2 * BLOCK - 1],
      [3, 0, 5],
      [1, 1, SIZE - 1],
    ]) {
      const buffer = Buffer.alloc(4 * BLOCK, 0xee);
      const answer = await disk.read(buffer, bufferOffset, length, fileOffset);
      expect(answer.bytesRead).to.equal(length);
      expect(answer.buffer).to.equal(buffer);
      const wanted = Buffer.alloc(4 * BLOCK, 0xee);
      bytes.copy(wanted, bufferOffset, fileOffset, fileOffset + length);
      expect(buffer.equals(wanted)).to.equal(true);
    }
    await cache.close();
  });

  it('reads short at the end of the device, and nothing past it', async () => {
    const { disk, cache, bytes } = await opened();
    const buffer = Buffer.alloc(2 * BLOCK, 0xee);
    expect((await disk.read(buffer, 10, BLOCK, SIZE - 300)).bytesRead).to.equal(300);
    expect(buffer.subarray(10, 310).equals(bytes.subarray(SIZE - 300))).to.equal(true);
    expect(buffer[310]).to.equal(0xee);
    expect((await disk.read(buffer, 0, BLOCK, SIZE)).bytesRead).to.equal(0);
    expect((await disk.read(buffer, 0, BLOCK, SIZE + BLOCK)).bytesRead).to.equal(0);
    expect(disk.errors).to.deep.equal([]);
    await cache.close();
  });

  it('writes any range from the buffer’s offset, and a flush brings it to the device', async () => {
    const { disk, cache, device, bytes } = await opened();
    const data = Buffer.alloc(3 * BLOCK, 0xab);
    const answer = await disk.write(data, 5, 2 * BLOCK, BLOCK - 1);
    expect(answer.bytesWritten).to.equal(2 * BLOCK);
    expect(answer.buffer).to.equal(data);
    bytes.fill(0xab, BLOCK - 1, 3 * BLOCK - 1);
    const back = Buffer.alloc(SIZE);
    await disk.read(back, 0, SIZE, 0);
    expect(back.equals(bytes)).to.equal(true);
    await disk.flush();
    const stored = Buffer.alloc(SIZE);
    await device.read(0, [stored]);
    expect(stored.equals(bytes)).to.equal(true);
    await cache.close();
  });

  it('makes its requests in the name of its actor', async () => {
    const { disk, cache, events } = await opened();
    await disk.read(Buffer.alloc(BLOCK), 0, BLOCK, 0);
    await disk.write(Buffer.alloc(BLOCK), 0, BLOCK, 0);
    await disk.flush();
    const requests = events.filter(({ type }) => ['readMissed', 'written', 'flushStarted'].includes(type));
    expect(requests.map((event) => ('actor' in event ? event.actor : ''))).to.deep.equal(Array(3).fill('libext2fs'));
    await cache.close();
  });

  const wrong: [string, string, (disk: Awaited<ReturnType<typeof opened>>['disk']) => Promise<unknown>][] = [
    ['a read longer than the buffer', 'CACHETRAIL_BUFFER_LENGTH', (disk) => disk.read(Buffer.alloc(10), 5, 6, 0)],
    ['a write longer than the buffer', 'CACHETRAIL_BUFFER_LENGTH', (disk) => disk.write(Buffer.alloc(10), 5, 6, 0)],
    ['a negative offset', 'CACHETRAIL_INVALID_ARGUMENT', (disk) => disk.read(Buffer.alloc(10), 0, 1, -1)],
    ['a fractional length', 'CACHETRAIL_INVALID_ARGUMENT', (disk) => disk.read(Buffer.alloc(10), 0, 0.5, 0)],
    ['a buffer offset of NaN', 'CACHETRAIL_INVALID_ARGUMENT', (disk) => disk.write(Buffer.alloc(1), Number.NaN, 1, 0)],
    ['an offset of 2^53', 'CACHETRAIL_INVALID_ARGUMENT', (disk) => disk.write(Buffer.alloc(1), 0, 1, 2 ** 53)],
    ['a discard of NaN bytes', 'CACHETRAIL_INVALID_ARGUMENT', (disk) => disk.discard(0, Number.NaN)],
    ['a write over the end', 'CACHETRAIL_OUT_OF_RANGE', (disk) => disk.write(Buffer.alloc(9), 0, 9, SIZE - 8)],
  ];
  for (const [what, code, call] of wrong) {
    it(`refuses ${what} with ${code}, and changes nothing`, async () => {
      const { disk, cache, bytes } = await opened();
      expect((await rejection(call(disk))).code).to.equal(code);
      const back = Buffer.alloc(SIZE);
      await disk.read(back, 0, SIZE, 0);
      expect(back.equals(bytes)).to.equal(true);
      expect(cache.stats().dirtyBlocks).to.equal(0);
      await cache.close();
    });
  }

  describe('discarding', () => {
    const cases: [string, number, number, readonly number[]][] = [
      ['whole blocks', BLOCK, 2 * BLOCK, [1, 2]],
      ['a range that starts and ends within blocks', BLOCK - 1, 2 * BLOCK + 2, [1, 2]],
      ['a range within one block', BLOCK + 1, BLOCK - 2, []],
      ['parts of two blocks', BLOCK + 1, BLOCK, []],
      ['no bytes', BLOCK, 0, []],
      ['the short last block, to its end', 9 * BLOCK, BLOCK + 1000, [9, 10]],
      ['a part of the short last block', 10 * BLOCK, 999, []],
      ['a range past the end', 10 * BLOCK, 5 * BLOCK, [10]],
      ['a range beyond the device', 20 * BLOCK, BLOCK, []],
    ];
    for (const [what, offset, length, blocks] of cases) {
      it(`${what}, touches blocks [${blocks}]`, async () => {
        const { disk, cache, events } = await opened();
        await disk.discard(offset, length);
        const cleared = events.flatMap((event) =>
          event.type === 'clearFinished' ? Array.from({ length: event.count }, (_, index) => event.block + index) : [],
        );
        expect(cleared).to.deep.equal(blocks);
        await cache.close();
      });
    }

    it('is a hint: on a device that cannot discard nothing happens, and dirty bytes stay', async () => {
      const cache = await openCache(memoryDevice({ sizeBytes: SIZE }, { discard: false }));
      const disk = ext2fsDisk(cache);
      await disk.write(Buffer.alloc(BLOCK, 7), 0, BLOCK, 0);
      await disk.discard(0, SIZE);
      expect(disk.errorCount).to.equal(0);
      const back = Buffer.alloc(BLOCK);
      await disk.read(back, 0, BLOCK, 0);
      expect(back.equals(Buffer.alloc(BLOCK, 7))).to.equal(true);
      await cache.close();
    });
  });

  describe('when the device fails', () => {
    it('rejects with the error as it came and keeps it, where ext2fs would only say EIO', async () => {
      const { disk, cache, device } = await opened();
      const rule = device.inject({ on: 'read', code: 'EREMOTEIO', range: { offset: 0, length: 1 } });
      const error = await rejection(disk.read(Buffer.alloc(10), 0, 10, 0));
      expect(error.code).to.equal('CACHETRAIL_READ_FAILED');
      expect(error.cause).to.include({ code: 'EREMOTEIO' });
      expect(disk.lastError).to.deep.equal({ request: 'read', offset: 0, length: 10, error });
      rule.cure();
      await disk.read(Buffer.alloc(10), 0, 10, 0);
      expect(disk.errorCount).to.equal(1);
      await cache.close();
    });

    it('rejects every flush until the data is durable', async () => {
      const { disk, cache, device } = await opened();
      const rule = device.inject({ on: 'write', code: 'ENOSPC' });
      await disk.write(Buffer.alloc(BLOCK), 0, BLOCK, 0);
      expect((await rejection(disk.flush())).code).to.equal('CACHETRAIL_FLUSH_FAILED');
      expect((await rejection(disk.flush())).code).to.equal('CACHETRAIL_FLUSH_FAILED');
      rule.cure();
      await disk.flush();
      expect(disk.errors.map(({ request }) => request)).to.deep.equal(['flush', 'flush']);
      await cache.close();
    });

    it('keeps the most recent 64 errors and counts them all', async () => {
      const { disk, cache } = await opened();
      for (let index = 0; index < 70; index++) await rejection(disk.read(Buffer.alloc(0), 0, index + 1, 0));
      expect(disk.errorCount).to.equal(70);
      expect(disk.errors).to.have.length(64);
      expect(disk.errors.at(-1)?.length).to.equal(70);
      expect(disk.lastError?.length).to.equal(70);
      await cache.close();
    });

    it('rejects after the cache was closed', async () => {
      const { disk, cache } = await opened();
      await cache.close();
      expect((await rejection(disk.read(Buffer.alloc(1), 0, 1, 0))).code).to.equal('CACHETRAIL_CLOSED');
      expect((await rejection(disk.write(Buffer.alloc(1), 0, 1, 0))).code).to.equal('CACHETRAIL_CLOSED');
    });
  });

  it('over a read-only device is read-only: writes are refused, a flush has nothing to do', async () => {
    const cache = await openCache(memoryDevice({ sizeBytes: SIZE }), { mode: 'readonly' });
    const disk = ext2fsDisk(cache);
    expect(disk.readOnly).to.equal(true);
    expect((await rejection(disk.write(Buffer.alloc(1), 0, 1, 0))).code).to.equal('CACHETRAIL_READ_ONLY');
    await disk.flush();
    await disk.discard(0, SIZE);
    await cache.close();
  });

  it('is mounted by ext2fs, whose files read back through it and from the device alone', async () => {
    const bytes = gunzipSync(readFileSync(shippedImagePath()));
    const device = memoryDevice({ bytes });
    const cache = await openCache(device);
    const disk = ext2fsDisk(cache);
    const contents = Buffer.from('written through the cache\n'.repeat(9000));
    const digest = createHash('sha256').update(contents).digest('hex');
    const first = await mount(disk);
    await first.files.write('/new.txt', contents, 0o644);
    expect(await first.files.hash('/new.txt')).to.equal(digest);
    await first.unmount();
    const { deviceWrites } = cache.stats();
    await cache.close();
    expect(deviceWrites).to.be.greaterThan(0).and.lessThan(20);
    const second = await mount(ext2fsDisk(await openCache(memoryDevice({ bytes: Buffer.from(bytes) }))));
    expect(await second.files.hash('/new.txt')).to.equal(digest);
    await second.unmount();
  });
});
