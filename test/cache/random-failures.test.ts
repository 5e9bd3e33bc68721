/**
 * Random requests of several handles over a device that fails, times out, answers late and is replaced: the core alone, with
 * everything that must hold checked at each step, and who was told of what held against accounts of the log in the end.
 */
import { expect } from 'chai';
import { Accounts } from '../simulation/accounts.js';
import { BLOCKS, randomCore } from '../support/random-core.js';
import * as steps from '../support/steps.js';

const RUNS = 250;

describe('a core with several handles over a device that fails at random', () => {
  it('keeps what must hold, replays exactly, and tells each handle what it is owed, and nothing else', () => {
    let failures = 0;
    let told = 0;
    for (let seed = 1; seed <= RUNS; seed++) {
      const core = randomCore(seed);
      const handles = [...core.state.handles.keys()];
      for (const handle of handles) for (const step of [steps.flush(0, BLOCKS, handle), steps.settle]) core.take(step);
      const before = core.events.length;
      for (const handle of handles) for (const step of [steps.flush(0, BLOCKS, handle), steps.settle]) core.take(step);
      const again = core.events.slice(before).filter(({ type }) => type === 'resolvedTold' || type === 'flushFailed');
      expect(again, `seed ${seed}: told twice`).to.deep.equal([]);
      const accounts = new Accounts({ moment: () => 0, demandDurable: () => {} });
      for (const event of core.events) accounts.add(event);
      expect(accounts.handles, `seed ${seed}`).to.equal(handles.length);
      expect(core.state.resolved).to.deep.equal([]);
      expect(core.state.remembered.size).to.equal(0);
      if (seed % 10 === 0) core.verify();
      failures += steps.eventsOf(core, 'blockParked').length + steps.eventsOf(core, 'flushFailed').length;
      told += steps.eventsOf(core, 'resolvedTold').length;
    }
    expect(failures).to.be.above(RUNS);
    expect(told).to.be.above(RUNS / 2);
  });
});
