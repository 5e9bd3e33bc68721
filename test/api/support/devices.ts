/** The devices that every request is tried on. */
import { readFileSync } from 'node:fs';
import { type BlockDevice, memoryDevice, openFileDevice } from '../../../src/index.js';
import { imageFolder } from '../../device/images.js';

export const DEVICE_KINDS = ['memory', 'file'] as const;
export type DeviceKind = (typeof DEVICE_KINDS)[number];

export interface MadeDevice {
  readonly device: BlockDevice;
  /** What the device holds now. */
  bytes(): Uint8Array;
}

/** Makes devices with given contents. Call it where `describe` runs. */
export function devicesOf(kind: DeviceKind): (contents: Uint8Array, readOnly?: boolean) => Promise<MadeDevice> {
  if (kind === 'memory') {
    return async (contents, readOnly = false) => {
      const device = memoryDevice({ bytes: contents.slice() }, { readOnly });
      return { device, bytes: () => device.bytes };
    };
  }
  const images = imageFolder();
  let made = 0;
  return async (contents, readOnly = false) => {
    const path = images.make(`${made++}.img`, contents);
    return { device: await openFileDevice(path, { readOnly }), bytes: () => readFileSync(path) };
  };
}

/** The same device, but for what is given. */
export function withParts(device: BlockDevice, parts: Partial<BlockDevice>): BlockDevice {
  return {
    supports: device.supports,
    sizeBytes: device.sizeBytes,
    identity: device.identity,
    fd: device.fd,
    read: (offset, buffers) => device.read(offset, buffers),
    write: (offset, buffers) => device.write(offset, buffers),
    barrier: () => device.barrier(),
    discard: (offset, length) => device.discard(offset, length),
    zero: (offset, length) => device.zero(offset, length),
    setOption: (name, value) => device.setOption(name, value),
    close: () => device.close(),
    ...parts,
  };
}
