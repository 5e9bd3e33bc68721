import { expect } from 'chai';
import { blockOf, cachedBlocks } from '../support/blocks.js';
import { BLOCK, given, open } from '../support/core.js';
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
  release,
  setBlockSize,
  settle,
  timesOut,
  write,
} from '../support/steps.js';

const LAZY = { limits: { dirtyBackgroundShare: 1, dirtyHardShare: 1 } };

describe('a change of the block size', () => {
  it('flushes, drops everything, and goes on with as many bytes', () => {
    const { core } = given(open(LAZY), grown, cached(5), write(3))
      .when(setBlockSize(2048), settle)
      .then(
        { type: 'blockSizeRequested', to: 2048 },
        { type: 'batchPlanned', reason: 'flush', runs: [3, 1] },
        'writebackStarted',
        'writebackFinished',
        { type: 'barrierStarted', reason: 'flush' },
        'barrierFinished',
        { type: 'blockSizeChanged', from: 512, to: 2048, capacity: 2 },
      );
    expect(cachedBlocks(core)).to.deep.equal([]);
    expect(core.state).to.include({ blockSize: 2048, blockCount: 16, capacity: 2 });
    given(...core.events)
      .when(read(15))
      .then('readMissed', 'resized', { type: 'fillStarted', block: 15 });
  });

  it('keeps a capacity of one block at least', () => {
    given(open({ capacity: 2 }), setBlockSize(4096))
      .when(done('barrier'))
      .then('barrierFinished', { type: 'blockSizeChanged', capacity: 1 });
  });

  it('to smaller blocks has more of them', () => {
    const { core } = given(open({ blockSize: 4096, capacity: 2 }), setBlockSize(512), settle);
    expect(core.state).to.include({ blockSize: 512, blockCount: 64, capacity: 16 });
  });

  it('refuses other requests while it is under way, with a code of its own, and takes them after', () => {
    given(open(LAZY), grown, write(3), setBlockSize(1024))
      .when(read(3), setBlockSize(2048), close())
      .then(
        { type: 'requestRefused', request: 'read', code: 'CACHETRAIL_BUSY' },
        { type: 'requestRefused', request: 'setBlockSize', length: 2048, code: 'CACHETRAIL_BUSY' },
        { type: 'requestRefused', request: 'close', code: 'CACHETRAIL_BUSY' },
      )
      .and(settle)
      .when(read(3))
      .then('readMissed', 'resized', 'fillStarted');
  });

  it('waits for what came before it', () => {
    const { core } = given(open(LAZY), grown, write(3), read(9), clear('zero', 20), flush(), setBlockSize(1024)).and(
      settle,
    );
    expect(core.events.at(-1)?.type).to.equal('blockSizeChanged');
    expect(eventsOf(core, 'flushFinished')).to.have.length(1);
  });

  it('is refused while a block is borrowed, or a borrow waits', () => {
    given(open(), grown, borrow(3), settle)
      .when(setBlockSize(1024))
      .then({ type: 'requestRefused', request: 'setBlockSize', code: 'CACHETRAIL_PINNED' })
      .and(release(3))
      .when(setBlockSize(1024))
      .then('blockSizeRequested', 'barrierStarted');
    given(open(), grown, borrow(3))
      .when(setBlockSize(1024))
      .then({ type: 'requestRefused', code: 'CACHETRAIL_PINNED' });
  });
});

describe('a change of the block size that fails to flush', () => {
  const limits = { ...LAZY.limits, writeAttemptsMax: 1 };
  const failed = () =>
    given(open({ limits }), grown, cached(5), write(3), setBlockSize(1024), fails('writeback', 'ENOSPC'));

  it('names the blocks and changes nothing', () => {
    const { core } = failed()
      .when(done('barrier'))
      .then('barrierFinished', { type: 'blockSizeFailed', blocks: [3], codes: ['ENOSPC'], ios: [3] });
    expect(core.state).to.include({ blockSize: 512, blockCount: 64, capacity: 8, blockSizeOp: 0 });
    expect(cachedBlocks(core)).to.deep.equal([
      [5, 'clean'],
      [3, 'dirty'],
    ]);
    given(...core.events)
      .when(read(3))
      .then('read');
  });

  it('can be tried again', () => {
    failed()
      .and(done('barrier'))
      .when(setBlockSize(1024), settle)
      .then(
        'blockSizeRequested',
        'batchPlanned',
        'writebackStarted',
        'writebackFinished',
        'barrierStarted',
        'barrierFinished',
        'blockSizeChanged',
      );
  });

  it('because of the barrier gives up after as many as a flush would', () => {
    const { core } = given(open(LAZY), grown, write(3), setBlockSize(1024), done('writeback'))
      .and(fails('barrier'), done('writeback'), fails('barrier'), done('writeback'))
      .when(fails('barrier'))
      .then('barrierFailed', { type: 'blockSizeFailed', blocks: [3], codes: ['EIO'] });
    expect(blockOf(core, 3).state).to.equal('dirty');
  });
});

describe('a clear that the device has not answered for', () => {
  it('locks the same bytes when blocks have another size', () => {
    const { core } = given(open(), grown, clear('zero', 8, 2), timesOut('clear'), setBlockSize(1024), settle)
      .when(write(4))
      .then({ type: 'writeQueued', reason: 'locked' })
      .when(write(8))
      .then({ type: 'writeQueued', reason: 'order' });
    const [{ io }] = eventsOf(core, 'clearStarted');
    given(...core.events)
      .when(done(io))
      .then(
        'deviceAnsweredLate',
        'resized',
        { type: 'written', offset: 4 * 2 * BLOCK },
        { type: 'written', offset: 8 * 2 * BLOCK },
        'batchPlanned',
        'writebackStarted',
      );
  });

  it('locks the whole of a larger block that holds its bytes', () => {
    given(open(), grown, clear('zero', 9), timesOut('clear'), setBlockSize(2048), settle)
      .when(write(2))
      .then({ type: 'writeQueued', reason: 'locked' });
  });
});
