import { expect } from 'chai';
import { blockOf, cachedBlocks } from '../support/blocks.js';
import { given, open } from '../support/core.js';
import {
  abort,
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
  release,
  setBlockSize,
  settle,
  write,
} from '../support/steps.js';

const LAZY = { limits: { dirtyBackgroundShare: 1, dirtyHardShare: 1 } };

describe('a discard', () => {
  it('asks the device first, and drops what is cached when the device has done it', () => {
    const { core } = given(open(LAZY), grown, cached(3), write(4), cached(9))
      .when(clear('discard', 3, 4))
      .then(
        { type: 'clearQueued', kind: 'discard', block: 3, count: 4 },
        { type: 'clearStarted', kind: 'discard', block: 3, count: 4 },
      )
      .when(done('clear'))
      .then({ type: 'clearAnswered', code: '' }, { type: 'clearFinished', kind: 'discard', dropped: 2 });
    expect(cachedBlocks(core)).to.deep.equal([[9, 'clean']]);
  });

  it('of a dirty block leaves a flush nothing to wait for', () => {
    given(open(LAZY), grown, write(3), clear('discard', 3), done('clear'))
      .when(flush())
      .then({ type: 'flushStarted', pending: 0 }, 'barrierStarted');
  });

  it('takes from a flush that is under way what it had waited for', () => {
    const limits = { ...LAZY.limits, writebacksInFlightMax: 1 };
    given(open({ limits }), grown, write(3), write(5), flush(), clear('discard', 5), done('clear'))
      .when(done('writeback'))
      .then('writebackFinished', { type: 'barrierStarted', reason: 'flush' })
      .when(done('barrier'))
      .then('barrierFinished', 'flushFinished');
  });

  it('waits for a device write of its range that is under way, so that nothing older lands on top', () => {
    given(open({ capacity: 2 }), grown, write(3))
      .when(clear('discard', 3))
      .then('clearQueued')
      .when(done('writeback'))
      .then('writebackFinished', 'clearStarted', { type: 'barrierStarted' })
      .when(done('clear'))
      .then('clearAnswered', { type: 'clearFinished', dropped: 1 });
  });

  it('waits for a fill of its range that is under way, so that nothing older is cached after it', () => {
    given(open(), grown, read(3))
      .when(clear('discard', 3))
      .then('clearQueued')
      .when(done('fill'))
      .then('fillFinished', 'readFinished', 'clearStarted')
      .when(done('clear'))
      .then('clearAnswered', { type: 'clearFinished', dropped: 1 })
      .when(read(3))
      .then('readMissed', 'fillStarted');
  });

  it('keeps dirty blocks of its range from being written while it is asked for', () => {
    given(open(LAZY), grown, write(3), write(5), clear('discard', 3))
      .when(flush())
      .then({ type: 'flushStarted', pending: 2 }, { type: 'batchPlanned', runs: [5, 1] }, 'writebackStarted')
      .when(done('clear'))
      .then('clearAnswered', 'clearFinished');
  });

  it('does not wait for what is beside its range', () => {
    given(open({ capacity: 4 }), grown, write(2), write(5), read(9))
      .when(clear('discard', 3, 2))
      .then('clearQueued', 'clearStarted');
  });

  it('needs no barrier to end', () => {
    const { core } = given(open(), grown, clear('discard', 3), done('clear'));
    expect(eventsOf(core, 'barrierStarted')).to.deep.equal([]);
  });
});

describe('a zero', () => {
  it('ends when a barrier that began after it has made it durable', () => {
    given(open(), grown, cached(3), clear('zero', 3))
      .when(done('clear'))
      .then('clearAnswered', { type: 'barrierStarted', reason: 'clear' })
      .when(done('barrier'))
      .then('barrierFinished', { type: 'clearFinished', kind: 'zero', dropped: 1 });
  });

  it('is not satisfied with a barrier that had already begun', () => {
    given(open(), grown, flush(), clear('zero', 3), done('clear'))
      .when(done('barrier'))
      .then('barrierFinished', { type: 'barrierStarted', reason: 'clear' }, 'flushFinished')
      .when(done('barrier'))
      .then('barrierFinished', 'clearFinished');
  });

  it('fails if its barrier fails', () => {
    given(open(), grown, clear('zero', 3), done('clear'))
      .when(fails('barrier', 'EIO'))
      .then('barrierFailed', { type: 'clearFailed', kind: 'zero', io: 3, code: 'EIO' });
  });

  it('keeps dirty blocks of its range if its barrier fails', () => {
    const { core } = given(open(LAZY), grown, write(3), clear('zero', 3), done('clear'), fails('barrier'));
    expect(blockOf(core, 3)).to.include({ state: 'dirty', dirtyBase: 1 });
    given(...core.events)
      .when(flush(), settle)
      .then(
        'flushStarted',
        'batchPlanned',
        'writebackStarted',
        'writebackFinished',
        'barrierStarted',
        'barrierFinished',
        'flushFinished',
      );
  });
});

describe('a clear that fails', () => {
  it('keeps dirty blocks, and drops clean copies, which are not to be trusted', () => {
    const { core } = given(open(LAZY), grown, cached(3), write(4), clear('discard', 3, 2))
      .when(fails('clear', 'EOPNOTSUPP'))
      .then(
        { type: 'clearAnswered', code: 'EOPNOTSUPP', outcome: 'failed' },
        { type: 'clearFailed', io: 3, code: 'EOPNOTSUPP' },
      );
    expect(cachedBlocks(core)).to.deep.equal([[4, 'dirty']]);
    expect(core.state.counters.clearErrors).to.equal(1);
  });

  it('lets what waited for its range go on', () => {
    given(open(), grown, clear('discard', 3), write(3), read(4))
      .when(fails('clear'))
      .then('clearAnswered', 'clearFailed', 'written');
  });

  it('has what the device holds without a barrier written again, since the clear may have taken it', () => {
    const { core } = given(
      open({ capacity: 2 }),
      grown,
      write(3),
      done('writeback'),
      clear('discard', 3),
      fails('clear'),
    );
    expect(blockOf(core, 3)).to.include({ state: 'writing', writtenBase: 0, carriedBase: 1 });
    given(...core.events)
      .when(done('barrier'))
      .then('barrierFinished');
  });
});

describe('two clears', () => {
  it('of overlapping ranges happen in the order in which they were asked for', () => {
    given(open(), grown, clear('discard', 3, 2))
      .when(clear('zero', 4, 2))
      .then('clearQueued')
      .when(done('clear'))
      .then('clearAnswered', { type: 'clearFinished', kind: 'discard' }, { type: 'clearStarted', kind: 'zero' });
  });

  it('of which the first waits for its barrier: the second waits too', () => {
    given(open(), grown, clear('zero', 3), clear('discard', 3), done('clear'))
      .when(done('barrier'))
      .then('barrierFinished', { type: 'clearFinished', kind: 'zero' }, { type: 'clearStarted', kind: 'discard' });
  });

  it('of ranges apart happen at once; a barrier is for those that were done before it', () => {
    given(open(), grown, clear('zero', 3))
      .when(clear('zero', 10))
      .then('clearQueued', 'clearStarted')
      .when(done(2))
      .then('clearAnswered', 'barrierStarted')
      .when(done(3))
      .then('clearAnswered')
      .when(done('barrier'))
      .then('barrierFinished', { type: 'clearFinished', block: 3 }, { type: 'barrierStarted', reason: 'clear' })
      .when(done('barrier'))
      .then('barrierFinished', { type: 'clearFinished', block: 10 });
  });
});

describe('a drop', () => {
  it('loses dirty blocks by name, with the reason, and asks nothing of the device', () => {
    const { core } = given(open(LAZY), grown, cached(2), write(5), write(3))
      .when(clear('drop', 2, 4))
      .then(
        { type: 'clearQueued', kind: 'drop', reason: 'test' },
        { type: 'dirtyDiscarded', blocks: [3, 5], reason: 'test' },
        { type: 'clearFinished', kind: 'drop', dropped: 1 },
      );
    expect(cachedBlocks(core)).to.deep.equal([]);
    expect(core.state.counters.discardedBlocks).to.equal(2);
  });

  it('of clean blocks names nothing as lost', () => {
    given(open(), grown, cached(2)).when(clear('drop', 2)).then('clearQueued', { type: 'clearFinished', dropped: 1 });
  });

  it('waits until the device has answered for a write that it is taking', () => {
    given(open({ capacity: 2 }), grown, write(3))
      .when(clear('drop', 3))
      .then('clearQueued')
      .when(done('writeback'))
      .then('writebackFinished', { type: 'dirtyDiscarded', blocks: [3] }, 'clearFinished');
  });

  it('is taken by a read-only cache', () => {
    given(open({ mode: 'readonly' }), grown, cached(3))
      .when(clear('drop', 3))
      .then('clearQueued', 'clearFinished');
  });

  it('of parked blocks ends their story', () => {
    const limits = { ...LAZY.limits, writeAttemptsMax: 1 };
    const { core } = given(
      open({ limits }),
      grown,
      write(3),
      flush(),
      fails('writeback'),
      done('barrier'),
      clear('drop', 3),
    );
    expect(core.state.failures.size).to.equal(0);
    given(...core.events)
      .when(close(), settle)
      .then('closeStarted', 'barrierStarted', 'barrierFinished', 'closed');
  });
});

describe('a clear', () => {
  it('of a read-only cache is refused', () => {
    given(open({ mode: 'readonly' }), grown)
      .when(clear('discard', 3), clear('zero', 3))
      .then(
        { type: 'requestRefused', request: 'discard', code: 'CACHETRAIL_READ_ONLY' },
        { type: 'requestRefused', request: 'zero', code: 'CACHETRAIL_READ_ONLY' },
      );
  });

  it('of a borrowed block is refused, and of one beside it not', () => {
    given(open(), grown, borrow(3), settle)
      .when(clear('discard', 2, 3))
      .then({ type: 'requestRefused', request: 'discard', block: 2, count: 3, code: 'CACHETRAIL_PINNED' })
      .when(clear('drop', 3))
      .then({ type: 'requestRefused', request: 'drop', code: 'CACHETRAIL_PINNED' })
      .when(clear('zero', 4))
      .then('clearQueued', 'clearStarted')
      .and(settle, release(3))
      .when(clear('discard', 3))
      .then('clearQueued', 'clearStarted');
  });

  it('makes a read wait once, however many parts of its range it covers', () => {
    given(open(), grown, cached(4), clear('zero', 3), clear('zero', 5))
      .when(read(3, 3))
      .then('readMissed', 'readBlocked', 'readBlocked')
      .when(settle)
      .then(
        ...([
          'clearAnswered',
          'barrierStarted',
          'clearAnswered',
          'barrierFinished',
          'clearFinished',
          'barrierStarted',
        ] as const),
        ...(['barrierFinished', 'clearFinished', 'readResumed', 'fillStarted', 'fillStarted'] as const),
        ...(['fillFinished', 'fillFinished', 'readFinished'] as const),
      );
  });

  it('makes a borrow of its range wait', () => {
    given(open(), grown, cached(3), clear('discard', 3))
      .when(borrow(3))
      .then('borrowQueued')
      .when(done('clear'))
      .then('clearAnswered', 'clearFinished', { type: 'fillStarted', reason: 'borrow' })
      .when(done('fill'))
      .then('fillFinished', 'borrowed');
  });

  it('can be aborted before the device is at it, and not after', () => {
    given(open(), grown, read(3), clear('discard', 3))
      .when(abort(4))
      .then('requestAborted')
      .when(done('fill'))
      .then('fillFinished', 'readFinished');
    given(open(), grown, clear('discard', 3)).when(abort(3)).then();
  });

  it('that is aborted lets others go on', () => {
    given(open(), grown, read(3), clear('discard', 3), write(3)).when(abort(4)).then('requestAborted', 'written');
  });

  it('is refused when too many requests wait, when the cache closes, and when it changes its block size', () => {
    given(open({ limits: { waitingRequestsMax: 1 } }), grown, read(3))
      .when(clear('zero', 9))
      .then({ type: 'requestRefused', code: 'CACHETRAIL_OVERLOADED' });
    given(open(), grown, write(3), close())
      .when(clear('zero', 9))
      .then({ type: 'requestRefused', code: 'CACHETRAIL_CLOSED' });
    given(open(), grown, write(3), setBlockSize(1024))
      .when(clear('zero', 9))
      .then({ type: 'requestRefused', code: 'CACHETRAIL_BUSY' });
  });
});
