import { expect } from 'chai';
import { DEFAULT_LIMITS } from '../../src/cache/limits.js';
import { nextDeadline } from '../../src/cache/deadline.js';
import { blockOf } from '../support/blocks.js';
import { type Core, given, open, type OpenOptions } from '../support/core.js';
import {
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
  tickAt,
  write,
  writeThrough,
} from '../support/steps.js';

const LAZY: OpenOptions = { limits: { dirtyBackgroundShare: 1, dirtyHardShare: 1 } };
const { retryBaseNs, retryCapNs, writeAttemptsMax } = DEFAULT_LIMITS;

/** Waits for the next deadline. */
function waited(core: Core) {
  const at = nextDeadline(core.state, core.at);
  if (at === null) throw new Error('nothing is waited for');
  return [tickAt(at)];
}

/** Waits and fails until nothing more is tried. */
function failing(code: string) {
  return (core: Core) => {
    for (let tries = 0; tries < 1000; tries++) {
      const { writebacksInFlight, retries } = core.state;
      if (writebacksInFlight > 0) core.take(fails('writeback', code));
      else if (retries.length > 0) core.take(waited);
      else return [];
    }
    throw new Error('it never gives up');
  };
}

describe('step 1: a device write that fails', () => {
  it('is told with the device’s own code, and its blocks are dirty as before', () => {
    const { core } = given(open(LAZY), grown, write(3), write(4), flush())
      .when(fails('writeback', 'ENOSPC'))
      .then(
        { type: 'writebackFailed', block: 3, count: 2, code: 'ENOSPC', outcome: 'failed', attempt: 1 },
        'writebackRetryScheduled',
      );
    expect(blockOf(core, 3)).to.include({
      state: 'dirty',
      generation: 1,
      dirtyBase: 1,
      carriedBase: 0,
      retrying: true,
    });
    expect(core.state.counters.writeErrors).to.equal(1);
  });

  it('keeps the oldest bytes that are not with the device, when the block was written again meanwhile', () => {
    const { core } = given(open(LAZY), grown, write(3), flush(), write(3), fails('writeback'));
    expect(blockOf(core, 3)).to.include({ state: 'dirty', generation: 2, dirtyBase: 1 });
  });

  it('and stopped short is written whole again: nobody knows what got there', () => {
    given(open(LAZY), grown, write(3, 4), flush())
      .when(shortWrite('writeback'))
      .then({ type: 'writebackFailed', code: 'CACHETRAIL_SHORT_WRITE', outcome: 'unknown' }, 'writebackRetryScheduled')
      .when(waited)
      .then('ticked', { type: 'writebackStarted', block: 3, count: 4, attempt: 2 });
  });
});

describe('step 2: a retry', () => {
  it('comes after a wait of at least half the base, and at most the base', () => {
    const { core } = given(open(LAZY), grown, write(3), flush(), fails('writeback'));
    const [{ at, dueAt, attempt }] = eventsOf(core, 'writebackRetryScheduled');
    expect(attempt).to.equal(2);
    expect(dueAt - at).to.be.within(retryBaseNs / 2, retryBaseNs);
  });

  it('waits twice as long each time, up to the cap', () => {
    const limits = { ...LAZY.limits, writeAttemptsMax: 12 };
    const { core } = given(open({ limits }), grown, write(3), flush(), failing('EIO'));
    const waits = eventsOf(core, 'writebackRetryScheduled').map(({ at, dueAt }) => dueAt - at);
    expect(waits).to.have.length(11);
    for (const [tries, wait] of waits.entries()) {
      const most = Math.min(retryCapNs, retryBaseNs * 2 ** tries);
      expect(wait).to.be.within(most / 2, most);
    }
  });

  it('draws its jitter from the seed alone', () => {
    const waits = (seed: number) => {
      const { core } = given(open({ ...LAZY, seed }), grown, write(3), flush(), failing('EIO'));
      return eventsOf(core, 'writebackRetryScheduled').map(({ at, dueAt }) => dueAt - at);
    };
    expect(waits(1)).to.deep.equal(waits(1));
    expect(waits(1)).to.not.deep.equal(waits(2));
    expect(new Set(waits(1).map((wait, tries) => wait / 2 ** tries)).size).to.equal(writeAttemptsMax - 1);
  });

  it('does not happen before its time', () => {
    const { core } = given(open(LAZY), grown, write(3), flush(), fails('writeback'));
    const [{ dueAt }] = eventsOf(core, 'writebackRetryScheduled');
    given(...core.events)
      .when(tickAt(dueAt - 1))
      .then()
      .when(tickAt(dueAt))
      .then('ticked', { type: 'writebackStarted', attempt: 2 });
  });

  it('that goes well ends the matter', () => {
    const { core } = given(open(LAZY), grown, write(3), flush(), fails('writeback'), waited)
      .when(settle)
      .then('writebackFinished', 'barrierStarted', 'barrierFinished', 'flushFinished');
    expect(blockOf(core, 3)).to.include({ state: 'clean', retrying: false });
    expect(core.state.failures.size).to.equal(0);
  });

  it('carries the newest bytes', () => {
    given(open(LAZY), grown, write(3), flush(), fails('writeback'), write(3))
      .when(waited)
      .then('ticked', { type: 'writebackStarted', generation: 2, attempt: 2 });
  });

  it('leaves out what has been discarded meanwhile', () => {
    given(open(LAZY), grown, write(3, 3), flush(), fails('writeback'))
      .and(clear('discard', 4), done('clear'))
      .when(waited)
      .then(
        'ticked',
        { type: 'writebackStarted', block: 3, count: 1 },
        { type: 'writebackStarted', block: 5, count: 1 },
      );
  });

  it('is not made for a failure that another try cannot mend', () => {
    for (const code of ['EROFS', 'EINVAL', 'EBADF', 'CACHETRAIL_READ_ONLY', 'CACHETRAIL_OUT_OF_RANGE']) {
      given(open(LAZY), grown, write(3), flush())
        .when(fails('writeback', code))
        .then({ type: 'writebackFailed', code }, { type: 'blockParked', code }, 'barrierStarted');
    }
  });

  it('goes before what is planned, and holds up nothing else', () => {
    const limits = { ...LAZY.limits, writebacksInFlightMax: 1 };
    given(open({ limits }), grown, write(3), write(5), flush())
      .when(fails('writeback'))
      .then('writebackFailed', 'writebackRetryScheduled', { type: 'writebackStarted', block: 5 })
      .when(done('writeback'))
      .then('writebackFinished', 'barrierStarted')
      .when(waited)
      .then('ticked', { type: 'writebackStarted', block: 3, attempt: 2 });
  });
});

describe('step 3: a run that keeps failing', () => {
  it('is split in halves when its tries are used up', () => {
    const limits = { ...LAZY.limits, writeAttemptsMax: 2 };
    given(open({ limits }), grown, write(3, 5), flush(), fails('writeback'), waited)
      .when(fails('writeback'))
      .then(
        { type: 'writebackFailed', attempt: 2 },
        { type: 'writebackSplit', block: 3, count: 5, splitAt: 6 },
        { type: 'writebackStarted', block: 3, count: 3, attempt: 2 },
        { type: 'writebackStarted', block: 6, count: 2, attempt: 2 },
      );
  });

  it('is split at once when another try cannot mend it', () => {
    given(open(LAZY), grown, write(3, 2), flush())
      .when(fails('writeback', 'EINVAL'))
      .then(
        'writebackFailed',
        { type: 'writebackSplit', splitAt: 4 },
        { type: 'writebackStarted', block: 3 },
        { type: 'writebackStarted', block: 4 },
      );
  });

  it('is split until its good neighbours have reached the device', () => {
    const bad = 6;
    const { core } = given(
      open({ capacity: 16, limits: { ...LAZY.limits, writeAttemptsMax: 1 } }),
      grown,
      write(0, 8),
      flush(),
    );
    while (core.state.writebacksInFlight > 0) {
      const { io, block, count } = core.inFlight('writeback');
      core.take(block <= bad && bad < block + count ? fails(io) : done(io));
    }
    core.verify();
    expect(eventsOf(core, 'writebackSplit').map(({ block, count }) => [block, count])).to.deep.equal([
      [0, 8],
      [4, 4],
      [6, 2],
    ]);
    expect(eventsOf(core, 'blockParked').map(({ block }) => block)).to.deep.equal([bad]);
    const [failed] = eventsOf(given(...core.events, settle).core, 'flushFailed');
    expect(failed).to.deep.include({ blocks: [bad], codes: ['EIO'] });
  });
});

describe('step 4: a block that keeps failing', () => {
  const parked = () => given(open(LAZY), grown, write(3), flush(), failing('EIO'), done('barrier'));

  it('is parked after all its tries: dirty, kept, counted, and still read', () => {
    const { core } = parked();
    expect(eventsOf(core, 'writebackStarted').map(({ attempt }) => attempt)).to.deep.equal([1, 2, 3, 4]);
    expect(eventsOf(core, 'blockParked')).to.have.length(1);
    expect(blockOf(core, 3)).to.include({ state: 'dirty', parked: true, dirtyBase: 1 });
    given(...core.events)
      .when(read(3))
      .then('read');
  });

  it('has no deadline: it is not tried again by itself', () => {
    const { core } = parked();
    expect(nextDeadline(core.state, core.at)).to.equal(null);
    given(...core.events)
      .when(tick(3600e9))
      .then();
  });

  it('stays parked when it is written again', () => {
    const { core } = parked().when(write(3)).then('written');
    expect(blockOf(core, 3)).to.include({ state: 'dirty', parked: true, generation: 2, dirtyBase: 1 });
  });

  it('is tried again, with all its tries, by the next flush of it', () => {
    parked()
      .when(flush(0, 10), failing('EIO'), done('barrier'))
      .then(
        'flushStarted',
        'batchPlanned',
        { type: 'writebackStarted', attempt: 1 },
        ...[2, 3, 4].flatMap((attempt) => [
          { type: 'writebackFailed' } as const,
          { type: 'writebackRetryScheduled', attempt } as const,
          { type: 'ticked' } as const,
          { type: 'writebackStarted', attempt } as const,
        ]),
        'writebackFailed',
        'blockParked',
        'barrierStarted',
        'barrierFinished',
        'flushFailed',
      );
  });

  it('is tried again by a write of it whose caller waits for the device', () => {
    parked()
      .when(writeThrough(3))
      .then('written', { type: 'batchPlanned', reason: 'through' }, 'writebackStarted')
      .when(done('writeback'))
      .then('writebackFinished', 'writeFinished');
  });
});

describe('step 5: a block that could not be written', () => {
  const limits = { ...LAZY.limits, writeAttemptsMax: 1 };
  const failed = () => given(open({ limits }), grown, write(3), flush(), fails('writeback', 'EIO'), done('barrier'));

  it('is reported by every flush and close, until it is durable', () => {
    const { core } = failed()
      .and(flush(), fails('writeback', 'ENOSPC'), done('barrier'))
      .and(close(), fails('writeback', 'EROFS'), done('barrier'))
      .and(flush(), settle);
    const reports = core.events.filter(({ type }) => /^(flush|close)(Failed|Finished)$/.test(type));
    expect(reports.map((event) => [event.type, 'codes' in event ? event.codes : []])).to.deep.equal([
      ['flushFailed', ['EIO']],
      ['flushFailed', ['ENOSPC']],
      ['closeFailed', ['EROFS']],
      ['flushFinished', []],
    ]);
  });

  it('is reported until it is discarded by name', () => {
    failed()
      .when(clear('drop', 3))
      .then('clearQueued', { type: 'dirtyDiscarded', blocks: [3], reason: 'test' }, 'clearFinished')
      .when(flush(), settle)
      .then('flushStarted', 'barrierStarted', 'barrierFinished', 'flushFinished');
  });
});

describe('step 6: a barrier that fails', () => {
  it('makes dirty again all that was written since the last good one', () => {
    const { core } = given(
      open({ ...LAZY, capacity: 16 }),
      grown,
      write(3),
      writeThrough(5),
      done('writeback'),
      flush(3, 1),
      done('writeback'),
    )
      .when(fails('barrier', 'EIO'))
      .then('barrierFailed', { type: 'batchPlanned', reason: 'flush', runs: [3, 1] }, 'writebackStarted');
    expect(blockOf(core, 5)).to.include({ state: 'dirty', dirtyBase: 2, writtenBase: 0 });
  });

  it('taints what the device is taking: it is written again even if it goes well', () => {
    const tainted = given(open(LAZY), grown, write(3), flush(), done('writeback'))
      .and(write(7), flush())
      .and(fails('barrier'));
    expect(blockOf(tainted.core, 7)).to.include({ state: 'writing', tainted: true });
    const again = tainted.and(({ state }) => {
      const [io] = [...state.ios.values()].filter((it) => it.kind === 'writeback' && it.block === 7);
      return [done(io.io)];
    });
    const writes = eventsOf(again.core, 'writebackStarted').filter(({ block }) => block === 7);
    expect(writes).to.have.length(2);
    expect(blockOf(again.core, 7)).to.include({ state: 'writing', tainted: false, carriedBase: 2 });
    again.when(settle);
  });

  it('is forgotten by a tainted write that fails: the block is dirty all the same', () => {
    const { core } = given(
      open(LAZY),
      grown,
      write(3),
      flush(),
      done('writeback'),
      write(7),
      flush(),
      fails('barrier'),
    ).and(({ state }) => [fails([...state.ios.values()][0].io)]);
    expect(blockOf(core, 7)).to.include({ state: 'dirty', tainted: false, retrying: true });
  });

  it('keeps the oldest bytes in doubt of a block that is being written again', () => {
    const { core } = given(open({ capacity: 2 }), grown, write(3), done('writeback'), write(3)).and(fails('barrier'));
    expect(blockOf(core, 3)).to.include({ dirtyBase: 1, writtenBase: 0 });
  });

  it('and a write-through in flight: the write is made again, and its caller told the truth', () => {
    given(open(LAZY), grown, writeThrough(3), flush(20, 1), fails('barrier'), fails('barrier'), fails('barrier'))
      .when(done('writeback'))
      .then('writebackFinished', { type: 'batchPlanned', reason: 'through' }, 'writebackStarted')
      .when(done('writeback'))
      .then('writebackFinished', 'writeFinished');
  });

  it('leaves parked what was parked', () => {
    const limits = { ...LAZY.limits, writeAttemptsMax: 1 };
    const { core } = given(
      open({ limits }),
      grown,
      write(3),
      write(5),
      flush(),
      fails('writeback'),
      done('writeback'),
    ).and(fails('barrier'));
    expect(blockOf(core, 3).parked).to.equal(true);
    given(...core.events)
      .when(settle)
      .then('writebackFinished', 'barrierStarted', 'barrierFinished', { type: 'flushFailed', blocks: [3] });
  });
});
