import { expect } from 'chai';
import { inspectBlock, statsOf } from '../../src/streams/stats.js';
import { BLOCK, given, open } from '../support/core.js';
import { borrow, cached, done, fails, flush, grown, read, settle, timesOut, write } from '../support/steps.js';

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
      hitRatio: 3 / 7,
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
