/** What a replay may write to: a new file, a copy, or, where that is asked for by name, the thing itself. */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import type { BlockDevice } from '../../../device/block-device.js';
import { openFileDevice } from '../../../device/index.js';
import { usage } from '../arguments.js';
import { wholeText } from '../text.js';
import type { RealOption } from './device-option.js';
import { sizeText } from './what-if-table.js';

/** The device of a recording. */
export interface RecordedDevice {
  readonly identity: string;
  readonly deviceBytes: number;
}

export interface Scratch {
  readonly device: BlockDevice;
  /** In words, for a table. */
  readonly words: string;
  close(): Promise<void>;
}

export interface ScratchOptions {
  readonly signal: AbortSignal;
  readonly onProgress: (done: number, total: number) => void;
}

/** Rejects with DeviceError, with UsageError for what must not be written to, with the system's error, and with the signal's reason. */
export async function openScratch(
  { path: place, overwrite }: RealOption,
  recorded: RecordedDevice,
  options: ScratchOptions,
): Promise<Scratch> {
  if (overwrite) return overwritten(place, recorded);
  const kind = statSync(place);
  if (kind.isDirectory()) {
    const device = await temporary(place, recorded.deviceBytes);
    return scratch(device, `on a new file of ${sizeText(recorded.deviceBytes)} in ${place}`);
  }
  if (!kind.isFile())
    throw usage(`--device ${place} is no image: to write to it, and lose what is on it, add --overwrite`);
  const source = await openFileDevice(place, { readOnly: true });
  try {
    const device = await temporary(path.dirname(place), Math.max(source.sizeBytes, recorded.deviceBytes));
    await copy(source, device, options).catch(async (error: unknown) => {
      await device.close();
      throw error;
    });
    return scratch(device, `on a copy of ${place}`);
  } finally {
    await source.close();
  }
}

async function overwritten(place: string, { identity, deviceBytes }: RecordedDevice): Promise<Scratch> {
  if (statSync(place).isDirectory()) throw usage(`--overwrite: ${place} is a folder`);
  const device = await openFileDevice(place);
  const refuse = async (message: string) => {
    await device.close();
    throw usage(message);
  };
  if (device.identity === identity)
    await refuse(`--overwrite: ${place} is the device that the journal was recorded of`);
  if (device.sizeBytes < deviceBytes) {
    const sizes = `${wholeText(device.sizeBytes)} bytes, and the recorded device ${wholeText(deviceBytes)}`;
    await refuse(`--overwrite: ${place} has ${sizes}`);
  }
  return scratch(device, `on ${place}`);
}

function scratch(device: BlockDevice, words: string): Scratch {
  return { device, words, close: () => device.close() };
}

/** Without a name from the beginning: however this process ends, nothing is left. */
async function temporary(directory: string, sizeBytes: number): Promise<BlockDevice> {
  const folder = mkdtempSync(path.join(directory, '.cachetrail-replay-'));
  try {
    return await openFileDevice(path.join(folder, 'device'), { create: { sizeBytes } });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const PIECE_BYTES = 1 << 20;

/** What is zero stays a hole. */
async function copy(from: BlockDevice, to: BlockDevice, { signal, onProgress }: ScratchOptions): Promise<void> {
  const piece = Buffer.alloc(PIECE_BYTES);
  const zeros = Buffer.alloc(PIECE_BYTES);
  for (let offset = 0; offset < from.sizeBytes; offset += PIECE_BYTES) {
    signal.throwIfAborted();
    const bytes = piece.subarray(0, Math.min(PIECE_BYTES, from.sizeBytes - offset));
    await from.read(offset, [bytes]);
    if (!bytes.equals(zeros.subarray(0, bytes.length))) await to.write(offset, [bytes]);
    onProgress(offset + bytes.length, from.sizeBytes);
  }
  // Else the first barrier of the replay would pay for it.
  await to.barrier();
}
