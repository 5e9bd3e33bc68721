import { expect } from 'chai';
import type { CacheEvent } from '../../../src/index.js';
import { ErrorTypes } from '../../../src/telemetry/metrics/counted.js';
import { WriteErrorTally } from '../../../src/telemetry/metrics/write-error-tally.js';
import { given, open } from '../../support/core.js';
import { clear, done, fails, flush, grown, timesOut, write } from '../../support/steps.js';
import { History } from './support/folded.js';
import { randomHistory } from './support/random-history.js';

const LAZY = { limits: { dirtyBackgroundShare: 1, dirtyHardShare: 1, writeAttemptsMax: 1 } };

function outcomesOf(events: readonly CacheEvent[]): Record<string, number> {
  const tally = new WriteErrorTally(new ErrorTypes());
  for (const event of events) tally.take(event);
  const entries = [...tally.outcomes].flatMap(([outcome, counted]) =>
    [...counted.entries()].map(([code, blocks]) => [`${outcome},${code}`, blocks] as const),
  );
  return Object.fromEntries(entries);
}

describe('what became of blocks whose write failed', () => {
  const failedOnce = () => given(open(LAZY), grown, write(3), flush(), fails('writeback', 'EIO'), done('barrier'));

  it('is durable when a barrier has covered them, and not before', () => {
    const { core } = failedOnce().and(flush(), done('writeback'));
    expect(outcomesOf(core.events)).to.deep.equal({ 'parked,EIO': 1 });
    const { core: later } = given(...core.events).and(done('barrier'));
    expect(outcomesOf(later.events)).to.deep.equal({ 'parked,EIO': 1, 'durable,EIO': 1 });
  });

  it('is open again when that barrier fails, until one does not', () => {
    const { core } = failedOnce().and(flush(), done('writeback'), fails('barrier', 'EIO'));
    expect(outcomesOf(core.events)).to.deep.equal({ 'parked,EIO': 1 });
    const { core: later } = given(...core.events).and(done('writeback'), done('barrier'));
    expect(outcomesOf(later.events)).to.deep.equal({ 'parked,EIO': 1, 'durable,EIO': 1 });
  });

  it('is held while the device does not answer, and cleared when their range is', () => {
    const { core } = given(
      open(LAZY),
      grown,
      write(3),
      write(9),
      flush(3, 1),
      timesOut('writeback'),
      done('barrier'),
    ).and(flush(9, 1), fails('writeback', 'EROFS'), done('barrier'), clear('discard', 9), done('clear'));
    expect(outcomesOf(core.events)).to.deep.equal({
      'held,CACHETRAIL_DEVICE_TIMEOUT': 1,
      'parked,EROFS': 1,
      'cleared,EROFS': 1,
    });
  });

  it('is not in doubt for a clear that failed before the device was asked', () => {
    const { core } = given(open(LAZY), grown, write(9), flush(9, 1), timesOut('writeback'), done('barrier')).and(
      write(3),
      flush(3, 1),
      fails('writeback', 'EROFS'),
      done('barrier'),
      flush(3, 1),
      done('writeback'),
      clear('discard', 3, 8),
      done('barrier'),
    );
    expect(core.events.some(({ type }) => type === 'clearFailed')).to.equal(true);
    expect(outcomesOf(core.events)).to.include({ 'durable,EROFS': 1 });
  });

  it('is the same as the state of the core tells, whatever the device does', () => {
    const seen = new Set<string>();
    for (let seed = 1; seed <= 40; seed++) {
      const events = randomHistory(seed, 600);
      const outcomes = outcomesOf(events);
      expect(outcomes, `seed ${seed}`).to.deep.equal(new History(events).writeErrorOutcomes());
      for (const key of Object.keys(outcomes)) seen.add(key.split(',')[0]);
    }
    const all = ['cleared', 'discarded', 'durable', 'held', 'parked', 'retried', 'split'];
    expect([...seen].sort()).to.deep.equal(all);
  });
});
