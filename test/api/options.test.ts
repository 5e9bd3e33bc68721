import { expect } from 'chai';
import { type BlockDevice, faultDevice, memoryDevice } from '../../src/index.js';
import { rejection } from '../device/support.js';
import { expectBytes, pattern, testCaches } from './support/caches.js';
import { withParts } from './support/devices.js';
import { TestClock } from './support/virtual-clock.js';

const MIB = 1024 * 1024;

describe('setOption', () => {
  const open = testCaches();

  it('changes a limit of the cache while it runs, and states so', async () => {
    const { cache, of } = await open(memoryDevice({ sizeBytes: MIB }));
    await cache.setOption('dirtyAgeNs', 7e9, { actor: 'me' });
    await cache.setOption('retryBaseNs', '1000');
    const set = of('optionSet').map(({ name, value, actor }) => ({ name, value, actor }));
    expect(set).to.deep.equal([
      { name: 'dirtyAgeNs', value: 7e9, actor: 'me' },
      { name: 'retryBaseNs', value: 1000, actor: '' },
    ]);
  });

  it('lets dirty blocks age faster', async () => {
    const clock = new TestClock();
    const device = faultDevice(memoryDevice({ sizeBytes: MIB }));
    const { cache } = await open(device, { clock });
    await cache.write(0, pattern(4096, 1));
    await clock.pass(2_000);
    expect(device.operations.write).to.equal(0);
    await cache.setOption('dirtyAgeNs', 1e9);
    await clock.pass(1);
    expect(device.operations.write).to.equal(1);
  });

  it('makes device writes longer, with the right bytes', async () => {
    const device = faultDevice(memoryDevice({ sizeBytes: 8 * MIB }));
    const { cache } = await open(device, { limits: { dirtyBackgroundShare: 0.8 } });
    await cache.write(0, pattern(256 * 4096, 1));
    await cache.flush();
    const bytes = pattern(4 * MIB, 2);
    await cache.setOption('runBytesMax', 4 * MIB);
    await cache.write(0, bytes);
    await cache.flush();
    expect(device.operations.write).to.equal(2);
    expectBytes(await readAll(device, bytes.length), bytes);
  });

  it('makes device reads longer, with the right bytes', async () => {
    const bytes = pattern(8 * MIB, 3);
    const device = faultDevice(memoryDevice({ bytes: bytes.slice() }));
    const { cache } = await open(device);
    await cache.read(0, 256);
    await cache.setOption('runBytesMax', 4 * MIB);
    await cache.setOption('fillBlocksMax', 1024);
    await cache.invalidate();
    expectBytes(await cache.read(0, 1024), bytes.subarray(0, 4 * MIB));
    expect(device.operations.read).to.equal(2);
  });

  it('makes requests, reads and writes shorter, with the right bytes', async () => {
    const device = faultDevice(memoryDevice({ sizeBytes: MIB }));
    const { cache, of } = await open(device);
    for (const name of ['runBytesMax', 'requestBlocksMax', 'fillBlocksMax', 'writebacksInFlightMax']) {
      await cache.setOption(name, name === 'runBytesMax' ? 8192 : 3);
    }
    const bytes = pattern(20 * 4096, 4);
    await cache.write(7, bytes);
    await cache.flush();
    await cache.invalidate();
    expect(await cache.read(7, 20)).to.deep.equal(bytes);
    expect(of('writebackStarted').every(({ count }) => count <= 2)).to.equal(true);
    expect(of('fillStarted').every(({ count }) => count <= 2)).to.equal(true);
    expect(of('readMissed').every(({ count }) => count <= 3)).to.equal(true);
  });

  it('refuses a value that a limit cannot have, and leaves the limits as they were', async () => {
    const { cache, of } = await open(memoryDevice({ sizeBytes: MIB }));
    const bad: [name: string, value: number | string][] = [
      ['dirtyAgeNs', 0],
      ['dirtyAgeNs', -1],
      ['dirtyAgeNs', Number.NaN],
      ['dirtyAgeNs', 'soon'],
      ['batchBlocksMax', 1.5],
      ['pinnedShare', 1.01],
      ['dirtyBackgroundShare', 0.9],
      ['dirtyHardShare', 0.1],
      ['retryBaseNs', 2e9],
      ['slabBytes', 4096],
    ];
    for (const [name, value] of bad) {
      expect((await rejection(cache.setOption(name, value))).code, `${name} ${value}`).to.equal(
        'CACHETRAIL_INVALID_ARGUMENT',
      );
    }
    expect(of('optionSet')).to.deep.equal([]);
  });

  it('hands what is no limit to the device, after a flush and with an empty cache', async () => {
    const memory = memoryDevice({ sizeBytes: MIB });
    const set: [name: string, value: string, byte: number][] = [];
    const device = withParts(memory, {
      setOption: async (name, value) => {
        set.push([name, value, memory.bytes[4096]]);
        memory.bytes[0] = 99;
      },
    });
    const { cache } = await open(device);
    await cache.read(0);
    await cache.write(1, new Uint8Array(4096).fill(5));
    await cache.setOption('offset', 512);
    expect(set).to.deep.equal([['offset', '512', 5]]);
    expect((await cache.read(0))[0]).to.equal(99);
  });

  it('hands nothing to the device if the flush fails, and keeps what is dirty', async () => {
    const device = faultDevice(memoryDevice({ sizeBytes: MIB }));
    const { cache } = await open(device);
    device.inject({ on: 'write', code: 'EROFS' });
    await cache.write(1, pattern(4096, 1));
    expect(await rejection(cache.setOption('mine', 1))).to.include({ code: 'CACHETRAIL_FLUSH_FAILED' });
    expect(cache.inspect(1).state).to.equal('dirty');
  });

  for (const [how, setOption] of Object.entries<(own: Error) => BlockDevice['setOption']>({
    rejects: (own) => () => Promise.reject(own),
    throws: (own) => () => {
      throw own;
    },
  })) {
    it(`gives the device’s own error as the cause where the device ${how}`, async () => {
      const own = new Error('not now');
      const device = withParts(memoryDevice({ sizeBytes: MIB }), { setOption: setOption(own) });
      const { cache } = await open(device);
      expect(await rejection(cache.setOption('mine', 7))).to.include({ code: 'CACHETRAIL_UNKNOWN_OPTION', cause: own });
    });
  }

  it('tells what neither the cache nor the device knows', async () => {
    const { cache } = await open(memoryDevice({ sizeBytes: MIB }));
    for (const name of ['no_such', 'toString', '__proto__', '']) {
      expect((await rejection(cache.setOption(name, 1))).code, name).to.equal('CACHETRAIL_UNKNOWN_OPTION');
    }
  });
});

async function readAll(device: BlockDevice, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  await device.read(0, [bytes]);
  return bytes;
}
