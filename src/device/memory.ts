/** A device in memory. Hot code: the benchmark's misses and writebacks run over it (`miss.clean`, `zipf`). */
import type { BlockDevice, DeviceManifest } from './block-device.js';
import { ArgumentError, type CachetrailError } from './errors.js';
import { bytesOf, closedError, rangeError, readOnlyError, unknownOptionError, unsupportedError } from './transfer.js';

/** Either a size, for zeros, or the bytes themselves, which are used as they are and not copied. */
export type MemoryContents = { readonly sizeBytes: number } | { readonly bytes: Uint8Array };

export interface MemoryDeviceOptions {
  /** Default `memory:SIZE`. It must not differ between runs, or the events would. */
  readonly identity?: string;
  readonly readOnly?: boolean;
  /** False takes `discard` or `zero` away, to see what a cache does without. */
  readonly discard?: boolean;
  readonly zero?: boolean;
}

export interface MemoryDevice extends BlockDevice {
  /** The device's own bytes, not a copy. They outlive `close`. */
  readonly bytes: Uint8Array;
}

/**
 * A device over bytes in memory. It answers in the next microtask and does its work during the call.
 * Throws ArgumentError CACHETRAIL_INVALID_ARGUMENT for a size that is no whole, positive number of bytes that fit.
 */
export function memoryDevice(contents: MemoryContents, options: MemoryDeviceOptions = {}): MemoryDevice {
  return new BytesDevice('bytes' in contents ? givenBytes(contents.bytes) : zeroBytes(contents.sizeBytes), options);
}

class BytesDevice implements MemoryDevice {
  readonly supports: DeviceManifest;
  readonly sizeBytes: number;
  readonly identity: string;
  readonly fd = undefined;
  readonly bytes: Uint8Array;
  #closed = false;

  constructor(bytes: Uint8Array, options: MemoryDeviceOptions) {
    const write = options.readOnly !== true;
    this.supports = {
      write,
      durable: false,
      discard: write && options.discard !== false,
      zero: write && options.zero !== false,
    };
    this.bytes = bytes;
    this.sizeBytes = bytes.byteLength;
    this.identity = options.identity ?? `memory:${bytes.byteLength}`;
  }

  read(offset: number, buffers: readonly Uint8Array[]): Promise<number> {
    const length = bytesOf(buffers);
    const error = this.#closed ? closedError(this.identity) : rangeError(offset, length, this.sizeBytes);
    if (error !== undefined) return Promise.reject(error);
    let position = offset;
    for (let i = 0; i < buffers.length; i++) {
      const buffer = buffers[i];
      buffer.set(this.bytes.subarray(position, position + buffer.length));
      position += buffer.length;
    }
    return Promise.resolve(length);
  }

  write(offset: number, buffers: readonly Uint8Array[]): Promise<number> {
    const length = bytesOf(buffers);
    const error = this.#refusal(true, 'write') ?? rangeError(offset, length, this.sizeBytes);
    if (error !== undefined) return Promise.reject(error);
    let position = offset;
    for (let i = 0; i < buffers.length; i++) {
      const buffer = buffers[i];
      this.bytes.set(buffer, position);
      position += buffer.length;
    }
    return Promise.resolve(length);
  }

  barrier(): Promise<void> {
    return this.#closed ? Promise.reject(closedError(this.identity)) : Promise.resolve();
  }

  discard(offset: number, length: number): Promise<void> {
    return this.#clear(this.supports.discard, 'discard', offset, length);
  }

  zero(offset: number, length: number): Promise<void> {
    return this.#clear(this.supports.zero, 'zero', offset, length);
  }

  setOption(name: string): Promise<void> {
    return Promise.reject(this.#closed ? closedError(this.identity) : unknownOptionError(this.identity, name));
  }

  close(): Promise<void> {
    this.#closed = true;
    return Promise.resolve();
  }

  #clear(able: boolean, operation: string, offset: number, length: number): Promise<void> {
    const error = this.#refusal(able, operation) ?? rangeError(offset, length, this.sizeBytes);
    if (error !== undefined) return Promise.reject(error);
    this.bytes.fill(0, offset, offset + length);
    return Promise.resolve();
  }

  #refusal(able: boolean, operation: string): CachetrailError | undefined {
    if (this.#closed) return closedError(this.identity);
    if (!this.supports.write) return readOnlyError(this.identity);
    return able ? undefined : unsupportedError(this.identity, operation);
  }
}

function zeroBytes(sizeBytes: number): Uint8Array {
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 1) {
    throw new ArgumentError('CACHETRAIL_INVALID_ARGUMENT', `sizeBytes is ${String(sizeBytes)}, no whole number from 1`);
  }
  try {
    return new Uint8Array(sizeBytes);
  } catch (cause) {
    const message = `sizeBytes is ${sizeBytes}, more than memory can hold in one piece`;
    throw new ArgumentError('CACHETRAIL_INVALID_ARGUMENT', message, { cause });
  }
}

function givenBytes(bytes: Uint8Array): Uint8Array {
  if (bytes instanceof Uint8Array && bytes.byteLength > 0) return bytes;
  throw new ArgumentError('CACHETRAIL_INVALID_ARGUMENT', 'bytes is no Uint8Array of at least one byte');
}
