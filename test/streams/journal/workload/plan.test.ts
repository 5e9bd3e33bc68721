import { expect } from 'chai';
import { CacheState } from '../../../../src/cache/state.js';
import { Plan, type Planned, planned } from '../../../../src/streams/journal/workload/plan.js';

const RECORDED = new CacheState({ bytes: false });

describe('the plan of a replay', () => {
  let plan: Plan;
  let seq: number;

  beforeEach(() => {
    plan = new Plan();
    seq = 0;
  });

  const request = (at: number): Planned => {
    const read = { type: 'read', at, op: ++seq, actor: '', trace: null, block: 0, count: 1 } as const;
    return planned(read, seq, at, RECORDED);
  };
  const added = (at: number): Planned => {
    const next = request(at);
    plan.add(next, 0);
    return next;
  };

  it('makes the first request when it was made', () => {
    const first = added(5);
    expect(plan.nextAt).to.equal(5);
    expect(plan.take()).to.equal(first);
    expect(plan.size).to.equal(0);
  });

  it('makes a request as long after the answer before as its caller made it', () => {
    const first = added(5);
    plan.answered(first, 8);
    const second = added(12);
    plan.take();
    plan.started(first, 5);
    expect(plan.nextAt).to.equal(Number.POSITIVE_INFINITY);
    plan.ended(first, 100);
    expect(plan.nextAt).to.equal(104);
    expect(plan.take()).to.equal(second);
  });

  it('takes each answer for one request, the latest first, and others for made together with the one before', () => {
    const [a, b] = [added(0), added(1)];
    plan.answered(a, 10);
    plan.answered(b, 11);
    const [afterB, afterA, withIt] = [added(11), added(13), added(14)];
    for (let one = plan.take(); one !== undefined; one = plan.take()) plan.started(one, one.readyAt);
    plan.ended(b, 50);
    expect([plan.take(), plan.take()]).to.deep.equal([afterB, undefined]);
    plan.ended(a, 60);
    expect(plan.take()).to.equal(afterA);
    expect(afterA.readyAt).to.equal(63);
    plan.started(afterA, 63);
    expect(plan.take()).to.equal(withIt);
    expect(withIt.readyAt).to.equal(64);
  });

  it('makes requests in the order of the recording where they are due at one time', () => {
    const [a, b, c] = [added(0), added(0), added(0)];
    plan.take();
    plan.started(a, 7);
    expect(plan.take()).to.equal(b);
    plan.started(b, 7);
    expect(plan.take()).to.equal(c);
  });

  it('lets go of one request whose answer does not come', () => {
    const first = added(0);
    plan.answered(first, 1);
    const second = added(2);
    expect(plan.take()).to.equal(first);
    expect(plan.giveUpOne(99)).to.equal(true);
    expect([plan.nextAt, plan.take()]).to.deep.equal([99, second]);
    expect(plan.giveUpOne(99)).to.equal(false);
  });
});
