import { expect } from 'chai';
import { blockOf } from '../support/blocks.js';
import { given, open } from '../support/core.js';
import {
  borrow,
  cached,
  clear,
  done,
  eventsOf,
  fails,
  grown,
  invalidate,
  read,
  settle,
  timesOut,
  write,
} from '../support/steps.js';

describe('a read', () => {
  it('of a cached block is one event', () => {
    given(open(), grown, cached(3)).when(read(3)).then({ type: 'read', block: 3, count: 1, cause: 0 });
  });

  it('of many cached blocks is one event too', () => {
    given(open(), grown, cached(3, 4)).when(read(3, 4)).then({ type: 'read', block: 3, count: 4 });
  });

  it('of dirty, writing and unsynced blocks is a hit', () => {
    given(open({ limits: { dirtyBackgroundShare: 0.8 } }), grown, write(0), write(1))
      .when(read(0, 2))
      .then({ type: 'read' });
    const writing = given(open({ capacity: 2 }), grown, write(0))
      .when(read(0))
      .then('read');
    expect(blockOf(writing.core, 0).state).to.equal('writing');
    writing.and(done('writeback')).when(read(0)).then('read');
  });

  it('of a missing block asks the device, and ends with its answer', () => {
    given(open(), grown)
      .when(read(3))
      .then(
        { type: 'readMissed', block: 3, count: 1, hits: 0, cause: 0 },
        { type: 'fillStarted', block: 3, count: 1, cached: true, reason: 'read' },
      )
      .when(done('fill'))
      .then({ type: 'fillFinished', block: 3, count: 1, cause: 0 }, { type: 'readFinished' });
  });

  it('makes the frames that it needs first, once', () => {
    given(open())
      .when(read(3))
      .then('readMissed', { type: 'resized', op: 0, reason: 'growth', capacity: 8, frames: 8 }, 'fillStarted')
      .and(settle)
      .when(read(4))
      .then('readMissed', 'fillStarted');
  });

  it('of missing neighbours is one device read', () => {
    given(open(), grown).when(read(3, 5)).then('readMissed', { type: 'fillStarted', block: 3, count: 5 });
  });

  it('asks for no more blocks at once than a fill, or a device operation, may have', () => {
    given(open({ limits: { fillBlocksMax: 2 } }), grown)
      .when(read(3, 5))
      .then(
        'readMissed',
        { type: 'fillStarted', block: 3, count: 2 },
        { type: 'fillStarted', block: 5, count: 2 },
        { type: 'fillStarted', block: 7, count: 1 },
      );
    given(open({ limits: { runBytesMax: 1024 } }), grown)
      .when(read(3, 3))
      .then('readMissed', { type: 'fillStarted', block: 3, count: 2 }, { type: 'fillStarted', block: 5, count: 1 });
  });

  it('of a mixed range counts its hits, fills around them, and ends when the last fill has', () => {
    given(open(), grown, cached(4))
      .when(read(3, 3))
      .then(
        { type: 'readMissed', hits: 1 },
        { type: 'fillStarted', block: 3, count: 1 },
        { type: 'fillStarted', block: 5, count: 1 },
      )
      .when(done('fill'))
      .then('fillFinished')
      .when(done('fill'))
      .then('fillFinished', 'readFinished');
  });

  it('evicts nothing of its own range', () => {
    given(open({ capacity: 4 }), grown, cached(0, 4))
      .when(read(2, 4))
      .then(
        { type: 'readMissed', hits: 2 },
        { type: 'evicted', block: 0, reason: 'room' },
        { type: 'evicted', block: 1, reason: 'room' },
        { type: 'fillStarted', block: 4, count: 2, cached: true },
      );
  });

  it('counts blocks as hits and misses', () => {
    const { counters } = given(open(), grown).and(read(0, 4), settle, read(2, 4), settle, read(0)).core.state;
    expect([counters.reads, counters.hits, counters.misses]).to.deep.equal([4, 3, 1 + 4 + 2]);
  });
});

describe('two reads of one missing block', () => {
  it('share one fill', () => {
    given(open(), grown, read(3))
      .when(read(3))
      .then('readMissed', { type: 'fillJoined', io: 2 })
      .when(done('fill'))
      .then('fillFinished', { type: 'readFinished', op: 3 }, { type: 'readFinished', op: 4 });
  });

  it('join each fill once, whatever part of it they want', () => {
    given(open(), grown, read(3, 4))
      .when(read(2, 6))
      .then(
        'readMissed',
        { type: 'fillJoined', io: 2 },
        { type: 'fillStarted', block: 2, count: 1 },
        { type: 'fillStarted', block: 7, count: 1 },
      );
  });

  it('do not share a failure: the one who started the fill is told, the other asks again', () => {
    given(open(), grown, read(3), read(3))
      .when(fails('fill', 'EIO'))
      .then(
        { type: 'fillFailed', code: 'EIO', outcome: 'failed' },
        { type: 'readFailed', op: 3, code: 'EIO' },
        { type: 'readResumed', op: 4 },
        { type: 'fillStarted', op: 4, block: 3, reason: 'read' },
      )
      .when(done('fill'))
      .then('fillFinished', { type: 'readFinished', op: 4 });
  });

  it('and a third, of which two joined, are two fills when the first fails', () => {
    given(open(), grown, read(3), read(3), read(3))
      .when(fails('fill'))
      .then('fillFailed', 'readFailed', 'readResumed', { type: 'fillStarted', op: 4 }, 'readResumed', {
        type: 'fillJoined',
        op: 5,
      });
  });
});

describe('a fill that fails', () => {
  it('caches nothing, and the block can be read again', () => {
    given(open(), grown, read(3), fails('fill'))
      .when(read(3))
      .then({ type: 'readMissed', hits: 0 }, 'fillStarted')
      .when(done('fill'))
      .then('fillFinished', 'readFinished');
  });

  it('of two that a read waits for fails the read; the other is kept', () => {
    given(open(), grown, cached(4), read(3, 3))
      .when(fails('fill'))
      .then('fillFailed', 'readFailed')
      .when(done('fill'))
      .then('fillFinished')
      .when(read(5))
      .then('read');
  });

  it('by a timeout is stuck, and its late answer fills nothing', () => {
    given(open(), grown, read(3))
      .when(timesOut('fill'))
      .then(
        { type: 'fillFailed', code: 'CACHETRAIL_DEVICE_TIMEOUT', outcome: 'unknown' },
        { type: 'readFailed', code: 'CACHETRAIL_DEVICE_TIMEOUT' },
      )
      .when(done(2))
      .then({ type: 'deviceAnsweredLate', io: 2, code: '' })
      .when(read(3))
      .then({ type: 'readMissed', hits: 0 }, 'fillStarted');
  });
});

describe('a block that is loading', () => {
  it('and is written is dirty at once; the fill brings nothing, and its reader is answered', () => {
    const { core } = given(open(), grown, read(3), write(3)).when(done('fill')).then('fillFinished', 'readFinished');
    expect(blockOf(core, 3).state).to.equal('dirty');
    given(...core.events)
      .when(read(3))
      .then('read');
  });

  it('and is written stays dirty when the fill fails', () => {
    const { core } = given(open(), grown, read(3), write(3)).when(fails('fill')).then('fillFailed', 'readFailed');
    expect(blockOf(core, 3).state).to.equal('dirty');
  });

  it('and is invalidated is not cached by that fill, nor taken for the fill that follows', () => {
    const { core } = given(open(), grown, read(3))
      .when(invalidate(3, 1))
      .then({ type: 'invalidated', dropped: 1 })
      .when(read(3))
      .then('readMissed', { type: 'fillStarted', io: 3 })
      .when(done(2))
      .then({ type: 'fillFinished', io: 2 }, { type: 'readFinished', op: 3 });
    expect(blockOf(core, 3).state).to.equal('loading');
    given(...core.events)
      .when(done(3))
      .then('fillFinished', { type: 'readFinished', op: 5 });
  });

  it('is not taken to make room', () => {
    given(open({ capacity: 2 }), grown, read(0), read(1), done(3))
      .when(read(2))
      .then('readMissed', { type: 'evicted', block: 1 }, { type: 'fillStarted', block: 2, cached: true });
  });
});

describe('a read without a frame to keep the block in', () => {
  const full = () =>
    given(open({ capacity: 2, limits: { pinnedShare: 1 } }), grown, borrow(0), settle, borrow(1), settle);

  it('is answered by the device alone', () => {
    const { core } = full()
      .when(read(5))
      .then('readMissed', { type: 'fillStarted', cached: false, reason: 'read' })
      .when(done('fill'))
      .then('fillFinished', 'readFinished');
    expect(blockOf(core, 5).state).to.equal('absent');
  });

  it('is not joined by another', () => {
    full().and(read(5)).when(read(5)).then('readMissed', { type: 'fillStarted', cached: false });
  });

  it('fails alone', () => {
    full().and(read(5)).when(fails('fill')).then('fillFailed', 'readFailed');
  });

  it('keeps what there is room for, and only that', () => {
    given(open({ capacity: 3, limits: { pinnedShare: 1 } }), grown, borrow(0), settle, borrow(1), settle)
      .when(read(5, 2))
      .then(
        'readMissed',
        { type: 'fillStarted', block: 5, count: 1, cached: true },
        { type: 'fillStarted', block: 6, count: 1, cached: false },
      )
      .when(done('fill'))
      .then('fillFinished')
      .when(done('fill'))
      .then('fillFinished', 'readFinished');
  });
});

describe('a read of a range that is being cleared', () => {
  it('waits until the range is clear, then asks the device', () => {
    given(open(), grown, clear('zero', 3, 2))
      .when(read(4, 2))
      .then('readMissed', 'readBlocked')
      .when(done('clear'))
      .then('clearAnswered', 'barrierStarted')
      .when(done('barrier'))
      .then('barrierFinished', 'clearFinished', 'readResumed', { type: 'fillStarted', block: 4, count: 2 })
      .when(done('fill'))
      .then('fillFinished', 'readFinished');
  });

  it('is a hit for what is cached: the clear has not happened yet', () => {
    given(open(), grown, cached(3), clear('zero', 3)).when(read(3)).then('read');
  });

  it('finishes without the device when a write brought the block meanwhile', () => {
    given(open(), grown, clear('discard', 3), read(3), write(3))
      .when(done('clear'))
      .then('clearAnswered', 'clearFinished', 'written', 'readResumed', 'readFinished');
  });
});

describe('the fill of a read', () => {
  it('is one device read, whoever waits', () => {
    const { core } = given(open(), grown, read(0, 8), read(0, 8), read(3), settle);
    expect(eventsOf(core, 'fillStarted').map(({ block, count }) => [block, count])).to.deep.equal([
      [63, 1],
      [0, 8],
    ]);
  });
});
