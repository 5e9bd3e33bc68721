import type { BlockDevice } from '../device/block-device.js';
import { CachetrailError, DeviceError } from '../device/errors.js';

/** Rejects with a CachetrailError, whatever the device makes of it. */
export async function setDeviceOption(device: BlockDevice, name: string, value: string): Promise<void> {
  try {
    await device.setOption(name, value);
  } catch (cause) {
    if (cause instanceof CachetrailError) throw cause;
    throw new DeviceError('CACHETRAIL_UNKNOWN_OPTION', `the device would not take ${value} for ${name}`, { cause });
  }
}
