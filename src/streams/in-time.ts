import type { Clock } from './clock.js';
import { timedOut } from './device-lane.js';

export interface TimeLimit {
  readonly clock: Clock;
  readonly ns: number;
}

/** What `ask` answers; rejects with DeviceError CACHETRAIL_DEVICE_TIMEOUT if that takes too long. A throw is a rejection too. */
export async function inTime<Answer>({ clock, ns }: TimeLimit, ask: () => Promise<Answer>): Promise<Answer> {
  let cancel = () => {};
  const late = new Promise<never>((_resolve, reject) => {
    cancel = clock.setTimer(clock.now() + ns, true, () => reject(timedOut(ns)));
  });
  try {
    return await Promise.race([new Promise<Answer>((resolve) => resolve(ask())), late]);
  } finally {
    cancel();
  }
}
