import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { AssertionError, expect, use } from 'chai';
import type { CacheEvent } from '../../../src/cache/events.js';
import { faultDevice, memoryDevice, openCache } from '../../../src/index.js';
import { openJournal, openJournalWriter } from '../../../src/streams/journal/index.js';
import { cachetrailAssertions, type ReplayedRun, replay } from '../../../src/testing/index.js';
import { recordDemo } from '../../support/demo-journal.js';
import { VirtualClock } from '../../support/virtual-clock.js';

use(cachetrailAssertions);

const BLOCK = 4096;

describe('a recorded run as a regression test', () => {
  let folder: string;
  let runs = 0;

  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'cachetrail-test-'));
  });
  after(() => rmSync(folder, { recursive: true }));

  const fresh = () => path.join(folder, `${++runs}.journal`);

  /** What an assertion says when it does not hold. */
  const saidBy = (assertion: () => unknown): string => {
    try {
      assertion();
    } catch (error) {
      if (error instanceof AssertionError) return error.message;
      throw error;
    }
    throw new Error('the assertion holds');
  };

  it('of the demo: decides the same, ends clean, loses nothing, and costs no more', async () => {
    const directory = fresh();
    await recordDemo(directory);
    const run = await replay(directory);
    expect(run).to.decideTheSame().and.endClean();
    expect(run).to.have.lost.nothing.and.have.deviceWrites.at.most(run.figures.writes / 6);
    expect(run).to.have.hitRatio.at.least(0.85);
    expect(await run.with({ capacity: 64 })).to.have.readHitRatio.below(run.figures.readHitRatio);
    // The demo has a block fail until its device is cured.
    expect(run).to.not.have.parked.nothing;
    const [{ block, seq }] = run.history.parked;
    expect(run).to.have.block(block).durable;
    expect(run).to.not.have.block(block).durableBy(seq);
  });

  describe('of a cache with a fault', () => {
    let directory: string;
    let run: ReplayedRun;

    before(async () => {
      directory = fresh();
      const device = faultDevice(memoryDevice({ sizeBytes: 64 * BLOCK }));
      const limits = { retryBaseNs: 1e5, retryCapNs: 1e6 };
      const cache = await openCache(device, { capacity: 8, journal: { directory }, limits });
      await cache.write(1, new Uint8Array(BLOCK));
      await cache.flush();
      device.inject({ on: 'write', code: 'EIO', range: { offset: 5 * BLOCK, length: BLOCK } });
      await cache.write(5, new Uint8Array(BLOCK));
      await cache.flush().catch(() => undefined);
      await cache.read(20, 8);
      await cache.close({ abandon: 'the disk is broken' });
      run = await replay(directory);
    });

    it('names the blocks that were lost and parked, with events and reasons', () => {
      expect(run).to.decideTheSame();
      expect(saidBy(() => expect(run).to.have.lost.nothing)).to.match(
        /^expected .*\.journal to have lost nothing, but it has lost block 5 \(event \d+, discarded: the disk is broken\)$/,
      );
      expect(saidBy(() => expect(run).to.have.parked.nothing)).to.match(/parked block 5 \(event \d+, EIO\)/);
      expect(saidBy(() => expect(run).to.endClean())).to.match(/to end clean: it has lost block 5/);
    });

    it('knows when a block was durable, and says which write was not', () => {
      const [first] = [run.history.durability(1, 1e9)];
      expect(run).to.have.block(1).durable;
      expect(run)
        .to.have.block(1)
        .durableBy(first?.durableSeq ?? 0);
      const early = saidBy(() =>
        expect(run)
          .to.have.block(1)
          .durableBy((first?.durableSeq ?? 0) - 1),
      );
      expect(early).to.match(
        /^expected block 1 of .* to be durable by event \d+, but what event \d+ wrote was so with event \d+$/,
      );
      expect(saidBy(() => expect(run).to.have.block(5).durable)).to.match(/what event \d+ wrote never was$/);
      expect(saidBy(() => expect(run).to.have.block(40).durable)).to.include('it had not been written');
    });

    it('compares figures, and names them', async () => {
      expect(run).to.have.deviceReads.equal(2);
      expect(saidBy(() => expect(run).to.have.deviceReads.at.most(1))).to.match(
        /^deviceReads of .*\.journal: expected 2 to be at most 1$/,
      );
      const wider = await run.with({ capacity: 64 });
      expect(wider).to.have.evictions.equal(0);
      expect(saidBy(() => expect(wider).to.have.evictions.above(0))).to.include('with {"capacity":64}');
      expect(await run.with({}, 'recorded')).to.have.deviceErrors.equal(run.figures.deviceErrors);
    });

    it('shows the first divergence with both events', async () => {
      const changed = fresh();
      const events: CacheEvent[] = [];
      for await (const event of (await openJournal(directory)).read()) events.push(event);
      const journal = await openJournalWriter(changed, { clock: new VirtualClock() });
      const finished = events.find((event) => event.type === 'readMissed');
      for (const event of events) journal.append(event === finished ? { ...finished, hits: finished.hits + 1 } : event);
      await journal.close();
      const other = await replay(changed);
      const seq = finished?.seq ?? 0;
      const lines = saidBy(() => expect(other).to.decideTheSame()).split('\n');
      expect(lines[0]).to.equal(`expected ${changed} to decide the same: at seq ${seq} the core decides otherwise`);
      expect(lines[1]).to.match(new RegExp(`^  recorded  #${seq} readMissed .*"hits":1`));
      expect(lines[2]).to.match(new RegExp(`^  decided   #${seq} readMissed .*"hits":0`));
      expect(lines[3]).to.include(`after ${seq - 1} events`);
      expect(other).to.not.decideTheSame();
    });
  });

  it('of a cache that was killed: what was not durable is lost, until a recovery writes it again', async () => {
    const directory = fresh();
    const clock = new VirtualClock();
    const events: CacheEvent[] = [];
    const journal = { append: (event: CacheEvent) => void events.push(event) };
    const cache = await openCache(memoryDevice({ sizeBytes: 64 * BLOCK }), { journal, clock, capacity: 16 });
    await cache.write(3, new Uint8Array(BLOCK));
    await cache.write(4, new Uint8Array(BLOCK));
    await clock.until(cache.flush());
    await cache.write(4, new Uint8Array(BLOCK));
    const writer = await openJournalWriter(directory, { clock });
    for (const event of events) writer.append(event);
    await writer.close();
    const killed = await replay(directory);
    expect(killed).to.decideTheSame();
    expect(saidBy(() => expect(killed).to.have.lost.nothing))
      .to.include('block 4')
      .and.not.include('block 3');
    expect(saidBy(() => expect(killed).to.endClean())).to.include('its last event is #');

    const device = memoryDevice({ sizeBytes: 64 * BLOCK });
    const again = await openCache(device, { journal: { directory }, capacity: 16 });
    await again.write(4, new Uint8Array(BLOCK), { actor: 'recovery' });
    await again.close();
    expect(await replay(directory)).to.have.lost.nothing;
  });

  it('asks for what replay gives, and for an await that is missing', async () => {
    const directory = fresh();
    const cache = await openCache(memoryDevice({ sizeBytes: BLOCK }), { journal: { directory } });
    await cache.close();
    const promise = replay(directory);
    expect(() => expect(promise).to.decideTheSame()).to.throw(TypeError, 'await');
    expect(() => expect({}).to.have.deviceReads.equal(0)).to.throw(TypeError, 'replay(directory)');
    const run = await promise;
    expect(() => expect(run).to.be.durable).to.throw(TypeError, 'block(number)');
    expect(() => expect(run).to.have.nothing).to.throw(TypeError, 'lost or parked');
  });
});
