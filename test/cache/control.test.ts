import { expect } from 'chai';
import { InternalError } from '../../src/device/errors.js';
import { nextDeadline } from '../../src/cache/deadline.js';
import { Core, given, open } from '../support/core.js';
import { cached, done, grown, read, setOption, settle, tick, tickAt, write } from '../support/steps.js';

describe('opening', () => {
  it('is the first event, with all that the core is made from', () => {
    const { core } = given()
      .when(open({ capacity: 4, policy: 'priority', seed: 7 }))
      .then({ type: 'opened', seq: 1, cause: 0, identity: 'test' });
    expect(core.state).to.include({ phase: 'open', capacity: 4, blockSize: 512, blockCount: 64, random: 7 });
    expect(core.state.slots.policy.name).to.equal('priority');
  });

  it('happens once', () => {
    expect(() => given(open(), open())).to.throw(InternalError);
  });

  it('allocates no frames before they are needed', () => {
    const { core } = given(open());
    expect(core.state.slots.frames).to.equal(0);
    expect(core.state.frames?.memoryBytes).to.equal(0);
  });

  it('of a configuration that cannot be is a bug, and stops', () => {
    expect(() => given(open({ capacity: 0 }))).to.throw(InternalError);
    expect(() => given(open({ blockSize: 1000 }))).to.throw(InternalError);
    expect(() => given(open({ limits: { dirtyHardShare: 0.1 } }))).to.throw(InternalError);
  });
});

describe('an option', () => {
  it('changes a limit from then on', () => {
    given(open({ capacity: 8 }), grown, write(0, 2))
      .when(setOption('dirtyBackgroundShare', 0.25))
      .then(
        { type: 'optionSet', name: 'dirtyBackgroundShare', value: 0.25 },
        { type: 'batchPlanned', reason: 'background', blocks: 1 },
        'writebackStarted',
      );
  });

  it('moves the deadline of what is dirty', () => {
    const { core } = given(open(), grown, write(0));
    const dirtyAt = core.at;
    core.take(setOption('dirtyAgeNs', 1e9));
    expect(nextDeadline(core.state, core.at)).to.equal(dirtyAt + 1e9);
  });
});

describe('a tick', () => {
  it('for which nothing waits is no event', () => {
    given(open(), grown, cached(3)).when(tick(3600e9)).then();
  });

  it('before anything is open, or after all is closed, is no event', () => {
    given().when(tickAt(1e9)).then();
  });

  it('before the deadline is no event', () => {
    given(open(), grown, write(3)).when(tick(1)).then();
  });
});

describe('the deadline', () => {
  it('is that of the first that waits for admission', () => {
    const { core } = given(open({ capacity: 1 }), grown, write(0), write(1));
    const since = core.at;
    core.take(write(2));
    expect(nextDeadline(core.state, core.at)).to.equal(since + core.state.limits.admissionTimeoutNs);
  });

  it('is not moved by reads', () => {
    const { core } = given(open(), grown, write(3), cached(5));
    const before = nextDeadline(core.state, core.at);
    core.take(read(5));
    core.take(read(6));
    core.take(settle);
    expect(nextDeadline(core.state, core.at)).to.equal(before);
  });
});

describe('an event', () => {
  it('is applied in its order, once', () => {
    const { events } = given(open(), grown, cached(3)).core;
    const core = new Core();
    core.take(events[0]);
    expect(() => core.take(events[0])).to.throw(InternalError);
    expect(() => core.take(events[2])).to.throw(InternalError);
  });

  it('of a type that nobody knows stops', () => {
    const { core } = given(open());
    const unknown = { ...core.events[0], seq: 2, type: 'sneezed' };
    expect(() => core.take(JSON.parse(JSON.stringify(unknown)))).to.throw(InternalError);
  });

  it('has the seq of its decision’s first as cause, and the time of the input', () => {
    const { core } = given(open(), read(3)).and(done('fill'));
    for (const event of core.events) {
      if (event.cause === 0) continue;
      const first = core.events[event.cause - 1];
      expect(first.cause).to.equal(0);
      expect(event.at).to.equal(first.at);
    }
    expect(core.events.map(({ seq }) => seq)).to.deep.equal(core.events.map((_, at) => at + 1));
  });
});
