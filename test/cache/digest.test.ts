import { expect } from 'chai';
import { hashState } from '../../src/cache/digest.js';
import type { CacheState } from '../../src/cache/state.js';
import { cachedBlocks } from '../support/blocks.js';
import { Core, given, open } from '../support/core.js';
import {
  borrow,
  cached,
  clear,
  done,
  fails,
  flush,
  grown,
  invalidate,
  read,
  settle,
  write,
  writeThrough,
} from '../support/steps.js';

/** A state with something in every part of it. */
function busy(): Core {
  const { core } = given(
    open({ capacity: 12, limits: { dirtyBackgroundShare: 1, dirtyHardShare: 1, writebacksInFlightMax: 3 } }),
    grown,
    cached(0, 3),
    write(3),
    flush(),
    done('writeback'),
    write(4),
    writeThrough(5),
    fails('writeback'),
    read(20, 2),
    borrow(0),
    clear('zero', 30),
    write(30),
    flush(),
  );
  return core;
}

/** Numbers of the state that follow from others, which are in the digest. */
const DERIVED = ['blockCount', 'blockedReads', 'writebacksInFlight', 'clearsInFlight'];

describe('hashState', () => {
  it('is 16 hex digits', () => {
    expect(hashState(busy().state)).to.match(/^[0-9a-f]{16}$/);
  });

  it('is the same for the same events', () => {
    expect(hashState(busy().state)).to.equal(hashState(busy().state));
  });

  it('is another after every event', () => {
    const { events } = busy();
    const core = new Core();
    const hashes = events.map((event) => {
      core.take(event);
      return hashState(core.state);
    });
    expect(new Set(hashes).size).to.equal(events.length);
  });

  it('changes nothing', () => {
    const core = busy();
    hashState(core.state);
    core.verify();
  });

  it('does not depend on the slots that blocks happen to be in', () => {
    const { core } = given(open({ capacity: 8 }), grown, cached(0, 8), write(7), invalidate(0, 6));
    const before = hashState(core.state);
    const { slots } = core.state;
    const wasIn = [slots.find(6), slots.find(7)];
    slots.shrink(2, () => {});
    slots.grow(8);
    expect([slots.find(6), slots.find(7)]).to.not.deep.equal(wasIn);
    expect(hashState(core.state)).to.equal(before);
  });

  it('does not depend on the bytes', () => {
    const core = busy();
    const before = hashState(core.state);
    core.state.frames?.views[0].fill(7);
    expect(hashState(core.state)).to.equal(before);
  });

  it('does depend on every number of the state', () => {
    const names = Object.entries(busy().state).filter(
      ([name, value]) => typeof value === 'number' && !DERIVED.includes(name),
    );
    expect(names.length).to.be.greaterThan(15);
    for (const [name] of names) expectCounts(name, (state) => raise(state, name));
  });

  it('does depend on every limit, counter and pending request', () => {
    expectCounts('limits', (state) => {
      state.limits = { ...state.limits, dirtyAgeNs: 1 };
    });
    expectCounts('phase', (state) => {
      state.phase = 'closing';
    });
    expectCounts('counters', (state) => state.counters.hits++);
    expectCounts('reads', (state) => [...state.reads.values()][0].fills++);
    expectCounts('waits', (state) => [...state.waits.values()][0].undurable++);
    expectCounts('clears', (state) => [...state.clears.values()][0].neededBarrier++);
    expectCounts('admissions', (state) => state.admissions.clear());
    expectCounts('ios', (state) => state.ios.delete([...state.ios.keys()][0]));
    expectCounts('failures', (state) => state.failures.clear());
    expectCounts('retries', (state) => state.retries.pop());
    expectCounts('runs', (state) => state.runs.replace([{ block: 1, count: 1, batch: 1, reason: 'age', attempt: 1 }]));
    expectCounts('waiters', (state) => {
      for (const io of state.ios.values()) if (io.kind === 'fill') io.waiters.push(99);
    });
  });

  it('does depend on every column of what is known of a block', () => {
    const columns = [
      'flags',
      'generation',
      'dirtyBase',
      'carriedBase',
      'writtenBase',
      'neededBarrier',
      'since',
      'fill',
      'pins',
      'used',
    ] as const;
    for (const column of columns) expectCounts(column, ({ slots }) => slots[column][slots.find(4)]++);
    expectCounts('status', ({ slots }) => slots.status[slots.find(4)]--);
    expectCounts('block', ({ slots }) => slots.block[slots.find(4)]++);
  });

  it('does depend on the order in which blocks would leave, and on how they came to it', () => {
    expectCounts('order', ({ slots }) => slots.policy.touch(slots.find(1)));
    const priority = () => given(open({ policy: 'priority' }), grown, cached(0, 2)).core;
    const [once, twice] = [priority(), priority()];
    const last = twice.state.slots.find(cachedBlocks(twice)[1][0]);
    twice.state.slots.policy.touch(last);
    expect(cachedBlocks(twice)).to.deep.equal(cachedBlocks(once));
    expect(hashState(twice.state)).to.not.equal(hashState(once.state));
  });

  it('tells large numbers apart', () => {
    const hashes = [2 ** 32, 2 ** 52, 2 ** 52 + 1, Number.MAX_SAFE_INTEGER].map((generation) => {
      const { state } = busy();
      state.generation = generation;
      return hashState(state);
    });
    expect(new Set(hashes).size).to.equal(4);
  });
});

function expectCounts(name: string, change: (state: CacheState) => unknown): void {
  const { state } = busy();
  const before = hashState(state);
  change(state);
  expect(hashState(state), `${name} counts`).to.not.equal(before);
}

function raise(state: CacheState, name: string): void {
  const value: unknown = Reflect.get(state, name);
  if (typeof value !== 'number') throw new Error(`${name} is no number`);
  Reflect.set(state, name, value + 1);
}

describe('the busy state of these tests', () => {
  it('is sound, and comes to rest', () => {
    given(...busy().events).and(settle);
  });
});
