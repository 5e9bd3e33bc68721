/**
 * What device operations tell `node:diagnostics_channel`, on a tracing channel as Node's own libraries have them, for
 * watchers that know nothing of a cache. Who wants to know more follows the events.
 */
import { tracingChannel } from 'node:diagnostics_channel';

/** The tracing channel's name: its messages come on `tracing:cachetrail:device:start`, `…:end` and so on. */
export const DEVICE_CHANNEL = 'cachetrail:device';

/** What every message of one device operation carries: the same object from `start` to `asyncEnd`. */
export interface DeviceChannelContext {
  readonly operation: 'read' | 'write' | 'barrier' | 'discard' | 'zero';
  /** The device's identity. */
  readonly device: string;
  /** The operation's number, as in the events of this cache. */
  readonly io: number;
  /** The first block and how many; 0 for a barrier, which is about all. */
  readonly block: number;
  readonly count: number;
  /** The same in bytes. */
  readonly offset: number;
  readonly length: number;
  /** The device's own error, there from the `error` message on. */
  error?: unknown;
}

const channel = tracingChannel<unknown, DeviceChannelContext>(DEVICE_CHANNEL);

/** Somebody listens. The one thing that an operation asks when nobody does. */
export function isDeviceChannelWatched(): boolean {
  return channel.hasSubscribers;
}

/** Starts an operation between `start` and `end`, within the stores that are bound to `start`. */
export function startOnChannel<T>(context: DeviceChannelContext, start: () => T): T {
  const started = channel.start.runStores(context, start);
  channel.end.publish(context);
  return started;
}

/** Tells of its end: `error` if it failed, then `tell` between `asyncStart` and `asyncEnd`. */
export function endOnChannel(context: DeviceChannelContext, error: unknown, tell: () => void): void {
  if (error !== null) {
    context.error = error;
    channel.error.publish(context);
  }
  channel.asyncStart.publish(context);
  tell();
  channel.asyncEnd.publish(context);
}
