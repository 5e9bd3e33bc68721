/**
 * A disk's volatile write cache, as a filter: what has been written stays in memory until a barrier carries it to the
 * device beneath, and a power cut loses it. Everything since the last barrier is held, so it is for tests.
 */
import type { BlockDevice, DeviceManifest } from './block-device.js';
import { SYSCALLS, systemError } from './fault-rules.js';
import { bytesOf, closedError, rangeError, readOnlyError, unsupportedError } from './transfer.js';

/** A change that no barrier has made durable yet. */
export interface VolatileChange {
  readonly kind: 'write' | 'discard' | 'zero';
  /** Bytes. */
  readonly offset: number;
  readonly length: number;
}

/** How many bytes of a change, from its start, reach the disk although the power fails: 0 to its length. */
export type KeptBytes = (change: VolatileChange, index: number) => number;

interface Pending extends VolatileChange {
  /** Its place in the order of arrival. */
  readonly serial: number;
  /** Of a write. Zeros and discards have none. */
  readonly bytes: Uint8Array | undefined;
}

export class WriteCache implements BlockDevice {
  readonly supports: DeviceManifest;
  readonly sizeBytes: number;
  readonly identity: string;
  /** None: the bytes behind a descriptor would be older than the device's. */
  readonly fd = undefined;
  readonly #beneath: BlockDevice;
  /** In order of arrival; only ever replaced or appended to, so that a read may look at a prefix of it later. */
  #pending: Pending[] = [];
  #serial = 0;
  /** Ends when the carries before it have: two at once would bring changes down out of order. */
  #carried: Promise<unknown> = Promise.resolve();
  #off = false;
  #closing: Promise<void> | undefined;

  constructor(beneath: BlockDevice) {
    this.#beneath = beneath;
    // A barrier makes data survive `powerCut`, whatever the device beneath is made of.
    this.supports = { ...beneath.supports, durable: beneath.supports.write };
    this.sizeBytes = beneath.sizeBytes;
    this.identity = beneath.identity;
  }

  async read(offset: number, buffers: readonly Uint8Array[]): Promise<number> {
    this.#admit('read', offset, bytesOf(buffers));
    const pending = this.#pending;
    const count = pending.length;
    const length = await this.#beneath.read(offset, buffers);
    for (let i = 0; i < count; i++) overlay(offset, buffers, pending[i]);
    return length;
  }

  async write(offset: number, buffers: readonly Uint8Array[]): Promise<number> {
    const length = bytesOf(buffers);
    this.#admit('write', offset, length);
    this.#hold('write', offset, length, Buffer.concat(buffers));
    return length;
  }

  async discard(offset: number, length: number): Promise<void> {
    this.#admit('discard', offset, length);
    this.#hold('discard', offset, length, undefined);
  }

  async zero(offset: number, length: number): Promise<void> {
    this.#admit('zero', offset, length);
    this.#hold('zero', offset, length, undefined);
  }

  async barrier(): Promise<void> {
    this.#admit('barrier', 0, 0);
    await this.#carry('barrier');
  }

  setOption(name: string, value: string): Promise<void> {
    return this.#beneath.setOption(name, value);
  }

  /** Brings down what is pending, as a disk that is left alone would, and closes the device beneath. */
  close(): Promise<void> {
    this.#closing ??= (this.#off ? this.#carried.catch(() => undefined) : this.#carry('close')).then(
      () => this.#beneath.close(),
      (error: unknown) => this.#beneath.close().then(() => Promise.reject(error)),
    );
    return this.#closing;
  }

  /** Drops what is pending, as a failed barrier of the Linux page cache does. */
  lose(): void {
    this.#pending = [];
  }

  /** Drops what is pending but for what `keep` says, and takes no more requests. */
  async powerCut(keep: KeptBytes): Promise<void> {
    const pending = this.#pending;
    this.#pending = [];
    this.#off = true;
    await this.#carried.catch(() => undefined);
    for (const [index, change] of pending.entries()) {
      const length = Math.min(change.length, keep(change, index));
      if (length > 0) await this.#bringDown({ ...change, length, bytes: change.bytes?.subarray(0, length) });
    }
  }

  #hold(kind: VolatileChange['kind'], offset: number, length: number, bytes: Uint8Array | undefined): void {
    this.#pending.push({ kind, offset, length, bytes, serial: this.#serial++ });
  }

  /** Brings down what is pending now, in order. It stays readable here until the device beneath has it. */
  #carry(purpose: 'barrier' | 'close'): Promise<void> {
    const end = this.#serial;
    const run = this.#carried.catch(() => undefined).then(() => this.#bringDownBefore(end, purpose));
    this.#carried = run;
    return run;
  }

  async #bringDownBefore(end: number, purpose: 'barrier' | 'close'): Promise<void> {
    for (const change of this.#pending.filter(({ serial }) => serial < end)) {
      if (this.#off) throw systemError('ENODEV', SYSCALLS[purpose]);
      await this.#bringDown(change);
    }
    if (this.#off) throw systemError('ENODEV', SYSCALLS[purpose]);
    if (purpose === 'barrier') await this.#beneath.barrier();
    if (this.#off) throw systemError('ENODEV', SYSCALLS[purpose]);
    this.#pending = this.#pending.filter(({ serial }) => serial >= end);
  }

  async #bringDown({ kind, offset, length, bytes }: Omit<Pending, 'serial'>): Promise<void> {
    if (bytes === undefined) {
      await (kind === 'zero' ? this.#beneath.zero(offset, length) : this.#beneath.discard(offset, length));
    } else if ((await this.#beneath.write(offset, [bytes])) !== length) {
      throw systemError('EIO', 'write');
    }
  }

  /** Throws the error of a request that can't be taken; the callers are async, so they reject with it. */
  #admit(operation: 'read' | 'write' | 'discard' | 'zero' | 'barrier', offset: number, length: number): void {
    if (this.#closing !== undefined) throw closedError(this.identity);
    if (this.#off) throw systemError('ENODEV', SYSCALLS[operation]);
    if (operation !== 'read' && operation !== 'barrier') {
      if (!this.supports.write) throw readOnlyError(this.identity);
      if (!this.supports[operation]) throw unsupportedError(this.identity, operation);
    }
    const error = rangeError(offset, length, this.sizeBytes);
    if (error !== undefined) throw error;
  }
}

/** Puts a pending change over what was read at `offset`. A discard changes nothing: any bytes will do. */
function overlay(offset: number, buffers: readonly Uint8Array[], change: Pending): void {
  if (change.kind === 'discard') return;
  let position = offset;
  for (const buffer of buffers) {
    const from = Math.max(position, change.offset);
    const to = Math.min(position + buffer.byteLength, change.offset + change.length);
    if (from < to && change.bytes === undefined) buffer.fill(0, from - position, to - position);
    if (from < to && change.bytes !== undefined) {
      buffer.set(change.bytes.subarray(from - change.offset, to - change.offset), from - position);
    }
    position += buffer.byteLength;
  }
}
