import { expect } from 'chai';
import { nextDeadline } from '../../src/cache/deadline.js';
import { DEFAULT_LIMITS } from '../../src/cache/limits.js';
import { blockOf } from '../support/blocks.js';
import { BLOCK, type Core, given, open } from '../support/core.js';
import {
  abort,
  borrow,
  cached,
  close,
  done,
  eventsOf,
  fails,
  flush,
  grown,
  read,
  setBlockSize,
  settle,
  tick,
  tickAt,
  write,
  writeBytes,
  writeThrough,
} from '../support/steps.js';

/** The requests that were served, in the order in which they were. */
function served(core: Core): number[] {
  return core.events
    .filter(({ type }) => type === 'written' || type === 'borrowed')
    .map((event) => ('op' in event ? event.op : 0));
}

describe('the limit of dirty blocks', () => {
  const full = () => given(open({ capacity: 4, limits: { dirtyHardShare: 0.5 } }), grown, write(0), write(1));

  it('lets a write wait until enough is durable', () => {
    full()
      .when(write(2))
      .then({ type: 'writeQueued', reason: 'dirty-limit' })
      .when(done('writeback'))
      .then('writebackFinished', { type: 'batchPlanned', reason: 'hard' }, 'writebackStarted', 'barrierStarted')
      .when(done('barrier'))
      .then('barrierFinished', { type: 'written', block: 2 });
  });

  it('does not hold up a write that makes no further block dirty', () => {
    full().when(write(1)).then({ type: 'written', block: 1, generation: 3 });
  });

  it('counts blocks that are written and not yet synced', () => {
    full().and(done('writeback')).when(write(2)).then({ type: 'writeQueued', reason: 'dirty-limit' });
  });

  it('asks for a batch where none is under way', () => {
    const limits = { dirtyBackgroundShare: 1, dirtyHardShare: 1 };
    const { core } = given(open({ capacity: 4, limits }), grown, write(0), write(1), write(2))
      .when(write(3, 2))
      .then(
        { type: 'writeQueued', reason: 'dirty-limit' },
        { type: 'batchPlanned', reason: 'hard', blocks: 1, runs: [0, 1] },
        { type: 'writebackStarted', reason: 'hard' },
      )
      .when(done('writeback'))
      .then('writebackFinished', { type: 'batchPlanned', reason: 'hard' }, 'writebackStarted', 'barrierStarted');
    given(...core.events)
      .and(settle)
      .when(read(3))
      .then('read');
  });

  it('asks for a barrier where one would make room', () => {
    const limits = { dirtyBackgroundShare: 0.1, dirtyHardShare: 0.125 };
    given(open({ limits }), grown, writeThrough(3), done('writeback'))
      .when(write(5))
      .then({ type: 'writeQueued', reason: 'dirty-limit' }, { type: 'barrierStarted', reason: 'pressure' })
      .when(done('barrier'))
      .then('barrierFinished', { type: 'written', block: 5 }, 'batchPlanned', 'writebackStarted');
  });

  it('has parked blocks tried again while a write waits for the room that they take up', () => {
    const limits = { dirtyHardShare: 0.5, writeAttemptsMax: 1 };
    const failing = (core: Core) => {
      while (core.state.writebacksInFlight > 0) core.take(fails('writeback'));
      return [];
    };
    const parked = given(open({ capacity: 4, limits }), grown, write(0, 2), flush(), failing, done('barrier'))
      .when(write(2))
      .then({ type: 'writeQueued', reason: 'dirty-limit' });
    const { core } = parked;
    const dueAt = nextDeadline(core.state, core.at) ?? 0;
    expect(dueAt - core.at).to.be.within(1, DEFAULT_LIMITS.retryCapNs);
    parked
      .when(tickAt(dueAt))
      .then(
        'ticked',
        { type: 'parkedRetried', blocks: [0, 1] },
        { type: 'batchPlanned', reason: 'hard' },
        'writebackStarted',
      )
      .and(settle);
    expect(served(core)).to.deep.equal([3, 5]);
  });

  it('lets what waits be served in the order in which it came, though later ones would fit', () => {
    const { core } = full()
      .when(write(2), write(0), borrow(1), write(3))
      .then(
        { type: 'writeQueued', op: 5, reason: 'dirty-limit' },
        { type: 'writeQueued', op: 6, reason: 'order' },
        { type: 'borrowed', op: 7 },
        { type: 'writeQueued', op: 8, reason: 'order' },
      )
      .and(settle);
    expect(served(core)).to.deep.equal([3, 4, 7, 5, 6, 8]);
  });
});

describe('a write that waits for frames', () => {
  const pinned = () =>
    given(open({ capacity: 2, limits: { pinnedShare: 1 } }), grown, borrow(0), settle, borrow(1), settle);

  it('is served when one is released', () => {
    pinned()
      .when(write(5))
      .then({ type: 'writeQueued', reason: 'frames' })
      .when(releaseOf(1))
      .then(
        'released',
        { type: 'evicted', block: 1 },
        { type: 'written', block: 5 },
        'batchPlanned',
        'writebackStarted',
      );
  });

  it('asks for writeback where dirty blocks are in the way', () => {
    const limits = { pinnedShare: 1, dirtyHardShare: 1, dirtyBackgroundShare: 1 };
    given(open({ capacity: 3, limits }), grown, borrow(0), settle, borrow(1), settle, write(2))
      .when(read(9))
      .then('readMissed', { type: 'fillStarted', cached: false })
      .when(write(5))
      .then(
        { type: 'writeQueued', reason: 'frames' },
        { type: 'batchPlanned', reason: 'pressure', runs: [2, 1] },
        'writebackStarted',
      )
      .when(done('writeback'))
      .then('writebackFinished', { type: 'barrierStarted' })
      .when(done('barrier'))
      .then('barrierFinished', { type: 'evicted', block: 2 }, 'written');
  });

  it('in part is told so, and fills when there is a frame', () => {
    pinned()
      .when(writeBytes(5 * BLOCK + 1, 3))
      .then({ type: 'writeQueued', reason: 'frames' })
      .when(releaseOf(1))
      .then('released', 'evicted', { type: 'fillStarted', block: 5, reason: 'write' });
  });
});

describe('what waits', () => {
  const waiting = () => given(open({ capacity: 1 }), grown, write(0), write(1));

  it('too long is refused with its own code; what comes later is served', () => {
    const { core } = waiting()
      .and(write(2))
      .when(tickAt(0))
      .then()
      .when(tick(30e9))
      .then(
        'ticked',
        { type: 'requestAborted', op: 4, code: 'CACHETRAIL_ADMISSION_TIMEOUT' },
        { type: 'requestAborted', op: 5, code: 'CACHETRAIL_ADMISSION_TIMEOUT' },
      );
    given(...core.events)
      .and(write(3))
      .when(settle)
      .then(
        'writebackFinished',
        'barrierStarted',
        'barrierFinished',
        'evicted',
        { type: 'written', block: 3 },
        'batchPlanned',
        'writebackStarted',
        'writebackFinished',
        'barrierStarted',
        'barrierFinished',
      );
  });

  it('is aborted only when its own time has come', () => {
    const { core } = waiting().and(tick(1e9), write(2));
    given(...core.events)
      .when(tickAt(30e9 + 100_000))
      .then('ticked', { type: 'requestAborted', op: 4 });
  });

  it('is not served once the caller has aborted it', () => {
    const { core } = waiting()
      .and(write(2))
      .when(abort(4))
      .then({ type: 'requestAborted', op: 4, code: 'CACHETRAIL_ABORTED' })
      .and(settle);
    expect(served(core)).to.deep.equal([3, 5]);
    expect(blockOf(core, 1).state).to.equal('absent');
  });

  it('cannot be aborted twice, nor when it has been served', () => {
    waiting().and(abort(4)).when(abort(4)).then();
    waiting().when(abort(3)).then();
  });

  it('and can be served by the abort of what is before it is served then', () => {
    given(open({ capacity: 2 }), grown, write(0), write(1), write(0))
      .when(abort(4))
      .then('requestAborted', { type: 'written', op: 5, block: 0 });
  });

  it('is bounded: more is refused', () => {
    const limits = { waitingRequestsMax: 1 };
    const busy = () => given(open({ capacity: 1, limits }), grown, write(0), write(1));
    busy().when(write(2)).then({ type: 'requestRefused', request: 'write', code: 'CACHETRAIL_OVERLOADED' });
    busy().when(read(2)).then({ type: 'requestRefused', request: 'read', code: 'CACHETRAIL_OVERLOADED' });
    busy().when(borrow(2)).then({ type: 'requestRefused', request: 'borrow', code: 'CACHETRAIL_OVERLOADED' });
    busy().when(read(0)).then('read');
    busy().when(flush()).then('flushStarted');
  });
});

describe('a read that waits', () => {
  it('is let go by an abort; its fill is kept', () => {
    given(open(), grown, read(3))
      .when(abort(3))
      .then('requestAborted')
      .when(done('fill'))
      .then('fillFinished')
      .when(read(3))
      .then('read');
  });

  it('and has been aborted is not told of a failure', () => {
    given(open(), grown, read(3), abort(3)).when(fails('fill')).then('fillFailed');
  });
});

describe('a write', () => {
  it('to a read-only cache is refused', () => {
    given(open({ mode: 'readonly' }), grown)
      .when(write(3))
      .then({
        type: 'requestRefused',
        request: 'write',
        code: 'CACHETRAIL_READ_ONLY',
        offset: 3 * BLOCK,
        length: BLOCK,
      });
  });

  it('to a cache that is closing, or changes its block size, is refused', () => {
    given(open(), grown, write(0), close()).when(write(3)).then({ type: 'requestRefused', code: 'CACHETRAIL_CLOSED' });
    given(open(), grown, write(0), setBlockSize(1024))
      .when(write(3))
      .then({ type: 'requestRefused', code: 'CACHETRAIL_BUSY' });
  });

  it('that waited before a resize made the cache too small for it is refused then', () => {
    const limits = { dirtyHardShare: 0.5 };
    const { core } = given(open({ capacity: 4, limits }), grown, cached(9), write(0, 2), write(2, 3)).and(
      ({ at, op }) => ({ type: 'resize', at: at + 1, op: op + 1, actor: '', trace: null, capacity: 2 }),
    );
    expect(eventsOf(core, 'requestRefused').map(({ op, code }) => [op, code])).to.deep.equal([
      [5, 'CACHETRAIL_TOO_LARGE'],
    ]);
  });
});

function releaseOf(block: number) {
  return (core: Core) => ({ type: 'release', at: core.next(), op: 1, block }) as const;
}
