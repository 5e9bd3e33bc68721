/** A device as the disk that ext2fs mounts, with nothing in between: what the cache is compared with. */
import type { BlockDevice } from '../../device/block-device.js';
import type { WatchedDisk } from './mount.js';

export function bareDisk(device: BlockDevice): WatchedDisk {
  return new BareDisk(device);
}

class BareDisk implements WatchedDisk {
  errorCount = 0;
  lastError: { readonly error: unknown } | null = null;
  readonly #device: BlockDevice;

  constructor(device: BlockDevice) {
    this.#device = device;
  }

  read(buffer: Buffer, bufferOffset: number, length: number, fileOffset: number): Promise<unknown> {
    return this.#watched(this.#device.read(fileOffset, [buffer.subarray(bufferOffset, bufferOffset + length)]));
  }

  write(buffer: Buffer, bufferOffset: number, length: number, fileOffset: number): Promise<unknown> {
    return this.#watched(this.#device.write(fileOffset, [buffer.subarray(bufferOffset, bufferOffset + length)]));
  }

  async flush(): Promise<void> {
    await this.#watched(this.#device.barrier());
  }

  /** A hint, and libext2fs gives none in the demo. */
  async discard(): Promise<void> {}

  async #watched<T>(answer: Promise<T>): Promise<T> {
    try {
      return await answer;
    } catch (error) {
      this.errorCount++;
      this.lastError = { error };
      throw error;
    }
  }
}
