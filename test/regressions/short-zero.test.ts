import { expect } from 'chai';
import { type BlockDevice, faultDevice, memoryDevice, openCache } from '../../src/index.js';
import { rejection } from '../device/support.js';

const BLOCK = 512;

describe('A zero by a device that can only write', () => {
  const opened = async () => {
    const memory = memoryDevice({ sizeBytes: 8 * BLOCK });
    memory.bytes.fill(1);
    const device = faultDevice(memory);
    return { memory, device, cache: await openCache(withoutZero(device), { blockSize: BLOCK }) };
  };

  it('zeros its range', async () => {
    const { memory, cache } = await opened();
    await cache.zero({ block: 1, count: 2 });
    expect(memory.bytes.subarray(BLOCK, 3 * BLOCK).every((byte) => byte === 0)).to.equal(true);
    expect(memory.bytes[3 * BLOCK]).to.equal(1);
    await cache.close();
  });

  it('has failed when one of its writes is short, since what that one reached is unknown', async () => {
    const { device, cache } = await opened();
    device.inject({ on: 'write', short: 100, times: 1 });
    const error = await rejection(cache.zero({ block: 1, count: 2 }));
    expect(error.code).to.equal('CACHETRAIL_CLEAR_FAILED');
    await cache.close();
  });
});

function withoutZero(device: BlockDevice): BlockDevice {
  return {
    supports: { ...device.supports, zero: false },
    sizeBytes: device.sizeBytes,
    identity: device.identity,
    fd: undefined,
    read: (offset, buffers) => device.read(offset, buffers),
    write: (offset, buffers) => device.write(offset, buffers),
    barrier: () => device.barrier(),
    discard: (offset, length) => device.discard(offset, length),
    zero: () => Promise.reject(new Error('cannot')),
    setOption: (name, value) => device.setOption(name, value),
    close: () => device.close(),
  };
}
