import { expect } from 'chai';
import { given, open } from '../support/core.js';
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
  readahead,
  setBlockSize,
  settle,
  write,
} from '../support/steps.js';

describe('readahead', () => {
  it('fills what is missing, and nobody waits for it', () => {
    given(open(), grown, cached(4))
      .when(readahead(3, 3))
      .then(
        { type: 'readaheadRequested', block: 3, count: 3 },
        { type: 'fillStarted', block: 3, count: 1, cached: true, reason: 'readahead' },
        { type: 'fillStarted', block: 5, count: 1, cached: true, reason: 'readahead' },
      )
      .when(done('fill'), done('fill'))
      .then('fillFinished', 'fillFinished')
      .when(read(3, 3))
      .then('read');
  });

  it('is joined by a read, which ends with it', () => {
    given(open(), grown, readahead(3))
      .when(read(3))
      .then('readMissed', 'fillJoined')
      .when(done('fill'))
      .then('fillFinished', 'readFinished');
  });

  it('that fails is told to nobody; a read that joined it asks again', () => {
    given(open(), grown, readahead(3))
      .when(fails('fill'))
      .then('fillFailed')
      .and(readahead(5), read(5))
      .when(fails('fill'))
      .then('fillFailed', 'readResumed', { type: 'fillStarted', reason: 'read' });
  });

  it('takes half of the capacity at most', () => {
    given(open({ capacity: 8 }), grown)
      .when(readahead(0, 20))
      .then({ type: 'readaheadRequested', count: 20 }, { type: 'fillStarted', block: 0, count: 4 });
    given(open({ capacity: 1 }), grown)
      .when(readahead(0, 20))
      .then('readaheadRequested');
  });

  it('has at most so many blocks in flight as the limit says, and again when they have come', () => {
    const { core } = given(open({ limits: { readaheadBlocksMax: 3 } }), grown)
      .when(readahead(0, 2))
      .then('readaheadRequested', { type: 'fillStarted', count: 2 })
      .when(readahead(10, 2))
      .then('readaheadRequested', { type: 'fillStarted', block: 10, count: 1 })
      .when(readahead(20, 2))
      .then('readaheadRequested');
    expect(core.state.readaheadBlocks).to.equal(3);
    given(...core.events)
      .and(done('fill'), fails('fill'))
      .when(readahead(20, 8))
      .then('readaheadRequested', { type: 'fillStarted', block: 20, count: 3 });
  });

  it('evicts clean blocks, coldest first, and never a dirty one', () => {
    given(open({ capacity: 4, limits: { dirtyBackgroundShare: 0.8 } }), grown, write(0), cached(1, 3), write(2))
      .when(readahead(10, 2))
      .then(
        'readaheadRequested',
        { type: 'evicted', block: 1 },
        { type: 'evicted', block: 3 },
        { type: 'fillStarted', block: 10, count: 2 },
      )
      .when(readahead(20, 2))
      .then('readaheadRequested');
  });

  it('evicts nothing of its own range', () => {
    given(open({ capacity: 2, limits: { pinnedShare: 1 } }), grown, borrow(0), settle, cached(3))
      .when(readahead(3, 2))
      .then('readaheadRequested');
  });

  it('leaves out what is being cleared', () => {
    given(open(), grown, clear('zero', 3)).when(readahead(3)).then('readaheadRequested');
  });

  it('is refused by a cache that is closing, or changes its block size', () => {
    given(open(), grown, write(0), close())
      .when(readahead(3))
      .then({ type: 'requestRefused', request: 'readahead', code: 'CACHETRAIL_CLOSED' });
    given(open(), grown, write(0), setBlockSize(1024))
      .when(readahead(3))
      .then({ type: 'requestRefused', request: 'readahead', code: 'CACHETRAIL_BUSY' });
  });

  it('does not keep a flush waiting', () => {
    const { core } = given(open(), grown, readahead(3), flush(), done('barrier'));
    expect(eventsOf(core, 'flushFinished')).to.have.length(1);
  });
});
