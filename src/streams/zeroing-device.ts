import type { BlockDevice } from '../device/block-device.js';

/** Most zeros written at once. */
const CHUNK_BYTES = 1024 * 1024;

/** The device itself where it can zero; else the same device, which zeroes by writing. */
export function zeroingDevice(device: BlockDevice): BlockDevice {
  if (device.supports.zero || !device.supports.write) return device;
  return {
    supports: { ...device.supports, zero: true },
    sizeBytes: device.sizeBytes,
    identity: device.identity,
    fd: device.fd,
    read: (offset, buffers) => device.read(offset, buffers),
    write: (offset, buffers) => device.write(offset, buffers),
    barrier: () => device.barrier(),
    discard: (offset, length) => device.discard(offset, length),
    zero: (offset, length) => writeZeros(device, offset, length),
    setOption: (name, value) => device.setOption(name, value),
    close: () => device.close(),
  };
}

async function writeZeros(device: BlockDevice, offset: number, length: number): Promise<void> {
  const zeros = new Uint8Array(Math.min(CHUNK_BYTES, length));
  for (let done = 0; done < length; ) {
    const wanted = Math.min(zeros.length, length - done);
    const written = await device.write(offset + done, [zeros.subarray(0, wanted)]);
    // What a short write has reached is unknown: its first part may be missing as well.
    if (written !== wanted) throw new RangeError(`the device wrote ${written} of ${wanted} bytes`);
    done += written;
  }
}
