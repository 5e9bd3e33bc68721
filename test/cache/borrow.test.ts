import { expect } from 'chai';
import { blockOf, cachedBlocks } from '../support/blocks.js';
import { BLOCK, given, open } from '../support/core.js';
import {
  abort,
  borrow,
  cached,
  clear,
  close,
  done,
  fails,
  flush,
  grown,
  markDirty,
  read,
  release,
  setBlockSize,
  settle,
  write,
} from '../support/steps.js';

const LAZY = { limits: { dirtyBackgroundShare: 1, dirtyHardShare: 1 } };

describe('a borrow', () => {
  it('of a cached block is granted at once, whatever its state', () => {
    for (const step of [cached(3), write(3)]) {
      const { core } = given(open(), grown, step).when(borrow(3)).then({ type: 'borrowed', block: 3, cause: 0 });
      expect(blockOf(core, 3).pins).to.equal(1);
    }
  });

  it('of a missing block reads it first', () => {
    given(open(), grown)
      .when(borrow(3))
      .then(
        { type: 'borrowQueued', block: 3, reason: 'fill' },
        { type: 'fillStarted', block: 3, count: 1, reason: 'borrow' },
      )
      .when(done('fill'))
      .then('fillFinished', { type: 'borrowed', block: 3 });
  });

  it('joins the fill of another', () => {
    given(open(), grown, read(3))
      .when(borrow(3))
      .then('borrowQueued', 'fillJoined')
      .when(done('fill'))
      .then('fillFinished', 'readFinished', 'borrowed');
  });

  it('fails with the fill that it started', () => {
    const { core } = given(open(), grown, borrow(3))
      .when(fails('fill', 'EIO'))
      .then('fillFailed', { type: 'readFailed', code: 'EIO' });
    expect(core.state.admissions.size).to.equal(0);
  });

  it('asks again when a fill fails that another started', () => {
    given(open(), grown, read(3), borrow(3))
      .when(fails('fill'))
      .then('fillFailed', 'readFailed', { type: 'fillStarted', reason: 'borrow' });
  });

  it('can be aborted while it waits', () => {
    const { core } = given(open(), grown, borrow(3)).when(abort(3)).then('requestAborted').and(settle);
    expect(blockOf(core, 3)).to.include({ state: 'clean', pins: 0 });
  });

  it('waits for a frame where none is free', () => {
    given(open({ capacity: 2, ...LAZY }), grown, write(0), read(5), read(6))
      .when(borrow(9))
      .then('borrowQueued', { type: 'batchPlanned', reason: 'pressure' }, 'writebackStarted')
      .when(done('fill'))
      .then('fillFinished', 'readFinished', { type: 'evicted', block: 5 }, { type: 'fillStarted', block: 9 })
      .and(settle);
  });

  it('may be held by many at once', () => {
    const { core } = given(open(), grown, cached(3), borrow(3), borrow(3))
      .when(release(3))
      .then({ type: 'released', block: 3 });
    expect(blockOf(core, 3).pins).to.equal(1);
    expect(core.state.slots.pinned).to.equal(1);
  });

  it('is refused when as many blocks are borrowed as may be, unless it is one of them', () => {
    given(open({ capacity: 4 }), grown, cached(0, 3), borrow(0), borrow(1))
      .when(borrow(2))
      .then({ type: 'requestRefused', request: 'borrow', block: 2, code: 'CACHETRAIL_PINNED' })
      .when(borrow(1))
      .then('borrowed')
      .and(release(0))
      .when(borrow(2))
      .then('borrowed');
  });

  it('that has waited is refused if too many have been borrowed meanwhile', () => {
    given(open({ capacity: 4 }), grown, cached(0, 2), borrow(5), borrow(0), borrow(1))
      .when(done('fill'))
      .then('fillFinished', { type: 'requestRefused', request: 'borrow', block: 5, code: 'CACHETRAIL_PINNED' });
  });

  it('is refused by a cache that is closing, or changes its block size', () => {
    given(open(), grown, write(0), close()).when(borrow(0)).then({ type: 'requestRefused', code: 'CACHETRAIL_CLOSED' });
    given(open(), grown, write(0), setBlockSize(1024))
      .when(borrow(0))
      .then({ type: 'requestRefused', code: 'CACHETRAIL_BUSY' });
  });
});

describe('a borrowed block', () => {
  it('is not evicted, however cold', () => {
    const { core } = given(open({ capacity: 2 }), grown, borrow(0), settle)
      .when(read(1), settle, read(2), settle, read(3), settle)
      .then(
        ...(['readMissed', 'fillStarted', 'fillFinished', 'readFinished'] as const),
        ...(['readMissed', 'evicted', 'fillStarted', 'fillFinished', 'readFinished'] as const),
        ...(['readMissed', 'evicted', 'fillStarted', 'fillFinished', 'readFinished'] as const),
      );
    expect(cachedBlocks(core)).to.deep.equal([
      [0, 'clean'],
      [3, 'clean'],
    ]);
  });

  it('is the next to leave once it is released, if it is the coldest', () => {
    given(open({ capacity: 2 }), grown, borrow(0), settle, cached(1), cached(2), release(0))
      .when(read(3))
      .then('readMissed', { type: 'evicted', block: 0 }, 'fillStarted');
  });

  it('is written back like any other, and stays', () => {
    const { core } = given(open(LAZY), grown, borrow(3), settle)
      .when(markDirty(3))
      .then({
        type: 'written',
        block: 3,
        count: 1,
        offset: 3 * BLOCK,
        length: BLOCK,
        generation: 1,
        through: false,
        borrowed: true,
      })
      .and(flush(), settle);
    expect(blockOf(core, 3)).to.include({ state: 'clean', pins: 1 });
  });

  it('can be marked dirty again and again, and while the device takes it', () => {
    const { core } = given(open(LAZY), grown, borrow(3), settle, markDirty(3), flush())
      .when(markDirty(3))
      .then({ type: 'written', generation: 2 });
    expect(blockOf(core, 3)).to.include({ state: 'writing', carriedBase: 1, dirtyBase: 2 });
  });

  it('can be marked dirty though too much is dirty: its bytes are there already', () => {
    given(
      open({ capacity: 4, limits: { dirtyHardShare: 0.5 } }),
      grown,
      borrow(3),
      settle,
      write(0),
      write(1),
      write(2),
    )
      .when(markDirty(3))
      .then({ type: 'written', borrowed: true }, { type: 'batchPlanned', reason: 'background' }, 'writebackStarted');
  });

  it('is written through when the cache is', () => {
    given(open({ mode: 'writethrough' }), grown, borrow(3), settle)
      .when(markDirty(3))
      .then(
        { type: 'written', borrowed: true, through: true },
        { type: 'batchPlanned', reason: 'through' },
        'writebackStarted',
      )
      .when(done('writeback'))
      .then('writebackFinished', 'writeFinished');
  });

  it('cannot be marked dirty in a read-only cache', () => {
    given(open({ mode: 'readonly' }), grown, borrow(3), settle)
      .when(markDirty(3))
      .then({ type: 'requestRefused', request: 'markDirty', code: 'CACHETRAIL_READ_ONLY' });
  });

  it('keeps its short length at the end of the device', () => {
    given(open({ deviceBytes: 64 * BLOCK + 100 }), grown, borrow(64), settle)
      .when(markDirty(64))
      .then({ type: 'written', offset: 64 * BLOCK, length: 100 });
  });

  it('cannot be cleared, invalidated or lost to a change of block size', () => {
    given(open(), grown, borrow(3), settle)
      .when(clear('zero', 3), setBlockSize(1024), close())
      .then(
        { type: 'requestRefused', code: 'CACHETRAIL_PINNED' },
        { type: 'requestRefused', code: 'CACHETRAIL_PINNED' },
        { type: 'requestRefused', code: 'CACHETRAIL_PINNED' },
      );
  });
});
