import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { type BlockDevice, faultDevice, openFileDevice } from '../../src/index.js';
import { expectBytes, pattern, testCaches } from '../api/support/caches.js';
import { withParts } from '../api/support/devices.js';
import { BLOCK, blocksOf, survivorsOf } from '../api/support/faulty.js';
import { TestClock } from '../api/support/virtual-clock.js';
import { imageFolder } from '../device/images.js';
import { anyRejection } from '../device/support.js';

const OLD = pattern(32 * BLOCK, 1);
const NEW = pattern(BLOCK, 2);
const TIMEOUT = 'CACHETRAIL_DEVICE_TIMEOUT';

/**
 * A system tells of a write that it could not carry out once, to one fsync. Where that one had timed out, the cache made another
 * meanwhile, which succeeded, and believed it: seed 1004757 of the simulator.
 */
describe('A barrier that has timed out and is told of a write that failed since', () => {
  const images = imageFolder();
  const open = testCaches();

  /** Over a file, behind a cache that loses what it holds when it fails. The first barrier is answered when the test says so. */
  async function stalling() {
    const path = images.make('disk.img', OLD);
    const clock = new TestClock();
    const disk = faultDevice(clock.waitFor(await openFileDevice(path)), { volatile: true });
    const lost = gate();
    const answered = gate();
    let barriers = 0;
    const first = async () => {
      await lost.opened;
      disk.inject({ on: 'barrier', code: 'EIO', loses: true, times: 1 });
      const failure = await anyRejection(disk.barrier());
      await answered.opened;
      throw failure;
    };
    const device: BlockDevice = withParts(disk, { barrier: () => (barriers++ === 0 ? first() : disk.barrier()) });
    const { cache } = await open(device, { clock, deviceTimeoutMs: 1000 });
    /** What a crash would leave of a block. */
    const onDisk = (block: number) => readFileSync(path).subarray(block * BLOCK, (block + 1) * BLOCK);
    return { clock, cache, onDisk, lose: lost.open, answer: answered.open };
  }

  it('keeps every flush from succeeding until it has answered, and what it has lost is written again', async () => {
    const { clock, cache, onDisk, lose, answer } = await stalling();
    await cache.write(3, pattern(BLOCK, 7));
    await survivorsOf(clock.until(cache.flush()));
    await cache.write(8, NEW);
    await clock.until(cache.writeBytes(9 * BLOCK, NEW, { through: true }));
    lose();
    await clock.rest();

    const error = await survivorsOf(clock.until(cache.flush()));
    expect(blocksOf(error)).to.deep.equal([3, 8, 9].map((block) => [block, TIMEOUT]));
    for (const block of [3, 8, 9]) expect(cache.inspect(block).state).to.not.equal('clean');
    expectBytes(onDisk(9), OLD.subarray(9 * BLOCK, 10 * BLOCK));

    answer();
    await clock.rest();
    await clock.until(cache.flush());
    expectBytes(onDisk(3), pattern(BLOCK, 7));
    expectBytes(onDisk(8), NEW);
    expectBytes(onDisk(9), NEW);
  });
});

function gate(): { readonly opened: Promise<void>; open(): void } {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open: () => open() };
}
