import { expect } from 'chai';
import { inspectBlock, statsOf } from '../../src/streams/stats.js';
import { BLOCK, given, open } from '../support/core.js';
import {
  borrow,
  cached,
  clear,
  done,
  eventsOf,
  fails,
  flush,
  grown,
  invalidate,
  read,
  readahead,
  release,
  resize,
  settle,
  tick,
  timesOut,
  write,
} from '../support/steps.js';

const LAZY = { limits: { dirtyBackgroundShare: 1, dirtyHardShare: 1, writeAttemptsMax: 1 } };

describe('stats', () => {
  it('of an empty cache are all zero, ratios too', () => {
    const stats = statsOf(given(open()).core.state, 0);
    expect(stats).to.include({
      capacityBlocks: 8,
      events: 1,
      frames: 0,
      memoryBytes: 0,
      hitRatio: 0,
      meanRunBlocks: 0,
    });
    const counted = Object.entries(stats).filter(([name]) => !['capacityBlocks', 'events'].includes(name));
    for (const [name, value] of counted) expect(value, name).to.equal(0);
  });

  it('count blocks by state, and what waits', () => {
    const { core } = given(
      open({ ...LAZY, capacity: 16 }),
      grown,
      cached(0, 2),
      borrow(0),
      write(3),
      write(5),
      write(9),
      write(10),
    )
      .and(flush(3, 1), fails('writeback', 'EIO'), done('barrier'))
      .and(flush(5, 1), timesOut('writeback'), done('barrier'))
      .and(flush(9, 1), done('writeback'), read(20));
    expect(statsOf(core.state, 100)).to.include({
      residentBlocks: 7,
      dirtyBlocks: 3,
      unsyncedBlocks: 1,
      writingBlocks: 0,
      pinnedBlocks: 1,
      parkedBlocks: 2,
      waitingRequests: 2,
      memoryBytes: 16 * BLOCK + 100,
    });
  });

  it('count what was asked of the device, in operations and in bytes', () => {
    const { core } = given(open(LAZY), grown, cached(0, 3), write(0), write(1), flush(), settle, read(0));
    expect(statsOf(core.state, 0)).to.include({
      deviceReads: 2,
      bytesRead: 4 * BLOCK,
      deviceWrites: 1,
      bytesWritten: 2 * BLOCK,
      meanRunBlocks: 2,
      barriers: 1,
      batches: 1,
      requests: 7,
      reads: 3,
      writes: 2,
      flushes: 1,
      hits: 3,
      misses: 4,
      writeMisses: 0,
      hitRatio: 3 / 7,
    });
  });
});

describe('stats of requests by kind', () => {
  it('count each kind of request', () => {
    const { core } = given(open(), cached(0), read(10), readahead(20), settle, write(1)).and(
      borrow(10),
      release(10),
      invalidate(20),
      clear('drop', 0),
    );
    const kinds = {
      readaheads: 1,
      borrows: 1,
      invalidations: 1,
      clearRequests: 1,
      reads: 2,
      writes: 1,
      writeMisses: 1,
    };
    expect(statsOf(core.state, 0)).to.include(kinds);
  });

  it('count what was evicted by what room was made for', () => {
    const limits = { slabBytes: 4 * BLOCK, idleShrinkNs: 60e9 };
    const { core } = given(open({ capacity: 16, limits }), cached(0, 16), cached(20, 2), resize(12), tick(60e9)).and(
      tick(60e9),
    );
    const counts = Object.fromEntries(
      (['room', 'resize', 'idle'] as const).map((reason) => [
        reason,
        eventsOf(core, 'evicted').filter((event) => event.reason === reason).length,
      ]),
    );
    expect(counts['room'], 'evicted for room').to.equal(2);
    expect(counts['resize'], 'evicted for a smaller capacity').to.equal(4);
    expect(counts['idle'], 'evicted for nothing').to.be.above(0);
    expect(statsOf(core.state, 0)).to.include({
      evictions: counts['room'] + counts['resize'] + counts['idle'],
      resizeEvictions: counts['resize'],
      idleEvictions: counts['idle'],
    });
  });
});

describe('inspect', () => {
  it('tells what is known of a block', () => {
    const { core } = given(
      open(LAZY),
      grown,
      cached(0),
      borrow(0),
      write(3),
      flush(),
      fails('writeback', 'ENOSPC'),
      done('barrier'),
    );
    expect(inspectBlock(core.state, 0)).to.deep.equal({
      block: 0,
      state: 'clean',
      generation: 0,
      pins: 1,
      parked: false,
      dirtySince: null,
      lastError: null,
    });
    expect(inspectBlock(core.state, 3)).to.deep.include({
      state: 'dirty',
      generation: 1,
      parked: true,
      lastError: 'ENOSPC',
    });
    expect(inspectBlock(core.state, 3).dirtySince).to.be.a('number');
    expect(inspectBlock(core.state, 40)).to.deep.include({ block: 40, state: 'absent', generation: 0, pins: 0 });
  });

  it('forgets the last error when the block has been mended', () => {
    const { core } = given(
      open(LAZY),
      grown,
      write(3),
      flush(),
      fails('writeback', 'ENOSPC'),
      done('barrier'),
      flush(),
      settle,
    );
    expect(inspectBlock(core.state, 3)).to.deep.include({ state: 'clean', parked: false, lastError: null });
  });
});
