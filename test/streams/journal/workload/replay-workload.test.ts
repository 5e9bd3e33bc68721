import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import type { CacheOptions } from '../../../../src/index.js';
import {
  type ModelledOperation,
  replayWorkload,
  stateAt,
  type WorkloadFigures,
} from '../../../../src/streams/journal/index.js';
import { recordDemo } from '../../../support/demo-journal.js';
import { newDirectory, removeDirectories, writeJournal } from '../support/recorded.js';
import { BLOCK, type Client, eventsOf, latencyNs, randomClient, record } from './support.js';

describe('a workload, replayed', () => {
  after(removeDirectories);

  const recorded = async (client: Client, options: CacheOptions = {}): Promise<string> => {
    const directory = await newDirectory();
    await record(directory, options, client);
    return directory;
  };
  const timeless = ({ elapsedNs: _e, admissionWaitNs: _a, ...counts }: WorkloadFigures) => counts;

  describe('of the demo', () => {
    let directory: string;
    before(async () => {
      directory = await newDirectory();
      await recordDemo(directory);
    });

    it('costs what it has cost, with the recorded options and answers', async () => {
      const { recorded: past, runs } = await replayWorkload(directory, { device: 'recorded' });
      expect(past.figures.deviceErrors).to.be.greaterThan(5);
      const { barriers, ...others } = timeless(runs[0].figures);
      const { barriers: pastBarriers, ...pastOthers } = timeless(past.figures);
      expect(others).to.deep.equal(pastOthers);
      // A retry whose timer was late, on a busy machine, may have needed a barrier of its own.
      expect(barriers).to.be.within(pastBarriers - past.figures.retries, pastBarriers);
      expect(runs[0].config).to.deep.equal(past.config);
      // Its timers are never late.
      expect(runs[0].figures.elapsedNs).to.be.at.most(past.figures.elapsedNs);
    });

    it('on a device that does not fail costs fewer writes, and as many reads', async () => {
      const { recorded: past, runs } = await replayWorkload(directory);
      const { figures } = runs[0];
      expect(figures.deviceErrors + figures.retries + figures.splits + figures.parks).to.equal(0);
      expect(figures.deviceWrites).to.be.lessThan(past.figures.deviceWrites);
      for (const name of ['requests', 'reads', 'writes', 'deviceReads', 'readHits', 'bytesAccepted'] as const) {
        expect(figures[name], name).to.equal(past.figures[name]);
      }
    });
  });

  it('costs with other options what a real cache with these options costs', async () => {
    const source = await recorded(randomClient(5, 400), { capacity: 16 });
    const options = [
      { capacity: 16 },
      { capacity: 3 },
      { capacity: 100 },
      { capacity: 24, policy: 'priority' },
      { capacity: 16, mode: 'writethrough' },
      { capacity: 20, limits: { dirtyBackgroundShare: 0.1, dirtyHardShare: 0.2, runBytesMax: 2 * BLOCK } },
    ] as const;
    const { runs } = await replayWorkload(source, { runs: options, device: latencyNs });
    const misses: number[] = [];
    for (const [at, run] of runs.entries()) {
      const real = await recorded(randomClient(5, 400), options[at]);
      const { recorded: past } = await replayWorkload(real, { runs: [] });
      expect(run.figures, JSON.stringify(options[at])).to.deep.equal(past.figures);
      expect(run.config).to.deep.equal(past.config);
      misses.push(past.figures.readBlocks - past.figures.readHits);
    }
    expect(new Set(misses).size).to.be.greaterThan(3);
  });

  it('hits as often as the stack distances of its reads say, for every capacity', async () => {
    const blocks = Array.from({ length: 600 }, (_, at) => (at * at * 7 + (at % 13) * 3) % (at % 3 === 0 ? 90 : 20));
    const source = await recorded(async (cache) => {
      for (const block of blocks) await cache.read(block);
    });
    const capacities = [1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 128];
    const { runs } = await replayWorkload(source, { runs: capacities.map((capacity) => ({ capacity })) });
    const distances = stackDistances(blocks);
    for (const [at, capacity] of capacities.entries()) {
      const expected = distances.filter((distance) => distance < capacity).length;
      expect(runs[at].figures.readHits, `capacity ${capacity}`).to.equal(expected);
    }
  });

  it('in blocks of another size asks for the blocks that hold what was asked for', async () => {
    const client: Client = async (cache) => {
      await cache.read(3, 2);
      await cache.write(10, new Uint8Array(BLOCK));
      await cache.flush();
    };
    const source = await recorded(client, { capacity: 16 });
    const sizes = [{ blockSize: 2 * BLOCK }, { blockSize: BLOCK / 4 }];
    const { runs } = await replayWorkload(source, { runs: sizes });
    expect(runs.map(({ config }) => config.capacity)).to.deep.equal([8, 64]);
    // Blocks 3 and 4 are in blocks 1 and 2; block 10 is half of block 5, which has to be read first.
    expect(runs[0].figures).to.include({ readBlocks: 2, deviceReads: 2, blocksRead: 3, bytesWritten: 2 * BLOCK });
    expect(runs[1].figures).to.include({ readBlocks: 8, deviceReads: 1, blocksRead: 8, blocksWritten: 4 });
  });

  it('keeps the order of what a caller did after an answer, and its pauses, whatever the device takes', async () => {
    const client: Client = async (cache, pause) => {
      for (let block = 0; block < 5; block++) {
        await cache.read(block);
        await pause(3);
      }
    };
    const source = await recorded(client, { capacity: 16 });
    const elapsed = async (device: (operation: { readonly kind: string }) => number) => {
      return (await replayWorkload(source, { device })).runs[0].figures.elapsedNs / 1e6;
    };
    const real = (await replayWorkload(source)).recorded.figures.elapsedNs / 1e6;
    expect(real).to.equal(5 * (1 + 3) + 5);
    expect(await elapsed(() => 0)).to.equal(5 * 3);
    expect(await elapsed(({ kind }) => (kind === 'read' ? 40e6 : 0))).to.equal(5 * (40 + 3));
  });

  it('lets callers side by side wait side by side', async () => {
    const caller = async (first: number, cache: Parameters<Client>[0]) => {
      for (let block = first; block < first + 20; block++) await cache.read(block);
    };
    const source = await recorded((cache) => Promise.all([0, 20, 40, 60].map((at) => caller(at, cache))).then(), {
      capacity: 128,
    });
    const elapsedMs = async (readMs: number) => {
      const device = ({ kind }: ModelledOperation) => (kind === 'read' ? readMs * 1e6 : 0);
      const { figures } = (await replayWorkload(source, { device })).runs[0];
      expect(figures.deviceReads).to.equal(80);
      return figures.elapsedNs / 1e6;
    };
    expect(await elapsedMs(1)).to.equal(20);
    expect(await elapsedMs(50)).to.equal(20 * 50);
  });

  it('goes on where a recorded close failed, and the cache stayed open', async () => {
    const events = await eventsOf({}, async (cache) => {
      await cache.write(1, new Uint8Array(BLOCK));
      await cache.flush();
      await cache.read(2);
    });
    const closing = events.find((event) => event.type === 'closeStarted');
    const reading = events.find((event) => event.type === 'readMissed');
    expect([closing?.type, reading?.type]).to.deep.equal(['closeStarted', 'readMissed']);
    if (closing?.type !== 'closeStarted' || reading?.type !== 'readMissed') return;
    const before = events.slice(0, events.indexOf(reading));
    const [seq, { at }] = [before.length + 1, reading];
    const failed = { type: 'closeFailed', op: 3, blocks: [], codes: [], ios: [], barrierIo: 0 } as const;
    const directory = await newDirectory();
    await writeJournal(directory, [
      ...before,
      { ...closing, seq, at, op: 3 },
      { ...failed, seq: seq + 1, at, cause: seq },
      { ...reading, seq: seq + 2, op: 4 },
    ]);
    const { runs } = await replayWorkload(directory);
    expect(runs[0].figures).to.include({ reads: 1, deviceReads: 1, flushes: 2 });
  });

  it('adds up several caches, and leaves out what lies behind a gap', async () => {
    const events = await eventsOf({}, async (cache) => {
      await cache.read(1);
      await cache.read(2);
    });
    const again = events.slice(0, 4).map((event) => ({ ...event, seq: event.seq + events.length }));
    const directory = await newDirectory();
    await writeJournal(directory, events);
    await writeJournal(directory, again);
    const whole = await replayWorkload(directory);
    expect([whole.caches, whole.skipped]).to.deep.equal([2, 0]);
    expect(whole.runs[0].figures.reads).to.equal(3);
    expect(whole.recorded.figures.reads).to.equal(3);
    // The end of the first cache is damaged: its first frame, and all of the second cache, remain.
    const damaged = await newDirectory();
    await writeJournal(damaged, events, { perFrame: 4 });
    await writeJournal(damaged, again);
    const [first] = (await readdir(damaged)).filter((name) => name.endsWith('.ctj')).sort();
    const bytes = await readFile(path.join(damaged, first));
    bytes[bytes.indexOf('CTJF', bytes.indexOf('CTJF') + 1) + 115] ^= 1;
    await writeFile(path.join(damaged, first), bytes);
    const problems: string[] = [];
    const part = await replayWorkload(damaged, { onProblem: ({ kind }) => problems.push(kind) });
    expect(problems).to.deep.equal(['damaged']);
    expect([part.caches, part.skipped]).to.deep.equal([2, events.length - 8]);
    expect([part.recorded.figures.reads, part.runs[0].figures.reads]).to.deep.equal([2, 2]);
  });

  it('begins at a snapshot, with an empty cache, where the opening has been deleted', async () => {
    const events = await eventsOf({ capacity: 16 }, randomClient(9, 200));
    const directory = await newDirectory();
    await writeJournal(directory, events, { segmentBytes: 1, perFrame: 50 });
    await stateAt(directory, events.length, { leaveEvery: 100 });
    const [first, second] = (await readdir(directory)).filter((name) => name.endsWith('.ctj')).sort();
    for (const name of [first, second]) await rm(path.join(directory, name));
    const { coldFrom, caches, skipped, recorded: past, runs } = await replayWorkload(directory, { device: 'recorded' });
    expect(caches).to.equal(1);
    const from = coldFrom ?? 0;
    expect(from).to.be.within(101, events.length / 2);
    expect(skipped).to.equal(from - 1 - 100);
    const since = events.slice(from - 1);
    const count = (type: string) => since.filter((event) => event.type === type).length;
    expect(past.figures.deviceReads).to.equal(count('fillStarted'));
    expect(past.figures.deviceWrites).to.equal(count('writebackStarted'));
    expect(runs[0].figures.reads).to.equal(past.figures.reads);
    expect(runs[0].figures.deviceReads).to.be.greaterThan(past.figures.deviceReads);
    expect(runs[0].config).to.deep.equal(past.config);
  });

  it('is refused where the journal does not hold the opening of a cache', async () => {
    const directory = await newDirectory();
    const events = await eventsOf({}, (cache) => cache.write(0, new Uint8Array(BLOCK)));
    await writeJournal(directory, events, { segmentBytes: 1, perFrame: 3 });
    const [first, ...others] = (await readdir(directory)).filter((name) => name.endsWith('.ctj')).sort();
    expect(others).to.not.have.length(0);
    await rm(path.join(directory, first));
    for (const runs of [[{}], []]) {
      const error = await replayWorkload(directory, { runs }).catch((reason: unknown) => reason);
      expect(error).to.include({ code: 'CACHETRAIL_JOURNAL_RANGE' });
    }
  });

  it('tells how far it is, and ends when it is told to', async () => {
    const source = await recorded(randomClient(3, 100), { capacity: 16 });
    const signs: [done: number, total: number][] = [];
    const { events } = await replayWorkload(source, { onProgress: (...sign) => signs.push(sign) });
    expect(signs.at(-1)).to.deep.equal([2 * events, 2 * events]);
    const stop = new AbortController();
    const stopped = replayWorkload(source, { signal: stop.signal, onProgress: () => stop.abort(new Error('enough')) });
    const error = await stopped.catch((reason: unknown) => reason);
    expect(error).to.include({ message: 'enough' });
  });

  it('is refused with options that cannot be', async () => {
    const source = await recorded((cache) => cache.write(0, new Uint8Array(BLOCK)));
    const wrong = [
      [{ capacity: 0 }, 'CACHETRAIL_INVALID_CAPACITY'],
      [{ capacity: 1.5 }, 'CACHETRAIL_INVALID_CAPACITY'],
      [{ capacity: 2 ** 40 }, 'CACHETRAIL_INVALID_CAPACITY'],
      [{ blockSize: 1000 }, 'CACHETRAIL_INVALID_BLOCK_SIZE'],
      [{ limits: { dirtyHardShare: 2 } }, 'CACHETRAIL_INVALID_ARGUMENT'],
    ] as const;
    for (const [options, code] of wrong) {
      const error = await replayWorkload(source, { runs: [options] }).catch((reason: unknown) => reason);
      expect(error, JSON.stringify(options)).to.include({ code });
    }
  });

  it('stays close to the recording with many callers at once, whose answers come in another order', async () => {
    const source = await recorded(
      async (cache, pause) => {
        await Promise.all([1, 2, 3, 4].map((seed) => randomClient(seed, 150)(cache, pause)));
      },
      { capacity: 32 },
    );
    const { recorded: past, runs } = await replayWorkload(source, { device: 'recorded' });
    const [{ figures }] = runs;
    for (const name of ['deviceReads', 'deviceWrites', 'barriers', 'readHits', 'blocksWritten'] as const) {
      expect(figures[name] / past.figures[name], name).to.be.within(0.95, 1.05);
    }
    expect(figures.elapsedNs / past.figures.elapsedNs).to.be.within(0.95, 1.05);
  });
});

/** For each read, how many other blocks were read since the last read of its own (Mattson et al., 1970). */
function stackDistances(blocks: readonly number[]): number[] {
  const stack: number[] = [];
  return blocks.map((block) => {
    const distance = stack.indexOf(block);
    if (distance !== -1) stack.splice(distance, 1);
    stack.unshift(block);
    return distance === -1 ? Number.POSITIVE_INFINITY : distance;
  });
}
