import { expect } from 'chai';
import fc from 'fast-check';
import { hashState } from '../../src/cache/digest.js';
import { DEFAULT_LIMITS } from '../../src/cache/limits.js';
import { coalesce, planWriteback } from '../../src/cache/plan.js';
import { BLOCK, given, open, type OpenOptions, type Step } from '../support/core.js';
import { cached, clear, fails, flush, grown, read, write, writeThrough } from '../support/steps.js';

/** Nothing is written while a state is made, unless a limit of the test says so. */
const QUIET = { dirtyBackgroundShare: 1, dirtyHardShare: 1 };

function stateOf(options: OpenOptions, ...steps: readonly Step[]) {
  const { core } = given(open({ ...options, limits: { ...QUIET, ...options.limits } }), grown, ...steps);
  return { state: core.state, at: core.at };
}

describe('coalesce', () => {
  it('sorts blocks and joins neighbours', () => {
    expect(coalesce(Float64Array.from([9, 3, 4, 1, 5]), 100)).to.deep.equal([1, 1, 3, 3, 9, 1]);
    expect(coalesce(Float64Array.from([]), 100)).to.deep.equal([]);
    expect(coalesce(Float64Array.from([7]), 100)).to.deep.equal([7, 1]);
  });

  it('makes runs no longer than they may be', () => {
    expect(coalesce(Float64Array.from([0, 1, 2, 3, 4]), 2)).to.deep.equal([0, 2, 2, 2, 4, 1]);
  });

  it('sorts numbers as numbers, whole up to 2^53 - 1', () => {
    const most = Number.MAX_SAFE_INTEGER;
    expect(coalesce(Float64Array.from([most, 10, 9, most - 1, 2 ** 32]), 8)).to.deep.equal([
      9,
      2,
      2 ** 32,
      1,
      most - 1,
      2,
    ]);
  });

  it('covers every block once, in order, in as few runs as the bound allows', () => {
    const blocks = fc.uniqueArray(fc.nat({ max: 60 }), { maxLength: 40 });
    fc.assert(
      fc.property(blocks, fc.integer({ min: 1, max: 8 }), (chosen, most) => {
        const runs = coalesce(Float64Array.from(chosen), most);
        const covered: number[] = [];
        for (let at = 0; at < runs.length; at += 2) {
          const [block, count] = [runs[at], runs[at + 1]];
          expect(count).to.be.within(1, most);
          for (let offset = 0; offset < count; offset++) covered.push(block + offset);
          const isNeighbour = at > 0 && runs[at - 2] + runs[at - 1] === block;
          if (isNeighbour) expect(runs[at - 1], 'a run is cut only where it is full').to.equal(most);
        }
        expect(covered).to.deep.equal([...chosen].sort((a, b) => a - b));
      }),
      { numRuns: 500, seed: 1 },
    );
  });
});

describe('planWriteback', () => {
  it('is nothing where nothing is dirty, or what is dirty is on its way', () => {
    expect(planWriteback(...args(stateOf({}, cached(3))))).to.equal(null);
    expect(planWriteback(...args(stateOf({}, write(3), flush())))).to.equal(null);
  });

  it('is nothing where nobody waits, not much is dirty, and nothing is old', () => {
    expect(planWriteback(...args(stateOf({}, write(3))))).to.equal(null);
  });

  it('changes nothing', () => {
    const { state, at } = stateOf({}, write(3), write(9));
    const before = hashState(state);
    expect(planWriteback(state, at + DEFAULT_LIMITS.dirtyAgeNs, 'hard')).to.not.equal(null);
    expect(hashState(state)).to.equal(before);
  });

  it('is the same for the same state', () => {
    const { state, at } = stateOf({}, write(3), write(9), write(4));
    expect(planWriteback(state, at, 'hard')).to.deep.equal(planWriteback(state, at, 'hard'));
  });

  it('serves pressure with an eighth of the capacity, coldest first', () => {
    const { state, at } = stateOf({ capacity: 16 }, write(3), write(9), write(6), read(3));
    expect(planWriteback(state, at, 'hard')).to.deep.equal({ reason: 'hard', blocks: 2, runs: [6, 1, 9, 1] });
    expect(planWriteback(state, at, 'pressure')?.reason).to.equal('pressure');
  });

  it('serves age with all that is at least half as old', () => {
    const { state, at } = stateOf({}, write(3), write(9));
    expect(planWriteback(state, at + DEFAULT_LIMITS.dirtyAgeNs, null)).to.deep.equal({
      reason: 'age',
      blocks: 2,
      runs: [3, 1, 9, 1],
    });
    expect(planWriteback(state, at + DEFAULT_LIMITS.dirtyAgeNs - 2000, null)).to.equal(null);
  });

  it('takes along by age what is exactly half as old, and nothing younger', () => {
    const half = DEFAULT_LIMITS.dirtyAgeNs / 2;
    const { core } = given(open({ limits: QUIET }), grown, write(3));
    const dirtyAt = core.at;
    core.take({ ...write(9)(core), at: dirtyAt + half });
    core.take({ ...write(20)(core), at: dirtyAt + half + 1 });
    const plan = planWriteback(core.state, dirtyAt + DEFAULT_LIMITS.dirtyAgeNs, null);
    expect(plan?.runs).to.deep.equal([3, 1, 9, 1]);
  });

  it('leaves out what is being cleared', () => {
    const { state, at } = stateOf({}, write(3), write(9), clear('zero', 3));
    expect(planWriteback(state, at, 'hard')?.runs).to.deep.equal([9, 1]);
    expect(planWriteback(state, at + DEFAULT_LIMITS.dirtyAgeNs, null)?.runs).to.deep.equal([9, 1]);
  });

  it('leaves out what waits for its next try, is parked or stuck', () => {
    const { state, at } = stateOf({}, write(3), flush(), fails('writeback'), write(9));
    expect(planWriteback(state, at, 'hard')?.runs).to.deep.equal([9, 1]);
  });

  it('serves those who wait for durability before pressure', () => {
    const limits = { writebacksInFlightMax: 1 };
    const { state, at } = stateOf({ limits }, write(20), flush(), write(3), flush(3, 1), write(5));
    expect(planWriteback(state, at, 'hard')).to.deep.equal({ reason: 'flush', blocks: 1, runs: [3, 1] });
  });

  it('serves the first that waits first', () => {
    const limits = { writebacksInFlightMax: 1 };
    const { state, at } = stateOf({ limits }, write(20), flush(), write(5), writeThrough(7), flush(5, 1));
    expect(planWriteback(state, at, null)).to.deep.equal({ reason: 'through', blocks: 1, runs: [7, 1] });
  });

  it('has runs no longer than one device write', () => {
    const { state, at } = stateOf({ capacity: 64, limits: { runBytesMax: 2 * BLOCK } }, write(0, 6));
    expect(planWriteback(state, at, 'hard')?.runs).to.deep.equal([0, 2, 2, 2, 4, 2]);
  });
});

function args({ state, at }: ReturnType<typeof stateOf>) {
  return [state, at, null] as const;
}
