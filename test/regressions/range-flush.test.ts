import { expect } from 'chai';
import { latencyDevice, memoryDevice } from '../../src/index.js';
import { pattern, stateOf, testCaches } from '../api/support/caches.js';
import { TestClock } from '../api/support/virtual-clock.js';

/** The original's flush of a range unlocks each block twice, so that it breaks under others who use the blocks. */
describe('a flush of a range', () => {
  const open = testCaches();

  async function slow() {
    const clock = new TestClock();
    const memory = memoryDevice({ sizeBytes: 32 * 4096 });
    const { after: setTimer } = clock;
    const device = latencyDevice(memory, { readMs: 2, writeMs: 10, barrierMs: 5, setTimer });
    return { clock, memory, ...(await open(device, { clock, deviceDepth: 2 })) };
  }

  it('ends once each while flushes of overlapping ranges, reads and writes use the same blocks', async () => {
    const { clock, memory, cache, of } = await slow();
    const first = pattern(16 * 4096, 1);
    await cache.write(0, first);
    const flushes = [cache.flush({ block: 0, count: 8 }), cache.flush({ block: 4, count: 8 }), cache.flush()];
    await clock.pass(1);
    const newer = pattern(4096, 2);
    await cache.write(5, newer);
    flushes.push(cache.flush({ block: 5, count: 1 }), cache.flush({ block: 0, count: 32 }));
    const reads = Promise.all([cache.read(4, 4), cache.read(20), cache.read(5)]);
    await clock.until(Promise.all(flushes));

    const [four, , five] = await reads;
    expect(five).to.deep.equal(newer);
    expect(four.subarray(0, 4096)).to.deep.equal(first.subarray(4 * 4096, 5 * 4096));
    expect(memory.bytes.subarray(5 * 4096, 6 * 4096)).to.deep.equal(newer);
    expect(memory.bytes.subarray(0, 5 * 4096)).to.deep.equal(first.subarray(0, 5 * 4096));
    expect(of('flushFinished').map(({ op }) => op)).to.have.members(of('flushStarted').map(({ op }) => op));
    expect(cache.stats()).to.include({ dirtyBlocks: 0, writingBlocks: 0, unsyncedBlocks: 0, waitingRequests: 0 });
  });

  it('leaves the pins of those who hold its blocks alone', async () => {
    const { clock, memory, cache } = await slow();
    const borrowed = await clock.until(cache.borrow(3));
    borrowed.bytes.fill(7);
    await borrowed.markDirty();
    const flushes = Promise.all([cache.flush({ block: 3, count: 1 }), cache.flush({ block: 2, count: 3 })]);
    await clock.until(flushes);

    expect(cache.inspect(3)).to.include({ pins: 1, state: 'clean' });
    expect(memory.bytes[3 * 4096]).to.equal(7);
    borrowed.release();
    expect(cache.inspect(3).pins).to.equal(0);
  });

  it('waits for its own blocks and leaves the others dirty', async () => {
    const { clock, memory, cache } = await slow();
    await cache.write(0, pattern(4096, 1));
    await cache.write(9, pattern(4096, 2));
    await clock.until(cache.flush({ block: 9, count: 1 }));

    expect(memory.bytes.subarray(9 * 4096, 10 * 4096)).to.deep.equal(pattern(4096, 2));
    expect(cache.inspect(0).state).to.equal('dirty');
    expect(memory.bytes[0]).to.equal(0);
  });

  it('does not wait for what is written after it was asked for', async () => {
    const { clock, cache } = await slow();
    await cache.write(0, pattern(4096, 1));
    const flush = cache.flush({ block: 0, count: 1 });
    for (let at = 0; at < 40; at++) {
      await clock.pass(1);
      await cache.write(0, pattern(4096, at));
    }
    expect(await stateOf(flush)).to.equal('fulfilled');
    expect(cache.inspect(0).state).to.not.equal('clean');
  });
});
