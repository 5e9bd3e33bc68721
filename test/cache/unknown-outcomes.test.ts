import { expect } from 'chai';
import { blockOf } from '../support/blocks.js';
import { type Core, given, open } from '../support/core.js';
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
  settle,
  shortWrite,
  tick,
  timesOut,
  write,
  writeThrough,
} from '../support/steps.js';

const LAZY = { limits: { dirtyBackgroundShare: 1, dirtyHardShare: 1 } };

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
  it('has failed: everything is written again, and synced by another barrier', () => {
    const { core } = given(open(LAZY), grown, write(3), flush(), done('writeback'))
      .when(timesOut('barrier'))
      .then(
        { type: 'barrierFailed', code: 'CACHETRAIL_DEVICE_TIMEOUT', outcome: 'unknown' },
        'batchPlanned',
        'writebackStarted',
      )
      .when(settle)
      .then('writebackFinished', 'barrierStarted', 'barrierFinished', 'flushFinished');
    given(...core.events)
      .when(done(3))
      .then({ type: 'deviceAnsweredLate', io: 3 });
  });

  /** Operation 3 is the barrier; what was written before it has been written again, and is clean. */
  const timedOut = () => given(open(LAZY), grown, write(3), flush(), done('writeback'), timesOut('barrier'), settle);

  it('and fails late may have taken the failure of later writes: what no barrier has covered is written again', () => {
    const late = timedOut()
      .and(writeThrough(5), done('writeback'))
      .when(fails(3, 'EIO'))
      .then({ type: 'deviceAnsweredLate', io: 3, code: 'EIO' });
    expect(blockOf(late.core, 5)).to.include({ state: 'dirty', dirtyBase: 2, writtenBase: 0 });
    expect(blockOf(late.core, 3).state).to.equal('clean');
    expect(late.core.state.failures.get(5)).to.deep.equal({ code: 'EIO', io: 3 });
    late
      .when(flush(), settle)
      .then(
        { type: 'flushStarted', pending: 1 },
        'batchPlanned',
        { type: 'writebackStarted', block: 5 },
        'writebackFinished',
        'barrierStarted',
        'barrierFinished',
        'flushFinished',
      );
  });

  it('and fails late taints what the device is taking: it is written again even if it goes well', () => {
    const { core } = timedOut().and(write(7), flush(7, 1), fails(3));
    expect(blockOf(core, 7)).to.include({ state: 'writing', tainted: true });
    given(...core.events)
      .when(done('writeback'))
      .then('writebackFinished', 'batchPlanned', { type: 'writebackStarted', block: 7 });
  });

  it('and fails late is believed before a barrier that was begun meanwhile and ends well', () => {
    timedOut()
      .and(write(7), flush(7, 1), done('writeback'))
      .when(fails(3))
      .then('deviceAnsweredLate', 'batchPlanned', { type: 'writebackStarted', block: 7 })
      .when(done('barrier'))
      .then('barrierFinished')
      .when(settle)
      .then('writebackFinished', 'barrierStarted', 'barrierFinished', 'flushFinished');
  });

  it('and fails late fails the zeros that wait for a barrier, and those that the device is at', () => {
    timedOut()
      .and(clear('zero', 20), done('clear'))
      .when(fails(3, 'EIO'))
      .then('deviceAnsweredLate', { type: 'clearFailed', block: 20, io: 3, code: 'EIO' });
    timedOut()
      .and(clear('zero', 20))
      .when(fails(3, 'EIO'))
      .then('deviceAnsweredLate')
      .when(done('clear'))
      .then('clearAnswered', { type: 'clearFailed', block: 20, io: 3, code: 'EIO' });
  });

  it('and ends well late changes nothing', () => {
    const { core } = timedOut().and(writeThrough(5), done('writeback'), clear('zero', 20), done('clear'), done(3));
    expect(blockOf(core, 5).state).to.equal('unsynced');
    given(...core.events)
      .when(done('barrier'))
      .then('barrierFinished', 'clearFinished');
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
