import { expect } from 'chai';
import { nextDeadline } from '../../src/cache/deadline.js';
import { blockOf, cachedBlocks } from '../support/blocks.js';
import { given, open } from '../support/core.js';
import {
  borrow,
  cached,
  close,
  done,
  eventsOf,
  flush,
  grown,
  markDirty,
  read,
  release,
  resize,
  setBlockSize,
  settle,
  tick,
  write,
} from '../support/steps.js';

const LAZY = { limits: { dirtyBackgroundShare: 1, dirtyHardShare: 1 } };

describe('a resize', () => {
  it('upwards changes the capacity; the frames come when they are needed', () => {
    const { core } = given(open({ capacity: 2 }), grown, cached(0, 2))
      .when(resize(6))
      .then({ type: 'resized', reason: 'asked', capacity: 6, frames: 2 })
      .when(read(2, 2))
      .then('readMissed', { type: 'resized', op: 0, reason: 'growth', capacity: 6, frames: 6 }, 'fillStarted')
      .and(settle);
    expect(cachedBlocks(core).map(([block]) => block)).to.deep.equal([0, 1, 2, 3]);
  });

  it('upwards keeps every block, its state, and the order of their leaving', () => {
    const { core } = given(open({ capacity: 4, ...LAZY }), grown, cached(0, 2), write(2), read(3), read(0), resize(16));
    expect(cachedBlocks(core)).to.deep.equal([
      [1, 'clean'],
      [2, 'dirty'],
      [3, 'loading'],
      [0, 'clean'],
    ]);
    expect(blockOf(core, 2)).to.include({ generation: 1, dirtyBase: 1 });
  });

  it('downwards evicts the coldest, and gives their frames back', () => {
    const { core } = given(open({ capacity: 4 }), grown, cached(0, 4))
      .when(resize(2))
      .then(
        { type: 'resized', reason: 'asked', capacity: 2, frames: 4 },
        { type: 'evicted', block: 0, reason: 'resize' },
        { type: 'evicted', block: 1, reason: 'resize' },
        { type: 'resized', op: 0, reason: 'asked', capacity: 2, frames: 2 },
      );
    expect(cachedBlocks(core).map(([block]) => block)).to.deep.equal([2, 3]);
    // Frames are made and given back in slabs; this cache has one.
    expect(core.state.slots.frames).to.equal(2);
  });

  it('downwards waits for dirty blocks to become durable, and asks for that', () => {
    given(open({ capacity: 4, ...LAZY }), grown, write(0), write(2), write(4))
      .when(resize(1))
      .then(
        'resized',
        { type: 'batchPlanned', reason: 'background', blocks: 3 },
        'writebackStarted',
        'writebackStarted',
        'writebackStarted',
      )
      .when(done('writeback'), done('writeback'), done('writeback'))
      .then('writebackFinished', 'barrierStarted', 'writebackFinished', 'writebackFinished')
      .when(done('barrier'))
      .then('barrierFinished', 'barrierStarted', { type: 'evicted', reason: 'resize' })
      .when(done('barrier'))
      .then('barrierFinished', { type: 'evicted', reason: 'resize' }, { type: 'resized', capacity: 1, frames: 1 });
  });

  it('takes writes to blocks that it still has, though they are more than the capacity', () => {
    given(open({ capacity: 4, ...LAZY }), grown, write(0), write(1), write(2), resize(1))
      .when(write(0))
      .then({ type: 'written', block: 0 })
      .and(settle)
      .when(flush(), settle);
  });

  it('takes writes to borrowed blocks, though they are more than the capacity', () => {
    const { core } = given(open({ capacity: 4 }), grown, borrow(0), settle, borrow(1), settle, resize(1))
      .when(write(0))
      .then('written', 'batchPlanned', 'writebackStarted')
      .and(settle)
      .when(markDirty(1))
      .then({ type: 'written', borrowed: true }, 'batchPlanned', 'writebackStarted');
    expect(core.state.slots.resident).to.equal(2);
  });

  it('gives back all that it can where what is borrowed is low enough', () => {
    given(open({ capacity: 4 }), grown, borrow(0), settle, cached(1, 3))
      .when(resize(2))
      .then(
        'resized',
        { type: 'evicted', block: 1 },
        { type: 'evicted', block: 2 },
        { type: 'resized', capacity: 2, frames: 2 },
      );
  });

  it('leaves borrowed blocks where they are, and gives back what is above them later', () => {
    const { core } = given(open({ capacity: 4 }), grown, cached(0, 3), borrow(3), settle)
      .when(resize(1))
      .then('resized', { type: 'evicted', block: 0 }, { type: 'evicted', block: 1 }, { type: 'evicted', block: 2 });
    expect(cachedBlocks(core)).to.deep.equal([[3, 'clean']]);
    given(...core.events)
      .when(release(3))
      .then('released', { type: 'resized', capacity: 1, frames: 1 });
  });

  it('moves blocks, with all that is known of them, into the frames that stay', () => {
    const { core } = given(
      open({ capacity: 8, ...LAZY }),
      grown,
      cached(0, 6),
      write(6),
      write(7),
      write(7),
      resize(3),
    );
    expect(cachedBlocks(core)).to.deep.equal([
      [5, 'clean'],
      [6, 'dirty'],
      [7, 'dirty'],
    ]);
    expect(blockOf(core, 7)).to.include({ generation: 3, dirtyBase: 2 });
    given(...core.events).and(flush(), settle);
  });

  it('leaves nothing behind in frames that it takes back into use', () => {
    const { core } = given(open({ capacity: 8, ...LAZY }), grown, cached(0, 7), write(7), resize(4), resize(8)).and(
      read(10, 4),
      settle,
    );
    for (const [block, state] of cachedBlocks(core))
      if (state === 'clean') expect(blockOf(core, block).dirtyBase).to.equal(0);
    given(...core.events)
      .when(flush())
      .then({ type: 'flushStarted', pending: 1 }, { type: 'batchPlanned', runs: [7, 1] }, 'writebackStarted')
      .when(done('writeback'), done('barrier'))
      .then('writebackFinished', 'barrierStarted', 'barrierFinished', 'flushFinished');
  });

  it('keeps a fill that is under way', () => {
    given(open({ capacity: 8 }), grown, cached(0, 7), read(9))
      .and(resize(1))
      .when(done('fill'))
      .then('fillFinished', 'readFinished')
      .when(read(9))
      .then('read');
  });

  it('to the same capacity does nothing else', () => {
    given(open(), grown).when(resize(8)).then({ type: 'resized', capacity: 8 });
  });

  it('is refused by a cache that is closing, or changes its block size', () => {
    given(open(), grown, write(0), close())
      .when(resize(4))
      .then({ type: 'requestRefused', request: 'resize', count: 4, code: 'CACHETRAIL_CLOSED' });
    given(open(), grown, write(0), setBlockSize(1024))
      .when(resize(4))
      .then({ type: 'requestRefused', code: 'CACHETRAIL_BUSY' });
  });
});

describe('an idle cache', () => {
  // Slabs of 4 blocks.
  const limits = { slabBytes: 2048, idleShrinkNs: 60e9, dirtyBackgroundShare: 1, dirtyHardShare: 1 };
  const used = () => given(open({ capacity: 16, limits }), cached(0, 16));

  it('grows by slabs, as far as it is used', () => {
    given(open({ capacity: 16, limits }))
      .when(read(0, 5))
      .then('readMissed', { type: 'resized', frames: 4 }, { type: 'resized', frames: 8 }, 'fillStarted');
  });

  it('gives back the frames that were not used for so long, coldest blocks first', () => {
    const { core } = used()
      .and(tick(60e9))
      .when(tick(60e9))
      .then(
        'ticked',
        { type: 'idleChecked', used: 0 },
        ...Array.from({ length: 12 }, (_, block) => ({ type: 'evicted', block, reason: 'idle' }) as const),
        { type: 'resized', op: 0, reason: 'idle', capacity: 16, frames: 4 },
      );
    expect(cachedBlocks(core).map(([block]) => block)).to.deep.equal([12, 13, 14, 15]);
    given(...core.events)
      .when(read(0))
      .then('readMissed', { type: 'resized', reason: 'growth', frames: 8 }, 'fillStarted');
  });

  it('keeps a quarter more than is used, in whole slabs', () => {
    const { core } = used()
      .and(tick(60e9), read(0, 5))
      .when(tick(60e9))
      .then(
        'ticked',
        { type: 'idleChecked', used: 5 },
        ...[5, 6, 7, 8, 9, 10, 11, 12].map((block) => ({ type: 'evicted', block, reason: 'idle' }) as const),
        { type: 'resized', reason: 'idle', frames: 8 },
      );
    expect(core.state.slots.free).to.equal(0);
  });

  it('keeps all where more than half is used', () => {
    used().and(tick(60e9), read(0, 9)).when(tick(60e9)).then('ticked', { type: 'idleChecked', used: 9 });
  });

  it('keeps dirty and borrowed blocks, and shrinks beside them', () => {
    const { core } = used().and(tick(60e9), write(0), write(8), borrow(9), tick(4e9), tick(56e9));
    const kept = cachedBlocks(core).filter(([block]) => [0, 8, 9].includes(block));
    expect(kept).to.deep.equal([
      [0, 'writing'],
      [8, 'writing'],
      [9, 'clean'],
    ]);
    // What is borrowed stays where it is, for its view is in use.
    expect(core.state.slots.frames).to.equal(core.state.slots.find(9) + 1);
    given(...core.events)
      .and(settle)
      .when(release(9))
      .then('released');
  });

  it('is looked at anew after it has grown', () => {
    const { core } = given(open({ capacity: 16, limits }), cached(0, 8), tick(50e9), cached(8, 8));
    expect(nextDeadline(core.state, core.at)).to.equal(eventsOf(core, 'resized')[2].at + limits.idleShrinkNs);
  });

  it('has no deadline for it while it has one slab at most', () => {
    given(open({ capacity: 16, limits }), cached(0, 4))
      .when(tick(1000e9))
      .then();
  });
});
