import { expect } from 'chai';
import { Latencies } from '../../../src/cli/journal/stats/latency.js';
import { HitSeries } from '../../../src/cli/journal/stats/series.js';
import { StatsFold } from '../../../src/cli/journal/stats/stats.js';
import { Top } from '../../../src/cli/journal/stats/top.js';
import type { CacheStats } from '../../../src/streams/stats.js';
import * as steps from '../../support/steps.js';
import { cachetrail } from '../command.js';
import { coreThrough } from './lives.js';
import { BAD, journalFolder, recordTrouble } from './recorded.js';

describe('cachetrail stats', () => {
  const folder = journalFolder();
  let directory: string;
  let counted: CacheStats;

  before(async () => {
    directory = folder('trouble');
    counted = await recordTrouble(directory);
  });

  const statsOf = async (...options: string[]) => {
    const { exitCode, stdout, stderr } = await cachetrail(['stats', directory, '--json', ...options]);
    expect([exitCode, stderr]).to.deep.equal([0, '']);
    return JSON.parse(stdout);
  };

  it('counts what the cache itself has counted', async () => {
    const { totals, lastSeq } = await statsOf();
    for (const name of ['reads', 'writes', 'flushes', 'clears', 'deviceReads', 'deviceWrites', 'barriers'] as const) {
      expect(totals[name], name).to.equal(counted[name]);
    }
    for (const name of ['bytesRead', 'bytesWritten', 'batches', 'writebackBlocks', 'evictions', 'retries'] as const) {
      expect(totals[name], name).to.equal(counted[name]);
    }
    for (const name of ['splits', 'parks', 'discardedBlocks'] as const) expect(totals[name]).to.equal(counted[name]);
    expect(lastSeq).to.equal(counted.events);
  });

  it('counts bytes where the events begin in the middle, as after retention', async () => {
    const { totals } = await statsOf('--from', '2');
    expect([totals.bytesRead, totals.bytesWritten]).to.deep.equal([counted.bytesRead, counted.bytesWritten]);
  });

  it('has the shares of hits over time, latencies, errors, and the busiest', async () => {
    const report = await statsOf('--top', '2');
    const sum = (name: 'hits' | 'misses') => {
      return report.hitSeries.reduce((all: number, span: Record<string, number>) => all + span[name], 0);
    };
    expect([sum('hits'), sum('misses')]).to.deep.equal([report.totals.readHits, report.totals.readMisses]);
    expect(report.latencies.write.count).to.equal(counted.deviceWrites);
    expect(report.latencies.discard).to.equal(null);
    expect(report.errors['device write: EIO']).to.equal(counted.writeErrors);
    expect(report.errors['flush rejected']).to.equal(1);
    expect(report.topBlocks).to.have.length(2);
    expect(report.topBlocks[0]).to.deep.equal({ block: 20, reads: 31, writes: 0 });
    expect(report.topActors[0]).to.deep.equal({ actor: 'reader', reads: 32, writes: 0, others: 0 });
  });

  it('adds up a part', async () => {
    const part = await statsOf('--from', '5', '--to', '9');
    expect([part.totals.events, part.firstSeq, part.lastSeq]).to.deep.equal([5, 5, 9]);
    const nothing = await cachetrail(['stats', directory, '--until', '2001-01-01']);
    expect([nothing.exitCode, nothing.stdout]).to.deep.equal([0, 'no events\n']);
  });

  it('prints tables without --json', async () => {
    const { exitCode, stdout } = await cachetrail(['stats', directory]);
    expect(exitCode).to.equal(0);
    for (const text of ['device writes', 'hit ratio', 'p99', 'device write: EIO', 'reader', String(BAD)]) {
      expect(stdout).to.include(text);
    }
  });

  it('refuses a number of lines that cannot be with exit code 2', async () => {
    expect((await cachetrail(['stats', directory, '--top', '0'])).exitCode).to.equal(2);
  });
});

describe('what a journal adds up to', () => {
  it('has what callers waited, from the request to its answer', () => {
    const life = [steps.read(3), steps.done('fill'), steps.read(3), steps.write(3), steps.flush(), steps.settle];
    const { events } = coreThrough(life);
    const fold = new StatsFold();
    for (const event of events) fold.accept(event, 0);
    const { requestTimes } = fold.report(1);
    const at = (type: string) => events.find((event) => event.type === type)?.at ?? Number.NaN;
    expect(requestTimes.read).to.include({ count: 1, maxNs: Math.max(1, at('readFinished') - at('readMissed')) });
    expect(requestTimes.flush).to.include({ count: 1, maxNs: Math.max(1, at('flushFinished') - at('flushStarted')) });
    // Taken at once, or from the cache.
    expect([requestTimes.write, requestTimes.through, requestTimes.clear]).to.deep.equal([null, null, null]);
  });

  it('begins anew with each cache, of which the one before may have left requests unanswered', () => {
    const fold = new StatsFold();
    const { events } = coreThrough([steps.read(3)]);
    for (const event of events) fold.accept(event, 0);
    for (const event of coreThrough([steps.read(3), steps.done('fill')]).events) fold.accept(event, 0);
    expect(fold.report(1).requestTimes.read?.count).to.equal(1);
  });

  it('counts a write that waited once for its actor, and blocks by number', () => {
    const fold = new StatsFold();
    for (const event of coreThrough([steps.write(3), steps.write(3), steps.read(3)]).events) fold.accept(event, 0);
    const { topActors, topBlocks, totals } = fold.report(5);
    expect(topActors).to.deep.equal([{ actor: '', reads: 1, writes: 2, others: 0 }]);
    expect(topBlocks).to.deep.equal([{ block: 3, reads: 1, writes: 2 }]);
    expect(totals.readHits).to.equal(1);
  });

  it('counts the bytes of a short last block as they are', () => {
    const core = coreThrough([steps.read(64), steps.settle], { deviceBytes: steps.SHORT_TAIL_BYTES });
    const fold = new StatsFold();
    for (const event of core.events) fold.accept(event, 0);
    expect(fold.report(1).totals.bytesRead).to.equal(100);
  });
});

describe('percentiles of latencies', () => {
  it('are within 1 % of the exact ones', () => {
    const latencies = new Latencies();
    for (let value = 1; value <= 10_000; value++) latencies.add(value * 1000);
    const summary = latencies.summary();
    expect(summary?.p50Ns).to.be.closeTo(5e6, 5e4);
    expect(summary?.p90Ns).to.be.closeTo(9e6, 9e4);
    expect(summary?.p99Ns).to.be.closeTo(9.9e6, 9.9e4);
    expect([summary?.minNs, summary?.maxNs, summary?.count]).to.deep.equal([1000, 1e7, 10_000]);
  });

  it('are none of nothing, and the one of one', () => {
    expect(new Latencies().summary()).to.equal(null);
    const one = new Latencies();
    one.add(1234);
    expect(one.summary()).to.include({ p50Ns: 1234, p999Ns: 1234, meanNs: 1234 });
  });
});

describe('hits over time', () => {
  it('fit into few spans however long it takes, and none is lost', () => {
    const series = new HitSeries();
    for (let ms = 0; ms < 1_000_000; ms += 97) series.add(5e11 + ms, 1, 2);
    const spans = series.spans();
    expect(spans.length).to.be.within(30, 60);
    expect(spans.reduce((sum, { hits }) => sum + hits, 0)).to.equal(Math.ceil(1_000_000 / 97));
    expect(spans[0].fromMs).to.equal(5e11);
    for (const [at, { toMs }] of spans.slice(0, -1).entries()) expect(toMs).to.equal(spans[at + 1].fromMs);
  });

  it('go on when a clock has been set back', () => {
    const series = new HitSeries();
    series.add(1000, 1, 0);
    series.add(10, 1, 0);
    expect(series.spans().map(({ hits }) => hits)).to.deep.equal([2]);
  });
});

describe('the busiest', () => {
  it('are found among more keys than are kept, and that is said', () => {
    const top = new Top<number, { uses: number }>(() => ({ uses: 0 }));
    for (let key = 0; key < 250_000; key++) {
      top.of(key).uses++;
      top.of(7).uses++;
    }
    expect(top.isPartial).to.equal(true);
    expect(top.list(1)[0].key).to.equal(7);
    expect(top.list(1)[0].counts.uses).to.equal(250_001);
  });
});
