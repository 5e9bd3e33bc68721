import type { BlockDevice } from '../device/block-device.js';

/** The same device, which is asked for nothing before `opened`: until then what is asked for waits. */
export function gatedDevice(device: BlockDevice, opened: Promise<void>): BlockDevice {
  let isOpen = false;
  const gate = opened.then(() => {
    isOpen = true;
  });
  const when = <T>(work: () => Promise<T>): Promise<T> => (isOpen ? work() : gate.then(work));
  return {
    supports: device.supports,
    sizeBytes: device.sizeBytes,
    identity: device.identity,
    fd: device.fd,
    read: (offset, buffers) => when(() => device.read(offset, buffers)),
    write: (offset, buffers) => when(() => device.write(offset, buffers)),
    barrier: () => when(() => device.barrier()),
    discard: (offset, length) => when(() => device.discard(offset, length)),
    zero: (offset, length) => when(() => device.zero(offset, length)),
    setOption: (name, value) => when(() => device.setOption(name, value)),
    close: () => device.close(),
  };
}
