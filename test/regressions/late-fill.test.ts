import { expect } from 'chai';
import { faultDevice, memoryDevice, openCache } from '../../src/index.js';
import { drain, VirtualClock } from '../support/virtual-clock.js';

const BLOCK = 512;
const bytes = (value: number) => new Uint8Array(BLOCK).fill(value);

describe('A fill that ends after a write of its block has become durable', () => {
  it('leaves the newer bytes alone', async () => {
    const memory = memoryDevice({ sizeBytes: 8 * BLOCK });
    const device = faultDevice(memory);
    const clock = new VirtualClock();
    const cache = await openCache(device, { blockSize: BLOCK, clock });
    memory.bytes.fill(1);
    const slow = device.inject({ on: 'read', hang: 'before', times: 1 });
    const read = cache.read(3);
    await cache.write(3, bytes(2));
    await clock.until(cache.flush());
    expect(cache.inspect(3).state).to.equal('clean');
    slow.release();
    await clock.until(read);
    await drain();
    expect((await cache.read(3))[0]).to.equal(2);
    await clock.until(cache.close());
  });
});
