/** The one seam to time. Nothing else in the library reads a clock or sets a timer. */

export interface Clock {
  /** Nanoseconds since this clock's epoch. Exact: for what the device does. */
  now(): number;
  /** The same, read at most once a turn of the event loop and every few hundred calls: for what costs less than a look at the clock. */
  turn(): number;
  /** Calls back once at or after `at`, in nanoseconds since the epoch. `keepsAlive`: the process must not end before. */
  setTimer(at: number, keepsAlive: boolean, callback: () => void): CancelTimer;
  /** Calls back when the current turn of the event loop is over; a clock without turns calls back at once. */
  afterTurn(callback: () => void): void;
  /** Milliseconds since 1970 at this clock's epoch, for showing times to people. */
  readonly epochMs: number;
}

export type CancelTimer = () => void;

const NS_PER_MS = 1e6;
/** Longest wait that setTimeout takes; a longer one is waited for in parts. */
const TIMEOUT_MS_MAX = 2 ** 31 - 1;
/** In one long turn the time is read again after this many calls. */
const CALLS_PER_READING = 256;

export function systemClock(): Clock {
  // The global is a getter, which costs as much as the clock.
  const { performance } = globalThis;
  const originMs = performance.now();
  let reading = 0;
  let callsLeft = 0;
  const forget = () => {
    callsLeft = 0;
  };
  // Keeps the turn's reading up to date, so that the times of events never go back.
  const now = () => {
    reading = Math.round((performance.now() - originMs) * NS_PER_MS);
    return reading;
  };
  return {
    epochMs: performance.timeOrigin + originMs,
    now,
    turn() {
      if (callsLeft-- > 0) return reading;
      now();
      callsLeft = CALLS_PER_READING;
      setImmediate(forget).unref();
      return reading;
    },
    afterTurn(callback) {
      setImmediate(callback).unref();
    },
    setTimer(at, keepsAlive, callback) {
      let timer: NodeJS.Timeout;
      const wait = () => {
        const leftMs = Math.ceil((at - now()) / NS_PER_MS);
        timer = setTimeout(check, Math.min(Math.max(leftMs, 0), TIMEOUT_MS_MAX));
        if (!keepsAlive) timer.unref();
      };
      // Node's timers can fire up to a millisecond early: the loop's time is in whole ones.
      const check = () => (now() < at ? wait() : callback());
      wait();
      return () => clearTimeout(timer);
    },
  };
}
