import type { BlockDevice } from '../device/block-device.js';
import { CachetrailError, DeviceError } from '../device/errors.js';
import type { Clock } from './clock.js';
import { timedOut } from './device-lane.js';

/** Rejects with a CachetrailError, whatever the device makes of it, and if it does not answer in time. */
export async function setDeviceOption(
  device: BlockDevice,
  name: string,
  value: string,
  timeout: { readonly clock: Clock; readonly ns: number },
): Promise<void> {
  const { clock, ns } = timeout;
  let cancel = () => {};
  const late = new Promise<never>((_resolve, reject) => {
    cancel = clock.setTimer(clock.now() + ns, true, () => reject(timedOut(ns)));
  });
  try {
    // Of a device that throws, this makes a rejection too.
    await Promise.race([new Promise<void>((resolve) => resolve(device.setOption(name, value))), late]);
  } catch (cause) {
    if (cause instanceof CachetrailError) throw cause;
    throw new DeviceError('CACHETRAIL_UNKNOWN_OPTION', `the device would not take ${value} for ${name}`, { cause });
  } finally {
    cancel();
  }
}
