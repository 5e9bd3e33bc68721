import { expect } from 'chai';
import { TestScheduler } from 'rxjs/testing';
import type { CancelTimer, Clock } from '../../src/streams/clock.js';
import { drain, type VirtualClock } from './virtual-clock.js';

const NS_PER_FRAME = 1e6;

/** A frame of a marble diagram, in nanoseconds. */
export function frame(number: number): number {
  return number * NS_PER_FRAME;
}

/** For marble diagrams: what is seen must be what is drawn. */
export function testScheduler(): TestScheduler {
  return new TestScheduler((actual, drawn) => {
    expect(actual).to.deep.equal(drawn);
  });
}

/** The time of a TestScheduler as a clock: a frame is a millisecond. Only for what uses no promises. */
export class SchedulerClock implements Clock {
  readonly epochMs = 0;
  /** Timers set and neither fired nor cancelled. */
  timers = 0;
  /** What each timer was set to, in order. */
  readonly keptAlive: boolean[] = [];
  readonly #scheduler: TestScheduler;

  constructor(scheduler: TestScheduler) {
    this.#scheduler = scheduler;
  }

  now(): number {
    return frame(this.#scheduler.now());
  }

  turn(): number {
    return this.now();
  }

  afterTurn(callback: () => void): void {
    callback();
  }

  setTimer(at: number, keepsAlive: boolean, callback: () => void): CancelTimer {
    this.timers++;
    this.keptAlive.push(keepsAlive);
    const action = this.#scheduler.schedule(
      () => {
        this.timers--;
        action.unsubscribe();
        callback();
      },
      Math.max(0, (at - this.now()) / NS_PER_FRAME),
    );
    return () => {
      if (action.closed) return;
      this.timers--;
      action.unsubscribe();
    };
  }
}

/** Lets a virtual clock run to a time, nanoseconds, with all microtasks run before and after every timer. */
export async function advanceTo(clock: VirtualClock, at: number): Promise<void> {
  let isThere = false;
  clock.setTimer(at, false, () => {
    isThere = true;
  });
  await drain();
  while (!isThere) {
    clock.step();
    await drain();
  }
}

/** The same for a time from now. */
export function advance(clock: VirtualClock, ns: number): Promise<void> {
  return advanceTo(clock, clock.now() + ns);
}
