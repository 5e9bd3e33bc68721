import { expect } from 'chai';
import { nextDeadline } from '../../src/cache/deadline.js';
import type { Input } from '../../src/cache/inputs.js';
import { blockOf } from '../support/blocks.js';
import { BLOCK, type Core, given, open } from '../support/core.js';
import {
  cached,
  clear,
  close,
  done,
  eventsOf,
  fails,
  flush,
  grown,
  read,
  setBlockSize,
  settle,
  shortWrite,
  tick,
  timesOut,
  write,
  writeThrough,
} from '../support/steps.js';

const LAZY = { limits: { dirtyBackgroundShare: 1, dirtyHardShare: 1 } };

/** Whatever waits for a time has had enough of it. */
const timePasses = () => [tick(3600e9), tick(3600e9), tick(3600e9)];

function replaceDevice(core: Core): Input {
  return { type: 'replaceDevice', ...core.request(), identity: 'test', deviceBytes: 64 * BLOCK, writable: true };
}

describe('a device write that times out', () => {
  const stuck = () => given(open(LAZY), grown, write(3), flush(), timesOut('writeback'), done('barrier'));

  it('is neither tried again nor split nor parked: it could still land', () => {
    given(open(LAZY), grown, write(3, 4), flush())
      .when(timesOut('writeback'))
      .then(
        { type: 'writebackFailed', code: 'CACHETRAIL_DEVICE_TIMEOUT', outcome: 'unknown' },
        { type: 'barrierStarted' },
      );
    expect(blockOf(stuck().core, 3)).to.include({ state: 'dirty', stuck: true, dirtyBase: 1 });
  });

  it('keeps its blocks from being written, whoever asks', () => {
    const { core } = stuck()
      .when(flush(), settle)
      .then('flushStarted', 'barrierStarted', 'barrierFinished', {
        type: 'flushFailed',
        codes: ['CACHETRAIL_DEVICE_TIMEOUT'],
      })
      .when(tick(3600e9))
      .then()
      .when(writeThrough(3))
      .then('written', { type: 'writeFailed', blocks: [3], codes: ['CACHETRAIL_DEVICE_TIMEOUT'] });
    expect(eventsOf(core, 'writebackStarted')).to.have.length(1);
  });

  it('lets its blocks be read and written meanwhile', () => {
    stuck().when(read(3)).then('read').when(write(3)).then('written');
  });

  it('and is answered late, well or not, is written again: which bytes are there is not known', () => {
    for (const answer of [done(2), fails(2, 'EIO')]) {
      const late = stuck().when(answer).then({ type: 'deviceAnsweredLate', io: 2 });
      expect(blockOf(late.core, 3)).to.include({ state: 'dirty', stuck: false, dirtyBase: 1 });
      late
        .when(flush(), settle)
        .then(
          'flushStarted',
          'batchPlanned',
          'writebackStarted',
          'writebackFinished',
          'barrierStarted',
          'barrierFinished',
          'flushFinished',
        );
    }
  });

  it('and is answered late is written by age too', () => {
    stuck().and(done(2)).when(tick(5e9)).then('ticked', { type: 'batchPlanned', reason: 'age' }, 'writebackStarted');
  });

  it('can be answered late only once', () => {
    stuck().and(done(2)).when(done(2)).then();
  });

  it('does not hold up other writes', () => {
    stuck()
      .when(write(5), flush(5, 1), settle)
      .then(
        'written',
        'flushStarted',
        'batchPlanned',
        'writebackStarted',
        'writebackFinished',
        'barrierStarted',
        'barrierFinished',
        'flushFinished',
      );
  });

  it('makes a clear of its blocks fail: what is older could land on top', () => {
    const { core } = stuck()
      .when(clear('zero', 3))
      .then('clearQueued', { type: 'clearFailed', io: 2, code: 'CACHETRAIL_DEVICE_TIMEOUT' });
    expect(blockOf(core, 3)).to.include({ state: 'dirty', stuck: true });
  });
});

describe('a barrier that times out', () => {
  const begun = (options = LAZY) => given(open(options), grown, write(3), flush(), done('writeback'));
  /** Operation 3 is the barrier; what was written before it has been written again, and the flush has failed. */
  const owed = (options = LAZY) => begun(options).and(timesOut('barrier'), settle);
  const TOLD = { codes: ['CACHETRAIL_DEVICE_TIMEOUT'], ios: [3], barrierIo: 3 };

  it('has failed: everything is written again, and no other is begun, so the flush fails too', () => {
    const { core } = begun()
      .when(timesOut('barrier'))
      .then(
        { type: 'barrierFailed', code: 'CACHETRAIL_DEVICE_TIMEOUT', outcome: 'unknown' },
        'batchPlanned',
        'writebackStarted',
      )
      .when(done('writeback'))
      .then('writebackFinished', { type: 'flushFailed', blocks: [3], ...TOLD });
    expect(blockOf(core, 3).state).to.equal('unsynced');
  });

  it('may be told of the failure of a later write, so nothing that is written since counts before it is answered', () => {
    owed()
      .and(write(5), flush(5, 1), done('writeback'), timePasses)
      .when(fails(3, 'EIO'))
      .then({ type: 'deviceAnsweredLate', io: 3, code: 'EIO' })
      .when(flush(), settle)
      .then(
        { type: 'flushStarted', pending: 2 },
        { type: 'batchPlanned', blocks: 2 },
        'writebackStarted',
        'writebackStarted',
        'writebackFinished',
        'writebackFinished',
        { type: 'barrierStarted', reason: 'flush' },
        'barrierFinished',
        'flushFinished',
      );
  });

  it('makes every flush fail until it is answered, at once where there is nothing to write, and writes nothing twice', () => {
    const { core } = owed()
      .when(flush())
      .then({ type: 'flushStarted', pending: 1 }, { type: 'flushFailed', blocks: [3], ...TOLD })
      .when(flush(40, 1))
      .then({ type: 'flushStarted', pending: 0 }, { type: 'flushFailed', blocks: [], codes: [], ios: [], barrierIo: 3 })
      .when(write(5), flush(5, 1), done('writeback'))
      .then('written', 'flushStarted', 'batchPlanned', 'writebackStarted', 'writebackFinished', {
        type: 'flushFailed',
        blocks: [5],
        ...TOLD,
      })
      .and(flush(), timePasses);
    expect(eventsOf(core, 'barrierStarted')).to.have.length(1);
    expect(eventsOf(core, 'writebackStarted').map(({ block }) => block)).to.deep.equal([3, 3, 5]);
  });

  it('lets a write-through end, which needs no barrier', () => {
    owed()
      .when(writeThrough(5), done('writeback'))
      .then('written', 'batchPlanned', 'writebackStarted', 'writebackFinished', 'writeFinished');
  });

  it('and ends well late lets another begin, and only that one counts', () => {
    const late = owed()
      .when(done(3))
      .then({ type: 'deviceAnsweredLate', io: 3, code: '' }, { type: 'barrierStarted', reason: 'batch' });
    expect(blockOf(late.core, 3).state).to.equal('unsynced');
    const { core } = late.when(done('barrier')).then('barrierFinished');
    expect(blockOf(core, 3).state).to.equal('clean');
  });

  it('and is answered while a flush is writing again has the flush go on to another', () => {
    for (const answer of [done(3), fails(3)]) {
      const { core } = begun().and(timesOut('barrier'), answer, settle);
      expect(blockOf(core, 3).state).to.equal('clean');
      expect(eventsOf(core, 'flushFinished')).to.have.length(1);
    }
  });

  it('and fails late puts in doubt what was written since, and what the device is taking', () => {
    const { core } = owed()
      .and(writeThrough(5), done('writeback'), write(7), flush(7, 1))
      .when(fails(3, 'EIO'))
      .then({ type: 'deviceAnsweredLate', io: 3, code: 'EIO' });
    expect(blockOf(core, 3)).to.include({ state: 'dirty', writtenBase: 0 });
    expect(blockOf(core, 5)).to.include({ state: 'dirty', dirtyBase: 2, writtenBase: 0 });
    expect(blockOf(core, 7)).to.include({ state: 'writing', tainted: true });
    expect(core.state.failures.get(5)).to.deep.equal({ code: 'EIO', io: 3 });
    given(...core.events)
      .when(done('writeback'))
      .then('writebackFinished', 'batchPlanned', { type: 'writebackStarted', block: 7 });
  });

  it('and times out again, made anew, is owed anew', () => {
    owed()
      .and(done(3), timesOut('barrier'))
      .when(flush(), settle)
      .then('flushStarted', 'batchPlanned', 'writebackStarted', 'writebackFinished', {
        type: 'flushFailed',
        ios: [5],
        barrierIo: 5,
      });
  });

  it('makes zeros fail: those that wait for it, that the device is at, and that are asked for before it is answered', () => {
    const failed = { type: 'clearFailed', block: 20, io: 3, code: 'CACHETRAIL_DEVICE_TIMEOUT' } as const;
    given(open(LAZY), grown, clear('zero', 20), done('clear')).when(timesOut('barrier')).then('barrierFailed', failed);
    begun()
      .and(clear('zero', 20))
      .when(timesOut('barrier'), done('clear'))
      .then('barrierFailed', 'batchPlanned', 'writebackStarted', 'clearAnswered', failed);
    const { core } = owed().when(clear('zero', 20)).then('clearQueued', failed);
    expect(eventsOf(core, 'clearStarted'), 'the device is not asked').to.have.length(0);
  });

  it('lets a discard be done, which needs no barrier', () => {
    owed()
      .when(clear('discard', 20), done('clear'))
      .then('clearQueued', 'clearStarted', 'clearAnswered', 'clearFinished');
  });

  it('keeps the cache from being closed, unless what is in doubt is given up by name', () => {
    owed()
      .when(close())
      .then('closeStarted', { type: 'closeFailed', blocks: [3], ...TOLD })
      .when(close('the disk does not answer'))
      .then('closeStarted', { type: 'dirtyDiscarded', blocks: [3] }, 'closed');
    given(open(LAZY), flush(), timesOut('barrier'))
      .when(close())
      .then('closeStarted', { type: 'closeFailed', blocks: [], barrierIo: 1 })
      .when(close('the disk does not answer'))
      .then('closeStarted', 'closed');
  });

  it('keeps the block size as it is', () => {
    owed()
      .when(setBlockSize(1024))
      .then('blockSizeRequested', { type: 'blockSizeFailed', blocks: [3], ...TOLD });
  });

  it('keeps blocks in the cache that it may have lost: writes that find no room wait for it', () => {
    const { core } = given(open({ ...LAZY, capacity: 2 }), grown, write(3, 2), flush(), done('writeback'))
      .and(timesOut('barrier'), settle)
      .when(write(9))
      .then({ type: 'writeQueued', reason: 'dirty-limit' });
    for (const block of [3, 4]) expect(blockOf(core, block).state).to.equal('unsynced');
    given(...core.events)
      .and(done(core.state.failedBarrierIo))
      .when(done('barrier'))
      .then('barrierFinished', 'evicted', 'written');
  });

  it('owes nothing any more once the device has been replaced', () => {
    const { core } = owed()
      .when(replaceDevice, flush(), settle)
      .then(
        'deviceReplaced',
        { type: 'deviceAnsweredLate', io: 3, code: 'CACHETRAIL_DEVICE_REPLACED' },
        'flushStarted',
        'batchPlanned',
        'writebackStarted',
        'writebackFinished',
        'barrierStarted',
        'barrierFinished',
        'flushFinished',
      );
    expect(blockOf(core, 3).state).to.equal('clean');
  });

  it('asks for no tick while nothing can be done', () => {
    const { core } = owed().and(timePasses);
    expect(nextDeadline(core.state, core.at)).to.equal(null);
  });
});

describe('a clear that times out', () => {
  const stuck = (step = cached(9)) => given(open(LAZY), grown, step, clear('zero', 3, 2), timesOut('clear'));
  const late = ({ state }: Core) => [...state.stuck.keys()].map((io) => done(io));

  it('has failed, and is told so', () => {
    given(open(LAZY), grown, clear('zero', 3, 2))
      .when(timesOut('clear'))
      .then(
        { type: 'clearAnswered', code: 'CACHETRAIL_DEVICE_TIMEOUT', outcome: 'unknown' },
        { type: 'clearFailed', code: 'CACHETRAIL_DEVICE_TIMEOUT' },
      );
  });

  it('keeps writes from its range until it is answered: it could land on top of them', () => {
    stuck()
      .when(write(4))
      .then({ type: 'writeQueued', reason: 'locked' })
      .when(late)
      .then('deviceAnsweredLate', 'written');
  });

  it('keeps dirty blocks of its range, unwritten until it is answered', () => {
    const kept = stuck(write(3));
    expect(blockOf(kept.core, 3)).to.include({ state: 'dirty', stuck: true });
    kept
      .when(flush(), settle)
      .then('flushStarted', 'barrierStarted', 'barrierFinished', { type: 'flushFailed', blocks: [3] })
      .when(late)
      .then('deviceAnsweredLate')
      .when(flush(), settle)
      .then(
        'flushStarted',
        'batchPlanned',
        'writebackStarted',
        'writebackFinished',
        'barrierStarted',
        'barrierFinished',
        'flushFinished',
      );
  });

  it('drops clean copies of its range', () => {
    const { core } = stuck(cached(3));
    expect(blockOf(core, 3).state).to.equal('absent');
  });

  it('keeps what is with the device and not yet synced, whatever a barrier says, and writes it again afterwards', () => {
    const { core } = given(
      open(LAZY),
      grown,
      write(3),
      flush(),
      done('writeback'),
      clear('discard', 2, 2),
      timesOut('clear'),
      done('barrier'),
    );
    expect(blockOf(core, 3)).to.include({ state: 'dirty', stuck: true });
    expect(eventsOf(core, 'flushFailed')).to.have.length(1);
    given(...core.events)
      .when(late)
      .then('deviceAnsweredLate')
      .when(flush())
      .then('flushStarted', 'batchPlanned', { type: 'writebackStarted', block: 3, count: 1 })
      .when(read(3))
      .then('read');
  });

  it('makes another clear of its range fail until it is answered', () => {
    stuck()
      .when(clear('discard', 4))
      .then('clearQueued', { type: 'clearFailed', code: 'CACHETRAIL_DEVICE_TIMEOUT' })
      .and(late)
      .when(clear('discard', 4))
      .then('clearQueued', 'clearStarted');
  });

  it('lets its range be read from the device', () => {
    stuck().when(read(3)).then('readMissed', 'fillStarted');
  });

  it('has what was read meanwhile read again: the device may have changed it', () => {
    stuck().and(read(3), done('fill')).and(late).when(read(3)).then('readMissed', 'fillStarted');
  });
});

describe('a short write', () => {
  it('taints nothing but its own run, which is dirty as a whole', () => {
    const { core } = given(open(LAZY), grown, write(3, 2), write(8), flush(), shortWrite('writeback'));
    expect(blockOf(core, 3)).to.include({ state: 'dirty', retrying: true });
    expect(blockOf(core, 4)).to.include({ state: 'dirty', retrying: true });
    expect(blockOf(core, 8).state).to.equal('writing');
  });
});

describe('an answer that is not the first', () => {
  it('is not listened to, whatever it says', () => {
    const { core } = given(open(LAZY), grown, read(3), done('fill'), write(5), flush(), done('writeback'));
    const fill = eventsOf(core, 'fillStarted')[1].io;
    const [{ io: written }] = eventsOf(core, 'writebackStarted');
    given(...core.events)
      .when(done(fill), fails(fill), done(written), fails(written), timesOut(written), done(9999))
      .then();
  });
});

describe('a closed cache', () => {
  it('is told of late answers without harm', () => {
    given(open(LAZY), grown, write(3), close('lost'), timesOut('writeback'), done('barrier'))
      .when(done(2))
      .then('deviceAnsweredLate');
  });
});
