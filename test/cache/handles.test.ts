import { expect } from 'chai';
import { HANDLES_MAX, RESOLVED_FAILURES_MAX } from '../../src/cache/limits.js';
import { type Core, given, open, type Step } from '../support/core.js';
import {
  clear,
  close,
  closeHandle,
  done,
  eventsOf,
  fails,
  flush,
  grown,
  openHandle,
  setBlockSize,
  settle,
  timesOut,
  write,
  writeThrough,
} from '../support/steps.js';

const LAZY = { limits: { dirtyBackgroundShare: 1, dirtyHardShare: 1, writeAttemptsMax: 1 } };

/** A handle A, of number 3; block 3 has failed by the flush of nobody who is told, and is parked. */
const failed: readonly Step[] = [
  open(LAZY),
  grown,
  openHandle,
  write(3),
  flush(3, 1, -1),
  fails('writeback', 'EIO'),
  settle,
];
const A = 3;
/** A handle, of number 1, is owed resolved failures of blocks from 0 on: so many more than are remembered. */
function tooMany(more: number): Core {
  const capacity = RESOLVED_FAILURES_MAX + 8;
  const core = given(open({ ...LAZY, capacity, blocks: 2048 }), openHandle).core;
  const each = (block: number): readonly Step[] => [write(block), flush(block, 1, -1), fails('writeback'), settle];
  for (let block = 0; block < RESOLVED_FAILURES_MAX + more; block++) for (const step of each(block)) core.take(step);
  for (const step of [flush(0, 2048, -1), settle]) core.take(step);
  return core;
}

/** Somebody else has it written again, and made durable. */
const cured: readonly Step[] = [flush(3, 1, -1), settle];

describe('a failure that is not resolved', () => {
  it('is told to every handle, also those opened later, every time', () => {
    const all = given(...failed, openHandle);
    const later = all.core.op;
    const again = (handle: number): readonly Step[] => [flush(0, 64, handle), fails('writeback', 'ENOSPC'), settle];
    for (const handle of [0, A, later, later]) {
      all
        .when(...again(handle))
        .then(
          'flushStarted',
          'batchPlanned',
          'writebackStarted',
          'writebackFailed',
          'blockParked',
          'barrierStarted',
          'barrierFinished',
          { type: 'flushFailed', blocks: [3], codes: ['ENOSPC'] },
        );
    }
  });

  it('is not told again when it is resolved, to a handle that knows of it', () => {
    given(...failed, flush(0, 64, A), fails('writeback'), settle)
      .and(...cured)
      .when(flush(0, 64, A), settle)
      .then({ type: 'flushStarted', handle: A }, 'barrierStarted', 'barrierFinished', 'flushFinished');
  });

  it('outside its range does not fail a flush', () => {
    given(...failed)
      .when(flush(4, 60, A), settle)
      .then('flushStarted', 'barrierStarted', 'barrierFinished', 'flushFinished');
  });
});

describe('a failure that has been resolved', () => {
  it('is told once to each handle that was open when it happened, with how it ended, and to none opened later', () => {
    const { core } = given(...failed, ...cured);
    const [{ io, at }] = eventsOf(core, 'barrierFinished').slice(-1);
    const [{ io: failedIo }] = eventsOf(core, 'writebackFailed');
    const resolvedTold = {
      blocks: [3],
      codes: ['EIO'],
      ios: [failedIo],
      ends: ['durable'] as const,
      resolvedAt: [at],
      resolvedIos: [io],
      forgotten: 0,
    };
    const all = given(...core.events, openHandle);
    const later = all.core.op;
    for (const handle of [0, A]) {
      all
        .when(flush(0, 64, handle), settle)
        .then(
          'flushStarted',
          'barrierStarted',
          'barrierFinished',
          { type: 'resolvedTold', handle, ...resolvedTold },
          { type: 'flushFailed', blocks: [], codes: [], ios: [], barrierIo: 0 },
        );
    }
    for (const handle of [0, A, later, -1]) {
      all.when(flush(0, 64, handle), settle).then('flushStarted', 'barrierStarted', 'barrierFinished', 'flushFinished');
    }
    expect(all.core.state.resolved).to.deep.equal([]);
  });

  it('by the very flush that asks is told by it: its data is safe, and it learns of the failure', () => {
    given(...failed)
      .when(flush(0, 64, A), settle)
      .then(
        'flushStarted',
        'batchPlanned',
        'writebackStarted',
        'writebackFinished',
        'barrierStarted',
        'barrierFinished',
        { type: 'resolvedTold', blocks: [3] },
        { type: 'flushFailed', blocks: [] },
      );
  });

  it('outside the range of a flush is kept for another', () => {
    given(...failed, ...cured)
      .when(flush(4, 60, A), settle)
      .then('flushStarted', 'barrierStarted', 'barrierFinished', 'flushFinished')
      .when(flush(3, 1, A), settle)
      .then('flushStarted', 'barrierStarted', 'barrierFinished', { type: 'resolvedTold', blocks: [3] }, 'flushFailed');
  });

  it('is told by one of several flushes of a handle at once, and by those of the others', () => {
    const { core } = given(...failed, ...cured, flush(0, 64, A), flush(0, 64, A), flush(0, 64, 0), settle);
    expect(eventsOf(core, 'resolvedTold').map(({ handle }) => handle)).to.deep.equal([A, 0]);
    // That of whoever cured it, and the second of A.
    expect(eventsOf(core, 'flushFinished')).to.have.length(2);
  });

  it('is told together with what is not', () => {
    const { core } = given(...failed, ...cured, write(5), flush(0, 64, A), fails('writeback', 'EROFS'), settle);
    expect(eventsOf(core, 'resolvedTold').map(({ blocks }) => blocks)).to.deep.equal([[3]]);
    expect(eventsOf(core, 'flushFailed').at(-1)).to.deep.include({ blocks: [5], codes: ['EROFS'] });
  });

  it('by being given up, or replaced by a clear, says so', () => {
    for (const kind of ['drop', 'discard'] as const) {
      const { core } = given(...failed, clear(kind, 3), settle, flush(0, 64, A), settle);
      const io = eventsOf(core, 'clearStarted')[0]?.io ?? 0;
      expect(eventsOf(core, 'resolvedTold')[0]).to.deep.include({ ends: ['discarded'], resolvedIos: [io] });
    }
  });

  it('was a barrier’s: those who did not ask for it learn which blocks were in doubt', () => {
    const { core } = given(open(LAZY), grown, openHandle, write(3), flush(0, 64, 0));
    for (let tries = 0; tries < 3; tries++) for (const step of [done('writeback'), fails('barrier')]) core.take(step);
    expect(eventsOf(core, 'flushFailed')[0]).to.deep.include({ blocks: [3], codes: ['EIO'] });
    core.take(settle);
    for (const step of [flush(0, 64, 0), settle, flush(0, 64, A), settle]) core.take(step);
    core.verify();
    expect(eventsOf(core, 'flushFinished')).to.have.length(1);
    expect(eventsOf(core, 'resolvedTold')).to.have.length(1);
    expect(eventsOf(core, 'resolvedTold')[0]).to.deep.include({ handle: A, blocks: [3], codes: ['EIO'] });
  });

  it('was a barrier’s, and the block still with the device: it is owed though nothing failed for it', () => {
    const written = (core: Core) => {
      const io = core.state.ios.values().find((one) => one.kind === 'writeback' && one.block === 3);
      return [done(io?.io ?? 0)];
    };
    const failing: readonly Step[] = [written, fails('barrier')];
    const { core } = given(open(LAZY), grown, openHandle, write(3), flush(3, 1), written, write(7), flush(7, 1));
    for (const step of [fails('barrier'), ...failing, ...failing]) core.take(step);
    const seven = eventsOf(core, 'flushFailed').find(({ blocks }) => blocks.includes(7));
    expect(seven).to.deep.include({ blocks: [7], codes: [''] });
    for (const step of [settle, flush(0, 64, 0), settle, flush(7, 1, A), settle]) core.take(step);
    core.verify();
    expect(eventsOf(core, 'resolvedTold').at(-1)).to.deep.include({
      handle: A,
      blocks: [7],
      codes: ['CACHETRAIL_BARRIER_FAILED'],
      ios: [seven?.barrierIo],
    });
  });

  it('was of a write that timed out, and of one whose caller waited for the device', () => {
    const slow = given(open(LAZY), grown, openHandle, write(3), flush(0, 64, 0), timesOut('writeback'), settle);
    slow.and(done(2)).and(flush(0, 64, 0), settle, flush(0, 64, A), settle);
    expect(eventsOf(slow.core, 'resolvedTold')[0]).to.deep.include({ handle: A, codes: ['CACHETRAIL_DEVICE_TIMEOUT'] });
    const through = given(open(LAZY), grown, openHandle, writeThrough(3), fails('writeback'), ...cured);
    through.and(flush(0, 64, A), settle);
    expect(eventsOf(through.core, 'resolvedTold')[0]).to.deep.include({ handle: A, codes: ['EIO'] });
  });

  it('and happens again is told to those who came in between as well', () => {
    const all = given(...failed, openHandle);
    const between = all.core.op;
    all.and(flush(3, 1, -1), fails('writeback', 'ENOSPC'), settle, ...cured);
    all.and(flush(0, 64, between), settle, flush(0, 64, A), settle);
    expect(eventsOf(all.core, 'resolvedTold').map(({ handle, codes }) => [handle, ...codes])).to.deep.equal([
      [between, 'ENOSPC'],
      [A, 'ENOSPC'],
    ]);
  });

  it('is told by a close, which closes all the same, and not by one that gives up what is left', () => {
    given(...failed, ...cured)
      .when(close(), settle)
      .then('closeStarted', 'barrierStarted', 'barrierFinished', { type: 'resolvedTold', handle: 0 }, 'closed');
    given(...failed, ...cured)
      .when(close('lost'), settle)
      .then('closeStarted', 'barrierStarted', 'barrierFinished', 'closed');
  });

  it('is told by the numbers that its bytes have when the block size has changed', () => {
    const told = (size: number, range: readonly [number, number]) => {
      const { core } = given(...failed, ...cured, setBlockSize(size), settle, flush(...range, A), settle);
      return eventsOf(core, 'resolvedTold').map(({ blocks, ends, forgotten }) => [blocks, ends, forgotten]);
    };
    expect(told(1024, [1, 1]), 'block 3 of 512 bytes is in block 1 of 1024').to.deep.equal([[[1], ['durable'], 0]]);
    expect(told(1024, [2, 30])).to.deep.equal([]);
    expect(told(1024, [0, 1])).to.deep.equal([]);
    const back = given(...failed, ...cured, setBlockSize(2048), settle, setBlockSize(512), settle);
    back
      .when(flush(0, 64, A), settle)
      .then(
        'flushStarted',
        'barrierStarted',
        'barrierFinished',
        { type: 'resolvedTold', blocks: [0, 1, 2, 3], ios: [2, 2, 2, 2], forgotten: 0 },
        'flushFailed',
      );
  });

  it('is one, where blocks that failed together are one block now', () => {
    const both: readonly Step[] = [write(4, 3), flush(4, 3, -1), done('writeback'), fails('barrier'), settle];
    const until = given(open({ limits: { ...LAZY.limits, barrierAttemptsMax: 1 } }), grown, openHandle, ...both);
    const [{ barrierIo }] = eventsOf(until.core, 'flushFailed');
    until
      .and(flush(4, 3, -1), settle, setBlockSize(1024), settle)
      .when(flush(0, 32, A), settle)
      .then(
        'flushStarted',
        'barrierStarted',
        'barrierFinished',
        { type: 'resolvedTold', blocks: [2, 3], ios: [barrierIo, barrierIo] },
        'flushFailed',
      );
  });

  it('stays bounded when a few blocks become many', () => {
    const big = given(
      open({ ...LAZY, blockSize: 1 << 20, deviceBytes: (4 << 20) - 512, capacity: 4 }),
      grown,
      openHandle,
    );
    for (const block of [1, 3]) big.and(write(block), flush(block, 1, -1), fails('writeback'), settle);
    big.and(flush(0, 4, -1), settle, setBlockSize(512), settle);
    const last = (4 << 20) / 512 - 2;
    for (const step of [flush(0, 2048, A), settle, flush(0, last + 1, A), settle]) big.core.take(step);
    const [told, ...rest] = eventsOf(big.core, 'resolvedTold');
    expect(rest).to.deep.equal([]);
    expect(told.forgotten).to.equal(2048 + 2047 - RESOLVED_FAILURES_MAX);
    expect([told.blocks.length, told.blocks.at(-1)]).to.deep.equal([RESOLVED_FAILURES_MAX, last]);
    big.core.verify();
  });
});

describe('handles', () => {
  it('are numbered by the request that opened them, and owed nothing once closed', () => {
    const { core } = given(...failed, ...cured)
      .when(closeHandle(A))
      .then({ type: 'handleClosed', handle: A });
    expect(core.state.resolved.flatMap(({ owed }) => owed)).to.deep.equal([0]);
    expect(() => core.take(flush(0, 64, A))).to.throw('open handle');
  });

  it('are bounded', () => {
    const all = given(open(LAZY), ...Array.from({ length: HANDLES_MAX - 1 }, () => openHandle));
    all.when(openHandle).then({ type: 'requestRefused', request: 'openHandle', code: 'CACHETRAIL_OVERLOADED' });
    all.when(closeHandle(1), openHandle).then('handleClosed', 'handleOpened');
  });

  it('are owed a bounded number of failures; of more than that they are told how many, and by no flush elsewhere', () => {
    const core = tooMany(5);
    for (const step of [flush(2000, 40, 1), settle]) core.take(step);
    expect(eventsOf(core, 'resolvedTold')).to.have.length(0);
    for (const step of [flush(0, 2048, 1), settle]) core.take(step);
    const [told] = eventsOf(core, 'resolvedTold');
    expect(told.blocks).to.have.length(RESOLVED_FAILURES_MAX);
    expect(told.forgotten).to.equal(5);
  });

  it('still learn of those that were too many, when they are told of others elsewhere first', () => {
    const core = tooMany(5);
    for (const step of [flush(1000, 8, 1), settle, flush(0, 8, 1), settle, flush(0, 2048, 1), settle]) core.take(step);
    const [elsewhere, there, rest] = eventsOf(core, 'resolvedTold');
    expect([elsewhere.blocks.length, elsewhere.forgotten]).to.deep.equal([8, 0]);
    expect([there.blocks.length, there.forgotten]).to.deep.equal([3, 5]);
    expect([rest.blocks.length, rest.forgotten]).to.deep.equal([RESOLVED_FAILURES_MAX - 11, 0]);
    core.verify();
  });
});
