import { expect } from 'chai';
import { DEFAULT_LIMITS } from '../../src/cache/limits.js';
import { nextDeadline } from '../../src/cache/deadline.js';
import { blockOf } from '../support/blocks.js';
import { BLOCK, type Core, given, open } from '../support/core.js';
import {
  cached,
  clear,
  done,
  eventsOf,
  fails,
  flush,
  grown,
  read,
  readahead,
  settle,
  tick,
  tickAt,
  write,
  writeThrough,
} from '../support/steps.js';

const AGE = DEFAULT_LIMITS.dirtyAgeNs;
const LAZY = { limits: { dirtyBackgroundShare: 1, dirtyHardShare: 1 } };

function deadline(core: Core): number | null {
  return nextDeadline(core.state, core.at);
}

describe('writeback by age', () => {
  it('happens when a block has been dirty so long, and not before', () => {
    const { core } = given(open(), grown, write(3));
    const dirtyAt = core.at;
    expect(deadline(core)).to.equal(dirtyAt + AGE);
    given(...core.events)
      .when(tickAt(dirtyAt + AGE - 1))
      .then()
      .when(tickAt(dirtyAt + AGE))
      .then(
        'ticked',
        { type: 'batchPlanned', reason: 'age', runs: [3, 1] },
        { type: 'writebackStarted', reason: 'age' },
      )
      .when(done('writeback'))
      .then('writebackFinished', { type: 'barrierStarted', reason: 'batch' })
      .when(done('barrier'))
      .then('barrierFinished');
  });

  it('counts from the first write, not from the last', () => {
    const { core } = given(open(), grown, write(3)).and(tick(AGE / 2), write(3));
    expect(deadline(core)).to.be.lessThan(core.at + AGE - 1);
    given(...core.events)
      .when(tick(AGE / 2 + 1))
      .then('ticked', { type: 'batchPlanned', reason: 'age' }, 'writebackStarted');
  });

  it('takes along what is at least half as old', () => {
    const { core } = given(open(), grown, write(3), tick(AGE / 2 - 4000), write(5), tick(AGE / 4), write(7));
    given(...core.events)
      .when(tick(AGE / 4 + 4000))
      .then('ticked', { type: 'batchPlanned', runs: [3, 1, 5, 1] }, 'writebackStarted', 'writebackStarted');
  });

  it('has no deadline where nothing is dirty', () => {
    expect(deadline(given(open(), grown, cached(3)).core)).to.equal(null);
    expect(deadline(given(open(), grown, write(3), flush(), settle).core)).to.equal(null);
  });

  it('has no deadline for what is being written: the device answers, or it times out', () => {
    const { core } = given(open({ capacity: 1 }), grown, write(3));
    expect(blockOf(core, 3).state).to.equal('writing');
    expect(deadline(core)).to.equal(null);
  });

  it('asks for no tick for what is overdue already, or it would spin', () => {
    const limits = { writebacksInFlightMax: 1 };
    const { core } = given(open({ limits }), grown, write(3), write(5), tick(AGE * 2));
    expect(core.state.writebacksInFlight).to.equal(1);
    expect(deadline(core)).to.equal(null);
    given(...core.events)
      .when(done('writeback'))
      .then('writebackFinished', { type: 'writebackStarted', block: 5 });
  });

  it('syncs what was written through and no flush has asked for', () => {
    const { core } = given(open(), grown, writeThrough(3), done('writeback'));
    expect(blockOf(core, 3).state).to.equal('unsynced');
    expect(deadline(core)).to.equal(core.at + AGE);
    given(...core.events)
      .when(tick(AGE))
      .then('ticked', { type: 'barrierStarted', reason: 'age' })
      .when(done('barrier'))
      .then('barrierFinished');
  });
});

describe('writeback in the background', () => {
  it('starts when the share of dirty blocks is reached, and leaves an eighth of the capacity below it', () => {
    given(open({ capacity: 16 }), grown, write(0, 7))
      .when(write(7))
      .then('written', { type: 'batchPlanned', reason: 'background', blocks: 2, runs: [0, 2] }, 'writebackStarted');
  });

  it('takes the coldest first', () => {
    given(open({ capacity: 16 }), grown, write(0, 7), read(0, 2))
      .when(write(7))
      .then('written', { type: 'batchPlanned', runs: [2, 2] }, 'writebackStarted');
  });

  it('joins neighbours into runs, in order of block', () => {
    given(open({ capacity: 8, limits: { dirtyBackgroundShare: 0.4, batchBlocksMax: 3 } }), grown, write(9), write(7))
      .when(write(8))
      .then('written', { type: 'batchPlanned', blocks: 1, runs: [9, 1] }, 'writebackStarted')
      .when(write(1, 3))
      .then('written', { type: 'batchPlanned', blocks: 3 }, 'writebackStarted', 'writebackStarted');
  });

  it('plans no more blocks at once than the limit says', () => {
    const limits = { batchBlocksMax: 2 };
    given(open({ capacity: 8, limits }), grown)
      .when(write(0, 6))
      .then(
        'written',
        { type: 'batchPlanned', blocks: 2 },
        'writebackStarted',
        { type: 'batchPlanned', blocks: 1, runs: [2, 1] },
        'writebackStarted',
      );
  });

  it('makes no empty batches', () => {
    const { core } = given(
      open({ capacity: 4 }),
      grown,
      write(0, 2),
      flush(),
      settle,
      read(0),
      tick(AGE),
      flush(),
      settle,
    );
    expect(eventsOf(core, 'batchPlanned').map(({ blocks }) => blocks)).to.deep.equal([1, 1]);
    expect(eventsOf(core, 'ticked')).to.have.length(0);
  });

  it('syncs a batch once, when all of it has been written', () => {
    const { core } = given(open({ capacity: 16 }), grown, write(0, 2), write(4, 2), write(8, 4), settle);
    expect(eventsOf(core, 'writebackStarted').length).to.be.greaterThan(0);
    expect(eventsOf(core, 'barrierStarted').map(({ reason }) => reason)).to.deep.equal(['batch']);
  });
});

describe('device writes', () => {
  it('carry no more bytes at once than the limit says', () => {
    given(open({ ...LAZY, limits: { ...LAZY.limits, runBytesMax: 2 * BLOCK } }), grown, write(0, 5))
      .when(flush())
      .then(
        'flushStarted',
        { type: 'batchPlanned', blocks: 5, runs: [0, 2, 2, 2, 4, 1] },
        { type: 'writebackStarted', block: 0, count: 2 },
        { type: 'writebackStarted', block: 2, count: 2 },
        { type: 'writebackStarted', block: 4, count: 1 },
      );
  });

  it('carry a block at least, however small the limit', () => {
    given(open({ ...LAZY, limits: { ...LAZY.limits, runBytesMax: 1 } }), grown, write(0, 2))
      .when(flush())
      .then('flushStarted', { type: 'batchPlanned', runs: [0, 1, 1, 1] }, 'writebackStarted', 'writebackStarted');
  });

  it('are in flight no more at once than the limit says', () => {
    const limits = { ...LAZY.limits, writebacksInFlightMax: 2 };
    given(open({ limits }), grown, write(0), write(2), write(4), write(6))
      .when(flush())
      .then(
        'flushStarted',
        { type: 'batchPlanned', blocks: 4 },
        { type: 'writebackStarted', block: 0 },
        { type: 'writebackStarted', block: 2 },
      )
      .when(done('writeback'))
      .then('writebackFinished', { type: 'writebackStarted', block: 4 })
      .when(done('writeback'))
      .then('writebackFinished', { type: 'writebackStarted', block: 6 }, 'barrierStarted');
  });

  it('may be more than a limit that has been lowered since', () => {
    const { core } = given(open(LAZY), grown, write(0), write(2), write(4), flush()).and(({ at, op }) => ({
      type: 'setOption',
      at: at + 1,
      op: op + 1,
      actor: '',
      trace: null,
      name: 'writebacksInFlightMax',
      value: 1,
    }));
    expect(core.state.writebacksInFlight).to.equal(3);
    given(...core.events).and(settle);
  });

  it('pass over blocks of their run that have left, or are being cleared', () => {
    const limits = { ...LAZY.limits, writebacksInFlightMax: 1 };
    const { core } = given(open({ limits }), grown, write(0), write(2, 5), flush(), clear('discard', 4)).and(
      done('writeback'),
    );
    const started = eventsOf(core, 'writebackStarted').map(({ block, count }) => [block, count]);
    expect(started).to.deep.equal([
      [0, 1],
      [2, 2],
    ]);
    given(...core.events)
      .when(done('writeback'))
      .then('writebackFinished', { type: 'writebackStarted', block: 5, count: 2 }, 'barrierStarted');
  });

  it('do not carry a block that is under way already', () => {
    const { core } = given(open({ capacity: 2 }), grown, write(3), write(3))
      .when(flush())
      .then('flushStarted')
      .and(settle);
    expect(blockOf(core, 3)).to.include({ state: 'clean', generation: 2 });
  });
});

describe('a block that is written while the device takes it', () => {
  it('stays writing, then is dirty with its newer bytes only, then is written again', () => {
    const { core } = given(open({ capacity: 2, limits: { dirtyBackgroundShare: 0.5 } }), grown, write(3))
      .when(write(3))
      .then({ type: 'written', generation: 2 });
    expect(blockOf(core, 3)).to.include({ state: 'writing', carriedBase: 1, dirtyBase: 2 });
    const after = given(...core.events)
      .when(done('writeback'))
      .then('writebackFinished', { type: 'batchPlanned' }, { type: 'writebackStarted', generation: 2 });
    expect(blockOf(after.core, 3)).to.include({ state: 'writing', carriedBase: 2, dirtyBase: 0, writtenBase: 1 });
    const last = after
      .when(done('writeback'))
      .then('writebackFinished', 'barrierStarted')
      .when(done('barrier'))
      .then('barrierFinished');
    expect(blockOf(last.core, 3)).to.include({ state: 'clean', dirtyBase: 0, writtenBase: 0 });
  });

  it('is not clean when a barrier ends that began before its newer bytes were there', () => {
    const { core } = given(open({ capacity: 2 }), grown, write(3), done('writeback'))
      .and(write(3), done('writeback'))
      .when(done('barrier'))
      .then('barrierFinished', { type: 'barrierStarted' });
    expect(blockOf(core, 3)).to.include({ state: 'unsynced', writtenBase: 1 });
    given(...core.events)
      .when(done('barrier'))
      .then('barrierFinished');
  });
});

describe('barriers that keep failing', () => {
  /** The device does all but sync, for as long as it is asked at this moment. */
  const withoutBarriers = (core: Core) => {
    for (let answers = 0; core.state.ios.size > 0; answers++) {
      if (answers > 100) throw new Error('the core never comes to rest');
      const [io] = core.state.ios.values();
      core.take(io.kind === 'barrier' ? fails(io.io) : done(io.io));
    }
    return [];
  };

  it('do not have the same blocks written over and over without a pause', () => {
    const { core } = given(open({ capacity: 4 }), grown, write(0, 2), withoutBarriers);
    expect(eventsOf(core, 'barrierFailed')).to.have.length(1);
    expect(deadline(core)).to.equal(core.at + DEFAULT_LIMITS.retryBaseNs);
  });

  it('are tried again after a pause that doubles up to its cap', () => {
    const { core } = given(open({ capacity: 4 }), grown, write(0, 2), withoutBarriers);
    const pauses: number[] = [];
    for (let tries = 0; tries < 9; tries++) {
      const dueAt = deadline(core) ?? 0;
      pauses.push((dueAt - core.at) / DEFAULT_LIMITS.retryBaseNs);
      core.take(tickAt(dueAt));
      core.take(withoutBarriers);
    }
    core.verify();
    expect(pauses).to.deep.equal([1, 2, 4, 8, 16, 32, 64, 100, 100]);
  });

  it('make a write that waits for room wait with them, until its time is over', () => {
    const limits = { dirtyHardShare: 0.5 };
    const { core } = given(open({ capacity: 4, limits }), grown, write(0, 2), write(2), withoutBarriers)
      .when(tick(30e9))
      .then(
        'ticked',
        { type: 'requestAborted', code: 'CACHETRAIL_ADMISSION_TIMEOUT' },
        { type: 'batchPlanned', reason: 'background' },
        'writebackStarted',
        { type: 'batchPlanned', reason: 'age' },
        'writebackStarted',
      );
    expect(core.state.admissions.size).to.equal(0);
  });

  it('do not hold up a flush, nor what is written through', () => {
    given(open({ capacity: 4 }), grown, write(0, 2), withoutBarriers)
      .when(flush())
      .then('flushStarted', { type: 'batchPlanned', reason: 'flush' }, 'writebackStarted');
    given(open({ capacity: 4 }), grown, write(0, 2), withoutBarriers)
      .when(writeThrough(3))
      .then('written', { type: 'batchPlanned', reason: 'through', runs: [3, 1] }, 'writebackStarted');
  });

  it('are forgotten after one that succeeds', () => {
    const { core } = given(open({ capacity: 4 }), grown, write(0, 2), withoutBarriers, flush(), settle);
    expect(core.state).to.include({ barrierFailures: 0, holdOffUntil: 0 });
    given(...core.events)
      .when(write(0, 2))
      .then('written', { type: 'batchPlanned', reason: 'background' }, 'writebackStarted');
  });
});

describe('readahead and reads', () => {
  it('are not held up by writeback, nor it by them', () => {
    given(open({ capacity: 8 }), grown, write(0, 4), readahead(20, 2), read(30))
      .when(done('fill'), done('fill'), done('writeback'))
      .then('fillFinished', 'fillFinished', 'readFinished', 'writebackFinished', 'barrierStarted');
  });
});
