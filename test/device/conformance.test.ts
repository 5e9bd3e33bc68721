import { rmSync } from 'node:fs';
import { type BlockDevice, faultDevice, latencyDevice, memoryDevice, openFileDevice } from '../../src/device/index.js';
import { type DeviceFactory, deviceConformance } from '../../src/testing/index.js';
import { holesWork, imageFolder } from './images.js';
import { attachLoop, detachLoop, skipWithoutLoops } from './loop.js';

const HOLES = await holesWork();
const ALL = { write: true, durable: false, discard: true, zero: true };

type Wrap = (device: BlockDevice) => BlockDevice;

/** Over memory, wrapped in any filter. What is written outlives a close, since the bytes do. */
function overMemory(wrap: Wrap): DeviceFactory {
  let bytes = new Uint8Array(0);
  return {
    create: async (contents) => {
      bytes = contents.slice();
      return wrap(memoryDevice({ bytes }));
    },
    reopen: async () => wrap(memoryDevice({ bytes })),
  };
}

/** Takes turns of the event loop, in an order that jitter mixes, and no time. */
function slowed(device: BlockDevice): BlockDevice {
  const setTimer = (turns: number, callback: () => void): void => {
    if (turns < 1) setImmediate(callback);
    else setImmediate(() => setTimer(turns - 1, callback));
  };
  return latencyDevice(device, { readMs: 2, writeMs: 2, barrierMs: 3, discardMs: 1, zeroMs: 2, jitter: 1, setTimer });
}

function overFile(wrap: Wrap, readOnly = false): DeviceFactory {
  const images = imageFolder();
  const open = async () => wrap(await openFileDevice(images.path('image'), { readOnly }));
  return {
    create: async (contents) => {
      images.make('image', contents);
      return open();
    },
    reopen: open,
    destroy: async () => rmSync(images.path('image')),
  };
}

function overLoop(readOnly = false): DeviceFactory {
  const images = imageFolder();
  let path = '';
  return {
    create: async (contents) => {
      path = attachLoop(images.make('image', contents), { readOnly });
      return openFileDevice(path, { readOnly });
    },
    reopen: () => openFileDevice(path, { readOnly }),
    destroy: async () => detachLoop(path),
  };
}

describe('conformance', () => {
  deviceConformance(
    { describe, it },
    'memory',
    overMemory((device) => device),
    { supports: ALL },
  );
  deviceConformance(
    { describe, it },
    'memory, read-only',
    { create: async (bytes) => memoryDevice({ bytes }, { readOnly: true }) },
    { supports: { write: false, durable: false, discard: false, zero: false } },
  );
  deviceConformance(
    { describe, it },
    'memory without discard and zero',
    { create: async (bytes) => memoryDevice({ bytes }, { discard: false, zero: false }) },
    { supports: { write: true, durable: false, discard: false, zero: false } },
  );
  deviceConformance(
    { describe, it },
    'fault over memory',
    overMemory((device) => faultDevice(device)),
    { supports: ALL },
  );
  deviceConformance(
    { describe, it },
    'fault, volatile, over memory',
    overMemory((device) => faultDevice(device, { volatile: true })),
    { supports: { ...ALL, durable: true } },
  );

  deviceConformance({ describe, it }, 'latency over memory', overMemory(slowed), { supports: ALL });
  deviceConformance(
    { describe, it },
    'latency over fault over latency over memory',
    overMemory((device) => slowed(faultDevice(slowed(device)))),
    { supports: ALL },
  );

  const file = { ...ALL, durable: true, discard: HOLES };
  const readOnlyFile = { write: false, durable: true, discard: false, zero: false };
  deviceConformance(
    { describe, it },
    'file',
    overFile((device) => device),
    { supports: file },
  );
  deviceConformance(
    { describe, it },
    'file, read-only',
    overFile((device) => device, true),
    { supports: readOnlyFile },
  );
  deviceConformance(
    { describe, it },
    'fault over file',
    overFile((device) => faultDevice(device)),
    { supports: file },
  );
  deviceConformance(
    { describe, it },
    'fault over fault, volatile, over file',
    overFile((device) => faultDevice(faultDevice(device, { volatile: true }))),
    { supports: file },
  );

  deviceConformance({ describe, it }, 'latency over file', overFile(slowed), { supports: file });

  describe('conformance on a block device', () => {
    before(skipWithoutLoops);
    deviceConformance({ describe, it }, 'block device', overLoop(), {
      supports: { ...ALL, durable: true },
      sizeUnit: 512,
    });
    deviceConformance({ describe, it }, 'block device, read-only', overLoop(true), {
      supports: readOnlyFile,
      sizeUnit: 512,
    });
  });
});
