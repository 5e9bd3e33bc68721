import { expect } from 'chai';
import { Subject, tap } from 'rxjs';
import { type Deadline, ticks } from '../../src/streams/ticks.js';
import { frame, SchedulerClock, testScheduler } from '../support/clock.js';

/** Deadlines by letter: a to f come at frames 3 to 8, x is none. */
const DEADLINES: Readonly<Record<string, Deadline | null>> = {
  ...Object.fromEntries([...'abcdef'].map((name, at) => [name, { at: frame(at + 3), keepsAlive: false }])),
  x: null,
};
/** Ticks by digit: the frame at which they come. */
const TICKS = Object.fromEntries([...'0123456789'].map((digit) => [digit, frame(Number(digit))]));

interface Diagram {
  readonly deadlines: string;
  readonly expected: string;
  /** When the subscriber is there; by default always. */
  readonly watched?: string;
  /** When the operator is subscribed to its deadlines. */
  readonly subscribed?: string;
}

/** Draws the operator, and gives the clock that it ran on. No timer may be left. */
function draw({ deadlines, expected, watched, subscribed }: Diagram): SchedulerClock {
  const scheduler = testScheduler();
  const clock = new SchedulerClock(scheduler);
  scheduler.run(({ hot, expectObservable, expectSubscriptions }) => {
    const source = hot(deadlines, DEADLINES, 'error');
    expectObservable(source.pipe(ticks(clock)), watched).toBe(expected, TICKS, 'error');
    if (subscribed !== undefined) expectSubscriptions(source.subscriptions).toBe(subscribed);
  });
  expect(clock.timers, 'timers left').to.equal(0);
  return clock;
}

describe('ticks', () => {
  it('come when the deadline does, with the time', () => {
    draw({
      deadlines: '-c--------',
      expected: ' -----5----',
    });
  });

  it('come once for a deadline', () => {
    draw({
      deadlines: 'a--------|',
      expected: ' ---3-----|',
    });
  });

  it('come at the latest deadline only: an earlier one replaces a later one', () => {
    draw({
      deadlines: 'f-b-------',
      expected: ' ----4-----',
    });
  });

  it('come at the latest deadline only: a later one replaces an earlier one', () => {
    draw({
      deadlines: 'a-f-------',
      expected: ' --------8-',
    });
  });

  it('do not come when the deadline is cancelled', () => {
    draw({
      deadlines: 'c--x------',
      expected: ' ----------',
    });
  });

  it('come again for the next deadline', () => {
    draw({
      deadlines: 'a---d--f--',
      expected: ' ---3--6-8-',
    });
  });

  it('come in the frame in which a deadline is already past', () => {
    draw({
      deadlines: '------a---',
      expected: ' ------6---',
    });
  });

  it('do not come after the deadlines have completed', () => {
    draw({
      deadlines: 'c---|',
      expected: ' ----|',
      subscribed: '^---!',
    });
  });

  it('do not come after an error, which is passed on', () => {
    draw({
      deadlines: 'c---#',
      expected: ' ----#',
      subscribed: '^---!',
    });
  });

  it('do not come to one who has left, and the deadlines are left too', () => {
    draw({
      deadlines: 'c---------',
      watched: '  ^--!------',
      expected: ' ----------',
      subscribed: '^--!------',
    });
  });

  it('never come without a deadline', () => {
    draw({
      deadlines: '----x---x-',
      expected: ' ----------',
    });
    draw({
      deadlines: '|',
      expected: ' |',
    });
    draw({
      deadlines: '-',
      expected: ' -',
    });
  });

  it('ask the clock for nothing that is cancelled, and for one timer at a time', () => {
    const clock = draw({
      deadlines: 'a-f-x-e---',
      expected: ' -------7--',
    });
    expect(clock.keptAlive).to.have.length(3);
  });

  it('keep the process alive where the deadline says so', () => {
    const scheduler = testScheduler();
    const clock = new SchedulerClock(scheduler);
    scheduler.run(({ cold, expectObservable }) => {
      const values = { a: { at: frame(3), keepsAlive: true }, b: { at: frame(5), keepsAlive: false } };
      expectObservable(cold('a---b---|', values).pipe(ticks(clock))).toBe('---3-5--|', TICKS);
    });
    expect(clock.keptAlive).to.deep.equal([true, false]);
  });

  it('may bring about the next deadline', () => {
    const scheduler = testScheduler();
    const clock = new SchedulerClock(scheduler);
    scheduler.run(({ hot, expectObservable }) => {
      const deadlines = new Subject<Deadline | null>();
      hot('a', DEADLINES).subscribe((deadline) => deadlines.next(deadline));
      const again = deadlines.pipe(
        ticks(clock),
        tap((at) => deadlines.next(at < frame(7) ? { at: at + frame(2), keepsAlive: false } : null)),
      );
      expectObservable(again).toBe('---3-5-7--', TICKS);
    });
    expect(clock.timers).to.equal(0);
  });
});
