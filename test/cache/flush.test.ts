import { expect } from 'chai';
import { blockOf } from '../support/blocks.js';
import { type Core, given, open } from '../support/core.js';
import {
  abort,
  cached,
  clear,
  close,
  done,
  eventsOf,
  fails,
  flush,
  grown,
  read,
  setBlockSize,
  settle,
  timesOut,
  write,
} from '../support/steps.js';

const LAZY = { limits: { dirtyBackgroundShare: 1, dirtyHardShare: 1 } };

/** How each flush, by its request, ended. */
function ends(core: Core): string[] {
  return core.events
    .filter(({ type }) => type === 'flushFinished' || type === 'flushFailed')
    .map((event) => `${'op' in event ? event.op : 0} ${event.type}`);
}

describe('a flush', () => {
  it('writes what is dirty, then has the device make it durable, then ends', () => {
    const { core } = given(open(LAZY), grown, write(3), write(7))
      .when(flush())
      .then(
        { type: 'flushStarted', block: 0, count: 64, pending: 2, generation: 2 },
        { type: 'batchPlanned', reason: 'flush', blocks: 2, runs: [3, 1, 7, 1] },
        { type: 'writebackStarted', block: 3, count: 1, generation: 1 },
        { type: 'writebackStarted', block: 7, count: 1, generation: 2 },
      )
      .when(done('writeback'))
      .then('writebackFinished')
      .when(done('writeback'))
      .then('writebackFinished', { type: 'barrierStarted', reason: 'flush' })
      .when(done('barrier'))
      .then('barrierFinished', 'flushFinished');
    expect(blockOf(core, 3)).to.include({ state: 'clean', dirtyBase: 0, carriedBase: 0, writtenBase: 0 });
  });

  it('with nothing dirty still ends in a barrier', () => {
    given(open(), grown)
      .when(flush())
      .then({ type: 'flushStarted', pending: 0 }, { type: 'barrierStarted', reason: 'flush' })
      .when(done('barrier'))
      .then('barrierFinished', 'flushFinished');
  });

  it('of a read-only cache has nothing to wait for', () => {
    given(open({ mode: 'readonly' }), grown)
      .when(flush())
      .then('flushStarted', 'flushFinished');
  });

  it('of a range writes that range, and waits for no other', () => {
    given(open(LAZY), grown, write(3), write(7))
      .when(flush(2, 3))
      .then(
        { type: 'flushStarted', block: 2, count: 3, pending: 1 },
        { type: 'batchPlanned', runs: [3, 1] },
        'writebackStarted',
      )
      .when(done('writeback'))
      .then('writebackFinished', 'barrierStarted')
      .when(done('barrier'))
      .then('barrierFinished', 'flushFinished');
  });

  it('of a range without anything dirty does not write what is beside it', () => {
    given(open(LAZY), grown, write(3)).when(flush(4, 10)).then({ type: 'flushStarted', pending: 0 }, 'barrierStarted');
  });

  it('waits for device writes that are under way, and needs a barrier that starts after them', () => {
    given(open({ capacity: 2 }), grown, write(3))
      .when(flush())
      .then({ type: 'flushStarted', pending: 1 })
      .when(done('writeback'))
      .then('writebackFinished', { type: 'barrierStarted', reason: 'flush' })
      .when(done('barrier'))
      .then('barrierFinished', 'flushFinished');
  });

  it('is not satisfied with a barrier that had already begun', () => {
    given(open({ capacity: 2 }), grown, write(3), done('writeback'))
      .when(flush())
      .then({ type: 'flushStarted', pending: 1 })
      .when(done('barrier'))
      .then('barrierFinished', { type: 'barrierStarted', reason: 'flush' })
      .when(done('barrier'))
      .then('barrierFinished', 'flushFinished');
  });

  it('does not wait for a block that was written after it was asked for', () => {
    given(open(LAZY), grown, write(3), flush(), write(4))
      .when(done('writeback'))
      .then('writebackFinished', 'barrierStarted')
      .when(done('barrier'))
      .then('barrierFinished', 'flushFinished');
  });

  it('does not wait for the newer bytes of a block that is rewritten meanwhile', () => {
    const { core } = given(open(LAZY), grown, write(3), flush(), write(3))
      .when(done('writeback'))
      .then('writebackFinished', 'barrierStarted')
      .when(done('barrier'))
      .then('barrierFinished', 'flushFinished');
    expect(blockOf(core, 3)).to.include({ state: 'dirty', generation: 2, dirtyBase: 2 });
  });

  it('waits for the older bytes of a block that was rewritten before its first device write ended', () => {
    given(open({ capacity: 2 }), grown, write(3), write(3))
      .when(flush())
      .then({ type: 'flushStarted', generation: 2 })
      .when(done('writeback'))
      .then('writebackFinished', { type: 'batchPlanned', reason: 'flush' }, 'writebackStarted')
      .and(settle)
      .when(flush(), settle)
      .then('flushStarted', 'barrierStarted', 'barrierFinished', 'flushFinished');
  });

  it('carries neighbours of one run in one device write, others in several', () => {
    given(open(LAZY), grown, write(3), write(5), write(4))
      .when(flush())
      .then(
        'flushStarted',
        { type: 'batchPlanned', runs: [3, 3] },
        { type: 'writebackStarted', count: 3, generation: 3 },
      );
  });

  it('is refused by a cache that is closing, or changes its block size', () => {
    given(open(), grown, write(0), close())
      .when(flush())
      .then({ type: 'requestRefused', request: 'flush', code: 'CACHETRAIL_CLOSED' });
    given(open(), grown, write(0), setBlockSize(1024))
      .when(flush())
      .then({ type: 'requestRefused', code: 'CACHETRAIL_BUSY' });
  });

  it('is let go by an abort; what it started goes on', () => {
    const { core } = given(open(LAZY), grown, write(3), flush()).when(abort(4)).then('requestAborted').and(settle);
    expect(ends(core)).to.deep.equal([]);
    expect(blockOf(core, 3).state).to.equal('clean');
  });

  it('can be one of very many blocks', () => {
    given(open({ blocks: 2 ** 43, capacity: 4 }), write(2 ** 42), settle)
      .when(flush())
      .then(
        { type: 'flushStarted', count: 2 ** 43, pending: 1 },
        { type: 'batchPlanned', runs: [2 ** 42, 1] },
        'writebackStarted',
      )
      .and(settle)
      .when(flush(2 ** 41, 2 ** 42), settle)
      .then({ type: 'flushStarted', pending: 0 }, 'barrierStarted', 'barrierFinished', 'flushFinished');
  });
});

describe('two flushes at once', () => {
  it('write once, share the barrier, and both end', () => {
    given(open(LAZY), grown, write(3), flush())
      .when(flush())
      .then({ type: 'flushStarted', pending: 1 })
      .when(done('writeback'))
      .then('writebackFinished', 'barrierStarted')
      .when(done('barrier'))
      .then('barrierFinished', { type: 'flushFinished', op: 4 }, { type: 'flushFinished', op: 5 });
  });

  it('of which the second came during the barrier of the first need another barrier', () => {
    given(open(LAZY), grown, write(3), flush(), done('writeback'))
      .when(flush())
      .then('flushStarted')
      .when(done('barrier'))
      .then('barrierFinished', { type: 'barrierStarted', reason: 'flush' }, { type: 'flushFinished', op: 4 })
      .when(done('barrier'))
      .then('barrierFinished', { type: 'flushFinished', op: 5 });
  });

  it('of different ranges end each with its own', () => {
    const { core } = given(open(LAZY), grown, write(3), write(30), flush(0, 10), flush(20, 20))
      .and(done('writeback'))
      .and(settle);
    expect(ends(core)).to.deep.equal(['5 flushFinished', '6 flushFinished']);
  });
});

describe('a flush over blocks that fail', () => {
  const parking = { limits: { ...LAZY.limits, writeAttemptsMax: 1 } };
  const parked = () => given(open(parking), grown, write(3), flush(), fails('writeback', 'EIO'), done('barrier'));

  it('syncs what did get there, then names the block, the code and the operation', () => {
    given(open(parking), grown, write(3), write(5), flush())
      .when(fails('writeback', 'EIO'))
      .then('writebackFailed', { type: 'blockParked', block: 3, code: 'EIO' })
      .when(done('writeback'))
      .then('writebackFinished', 'barrierStarted')
      .when(done('barrier'))
      .then('barrierFinished', { type: 'flushFailed', blocks: [3], codes: ['EIO'], ios: [2], barrierIo: 0 });
  });

  it('fails again, every time, and has tried again every time', () => {
    parked()
      .when(flush())
      .then(
        { type: 'flushStarted', pending: 1 },
        { type: 'batchPlanned', reason: 'flush' },
        { type: 'writebackStarted', attempt: 1 },
      )
      .when(fails('writeback', 'ENOSPC'))
      .then('writebackFailed', 'blockParked', 'barrierStarted')
      .when(done('barrier'))
      .then('barrierFinished', { type: 'flushFailed', blocks: [3], codes: ['ENOSPC'] });
  });

  it('ends well once the device is cured', () => {
    parked()
      .and(flush(), done('writeback'))
      .when(done('barrier'))
      .then('barrierFinished', 'flushFinished')
      .when(flush(), settle)
      .then({ type: 'flushStarted', pending: 0 }, 'barrierStarted', 'barrierFinished', 'flushFinished');
  });

  it('outside its range ends well, and leaves them parked', () => {
    const { core } = parked()
      .when(flush(10, 10), settle)
      .then('flushStarted', 'barrierStarted', 'barrierFinished', 'flushFinished');
    expect(blockOf(core, 3).parked).to.equal(true);
  });

  it('beside its range does not end before what is in it is there', () => {
    for (const neighbour of [2, 4]) {
      parked()
        .and(write(neighbour), flush(neighbour, 1))
        .when(done('writeback'))
        .then('writebackFinished', 'barrierStarted')
        .when(done('barrier'))
        .then('barrierFinished', 'flushFinished');
    }
  });

  it('waits for retries that are still to come', () => {
    const { core } = given(open(LAZY), grown, write(3), flush())
      .when(fails('writeback'))
      .then('writebackFailed', 'writebackRetryScheduled');
    expect(ends(core)).to.deep.equal([]);
  });

  it('that the device has not answered for fails at once, with the code of the timeout', () => {
    given(open(LAZY), grown, write(3), flush(), timesOut('writeback'))
      .when(done('barrier'))
      .then('barrierFinished', { type: 'flushFailed', blocks: [3], codes: ['CACHETRAIL_DEVICE_TIMEOUT'], ios: [2] });
  });

  it('is not held up by what a discard has made unneeded', () => {
    parked()
      .when(clear('discard', 3), done('clear'))
      .then('clearQueued', 'clearStarted', 'clearAnswered', { type: 'clearFinished', dropped: 1 })
      .when(flush(), settle)
      .then({ type: 'flushStarted', pending: 0 }, 'barrierStarted', 'barrierFinished', 'flushFinished');
  });
});

describe('a flush whose barrier fails', () => {
  it('writes everything again and tries again, up to its limit, then names what is not durable', () => {
    const again = ['barrierFailed', { type: 'batchPlanned', reason: 'flush' }, 'writebackStarted'] as const;
    const { core } = given(open(LAZY), grown, cached(9), write(3), flush(), done('writeback'))
      .when(fails('barrier', 'EIO'))
      .then(...again)
      .and(done('writeback'))
      .when(fails('barrier', 'EIO'))
      .then(...again)
      .and(done('writeback'))
      .when(fails('barrier', 'ENOSPC'))
      .then(
        { type: 'barrierFailed', io: 8, code: 'ENOSPC' },
        { type: 'flushFailed', blocks: [3], codes: ['ENOSPC'], ios: [8], barrierIo: 8 },
      );
    expect(blockOf(core, 3)).to.include({ state: 'dirty', dirtyBase: 1 });
    expect(eventsOf(core, 'barrierStarted')).to.have.length(3);
  });

  it('ends well if a later try goes well', () => {
    given(open(LAZY), grown, write(3), flush(), done('writeback'), fails('barrier'), done('writeback'))
      .when(done('barrier'))
      .then('barrierFinished', 'flushFinished');
  });

  it('names what is still with the device too, though nothing has failed for it yet', () => {
    const { core } = given(open({ ...LAZY, capacity: 16 }), grown, write(3), flush(), write(20), flush(30, 1));
    for (let failures = 0; failures < 3; failures++) core.take(fails('barrier'));
    core.verify();
    expect(eventsOf(core, 'flushFailed').map(({ op, blocks, codes, ios }) => [op, blocks, codes, ios])).to.deep.equal([
      [4, [3], [''], [0]],
      [6, [], [], []],
    ]);
  });

  it('fails even if nothing was dirty, without naming a block', () => {
    given(open(LAZY), grown, flush())
      .when(fails('barrier'), fails('barrier'), fails('barrier'))
      .then(
        'barrierFailed',
        'barrierStarted',
        'barrierFailed',
        'barrierStarted',
        { type: 'barrierFailed', io: 4 },
        { type: 'flushFailed', blocks: [], codes: [], ios: [], barrierIo: 4 },
      );
  });

  it('has blocks that were written before and not synced since written again too', () => {
    const { core } = given(
      open({ capacity: 8, limits: { ...LAZY.limits, dirtyAgeNs: 1e6 } }),
      grown,
      write(3),
      write(5),
    )
      .and(flush(3, 1), done('writeback'))
      .when(fails('barrier'))
      .then('barrierFailed', { type: 'batchPlanned', reason: 'flush', runs: [3, 1] }, 'writebackStarted');
    expect(blockOf(core, 3)).to.include({ state: 'writing', writtenBase: 0, carriedBase: 1 });
    given(...core.events).and(read(3), settle);
  });
});
