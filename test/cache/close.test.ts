import { expect } from 'chai';
import { blockOf, cachedBlocks } from '../support/blocks.js';
import { BLOCK, type Core, given, open } from '../support/core.js';
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
  invalidate,
  markDirty,
  read,
  readahead,
  release,
  setBlockSize,
  settle,
  timesOut,
  write,
  writeBytes,
} from '../support/steps.js';

const LAZY = { limits: { dirtyBackgroundShare: 1, dirtyHardShare: 1 } };
const PARKING = { limits: { ...LAZY.limits, writeAttemptsMax: 1 } };

describe('a close', () => {
  it('of a cache with nothing dirty ends in a barrier, then in the last event', () => {
    const { core } = given(open(), grown, cached(3))
      .when(close())
      .then(
        { type: 'closeStarted', abandon: '', generation: Number.MAX_SAFE_INTEGER },
        { type: 'barrierStarted', reason: 'flush' },
      )
      .when(done('barrier'))
      .then('barrierFinished', 'closed');
    expect(core.state.phase).to.equal('closed');
  });

  it('writes and syncs what is dirty first', () => {
    given(open(LAZY), grown, write(3))
      .when(close(), settle)
      .then(
        'closeStarted',
        'batchPlanned',
        'writebackStarted',
        'writebackFinished',
        'barrierStarted',
        'barrierFinished',
        'closed',
      );
  });

  it('of a read-only cache is done at once', () => {
    given(open({ mode: 'readonly' }), grown)
      .when(close())
      .then('closeStarted', 'closed');
  });

  it('waits for what came before it: reads, writes that wait, clears, flushes, readahead', () => {
    const { core } = given(
      open({ ...LAZY, capacity: 4 }),
      grown,
      write(0, 4),
      writeBytes(5 * BLOCK + 1, 3),
      read(9),
      flush(),
      clear('zero', 20),
      readahead(30),
    )
      .and(close())
      .and(settle);
    const ended = core.events.filter(({ cause }) => cause !== 0).map(({ type }) => type);
    expect(ended).to.include.members(['written', 'readFinished', 'flushFinished', 'clearFinished']);
    expect(core.events.at(-1)?.type).to.equal('closed');
    expect(core.state.waitingRequests).to.equal(0);
  });

  it('is refused while a block is borrowed', () => {
    given(open(), grown, borrow(3), settle)
      .when(close())
      .then({ type: 'requestRefused', request: 'close', code: 'CACHETRAIL_PINNED' })
      .and(release(3))
      .when(close(), settle)
      .then('closeStarted', 'barrierStarted', 'barrierFinished', 'closed');
  });

  it('is refused while a borrow waits, which would be granted in the middle of it', () => {
    given(open(), grown, borrow(3))
      .when(close())
      .then({ type: 'requestRefused', request: 'close', code: 'CACHETRAIL_PINNED' })
      .and(settle)
      .when(markDirty(3))
      .then('written');
  });

  it('is refused while another close is under way, and after it', () => {
    given(open(LAZY), grown, write(3), close())
      .when(close())
      .then({ type: 'requestRefused', request: 'close', code: 'CACHETRAIL_CLOSED' })
      .and(settle)
      .when(close())
      .then({ type: 'requestRefused', request: 'close', code: 'CACHETRAIL_CLOSED' });
  });

  it('cannot be aborted', () => {
    given(open(LAZY), grown, write(3), close()).when(abort(4)).then();
  });

  it('takes no request any more', () => {
    const { core } = given(open(), grown, cached(3), close(), settle);
    const asked = [
      read(3),
      write(3),
      flush(),
      invalidate(),
      clear('zero', 3),
      borrow(3),
      readahead(9),
      setBlockSize(1024),
      markDirty(3),
    ];
    given(...core.events)
      .when(...asked)
      .then(...asked.map(() => ({ type: 'requestRefused', code: 'CACHETRAIL_CLOSED' }) as const));
  });
});

describe('a close that would lose data', () => {
  const failed = () => given(open(PARKING), grown, write(3), close(), fails('writeback', 'ENOSPC'));

  it('fails, naming it, and leaves the cache open with all that it had', () => {
    const { core } = failed()
      .when(done('barrier'))
      .then('barrierFinished', { type: 'closeFailed', blocks: [3], codes: ['ENOSPC'], ios: [2], barrierIo: 0 });
    expect(core.state.phase).to.equal('open');
    expect(blockOf(core, 3)).to.include({ state: 'dirty', generation: 1 });
    given(...core.events)
      .when(read(3))
      .then('read');
  });

  it('can be tried again when the device is cured', () => {
    failed()
      .and(done('barrier'))
      .when(close(), settle)
      .then(
        'closeStarted',
        'batchPlanned',
        'writebackStarted',
        'writebackFinished',
        'barrierStarted',
        'barrierFinished',
        'closed',
      );
  });

  it('closes all the same if told why it may be lost, having tried', () => {
    const { core } = given(open(PARKING), grown, write(3), write(5))
      .and(close('the disk is gone'), fails('writeback'), done('writeback'))
      .when(done('barrier'))
      .then('barrierFinished', { type: 'dirtyDiscarded', blocks: [3], reason: 'the disk is gone' }, 'closed');
    expect(cachedBlocks(core).map(([block]) => block)).to.deep.equal([5]);
  });

  it('names nothing as lost if nothing was', () => {
    given(open(LAZY), grown, write(3))
      .and(close('to be quick'), done('writeback'))
      .when(done('barrier'))
      .then('barrierFinished', 'closed');
  });

  it('because the device does not answer ends as well, and can be told that it may be lost', () => {
    const { core } = given(open(LAZY), grown, write(3), close(), timesOut('writeback'))
      .when(done('barrier'))
      .then('barrierFinished', { type: 'closeFailed', blocks: [3], codes: ['CACHETRAIL_DEVICE_TIMEOUT'] });
    given(...core.events)
      .and(close('the disk is gone'))
      .when(done('barrier'))
      .then('barrierFinished', { type: 'dirtyDiscarded', blocks: [3] }, 'closed');
  });
});

/** Barriers fail for as long as the core asks for them; everything else is done. */
function withoutBarriers(core: Core) {
  for (let answers = 0; core.state.ios.size > 0; answers++) {
    if (answers > 100) throw new Error('the core never comes to rest');
    const [io] = core.state.ios.values();
    core.take(io.kind === 'barrier' ? fails(io.io) : done(io.io));
  }
  return [];
}

describe('a close over a device that cannot sync', () => {
  it('fails after as many barriers as a flush would', () => {
    const { core } = given(open(LAZY), grown, write(3), close(), withoutBarriers);
    expect(core.events.filter(({ type }) => type === 'barrierFailed')).to.have.length(3);
    expect(core.events.at(-1)).to.deep.include({ type: 'closeFailed', blocks: [3], codes: ['EIO'] });
    expect(blockOf(core, 3).state).to.equal('dirty');
  });

  it('fails even if nothing was dirty, and closes if told that it may', () => {
    const { core } = given(open(LAZY), grown, close(), withoutBarriers);
    expect(core.events.at(-1)).to.deep.include({ type: 'closeFailed', blocks: [] });
    given(...core.events)
      .and(close('the disk is gone'), withoutBarriers)
      .when(read(3))
      .then({ type: 'requestRefused', code: 'CACHETRAIL_CLOSED' });
  });

  it('fails though much is dirty', () => {
    const { core } = given(open({ capacity: 4 }), grown, write(0, 4), close(), withoutBarriers);
    expect(core.events.at(-1)?.type).to.equal('closeFailed');
  });
});
