import { expect } from 'chai';
import type { Input } from '../../src/cache/inputs.js';
import { blockOf } from '../support/blocks.js';
import { BLOCK, type Core, given, open } from '../support/core.js';
import {
  borrow,
  cached,
  clear,
  close,
  done,
  eventsOf,
  fails,
  flush,
  grown,
  read,
  settle,
  timesOut,
  write,
  writeBytes,
  writeThrough,
} from '../support/steps.js';

const LAZY = { limits: { dirtyBackgroundShare: 1, dirtyHardShare: 1 } };
const SAME = { identity: 'test', deviceBytes: 64 * BLOCK, writable: true };

function replace(device: Partial<typeof SAME> = {}) {
  return (core: Core): Input => ({ type: 'replaceDevice', ...core.request(), ...SAME, ...device });
}

describe('a device that takes the place of another', () => {
  it('is refused if it is another device: by its name, its size or its rights', () => {
    for (const other of [{ identity: 'other' }, { deviceBytes: 63 * BLOCK }, { writable: false }]) {
      given(open(LAZY), grown, write(3))
        .when(replace(other))
        .then({ type: 'requestRefused', request: 'replaceDevice', code: 'CACHETRAIL_DEVICE_OTHER' });
    }
  });

  it('need not be writable for a cache that only reads, and comes too late for one that is closing', () => {
    given(open({ mode: 'readonly' }))
      .when(replace({ writable: false }))
      .then('deviceReplaced');
    given(open(LAZY), grown, write(3), close())
      .when(replace())
      .then({ type: 'requestRefused', code: 'CACHETRAIL_CLOSED' });
  });

  it('is given again what the old one had taken and no barrier has covered, and not what one has', () => {
    const { core } = given(open(LAZY), grown, write(3), flush(), settle, writeThrough(5), done('writeback'))
      .when(replace())
      .then('deviceReplaced');
    expect(blockOf(core, 3).state).to.equal('clean');
    expect(blockOf(core, 5)).to.include({ state: 'dirty', dirtyBase: 2, writtenBase: 0 });
    given(...core.events)
      .when(flush(), settle)
      .then(
        'flushStarted',
        'batchPlanned',
        { type: 'writebackStarted', block: 5 },
        'writebackFinished',
        'barrierStarted',
        'barrierFinished',
        'flushFinished',
      );
  });

  it('is given the runs that the old one has not answered whole again: their outcome is unknown', () => {
    const all = given(open(LAZY), grown, write(3, 4), flush());
    all
      .when(replace())
      .then(
        'deviceReplaced',
        { type: 'writebackFailed', block: 3, count: 4, code: 'CACHETRAIL_DEVICE_REPLACED', outcome: 'unknown' },
        { type: 'batchPlanned', reason: 'flush' },
        { type: 'writebackStarted', block: 3, count: 4, attempt: 1 },
      )
      .when(done(2))
      .then()
      .when(settle)
      .then('writebackFinished', 'barrierStarted', 'barrierFinished', 'flushFinished');
  });

  it('has to sync what the old one was syncing', () => {
    given(open(LAZY), grown, write(3), flush(), done('writeback'))
      .when(replace())
      .then('deviceReplaced', { type: 'barrierFailed', code: 'CACHETRAIL_DEVICE_REPLACED' }, 'batchPlanned', {
        type: 'writebackStarted',
        block: 3,
      })
      .when(settle)
      .then('writebackFinished', 'barrierStarted', 'barrierFinished', 'flushFinished');
  });

  it('is asked again by the reads that wait, and by what waits for a part of a block', () => {
    const all = given(open(LAZY), grown, read(3, 2), read(4), writeBytes(9 * BLOCK + 1, 5), borrow(12))
      .when(replace())
      .then(
        'deviceReplaced',
        'fillFailed',
        'fillFailed',
        'readResumed',
        { type: 'fillStarted', block: 3, count: 2 },
        'readResumed',
        'fillJoined',
        { type: 'fillStarted', block: 9 },
      )
      .when(settle);
    expect(
      eventsOf(all.core, 'readFinished')
        .slice(1)
        .map(({ op }) => op),
    ).to.have.members([3, 4]);
    expect(eventsOf(all.core, 'readFailed')).to.have.length(0);
    expect(eventsOf(all.core, 'written')).to.have.length(1);
    expect(eventsOf(all.core, 'borrowed')).to.have.length(1);
  });

  it('is asked once for each run of a read that waits for several, however often devices are replaced', () => {
    const all = given(open({ capacity: 2, limits: { ...LAZY.limits, fillBlocksMax: 1 } }), read(3, 6))
      .when(replace())
      .when(replace());
    expect(eventsOf(all.core, 'readResumed')).to.have.length(2);
    const asked = [...all.core.state.ios.values()].map((io) => (io.kind === 'fill' ? io.block : -1));
    expect(asked.sort((a, b) => a - b)).to.deep.equal([3, 4, 5, 6, 7, 8]);
    all.when(settle);
    expect(eventsOf(all.core, 'readFinished')).to.have.length(1);
  });

  it('gives parked blocks another chance, and those that wait for a retry', () => {
    const limits = { ...LAZY.limits, writeAttemptsMax: 1 };
    const parked = given(open({ limits }), grown, write(3), flush(), fails('writeback', 'ENODEV'), settle).and(
      replace(),
    );
    expect(blockOf(parked.core, 3)).to.include({ state: 'dirty', parked: false });
    const retrying = given(open(LAZY), grown, write(3), flush(), fails('writeback', 'EIO'))
      .when(replace())
      .then('deviceReplaced', 'batchPlanned', 'writebackStarted');
    expect(retrying.core.state.retries).to.deep.equal([]);
  });

  it('is owed nothing that had timed out: what is stuck is written again', () => {
    const stuck = given(open(LAZY), grown, write(3), flush(), timesOut('writeback'), settle)
      .when(replace())
      .then('deviceReplaced', { type: 'deviceAnsweredLate', io: 2, code: 'CACHETRAIL_DEVICE_REPLACED' });
    expect(blockOf(stuck.core, 3)).to.include({ state: 'dirty', stuck: false });
    stuck.when(done(2)).then();
    given(open(LAZY), grown, cached(4), clear('zero', 3, 2), timesOut('clear'), write(3))
      .when(replace())
      .then('deviceReplaced', 'deviceAnsweredLate', 'written');
  });

  it('fails the discards and zeros that the old one had not finished, and the cache keeps what was dirty there', () => {
    for (const step of [[], [done('clear')]]) {
      const { core } = given(open(LAZY), grown, write(3), clear('zero', 3), ...step).and(replace());
      expect(eventsOf(core, 'clearFailed')[0]).to.include({ block: 3, code: 'CACHETRAIL_DEVICE_REPLACED' });
      expect(blockOf(core, 3).state).to.equal('dirty');
    }
  });

  it('gives a flush all its barriers again', () => {
    const { core } = given(open(LAZY), grown, write(3), flush());
    const failing = [done('writeback'), fails('barrier')];
    for (const step of [...failing, ...failing, done('writeback'), replace(), ...failing, ...failing]) core.take(step);
    expect(eventsOf(core, 'flushFailed')).to.have.length(1);
    core.verify();
    const again = given(open(LAZY), grown, write(3), flush()).core;
    for (const step of [...failing, ...failing, done('writeback'), replace(), ...failing, settle]) again.take(step);
    expect(eventsOf(again, 'flushFinished')).to.have.length(1);
  });
});
