import { expect } from 'chai';
import { systemClock } from '../../src/streams/clock.js';
import { advance, advanceTo } from '../support/clock.js';
import { VirtualClock } from '../support/virtual-clock.js';

const MS = 1e6;

describe('the system clock', () => {
  it('counts nanoseconds from when it was made, and never goes back', () => {
    const clock = systemClock();
    let before = 0;
    for (let look = 0; look < 2000; look++) {
      const at = look % 3 === 0 ? clock.now() : clock.turn();
      expect(Number.isSafeInteger(at)).to.equal(true);
      expect(at).to.be.at.least(before);
      before = at;
    }
    expect(before).to.be.lessThan(60_000 * MS);
  });

  it('tells when it was made', () => {
    const before = performance.timeOrigin + performance.now();
    const { epochMs } = systemClock();
    expect(epochMs).to.be.within(before, performance.timeOrigin + performance.now());
  });

  it('gives the same time all through a turn, unless it is long', () => {
    const clock = systemClock();
    const first = clock.turn();
    const end = performance.now() + 2;
    while (performance.now() < end);
    expect(clock.turn()).to.equal(first);
    for (let call = 0; call < 300; call++) clock.turn();
    expect(clock.turn()).to.be.greaterThan(first);
  });

  it('gives a new time in the next turn', async () => {
    const clock = systemClock();
    const first = clock.turn();
    await new Promise((resolve) => setTimeout(resolve, 2));
    expect(clock.turn()).to.be.greaterThan(first);
  });

  it('calls back at the time or after it, never before, also while the process is busy', async () => {
    const clock = systemClock();
    const early: number[] = [];
    let busy = true;
    const spin = () => {
      if (busy) setImmediate(spin);
    };
    spin();
    const timers = Array.from({ length: 60 }, (_, number) => {
      const at = clock.now() + 1.3 * MS + number * 0.37 * MS;
      return new Promise<void>((resolve) => {
        clock.setTimer(at, true, () => {
          if (clock.now() < at) early.push(at);
          resolve();
        });
      });
    });
    await Promise.all(timers);
    busy = false;
    expect(early).to.deep.equal([]);
  });

  it('calls back soon for a time that is past, and never inside the call', async () => {
    const clock = systemClock();
    let isInside = true;
    const inside = await new Promise<boolean>((resolve) => {
      clock.setTimer(-5, true, () => resolve(isInside));
      isInside = false;
    });
    expect(inside).to.equal(false);
  });

  it('does not call back once it is cancelled', async () => {
    const clock = systemClock();
    let called = false;
    const cancel = clock.setTimer(clock.now() + MS, true, () => {
      called = true;
    });
    cancel();
    cancel();
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(called).to.equal(false);
  });

  it('takes waits that are longer than a timer of the system', () => {
    const clock = systemClock();
    const cancel = clock.setTimer(100 * 24 * 3600 * 1000 * MS, false, () => expect.fail('it is not due'));
    cancel();
  });
});

describe('the virtual clock', () => {
  it('fires timers in order of their time, then of their setting, with microtasks in between', async () => {
    const clock = new VirtualClock();
    const seen: string[] = [];
    const note = (name: string) => () => {
      seen.push(`${name}${clock.now()}`);
      Promise.resolve().then(() => seen.push(`after ${name}`));
    };
    clock.setTimer(20, true, note('b'));
    clock.setTimer(10, true, note('a'));
    clock.setTimer(20, true, note('c'));
    clock.setTimer(31, true, note('d'));
    await advanceTo(clock, 30);
    expect(seen).to.deep.equal(['a10', 'after a', 'b20', 'after b', 'c20', 'after c']);
    expect([clock.now(), clock.turn(), clock.timers]).to.deep.equal([30, 30, 1]);
  });

  it('fires what is set by what it fires', async () => {
    const clock = new VirtualClock();
    const seen: number[] = [];
    const again = () => {
      seen.push(clock.now());
      if (seen.length < 3) clock.setTimer(clock.now() + 4, true, again);
    };
    clock.setTimer(4, true, again);
    await advance(clock, 13);
    expect(seen).to.deep.equal([4, 8, 12]);
  });

  it('does not fire what is cancelled', async () => {
    const clock = new VirtualClock();
    const cancel = clock.setTimer(5, true, () => expect.fail('it is cancelled'));
    cancel();
    await advance(clock, 10);
    expect(clock.timers).to.equal(0);
  });

  it('waits for a promise by going on to the next timer', async () => {
    const clock = new VirtualClock();
    const done = new Promise<string>((resolve) => clock.setTimer(7, true, () => resolve('done')));
    expect(await clock.until(done)).to.equal('done');
    expect(clock.now()).to.equal(7);
  });

  it('says so where nothing is left that could settle a promise', async () => {
    const error = await new VirtualClock().until(new Promise<void>(() => {})).catch((thrown: unknown) => thrown);
    expect(error).to.be.an('error');
  });
});
