import { expect } from 'chai';
import { faultDevice, memoryDevice } from '../../src/index.js';
import { pattern, testCaches } from '../api/support/caches.js';
import { rejection } from '../device/support.js';

/** The original answers a read that finds everything cached with a variable that it never set. */
describe('a read that finds everything cached', () => {
  const open = testCaches();
  const bytes = pattern(16 * 4096, 3);
  const blocks = (block: number, count: number) => bytes.slice(block * 4096, (block + count) * 4096);

  it('succeeds with the right bytes right after a read that failed', async () => {
    const device = faultDevice(memoryDevice({ bytes: bytes.slice() }));
    const { cache } = await open(device);
    await cache.read(0, 4);
    device.inject({ on: 'read', code: 'EIO', range: { offset: 8 * 4096, length: 4096 } });
    const into = new Uint8Array(4096);
    for (let round = 0; round < 3; round++) {
      expect(await rejection(cache.read(8))).to.include({ code: 'CACHETRAIL_READ_FAILED' });
      expect(await cache.read(1)).to.deep.equal(blocks(1, 1));
      expect(await cache.read(0, 4)).to.deep.equal(blocks(0, 4));
      expect(await cache.readBytes(100, 9000)).to.deep.equal(bytes.slice(100, 9100));
      expect(cache.readNow(3, into)).to.equal(true);
      expect(into).to.deep.equal(blocks(3, 1));
    }
  });

  it('succeeds on a block whose first reads failed', async () => {
    const device = faultDevice(memoryDevice({ bytes: bytes.slice() }));
    device.inject({ on: 'read', code: 'EIO', times: 2 });
    const { cache } = await open(device);
    await rejection(cache.read(5));
    await rejection(cache.read(5));
    expect(await cache.read(5)).to.deep.equal(blocks(5, 1));
    expect(await cache.read(5)).to.deep.equal(blocks(5, 1));
    expect(device.operations.read).to.equal(3);
  });

  it('succeeds on a dirty block that the device will not take', async () => {
    const device = faultDevice(memoryDevice({ bytes: bytes.slice() }));
    device.inject({ on: 'write', code: 'EROFS' });
    const { cache } = await open(device);
    const newer = pattern(4096, 9);
    await cache.write(2, newer);
    await rejection(cache.flush());
    expect(cache.inspect(2)).to.include({ state: 'dirty', lastError: 'EROFS', parked: true });
    expect(await cache.read(2)).to.deep.equal(newer);
    expect(await cache.read(1, 2)).to.deep.equal(new Uint8Array([...blocks(1, 1), ...newer]));
  });
});
