/**
 * A cache as the disk that `ext2fs` mounts, with the methods that users of `file-disk` know.
 *
 * libext2fs turns every rejection into its errno 29 (EIO), and loses some of them: a failed write may show only as a file
 * that is shorter than it should be. The disk therefore keeps the errors as they came: see `lastError` and `errors`.
 */
import { ArgumentError, codeOf } from '../device/errors.js';
import type { BlockCache } from '../streams/block-cache.js';

/** What the adapter needs of a cache. */
export type CachedBytes = Pick<
  BlockCache,
  'sizeBytes' | 'blockSize' | 'readOnly' | 'readBytes' | 'writeBytes' | 'flush' | 'discard'
>;

export interface Ext2fsDiskOptions {
  /** Label of the disk's requests in the event stream. */
  readonly actor?: string;
}

/** Offsets and lengths are bytes. */
export interface Ext2fsDisk {
  readonly readOnly: boolean;
  /** The last failed request, or null. */
  readonly lastError: DiskFailure | null;
  /** The most recent failed requests, oldest first: at most 64. */
  readonly errors: readonly DiskFailure[];
  /** All failed requests since the disk was made, those no longer in `errors` included. */
  readonly errorCount: number;
  /**
   * Reads up to `length` bytes from `fileOffset` into `buffer` at `bufferOffset`. At the end of the device `bytesRead` is
   * less than `length` (0 past it), and the rest of the buffer is left alone.
   */
  read<B extends Uint8Array>(
    buffer: B,
    bufferOffset: number,
    length: number,
    fileOffset: number,
  ): Promise<{ bytesRead: number; buffer: B }>;
  /**
   * Writes `length` bytes of `buffer`, from `bufferOffset`, at `fileOffset`; all of them or none. As with `fs.write`, the
   * bytes must stay as they are until the promise settles. Rejects with CACHETRAIL_OUT_OF_RANGE past the end of the device.
   */
  write<B extends Uint8Array>(
    buffer: B,
    bufferOffset: number,
    length: number,
    fileOffset: number,
  ): Promise<{ bytesWritten: number; buffer: B }>;
  /** Resolves when all that was written is durable; rejects with CACHETRAIL_FLUSH_FAILED until it is. */
  flush(): Promise<void>;
  /**
   * Says that the bytes are not needed. Only blocks that lie wholly inside the range are discarded: the bytes around them are
   * somebody's. Nothing happens on a device that can't discard or be written: a discard is a hint, keeping the bytes
   * fulfils it, and `ext2fs` would give up trimming at the first error.
   */
  discard(offset: number, length: number): Promise<void>;
  /** The size of the device. */
  getCapacity(): Promise<number>;
}

export interface DiskFailure {
  readonly request: 'read' | 'write' | 'flush' | 'discard';
  readonly offset: number;
  readonly length: number;
  /** The error as it came; its `cause` is the device's own. */
  readonly error: unknown;
}

const ERRORS_KEPT_MAX = 64;

/** Makes the disk. Closing the cache is the caller's, after `umount`. */
export function ext2fsDisk(cache: CachedBytes, options: Ext2fsDiskOptions = {}): Ext2fsDisk {
  return new CacheDisk(cache, options);
}

class CacheDisk implements Ext2fsDisk {
  readonly #cache: CachedBytes;
  readonly #request: { readonly actor?: string };
  readonly #errors: DiskFailure[] = [];
  #errorCount = 0;

  constructor(cache: CachedBytes, options: Ext2fsDiskOptions) {
    this.#cache = cache;
    this.#request = options.actor === undefined ? {} : { actor: options.actor };
  }

  get readOnly(): boolean {
    return this.#cache.readOnly;
  }

  get lastError(): DiskFailure | null {
    return this.#errors.at(-1) ?? null;
  }

  get errors(): readonly DiskFailure[] {
    return this.#errors;
  }

  get errorCount(): number {
    return this.#errorCount;
  }

  read<B extends Uint8Array>(buffer: B, bufferOffset: number, length: number, fileOffset: number) {
    return this.#watched('read', fileOffset, length, async () => {
      const wanted = viewOf(buffer, bufferOffset, length);
      checkOffset('fileOffset', fileOffset);
      const bytesRead = Math.max(0, Math.min(length, this.#cache.sizeBytes - fileOffset));
      // A view on libext2fs' memory stays good while the read waits: that memory never grows (4.2.5 aborts instead).
      const into = wanted.subarray(0, bytesRead);
      if (bytesRead > 0) await this.#cache.readBytes(fileOffset, bytesRead, { ...this.#request, into });
      return { bytesRead, buffer };
    });
  }

  write<B extends Uint8Array>(buffer: B, bufferOffset: number, length: number, fileOffset: number) {
    return this.#watched('write', fileOffset, length, async () => {
      const data = viewOf(buffer, bufferOffset, length);
      checkOffset('fileOffset', fileOffset);
      if (length > 0) await this.#cache.writeBytes(fileOffset, data, this.#request);
      return { bytesWritten: length, buffer };
    });
  }

  flush(): Promise<void> {
    return this.#watched('flush', 0, this.#cache.sizeBytes, () => this.#cache.flush(undefined, this.#request));
  }

  discard(offset: number, length: number): Promise<void> {
    return this.#watched('discard', offset, length, async () => {
      checkOffset('offset', offset);
      checkOffset('length', length);
      const { block, count } = wholeBlocks(offset, length, this.#cache);
      if (count === 0) return;
      try {
        await this.#cache.discard({ block, count }, this.#request);
      } catch (error) {
        if (!isHintRefused(error)) throw error;
      }
    });
  }

  async getCapacity(): Promise<number> {
    return this.#cache.sizeBytes;
  }

  async #watched<T>(
    request: DiskFailure['request'],
    offset: number,
    length: number,
    work: () => Promise<T>,
  ): Promise<T> {
    try {
      return await work();
    } catch (error) {
      this.#errorCount++;
      this.#errors.push({ request, offset, length, error });
      if (this.#errors.length > ERRORS_KEPT_MAX) this.#errors.shift();
      throw error;
    }
  }
}

/** The blocks wholly inside the range. A device's short last block is whole when the range reaches the device's end. */
function wholeBlocks(offset: number, length: number, cache: CachedBytes): { block: number; count: number } {
  const { blockSize, sizeBytes } = cache;
  const block = Math.ceil(offset / blockSize);
  const reachesEnd = offset + length >= sizeBytes;
  const end = reachesEnd ? Math.ceil(sizeBytes / blockSize) : Math.floor((offset + length) / blockSize);
  return { block, count: Math.max(0, end - block) };
}

function isHintRefused(error: unknown): boolean {
  const code = codeOf(error);
  return code === 'CACHETRAIL_UNSUPPORTED' || code === 'CACHETRAIL_READ_ONLY';
}

function viewOf(buffer: Uint8Array, bufferOffset: number, length: number): Uint8Array {
  if (!(buffer instanceof Uint8Array)) {
    throw new ArgumentError('CACHETRAIL_INVALID_ARGUMENT', 'buffer must be a Uint8Array');
  }
  checkOffset('bufferOffset', bufferOffset);
  checkOffset('length', length);
  if (bufferOffset + length > buffer.length) {
    throw new ArgumentError(
      'CACHETRAIL_BUFFER_LENGTH',
      `the buffer has ${buffer.length} bytes; ${length} from ${bufferOffset} on were asked for`,
    );
  }
  return buffer.subarray(bufferOffset, bufferOffset + length);
}

function checkOffset(name: string, value: number): void {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new ArgumentError('CACHETRAIL_INVALID_ARGUMENT', `${name} must be a whole number of bytes, 0 or more`);
  }
}
