/** Counts what a device is asked to do. A filter: it changes nothing. */
import type { BlockDevice } from '../../device/block-device.js';

/** What reached the device, failed operations included. */
export interface DeviceCounts {
  readonly deviceReads: number;
  readonly deviceWrites: number;
  readonly barriers: number;
  readonly bytesRead: number;
  readonly bytesWritten: number;
}

export interface CountingDevice extends BlockDevice {
  readonly counts: DeviceCounts;
}

export function countingDevice(device: BlockDevice): CountingDevice {
  const counts = { deviceReads: 0, deviceWrites: 0, barriers: 0, bytesRead: 0, bytesWritten: 0 };
  return {
    counts,
    supports: device.supports,
    sizeBytes: device.sizeBytes,
    identity: device.identity,
    fd: device.fd,
    async read(offset, buffers) {
      counts.deviceReads++;
      const bytes = await device.read(offset, buffers);
      counts.bytesRead += bytes;
      return bytes;
    },
    async write(offset, buffers) {
      counts.deviceWrites++;
      const bytes = await device.write(offset, buffers);
      counts.bytesWritten += bytes;
      return bytes;
    },
    barrier() {
      counts.barriers++;
      return device.barrier();
    },
    discard: (offset, length) => device.discard(offset, length),
    zero: (offset, length) => device.zero(offset, length),
    setOption: (name, value) => device.setOption(name, value),
    close: () => device.close(),
  };
}
