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
  flush,
  grown,
  markDirty,
  settle,
  timesOut,
  write,
} from '../support/steps.js';

describe('A zero that fails over a block that the device had taken, and no barrier had covered', () => {
  const unsynced = () => given(open(), grown, write(0), flush(), done('writeback'), clear('zero', 0));

  it('has the block written again, though the barrier succeeds', () => {
    const { core } = unsynced().when(fails('clear')).and(done('barrier'));
    expect(blockOf(core, 0).writtenBase).to.equal(0);
    expect(blockOf(core, 0).state).to.equal('writing');
  });

  it('does not let the flush end before the block is durable anew', () => {
    const { core } = unsynced().when(fails('clear')).and(done('barrier'));
    expect(eventsOf(core, 'flushFinished')).to.have.length(0);
    for (const step of [done('writeback'), done('barrier')]) core.take(step);
    expect(eventsOf(core, 'flushFinished')).to.have.length(1);
    expect(blockOf(core, 0).state).to.equal('clean');
  });

  it('holds the block back while a zero that timed out could still happen', () => {
    const { core } = unsynced().when(timesOut('clear')).and(done('barrier'));
    const { state, stuck } = blockOf(core, 0);
    expect({ state, stuck }).to.deep.equal({ state: 'dirty', stuck: true });
  });
});

describe('A borrowed block that is changed where a zero has timed out', () => {
  const changed = () =>
    given(open(), grown, cached(0), clear('zero', 0), timesOut('clear'), borrow(0), settle, markDirty(0));

  it('is held back as the others are, so that a flush is told and does not wait for ever', () => {
    const { core } = changed().when(flush(), done('barrier'));
    const [failed] = eventsOf(core, 'flushFailed');
    expect(failed).to.include({ type: 'flushFailed' });
    expect([failed.blocks, failed.codes]).to.deep.equal([[0], ['CACHETRAIL_DEVICE_TIMEOUT']]);
  });
});

describe('A zero that the device was at when a barrier failed', () => {
  it('has failed, since nobody knows what the barrier took with it', () => {
    const { core } = given(open(), grown, write(1), flush(1, 1), done('writeback'), clear('zero', 0))
      .when(fails('barrier'))
      .and(done('clear'));
    const [failed] = eventsOf(core, 'clearFailed');
    expect(failed).to.include({ type: 'clearFailed', kind: 'zero', code: 'EIO' });
    expect(eventsOf(core, 'barrierFailed').map(({ io }) => io)).to.deep.equal([failed.io]);
  });

  it('does not fail if it is a discard, which promises nothing about its bytes', () => {
    const { core } = given(open(), grown, write(1), flush(1, 1), done('writeback'), clear('discard', 0))
      .when(fails('barrier'))
      .and(done('clear'));
    expect(eventsOf(core, 'clearFinished')).to.have.length(1);
  });
});
