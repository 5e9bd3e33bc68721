/**
 * The kernel's log of a device's writes (`dm-log-writes`, version 1): a super block, then entries of a sector each, that of a
 * write followed by its bytes. Little-endian. `docs/JOURNAL.md` says what an export puts into it.
 */
import { closeSync, ftruncateSync, openSync, unlinkSync, writeSync, writevSync } from 'node:fs';
import { assert } from '../../../device/errors.js';

export const SECTOR_BYTES = 512;
const MAGIC = 0x6a736677736872n;
const VERSION = 1n;
const ENTRY_BYTES = 32;

const FLAG = { write: 0n, flush: 1n << 0n, discard: 1n << 2n, mark: 1n << 3n } as const;

/** Readers hold the bytes of one entry in memory. */
const ZEROS_BYTES_MAX = 32 * 2 ** 20;
/** `replay-log` passes over a discard that is longer, where the device takes none. */
const DISCARD_BYTES_MAX = 128 * 2 ** 20;

export class LogWritesFile {
  readonly path: string;
  entries = 0;
  /** Where the next entry begins. */
  bytes = SECTOR_BYTES;
  readonly #fd: number;

  /** Creates it; throws the system's error, EEXIST if it is there. */
  constructor(path: string) {
    this.path = path;
    this.#fd = openSync(path, 'wx');
  }

  /** `offset` and length are whole sectors, but for a device's end, which is filled up with zeros. */
  write(offset: number, bytes: Uint8Array): void {
    const sectors = Math.ceil(bytes.length / SECTOR_BYTES);
    const entry = this.#entry(offset, sectors, FLAG.write);
    for (let written = writevSync(this.#fd, [entry, bytes], this.bytes) - entry.length; written < bytes.length; ) {
      written += writeSync(this.#fd, bytes, written, bytes.length - written, this.bytes + entry.length + written);
    }
    this.bytes += entry.length + sectors * SECTOR_BYTES;
  }

  /** Zeros that were written: a hole in the file. */
  zeros(offset: number, length: number): void {
    for (let done = 0; done < length; done += ZEROS_BYTES_MAX) {
      const sectors = Math.ceil(Math.min(ZEROS_BYTES_MAX, length - done) / SECTOR_BYTES);
      this.#append(this.#entry(offset + done, sectors, FLAG.write));
      this.bytes += sectors * SECTOR_BYTES;
    }
  }

  discard(offset: number, length: number): void {
    for (let done = 0; done < length; done += DISCARD_BYTES_MAX) {
      const sectors = Math.ceil(Math.min(DISCARD_BYTES_MAX, length - done) / SECTOR_BYTES);
      this.#append(this.#entry(offset + done, sectors, FLAG.discard));
    }
  }

  flush(): void {
    this.#append(this.#entry(0, 0, FLAG.flush));
  }

  /** A name, found by those who replay. */
  mark(name: string): void {
    const text = new TextEncoder().encode(name);
    assert(text.length <= SECTOR_BYTES - ENTRY_BYTES, 'a mark fits its sector');
    const entry = this.#entry(0, 0, FLAG.mark, text.length);
    entry.set(text, ENTRY_BYTES);
    this.#append(entry);
  }

  end(): void {
    const bytes = new Uint8Array(SECTOR_BYTES);
    const view = new DataView(bytes.buffer);
    view.setBigUint64(0, MAGIC, true);
    view.setBigUint64(8, VERSION, true);
    view.setBigUint64(16, BigInt(this.entries), true);
    view.setUint32(24, SECTOR_BYTES, true);
    writeSync(this.#fd, bytes, 0, bytes.length, 0);
    ftruncateSync(this.#fd, this.bytes);
    closeSync(this.#fd);
  }

  /** What was written in part is no log. */
  abandon(): void {
    closeSync(this.#fd);
    unlinkSync(this.path);
  }

  #entry(offset: number, sectors: number, flags: bigint, dataBytes = 0): Uint8Array {
    assert(offset % SECTOR_BYTES === 0, 'an operation begins at a sector');
    const bytes = new Uint8Array(SECTOR_BYTES);
    const view = new DataView(bytes.buffer);
    view.setBigUint64(0, BigInt(offset / SECTOR_BYTES), true);
    view.setBigUint64(8, BigInt(sectors), true);
    view.setBigUint64(16, flags, true);
    view.setBigUint64(24, BigInt(dataBytes), true);
    this.entries++;
    return bytes;
  }

  #append(entry: Uint8Array): void {
    writeSync(this.#fd, entry, 0, entry.length, this.bytes);
    this.bytes += entry.length;
  }
}
