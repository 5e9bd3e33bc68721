/** What the commands print as times and numbers, they take; and what is named so is in what they give. */
import { expect } from 'chai';
import fc from 'fast-check';
import { memoryDevice } from '../../../src/device/index.js';
import { timeOf } from '../../../src/cli/journal/arguments.js';
import { filterFrom } from '../../../src/cli/journal/filter.js';
import { timestamp } from '../../../src/cli/journal/text.js';
import { eventTest } from '../../../src/streams/journal/filter.js';
import { openJournalWriter } from '../../../src/streams/journal/index.js';
import { openCache } from '../../../src/streams/open-cache.js';
import { systemClock } from '../../../src/streams/clock.js';
import { eventsOf } from '../../streams/journal/support/recorded.js';
import { cachetrail } from '../command.js';
import { BLOCK, journalFolder } from './recorded.js';

describe('times on the command line', () => {
  const [event] = eventsOf();
  /** Epochs as clocks have them: with parts of a millisecond, in the years to come. */
  const epochs = fc.double({ min: 1.7e12, max: 2.2e12, noNaN: true });
  const ats = fc.integer({ min: 0, max: 1e13 });

  it('name what is printed so, and nothing that is printed otherwise', () => {
    const moments = fc.tuple(ats, fc.integer({ min: 0, max: 3000 }));
    fc.assert(
      fc.property(epochs, moments, (epochMs, [at, more]) => {
        const [printed, other] = [timestamp(epochMs, at), timestamp(epochMs, at + more)];
        const isIn = (values: { since?: string; until?: string }) => {
          return eventTest(filterFrom(values))({ ...event, at: at + more }, epochMs);
        };
        expect(isIn({ since: printed })).to.equal(other >= printed);
        expect(isIn({ until: printed })).to.equal(other <= printed);
        expect(isIn({ since: other, until: other })).to.equal(true);
      }),
      { numRuns: 2000 },
    );
  });

  it('name all of the day, minute or part of a second that they say', () => {
    const ends = (value: string) => {
      const { first, last } = timeOf('--until', value);
      return [timestamp(first, 0), timestamp(last, 0)];
    };
    expect(ends('2026-03-04')).to.deep.equal(['2026-03-04T00:00:00.000000Z', '2026-03-04T23:59:59.999999Z']);
    expect(ends('2026-03-04T05:06')).to.deep.equal(['2026-03-04T05:06:00.000000Z', '2026-03-04T05:06:59.999999Z']);
    expect(ends('2026-03-04T05:06:07Z')).to.deep.equal(['2026-03-04T05:06:07.000000Z', '2026-03-04T05:06:07.999999Z']);
    expect(ends('2026-03-04 05:06:07.12')).to.deep.equal([
      '2026-03-04T05:06:07.120000Z',
      '2026-03-04T05:06:07.129999Z',
    ]);
    for (const micros of ['2026-03-04T05:06:07.123456Z', '2026-03-04T07:06:07.123456789+02:00']) {
      expect(ends(micros)).to.deep.equal(['2026-03-04T05:06:07.123456Z', '2026-03-04T05:06:07.123456Z']);
    }
  });

  it('are refused where they name nothing', () => {
    for (const value of ['noon', '2026-13-01', '2026-03-04T25:00', '2026-03-04T05', '12:00:00', '']) {
      expect(() => timeOf('--until', value), value).to.throw('--until takes a time');
    }
  });
});

describe('times and numbers that a command has printed', () => {
  const folder = journalFolder();
  let directory: string;
  let lines: readonly { readonly seq: number; readonly time: string }[];

  before(async () => {
    directory = folder('bursts');
    const clock = systemClock();
    const journal = await openJournalWriter(directory, { clock, bufferBytes: 200, segmentBytes: 4000 });
    const cache = await openCache(memoryDevice({ sizeBytes: 64 * BLOCK }), { clock, journal });
    // Hits share the time of their turn, so that many events have one time.
    for (let turn = 0; turn < 20; turn++) {
      await cache.read(turn, 1);
      for (let hit = 0; hit < 8; hit++) cache.readNow(turn, new Uint8Array(BLOCK));
    }
    await cache.close();
    lines = (await logged()).map(({ seq, time }) => ({ seq, time }));
  });

  const logged = async (...args: string[]): Promise<{ seq: number; time: string }[]> => {
    const { exitCode, stdout, stderr } = await cachetrail(['log', directory, '--json', ...args]);
    expect([exitCode, stderr]).to.deep.equal([0, '']);
    return stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line): { seq: number; time: string } => JSON.parse(line));
  };
  const seqs = (list: readonly { readonly seq: number }[]) => list.map(({ seq }) => seq);
  const at = (share: number) => lines[Math.floor(share * lines.length)].time;

  it('choose just those events in log', async () => {
    const [since, until] = [at(0.3), at(0.7)];
    const wanted = lines.filter(({ time }) => time >= since && time <= until);
    expect(wanted.length).to.be.within(10, lines.length - 10);
    expect(seqs(await logged('--since', since, '--until', until))).to.deep.equal(seqs(wanted));
    expect(seqs(await logged('--from', '#5', '--to', '#9'))).to.deep.equal([5, 6, 7, 8, 9]);
  });

  it('choose just those events in stats and export', async () => {
    const [since, until] = [at(0.2), at(0.5)];
    const wanted = lines.filter(({ time }) => time >= since && time <= until);
    const range = ['--since', since, '--until', until];
    const { stdout } = await cachetrail(['stats', directory, '--json', ...range]);
    expect(JSON.parse(stdout)).to.include({ firstSeq: wanted[0].seq, lastSeq: wanted.at(-1)?.seq });
    const exported = await cachetrail(['export', directory, '--format', 'jsonl', ...range]);
    expect(exported.stdout.split('\n').length - 1).to.equal(wanted.length);
    const trace = await cachetrail(['trace', directory, '--out', '-', ...range]);
    expect(trace.exitCode).to.equal(0);
    expect(trace.stdout).to.include('"resourceSpans"');
  });

  it('name the last event of their moment in replay', async () => {
    for (const share of [0.1, 0.6]) {
      const time = at(share);
      const last = lines.filter((line) => line.time <= time).at(-1);
      const { stdout } = await cachetrail(['replay', directory, '--at', time, '--json']);
      expect(JSON.parse(stdout).seq).to.equal(last?.seq);
    }
    const { stdout } = await cachetrail(['replay', directory, '--at', '#7']);
    const printed = /^after event #7, (\S+):/.exec(stdout)?.[1] ?? '';
    expect(printed).to.equal(lines[6].time);
  });
});
