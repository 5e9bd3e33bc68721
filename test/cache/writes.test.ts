import { expect } from 'chai';
import { blockOf } from '../support/blocks.js';
import { BLOCK, given, open } from '../support/core.js';
import {
  borrow,
  cached,
  clear,
  done,
  fails,
  grown,
  read,
  SHORT_TAIL_BYTES,
  settle,
  write,
  writeBytes,
  writeThrough,
} from '../support/steps.js';

describe('a write', () => {
  const roomy = { limits: { dirtyBackgroundShare: 0.8, dirtyHardShare: 1 } };

  it('to a cached block is one event, and makes it dirty with a new generation', () => {
    const { core } = given(open(), grown, cached(3))
      .when(write(3))
      .then({ type: 'written', block: 3, count: 1, generation: 1, through: false, borrowed: false, cause: 0 });
    expect(blockOf(core, 3)).to.include({ state: 'dirty', generation: 1, dirtyBase: 1 });
  });

  it('to a dirty block raises its generation, and what is not with the device begins where it did', () => {
    const { core } = given(open(), grown, write(3)).when(write(3)).then({ type: 'written', generation: 2 });
    expect(blockOf(core, 3)).to.include({ state: 'dirty', generation: 2, dirtyBase: 1 });
  });

  it('to absent blocks is one event where frames are free', () => {
    given(open(roomy), grown).when(write(3, 2)).then({ type: 'written', block: 3, count: 2, generation: 1 });
  });

  it('waits for frames within its own decision where they have to be made', () => {
    given(open())
      .when(write(3))
      .then(
        { type: 'writeQueued', reason: 'frames', offset: 3 * BLOCK, length: BLOCK },
        { type: 'resized', reason: 'growth' },
        { type: 'written', block: 3 },
      );
  });

  it('evicts the coldest clean blocks where frames have to be freed', () => {
    given(open({ capacity: 4 }), grown, cached(0, 4), read(0))
      .when(write(10, 2))
      .then(
        { type: 'writeQueued', reason: 'frames' },
        { type: 'evicted', block: 1, reason: 'room' },
        { type: 'evicted', block: 2, reason: 'room' },
        { type: 'written', block: 10, count: 2 },
        'batchPlanned',
        'writebackStarted',
      );
  });

  it('evicts nothing of its own range', () => {
    given(open({ capacity: 4, ...roomy }), grown, cached(0, 4))
      .when(write(0, 3))
      .then({ type: 'written' }, 'batchPlanned', 'writebackStarted');
    given(open({ capacity: 4, ...roomy }), grown, cached(0, 4))
      .when(write(3, 3))
      .then(
        'writeQueued',
        { type: 'evicted', block: 0 },
        { type: 'evicted', block: 1 },
        'written',
        'batchPlanned',
        'writebackStarted',
      );
  });

  it('of more blocks than the capacity is refused', () => {
    given(open({ capacity: 4 }), grown)
      .when(write(0, 5))
      .then({
        type: 'requestRefused',
        request: 'write',
        code: 'CACHETRAIL_TOO_LARGE',
        offset: 0,
        length: 5 * BLOCK,
      });
  });

  it('of the whole capacity is taken by an empty cache, whatever the limit of dirty blocks', () => {
    given(open({ capacity: 4 }), grown)
      .when(write(0, 4))
      .then('written', { type: 'batchPlanned', reason: 'background', blocks: 3 }, 'writebackStarted');
  });
});

describe('a write that covers a block in part', () => {
  it('reads it first: the head', () => {
    given(open(), grown)
      .when(writeBytes(3 * BLOCK + 10, BLOCK - 10))
      .then(
        { type: 'writeQueued', reason: 'fill', offset: 3 * BLOCK + 10, length: BLOCK - 10 },
        { type: 'fillStarted', block: 3, count: 1, reason: 'write' },
      )
      .when(done('fill'))
      .then('fillFinished', { type: 'written', block: 3, count: 1, offset: 3 * BLOCK + 10, length: BLOCK - 10 });
  });

  it('reads it first: the tail', () => {
    given(open(), grown)
      .when(writeBytes(3 * BLOCK, BLOCK + 1))
      .then({ type: 'writeQueued', reason: 'fill' }, { type: 'fillStarted', block: 4, count: 1 })
      .when(done('fill'))
      .then('fillFinished', { type: 'written', block: 3, count: 2 });
  });

  it('reads it first: head and tail of a write, and nothing of its body', () => {
    given(open(), grown)
      .when(writeBytes(2 * BLOCK + 1, 3 * BLOCK))
      .then('writeQueued', { type: 'fillStarted', block: 2, count: 1 }, { type: 'fillStarted', block: 5, count: 1 })
      .when(done('fill'))
      .then('fillFinished')
      .when(done('fill'))
      .then('fillFinished', { type: 'written', block: 2, count: 4 }, 'batchPlanned', 'writebackStarted');
  });

  it('does not read it where it is cached, in whatever state', () => {
    given(open(), grown, cached(3))
      .when(writeBytes(3 * BLOCK + 1, 5))
      .then('written');
    given(open(), grown, write(3))
      .when(writeBytes(3 * BLOCK + 1, 5))
      .then('written');
  });

  it('joins the fill that another started', () => {
    given(open(), grown, read(3))
      .when(writeBytes(3 * BLOCK + 1, 5))
      .then('writeQueued', 'fillJoined')
      .when(done('fill'))
      .then('fillFinished', 'readFinished', 'written');
  });

  it('fails with the fill that it started, and is not accepted', () => {
    const { core } = given(open(), grown, writeBytes(3 * BLOCK + 1, 5))
      .when(fails('fill', 'EIO'))
      .then('fillFailed', { type: 'readFailed', code: 'EIO' });
    expect(blockOf(core, 3).state).to.equal('absent');
    expect(core.state.waitingRequests).to.equal(0);
  });

  it('asks again by itself when a fill fails that another started', () => {
    given(open(), grown, read(3), writeBytes(3 * BLOCK + 1, 5))
      .when(fails('fill'))
      .then('fillFailed', 'readFailed', { type: 'fillStarted', reason: 'write' })
      .when(done('fill'))
      .then('fillFinished', 'written');
  });

  it('has room for itself when its blocks have to come one after the other', () => {
    given(open({ capacity: 2 }), grown, cached(10), cached(11))
      .when(writeBytes(2 * BLOCK + 1, BLOCK))
      .then(
        'writeQueued',
        { type: 'evicted', block: 10 },
        { type: 'fillStarted', block: 2 },
        { type: 'evicted', block: 11 },
        { type: 'fillStarted', block: 3 },
      )
      .and(settle)
      .when(read(2, 2))
      .then('read');
  });
});

describe('a write to the short tail of a device', () => {
  const opened = () => given(open({ deviceBytes: SHORT_TAIL_BYTES }), grown);

  it('that covers it to its end is whole, and reads nothing', () => {
    opened()
      .when(writeBytes(64 * BLOCK, 100))
      .then({ type: 'written', block: 64, count: 1, length: 100 });
    opened()
      .when(writeBytes(63 * BLOCK, BLOCK + 100))
      .then({ type: 'written', block: 63, count: 2 });
  });

  it('that covers it in part reads it first', () => {
    opened()
      .when(writeBytes(64 * BLOCK, 99))
      .then({ type: 'writeQueued', reason: 'fill' }, { type: 'fillStarted', block: 64 });
    opened()
      .when(writeBytes(64 * BLOCK + 1, 99))
      .then({ type: 'writeQueued', reason: 'fill' }, 'fillStarted');
  });
});

describe('a write of which the caller waits for the device', () => {
  it('is written at once, for that reason, and needs no barrier', () => {
    given(open(), grown)
      .when(writeThrough(3))
      .then(
        { type: 'written', through: true },
        { type: 'batchPlanned', reason: 'through', blocks: 1, runs: [3, 1] },
        { type: 'writebackStarted', reason: 'through', attempt: 1 },
      )
      .when(done('writeback'))
      .then('writebackFinished', 'writeFinished');
  });

  it('ends when the device has its bytes, even if they are written again meanwhile', () => {
    given(open(), grown, writeThrough(3), write(3)).when(done('writeback')).then('writebackFinished', 'writeFinished');
  });

  it('waits for the next device write where one is already under way without its bytes', () => {
    given(open({ capacity: 2 }), grown, write(3))
      .when(writeThrough(3))
      .then('written')
      .when(done('writeback'))
      .then('writebackFinished', { type: 'batchPlanned', reason: 'through' }, 'writebackStarted')
      .when(done('writeback'))
      .then('writebackFinished', { type: 'barrierStarted', reason: 'batch' }, 'writeFinished');
  });

  it('is told which blocks the device would not take, and why; they stay dirty', () => {
    const { core } = given(open({ limits: { writeAttemptsMax: 1 } }), grown, writeThrough(3))
      .when(fails('writeback', 'ENOSPC'))
      .then('writebackFailed', 'blockParked', {
        type: 'writeFailed',
        blocks: [3],
        codes: ['ENOSPC'],
        ios: [2],
        barrierIo: 0,
      });
    expect(blockOf(core, 3)).to.include({ state: 'dirty', parked: true });
  });

  it('is every write in mode writethrough', () => {
    given(open({ mode: 'writethrough' }), grown)
      .when(write(3))
      .then({ type: 'written', through: true }, 'batchPlanned', 'writebackStarted')
      .when(done('writeback'))
      .then('writebackFinished', 'writeFinished');
  });
});

describe('a write while blocks are borrowed or cleared', () => {
  it('goes to a borrowed block like to any other', () => {
    given(open(), grown, borrow(3), settle).when(write(3)).then({ type: 'written', borrowed: false });
  });

  it('waits until the range is clear, and comes after', () => {
    given(open(), grown, clear('discard', 3, 2))
      .when(write(4))
      .then({ type: 'writeQueued', reason: 'locked' })
      .when(done('clear'))
      .then('clearAnswered', 'clearFinished', 'written');
  });

  it('in part, of a range that is being cleared, reads it only when it is clear', () => {
    given(open(), grown, clear('discard', 3))
      .when(writeBytes(3 * BLOCK + 1, 5))
      .then({ type: 'writeQueued', reason: 'locked' })
      .when(done('clear'))
      .then('clearAnswered', 'clearFinished', 'fillStarted')
      .when(done('fill'))
      .then('fillFinished', 'written');
  });
});
