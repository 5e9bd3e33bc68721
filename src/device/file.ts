/** A regular file or block device as a device. */
import fs from 'node:fs';
import { promisify } from 'node:util';
import type { BlockDevice, DeviceManifest } from './block-device.js';
import { type CachetrailError, DeviceError } from './errors.js';
import { type OpenedFile, openFile } from './file-open.js';
import { isUnsupported, type PunchHole } from './holes.js';
import { Lifetime } from './lifetime.js';
import { bytesOf, closedError, rangeError, readOnlyError, unknownOptionError, unsupportedError } from './transfer.js';
import { readAll, writeAll, writeZeros } from './vectored.js';

export interface FileDeviceOptions {
  /** Default false. */
  readonly readOnly?: boolean;
  /** False opens without a lock: then it is for you to see that nobody else writes. Default true. */
  readonly lock?: boolean;
  /** Makes a file of zeros of this size first. There must be nothing at the path. */
  readonly create?: { readonly sizeBytes: number };
}

/**
 * Opens a regular file or block device, and locks it: exclusively, or together with other readers if `readOnly`. The
 * lock is advisory and goes with the process; a block device that the system has mounted is refused too, on Linux.
 *
 * A file is never made longer or shorter, but for one that was made shorter meanwhile: what is written or zeroed is there. Failed operations reject with the system's own error, as Node gives it.
 * A write is in the page cache when it is answered, and on the disk when the next `barrier` (fdatasync) is. `discard` and
 * `zero` punch holes where they can, so a file may become sparse; elsewhere `zero` writes zeros, and `discard` is not
 * supported. Node runs all file operations of a process on a few threads: 4, if UV_THREADPOOL_SIZE says nothing else.
 *
 * Its identity is the file's path and inode number; of a block device, on Linux, the disk's worldwide name (and partition) where
 * it has one, else its path with its serial number, the file behind it (loop) or `major:minor`.
 *
 * Rejects with DeviceError CACHETRAIL_DEVICE_NOT_FOUND, _KIND, _EMPTY, _ACCESS, _LOCKED or _OPEN_FAILED, or
 * CACHETRAIL_MISSING_DEPENDENCY if the platform has no lock; the system's error is the `cause`. Rejects with ArgumentError
 * CACHETRAIL_INVALID_ARGUMENT for what can't be a path or an option.
 */
export async function openFileDevice(path: string, options: FileDeviceOptions = {}): Promise<BlockDevice> {
  return new FileDevice(await openFile(path, options));
}

class FileDevice implements BlockDevice {
  readonly supports: DeviceManifest;
  readonly sizeBytes: number;
  readonly identity: string;
  readonly #fd: number;
  readonly #punchHole: PunchHole | undefined;
  readonly #lifetime = new Lifetime();

  constructor({ fd, sizeBytes, identity, readOnly, punchHole }: OpenedFile) {
    this.supports = { write: !readOnly, durable: true, discard: punchHole !== undefined, zero: !readOnly };
    this.sizeBytes = sizeBytes;
    this.identity = identity;
    this.#fd = fd;
    this.#punchHole = punchHole;
  }

  /** Undefined once closed: the system may give the number to another file. */
  get fd(): number | undefined {
    return this.#lifetime.closed ? undefined : this.#fd;
  }

  read(offset: number, buffers: readonly Uint8Array[]): Promise<number> {
    const length = bytesOf(buffers);
    const error = this.#lifetime.closed ? closedError(this.identity) : rangeError(offset, length, this.sizeBytes);
    if (error !== undefined) return Promise.reject(error);
    return this.#lifetime.track(readAll(this.#fd, offset, buffers, length));
  }

  write(offset: number, buffers: readonly Uint8Array[]): Promise<number> {
    const length = bytesOf(buffers);
    const error = this.#refusal(true, 'write') ?? rangeError(offset, length, this.sizeBytes);
    if (error !== undefined) return Promise.reject(error);
    return this.#lifetime.track(writeAll(this.#fd, offset, buffers, length));
  }

  barrier(): Promise<void> {
    if (this.#lifetime.closed) return Promise.reject(closedError(this.identity));
    if (!this.supports.write) return Promise.resolve();
    return this.#lifetime.track(fdatasync(this.#fd));
  }

  discard(offset: number, length: number): Promise<void> {
    const error = this.#refusal(this.supports.discard, 'discard') ?? rangeError(offset, length, this.sizeBytes);
    if (error !== undefined) return Promise.reject(error);
    return this.#lifetime.track(this.#discard(offset, length));
  }

  zero(offset: number, length: number): Promise<void> {
    const error = this.#refusal(true, 'zero') ?? rangeError(offset, length, this.sizeBytes);
    if (error !== undefined) return Promise.reject(error);
    return this.#lifetime.track(this.#zero(offset, length));
  }

  setOption(name: string): Promise<void> {
    return Promise.reject(this.#lifetime.closed ? closedError(this.identity) : unknownOptionError(this.identity, name));
  }

  /** Waits for the operations in flight. Syncs nothing: that is what `barrier` is for. */
  close(): Promise<void> {
    return this.#lifetime.close(() => close(this.#fd));
  }

  async #discard(offset: number, length: number): Promise<void> {
    await this.#punch(offset, length);
  }

  async #zero(offset: number, length: number): Promise<void> {
    const hole = await this.#punch(offset, length);
    if (hole.length > 0) await this.#reach(hole.offset + hole.length);
    await this.#writeZeros(offset, hole.offset - offset);
    await this.#writeZeros(hole.offset + hole.length, offset + length - (hole.offset + hole.length));
  }

  /** Resolves with the part that is a hole now, an empty one at `offset` where holes turn out not to be possible. */
  async #punch(offset: number, length: number): ReturnType<PunchHole> {
    const nothing = { offset, length: 0 };
    if (this.#punchHole === undefined || length === 0) return nothing;
    try {
      return await this.#punchHole(offset, length);
    } catch (error) {
      if (isUnsupported(error)) return nothing;
      throw error;
    }
  }

  /** A hole past the end of a file is nothing: one that has become shorter is made as long again, as by a write. */
  async #reach(end: number): Promise<void> {
    const stats = await fstat(this.#fd);
    if (stats.isFile() && stats.size < end) await this.#writeZeros(end - 1, 1);
  }

  async #writeZeros(offset: number, length: number): Promise<void> {
    const written = await writeZeros(this.#fd, offset, length);
    if (written === length) return;
    const message = `${this.identity} took ${written} of ${length} zeros at ${offset}`;
    throw new DeviceError('CACHETRAIL_SHORT_WRITE', message);
  }

  #refusal(able: boolean, operation: string): CachetrailError | undefined {
    if (this.#lifetime.closed) return closedError(this.identity);
    if (!this.supports.write) return readOnlyError(this.identity);
    return able ? undefined : unsupportedError(this.identity, operation);
  }
}

const fdatasync = promisify(fs.fdatasync);
const fstat = (fd: number) => promisify(fs.fstat)(fd);
const close = promisify(fs.close);
