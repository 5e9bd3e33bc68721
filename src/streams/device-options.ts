import type { BlockDevice } from '../device/block-device.js';
import { CachetrailError, DeviceError } from '../device/errors.js';
import { inTime, type TimeLimit } from './in-time.js';

/** Rejects with a CachetrailError, whatever the device makes of it, and if it does not answer in time. */
export async function setDeviceOption(
  device: BlockDevice,
  name: string,
  value: string,
  limit: TimeLimit,
): Promise<void> {
  try {
    await inTime(limit, () => device.setOption(name, value));
  } catch (cause) {
    if (cause instanceof CachetrailError) throw cause;
    throw new DeviceError('CACHETRAIL_UNKNOWN_OPTION', `the device would not take ${value} for ${name}`, { cause });
  }
}
