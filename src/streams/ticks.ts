import { Observable, type OperatorFunction } from 'rxjs';
import type { CancelTimer, Clock } from './clock.js';

/** When the core next wants a tick. */
export interface Deadline {
  /** Nanoseconds since the clock's epoch. */
  readonly at: number;
  /** Something would be lost or left waiting if the process ended before. */
  readonly keepsAlive: boolean;
}

/**
 * Deadlines in, ticks out: each tick is the time at which the latest deadline came. A new deadline replaces the one
 * before, and null cancels it, so that an idle cache has no timer.
 */
export function ticks(clock: Clock): OperatorFunction<Deadline | null, number> {
  return (deadlines) =>
    new Observable((subscriber) => {
      // The one timer, or null when nothing is waited for.
      let cancel: CancelTimer | null = null;
      const clear = () => {
        cancel?.();
        cancel = null;
      };
      const subscription = deadlines.subscribe({
        next(deadline) {
          clear();
          if (deadline === null) return;
          cancel = clock.setTimer(deadline.at, deadline.keepsAlive, () => {
            cancel = null;
            subscriber.next(clock.now());
          });
        },
        error(error) {
          clear();
          subscriber.error(error);
        },
        complete() {
          clear();
          subscriber.complete();
        },
      });
      return () => {
        clear();
        subscription.unsubscribe();
      };
    });
}
