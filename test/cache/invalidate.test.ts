import { expect } from 'chai';
import { cachedBlocks } from '../support/blocks.js';
import { given, open } from '../support/core.js';
import {
  borrow,
  cached,
  close,
  done,
  flush,
  grown,
  invalidate,
  read,
  release,
  setBlockSize,
  settle,
  write,
} from '../support/steps.js';

describe('an invalidation', () => {
  it('drops the clean copies of its range, and says how many', () => {
    const { core } = given(open(), grown, cached(2, 4))
      .when(invalidate(3, 2))
      .then({ type: 'invalidated', block: 3, count: 2, dropped: 2, cause: 0 });
    expect(cachedBlocks(core).map(([block]) => block)).to.deep.equal([2, 5]);
    given(...core.events)
      .when(read(3))
      .then('readMissed', 'fillStarted');
  });

  it('drops everything when no range is given', () => {
    const { core } = given(open(), grown, cached(2, 4)).when(invalidate()).then({ type: 'invalidated', dropped: 4 });
    expect(cachedBlocks(core)).to.deep.equal([]);
  });

  it('of what is not cached drops nothing', () => {
    given(open(), grown).when(invalidate(3, 2)).then({ type: 'invalidated', dropped: 0 });
  });

  it('can be of very many blocks', () => {
    given(open({ blocks: 2 ** 43, capacity: 4 }), cached(2 ** 42))
      .when(invalidate())
      .then({ type: 'invalidated', dropped: 1 });
  });

  it('is refused where it would lose bytes: dirty, being written, or not yet synced', () => {
    const refused = { type: 'requestRefused', request: 'invalidate', code: 'CACHETRAIL_DIRTY' } as const;
    given(open(), grown, cached(2), write(3))
      .when(invalidate(2, 2))
      .then(refused)
      .when(invalidate(2, 1))
      .then({ type: 'invalidated', dropped: 1 })
      .and(flush())
      .when(invalidate(3, 1))
      .then(refused)
      .and(done('writeback'))
      .when(invalidate(3, 1))
      .then(refused)
      .and(done('barrier'))
      .when(invalidate(3, 1))
      .then({ type: 'invalidated', dropped: 1 });
  });

  it('is refused for a borrowed block', () => {
    given(open(), grown, borrow(3), settle)
      .when(invalidate(3, 1))
      .then({ type: 'requestRefused', request: 'invalidate', code: 'CACHETRAIL_PINNED' })
      .and(release(3))
      .when(invalidate(3, 1))
      .then({ type: 'invalidated', dropped: 1 });
  });

  it('of a block that is loading does not take it from its readers', () => {
    given(open(), grown, read(3))
      .when(invalidate(3, 1))
      .then({ type: 'invalidated', dropped: 1 })
      .when(done('fill'))
      .then('fillFinished', 'readFinished')
      .when(read(3))
      .then('readMissed', 'fillStarted');
  });

  it('gives room to what waits for it', () => {
    given(open({ capacity: 2, limits: { pinnedShare: 1 } }), grown, borrow(0), settle, cached(1), read(9))
      .when(invalidate(1, 1))
      .then({ type: 'invalidated' })
      .and(settle);
  });

  it('is refused by a cache that is closing, or changes its block size', () => {
    given(open(), grown, write(0), close())
      .when(invalidate())
      .then({ type: 'requestRefused', code: 'CACHETRAIL_CLOSED' });
    given(open(), grown, write(0), setBlockSize(1024))
      .when(invalidate())
      .then({ type: 'requestRefused', code: 'CACHETRAIL_BUSY' });
  });
});
