import { expect } from 'chai';
import { memoryDevice } from '../../src/device/index.js';
import { rejection, thrown } from './support.js';

describe('memoryDevice', () => {
  it('uses the bytes that it is given, without a copy', async () => {
    const bytes = Uint8Array.of(1, 2, 3, 4);
    const device = memoryDevice({ bytes });
    await device.write(1, [Uint8Array.of(9)]);
    expect([...bytes]).to.deep.equal([1, 9, 3, 4]);
    expect(device.bytes).to.equal(bytes);
  });

  it('has done its work when the call returns', () => {
    const device = memoryDevice({ sizeBytes: 4 });
    void device.write(0, [Uint8Array.of(7)]);
    expect(device.bytes[0]).to.equal(7);
  });

  it('has the same identity in every run', () => {
    expect(memoryDevice({ sizeBytes: 4096 }).identity).to.equal('memory:4096');
    expect(memoryDevice({ sizeBytes: 4096 }).identity).to.equal('memory:4096');
    expect(memoryDevice({ sizeBytes: 4096 }, { identity: 'disk' }).identity).to.equal('disk');
  });

  for (const sizeBytes of [0, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, 2 ** 52]) {
    it(`refuses a size of ${sizeBytes} bytes`, () => {
      expect(thrown(() => memoryDevice({ sizeBytes })).code).to.equal('CACHETRAIL_INVALID_ARGUMENT');
    });
  }

  it('refuses to be made of no bytes', () => {
    expect(thrown(() => memoryDevice({ bytes: new Uint8Array(0) })).code).to.equal('CACHETRAIL_INVALID_ARGUMENT');
  });

  it('refuses writes, discards and zeros when it is read-only', async () => {
    const device = memoryDevice({ sizeBytes: 4 }, { readOnly: true });
    expect(device.supports).to.deep.equal({ write: false, durable: false, discard: false, zero: false });
    for (const call of [device.write(0, [new Uint8Array(1)]), device.discard(0, 1), device.zero(0, 1)]) {
      expect((await rejection(call)).code).to.equal('CACHETRAIL_READ_ONLY');
    }
  });

  it('can do without discard and zero', async () => {
    const device = memoryDevice({ sizeBytes: 4 }, { discard: false, zero: false });
    expect(device.supports).to.deep.equal({ write: true, durable: false, discard: false, zero: false });
    expect((await rejection(device.discard(0, 1))).code).to.equal('CACHETRAIL_UNSUPPORTED');
    expect((await rejection(device.zero(0, 1))).code).to.equal('CACHETRAIL_UNSUPPORTED');
  });
});
