import { expect } from 'chai';
import fc from 'fast-check';
import { createPolicy, type EvictionPolicy } from '../../src/cache/eviction.js';
import { cachedBlocks } from '../support/blocks.js';
import { given, open } from '../support/core.js';
import { cached, flush, grown, read, settle, write } from '../support/steps.js';

const SLOTS = 3;
const always = () => true;

function order(policy: EvictionPolicy): number[] {
  const slots: number[] = [];
  policy.fromColdest((slot) => slots.push(slot) > 0);
  return slots;
}

/** The same as plain lists: what was set aside, then everything from coldest to hottest. */
class Model {
  aside: number[] = [];
  list: number[] = [];
  readonly kept = new Set<number>();

  get order(): number[] {
    return [...this.aside, ...this.list];
  }

  touch(slot: number): void {
    this.remove(slot);
    this.list.push(slot);
  }

  remove(slot: number): void {
    this.aside = this.aside.filter((other) => other !== slot);
    this.list = this.list.filter((other) => other !== slot);
  }

  /** The coldest that may leave; what is colder and may not is set aside. */
  evict(): number {
    const at = this.list.findIndex((slot) => !this.kept.has(slot));
    if (at === -1) return -1;
    const victim = this.list[at];
    this.aside.push(...this.list.slice(0, at));
    this.list = this.list.slice(at + 1);
    return victim;
  }

  /** May leave from now on: the coldest, if it was set aside. */
  settle(slot: number): void {
    if (!this.aside.includes(slot)) return;
    this.remove(slot);
    this.list.unshift(slot);
  }
}

/** Plays a sequence of digits: 0 to 2 touch, 3 to 5 turn whether a slot may leave, 6 evicts and takes in anew. */
function play(policy: EvictionPolicy, sequence: readonly number[]): void {
  const model = new Model();
  const mayLeave = (slot: number) => !model.kept.has(slot);
  for (let slot = 0; slot < SLOTS; slot++) {
    policy.add(slot);
    model.touch(slot);
  }
  for (const step of sequence) {
    const slot = step % SLOTS;
    if (step < SLOTS) {
      policy.touch(slot);
      model.touch(slot);
    } else if (step < 2 * SLOTS) {
      if (model.kept.delete(slot)) {
        policy.settle(slot);
        model.settle(slot);
      } else model.kept.add(slot);
    } else {
      const victim = policy.victim(mayLeave);
      if (victim !== -1) {
        policy.passOver(victim, mayLeave);
        policy.remove(victim);
        policy.add(victim);
      }
      const expected = model.evict();
      if (victim !== expected) expect(victim, sequence.join()).to.equal(expected);
      if (victim !== -1) model.touch(victim);
    }
    if (order(policy).join() !== model.order.join()) expect(order(policy), sequence.join()).to.deep.equal(model.order);
  }
}

describe('the policy lru', () => {
  it('is the plain model in every sequence of six steps', () => {
    const steps = 2 * SLOTS + 1;
    const length = 6;
    for (let number = 0; number < steps ** length; number++) {
      const sequence = Array.from({ length }, (_, at) => Math.floor(number / steps ** at) % steps);
      play(createPolicy('lru', SLOTS), sequence);
    }
  });

  it('takes what was used longest ago, in every order of use', () => {
    for (let number = 0; number < SLOTS ** 7; number++) {
      const uses = Array.from({ length: 7 }, (_, at) => Math.floor(number / SLOTS ** at) % SLOTS);
      const policy = createPolicy('lru', SLOTS);
      const usedAt = [-3, -2, -1];
      for (let slot = 0; slot < SLOTS; slot++) policy.add(slot);
      for (const [at, slot] of uses.entries()) {
        policy.touch(slot);
        usedAt[slot] = at;
      }
      const oldest = usedAt.indexOf(Math.min(...usedAt));
      if (policy.victim(always) !== oldest) expect(policy.victim(always), uses.join()).to.equal(oldest);
    }
  });

  it('changes nothing when it is asked for a victim', () => {
    const policy = createPolicy('lru', SLOTS);
    for (let slot = 0; slot < SLOTS; slot++) policy.add(slot);
    expect(policy.victim((slot) => slot === 1)).to.equal(1);
    expect(policy.victim(() => false)).to.equal(-1);
    expect(order(policy)).to.deep.equal([0, 1, 2]);
  });

  it('stops going through when it is told to', () => {
    const policy = createPolicy('lru', SLOTS);
    const seen: number[] = [];
    for (let slot = 0; slot < SLOTS; slot++) policy.add(slot);
    policy.fromColdest((slot) => seen.push(slot) < 2);
    expect(seen).to.deep.equal([0, 1]);
  });
});

describe('the policy priority', () => {
  const touches = (policy: EvictionPolicy, slot: number, times: number) => {
    for (let time = 0; time < times; time++) policy.touch(slot);
  };
  const filled = () => {
    const policy = createPolicy('priority', SLOTS);
    for (let slot = 0; slot < SLOTS; slot++) policy.add(slot);
    return policy;
  };

  it('raises a block every 50 accesses above all that have fewer', () => {
    const policy = filled();
    touches(policy, 0, 49);
    touches(policy, 1, 1);
    touches(policy, 2, 1);
    expect(order(policy)).to.deep.equal([0, 1, 2]);
    touches(policy, 0, 1);
    touches(policy, 1, 40);
    touches(policy, 2, 40);
    expect(order(policy)).to.deep.equal([1, 2, 0]);
  });

  it('orders blocks of one priority by their last use', () => {
    const policy = filled();
    for (const slot of [2, 0, 1]) touches(policy, slot, 50);
    expect(order(policy)).to.deep.equal([2, 0, 1]);
    policy.touch(2);
    expect(order(policy)).to.deep.equal([0, 1, 2]);
  });

  it('has 16 priorities: above them only the last use counts', () => {
    const policy = filled();
    touches(policy, 0, 50 * 100);
    touches(policy, 1, 50 * 15);
    expect(order(policy)).to.deep.equal([2, 0, 1]);
    touches(policy, 2, 50 * 14);
    expect(order(policy)).to.deep.equal([2, 0, 1]);
  });

  it('begins anew with a block that comes into the slot', () => {
    const policy = filled();
    touches(policy, 0, 50);
    policy.remove(0);
    policy.add(0);
    touches(policy, 1, 50);
    expect(order(policy)).to.deep.equal([2, 0, 1]);
    touches(policy, 0, 49);
    expect(order(policy)).to.deep.equal([2, 0, 1]);
  });

  it('keeps priority and accesses when a block moves between slots', () => {
    const policy = createPolicy('priority', 4);
    for (let slot = 0; slot < 3; slot++) policy.add(slot);
    touches(policy, 0, 99);
    policy.move(0, 3);
    touches(policy, 1, 50);
    expect(order(policy)).to.deep.equal([2, 3, 1]);
    policy.touch(3);
    policy.touch(1);
    expect(order(policy)).to.deep.equal([2, 1, 3]);
  });

  it('brings back what was set aside as the coldest of its own priority', () => {
    const policy = filled();
    touches(policy, 1, 50);
    policy.passOver(2, (slot) => slot === 2);
    expect(order(policy)).to.deep.equal([0, 2, 1]);
    policy.settle(0);
    expect(order(policy)).to.deep.equal([0, 2, 1]);
    policy.passOver(-1, (slot) => slot === 2);
    expect(order(policy)).to.deep.equal([0, 1, 2]);
    policy.settle(1);
    expect(order(policy)).to.deep.equal([0, 2, 1]);
  });

  it('is like lru with few accesses, in any sequence', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 2 * SLOTS }), { maxLength: 40 }), (sequence) => {
        play(createPolicy('priority', SLOTS), sequence);
      }),
      { numRuns: 500, seed: 1 },
    );
  });
});

describe('eviction', () => {
  const LAZY = { limits: { dirtyBackgroundShare: 1, dirtyHardShare: 1 } };

  it('takes the least recently used clean block; reads and writes are uses', () => {
    given(open({ capacity: 4, ...LAZY }), grown, cached(0, 4), read(0), write(1), flush(), settle)
      .when(read(9))
      .then('readMissed', { type: 'evicted', block: 2, reason: 'room' }, 'fillStarted');
  });

  it('takes no dirty block, and meets it again as the coldest when it has become clean', () => {
    const { core } = given(open({ capacity: 3, ...LAZY }), grown, write(0), cached(1), cached(2))
      .when(read(9), settle)
      .then('readMissed', { type: 'evicted', block: 1 }, 'fillStarted', 'fillFinished', 'readFinished')
      .and(flush(), settle);
    expect(cachedBlocks(core)[0]).to.deep.equal([0, 'clean']);
    given(...core.events)
      .when(read(10))
      .then('readMissed', { type: 'evicted', block: 0 }, 'fillStarted');
  });

  it('does not meet again what it has found to be dirty, however much there is', () => {
    const { core } = given(
      open({ blocks: 1000, capacity: 122, ...LAZY }),
      grown,
      write(0, 60),
      write(64, 60),
      cached(200),
      cached(201),
      read(300),
    );
    const { policy, isEvictable } = core.state.slots;
    let looks = 0;
    policy.victim((slot) => {
      looks++;
      return isEvictable(slot);
    });
    expect(looks).to.equal(1);
  });

  it('by priority keeps what was read often, though longer ago', () => {
    const often = Array.from({ length: 50 }, () => read(0));
    const { core } = given(open({ capacity: 2, policy: 'priority' }), grown, cached(0), ...often, cached(1));
    core.verify();
    core.take(read(1));
    expect(
      core.take(read(9)).map((event) => ('block' in event ? [event.type, event.block] : event.type)),
    ).to.deep.equal([
      ['readMissed', 9],
      ['evicted', 1],
      ['fillStarted', 9],
    ]);
  });

  it('by priority keeps the priorities when the cache grows', () => {
    const often = Array.from({ length: 50 }, () => read(0));
    const { core } = given(
      open({ capacity: 2, policy: 'priority' }),
      grown,
      cached(0),
      ...often,
      cached(1),
      ({ at, op }) => ({
        type: 'resize',
        at: at + 1,
        op: op + 1,
        actor: '',
        trace: null,
        capacity: 4,
      }),
    );
    given(...core.events, cached(2), cached(3), read(1))
      .when(read(9))
      .then('readMissed', { type: 'evicted', block: 2 }, 'fillStarted');
  });
});
