/** What reaches the cache through handles, and a device that is replaced, are a part of the workload. */
import { expect } from 'chai';
import type { CacheEvent } from '../../../../src/cache/events.js';
import { faultDevice, latencyDevice, memoryDevice } from '../../../../src/device/index.js';
import { openCache } from '../../../../src/index.js';
import { replayWorkload, type WorkloadFigures } from '../../../../src/streams/journal/index.js';
import { VirtualClock } from '../../../support/virtual-clock.js';
import { newDirectory, removeDirectories, writeJournal } from '../support/recorded.js';
import { BLOCK, BLOCKS } from './support.js';

const MS = { readMs: 1, writeMs: 2, barrierMs: 5 };
const block = (value: number) => new Uint8Array(BLOCK).fill(value);
const timeless = ({ elapsedNs: _e, admissionWaitNs: _a, ...counts }: WorkloadFigures) => counts;

describe('a workload with handles and a device that is replaced', () => {
  after(removeDirectories);

  let directory: string;
  const events: CacheEvent[] = [];
  before(async () => {
    directory = await newDirectory();
    const clock = new VirtualClock();
    const bytes = new Uint8Array(BLOCKS * BLOCK);
    const device = () => faultDevice(latencyDevice(memoryDevice({ bytes }), { ...MS, setTimer: clock.after }));
    const gone = device();
    const journal = { append: (event: CacheEvent) => void events.push(event) };
    const cache = await openCache(gone, { clock, journal, capacity: 16 });
    const client = async () => {
      const one = await cache.open({ actor: 'one' });
      const other = await cache.open({ actor: 'other' });
      await one.write(3, block(1));
      await one.flush();
      await other.read(20, 4);
      await other.writeBytes(9 * BLOCK, block(2), { through: true });
      const hung = gone.inject({ on: 'write', hang: 'after' });
      await one.write(5, block(3));
      const flushed = one.flush();
      await new Promise<void>((resolve) => clock.after(20, resolve));
      const replaced = cache.replaceDevice(device());
      hung.release('EIO');
      await replaced;
      await flushed;
      await one.close();
      await other.close();
      await cache.close();
    };
    await clock.until(client());
    await writeJournal(directory, events);
  });

  it('costs what it has cost, with the recorded options and answers', async () => {
    const types = new Set(events.map(({ type }) => type));
    for (const type of ['handleOpened', 'handleClosed', 'deviceReplaced'] as const) expect(types).to.include(type);
    expect(events.some((event) => event.type === 'writebackFailed')).to.equal(true);
    const { recorded, runs } = await replayWorkload(directory, { device: 'recorded' });
    expect(timeless(runs[0].figures)).to.deep.equal(timeless(recorded.figures));
    expect(runs[0].unended).to.equal(0);
  });

  it('writes again, on whatever device, what no barrier had covered when it was replaced', async () => {
    const { recorded, runs } = await replayWorkload(directory, { runs: [{}, { capacity: 64 }] });
    for (const { figures, unended, leftOut } of runs) {
      expect(figures.requests).to.equal(recorded.figures.requests);
      expect(figures.deviceErrors).to.equal(0);
      expect(unended).to.equal(0);
      expect(leftOut).to.deep.equal({ resize: 0, setBlockSize: 0, setOption: 0 });
    }
  });
});
