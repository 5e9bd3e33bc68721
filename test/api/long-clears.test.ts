import { expect } from 'chai';
import { type BlockDevice, memoryDevice } from '../../src/index.js';
import { rejection } from '../device/support.js';
import { testCaches } from './support/caches.js';
import { withParts } from './support/devices.js';
import { TestClock } from './support/virtual-clock.js';

const MIB = 1024 * 1024;
const SIZE = 64 * MIB;

describe('a discard or zero that takes long', () => {
  const open = testCaches();

  /** A disk that clears 20 MB a second, under a timeout of one second; `stopsAt` is where it answers no more. */
  async function slow(stopsAt = Number.POSITIVE_INFINITY) {
    const clock = new TestClock();
    const pieces: [offset: number, length: number][] = [];
    let release = () => {};
    const clear = (offset: number, length: number) =>
      new Promise<void>((resolve) => {
        pieces.push([offset / MIB, length / MIB]);
        if (offset < stopsAt) clock.after(length / 20_000, resolve);
        else release = resolve;
      });
    const memory = memoryDevice({ sizeBytes: SIZE });
    const device: BlockDevice = withParts(memory, { zero: clear, discard: clear });
    const test = await open(device, { clock, deviceTimeoutMs: 1000 });
    return { ...test, clock, pieces, release: () => release() };
  }

  for (const kind of ['zero', 'discard'] as const) {
    it(`does not time out while it goes on, piece by piece: ${kind}`, async () => {
      const { cache, clock, pieces, of } = await slow();
      await clock.until(cache[kind]({ block: 256, count: (60 * MIB) / 4096 }));
      expect(clock.now()).to.be.above(3e9);
      expect(pieces).to.deep.equal([
        [1, 15],
        [16, 16],
        [32, 16],
        [48, 13],
      ]);
      expect(of('clearStarted'), 'one device operation in the log').to.have.lengthOf(1);
      expect(of('clearAnswered')[0].at - of('clearAnswered')[0].startedAt).to.be.above(3e9);
    });
  }

  it('times out when a piece of it does not end, and goes no further when that is answered late', async () => {
    const { cache, clock, pieces, release, of } = await slow(16 * MIB);
    const error = await rejection(clock.until(cache.zero({ block: 0, count: SIZE / 4096 })));
    expect(error.code).to.equal('CACHETRAIL_CLEAR_FAILED');
    expect(error.cause).to.include({ code: 'CACHETRAIL_DEVICE_TIMEOUT' });
    expect(clock.now()).to.be.within(1.8e9, 2e9);
    release();
    await clock.rest();
    expect(pieces).to.have.lengthOf(2);
    expect(of('deviceAnsweredLate').map(({ code }) => code)).to.deep.equal(['CACHETRAIL_DEVICE_TIMEOUT']);
    await clock.until(cache.write(20, new Uint8Array(4096).fill(7)));
    await clock.until(cache.flush());
  });

  it('does not keep the timeout of others from coming', async () => {
    const { cache, clock } = await slow();
    const silent = withParts(memoryDevice({ sizeBytes: SIZE }), {
      read: () => new Promise(() => {}),
      zero: (_offset, length) => new Promise((resolve) => clock.after(length / 20_000, resolve)),
    });
    const other = (await open(silent, { clock, deviceTimeoutMs: 1000 })).cache;
    const zero = other.zero({ block: 0, count: SIZE / 4096 - 1 });
    const error = await rejection(clock.until(other.read(SIZE / 4096 - 1)));
    expect(error.code).to.equal('CACHETRAIL_DEVICE_TIMEOUT');
    expect(clock.now()).to.be.within(1e9, 1.1e9);
    await clock.until(zero);
    expect(cache.closed).to.equal(false);
  });
});

describe('an option of a device', () => {
  const open = testCaches();

  it('that it does not answer for is given up on in time', async () => {
    const clock = new TestClock();
    const device = withParts(memoryDevice({ sizeBytes: MIB }), { setOption: () => new Promise(() => {}) });
    const { cache } = await open(device, { clock, deviceTimeoutMs: 1000 });
    expect((await rejection(clock.until(cache.setOption('colour', 'blue')))).code).to.equal(
      'CACHETRAIL_DEVICE_TIMEOUT',
    );
    expect(clock.now()).to.equal(1e9);
    expect(clock.timers).to.equal(0);
  });
});
