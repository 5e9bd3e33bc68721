/**
 * The device as far as its journal tells: what was written, what was zeroed or discarded, what nobody knows. Bytes are kept
 * in a file without a name beside the export, so that memory does not grow with them.
 */
import { closeSync, fstatSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs';
import { ArgumentError } from '../../../device/errors.js';
import { SECTOR_BYTES } from './log-writes-file.js';

/** What is known of a sector. */
const BASE = 0;
const WRITTEN = 1;
const ZERO = 2;
const LOST = 3;

/** Sectors whose states are kept together: one number while they are all the same. */
const GROUP_SECTORS = 1 << 16;

export class KnownImage {
  readonly #scratchPath: string;
  readonly #scratch: number;
  readonly #base: number | null;
  readonly #groups = new Map<number, number | Uint8Array>();
  #isUnlinked = false;

  /** `base`: an image of the device as it was when the journal began, or null. Throws ArgumentError if it has another size. */
  constructor(scratchPath: string, base: string | null, deviceBytes: number) {
    this.#base = base === null ? null : openBase(base, deviceBytes);
    this.#scratchPath = scratchPath;
    this.#scratch = openSync(scratchPath, 'wx+');
    try {
      unlinkSync(scratchPath);
      this.#isUnlinked = true;
    } catch {
      // Where an open file cannot be removed, it is removed when it is closed.
    }
  }

  /** Fills `into` with what the device holds at `offset`; false if that is not known. */
  read(offset: number, into: Uint8Array): boolean {
    for (let done = 0; done < into.length; ) {
      const length = Math.min(SECTOR_BYTES, into.length - done);
      if (!this.#readSector(offset + done, into.subarray(done, done + length))) return false;
      done += length;
    }
    return true;
  }

  write(offset: number, bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length; ) {
      done += writeSync(this.#scratch, bytes, done, bytes.length - done, offset + done);
    }
    this.#set(offset, bytes.length, WRITTEN);
  }

  /** Zeroed or discarded: it is read as zeros. */
  clear(offset: number, length: number): void {
    this.#set(offset, length, ZERO);
  }

  /** Something may have happened to it, or not. */
  lose(offset: number, length: number): void {
    this.#set(offset, length, LOST);
  }

  close(): void {
    closeSync(this.#scratch);
    if (this.#base !== null) closeSync(this.#base);
    if (!this.#isUnlinked) unlinkSync(this.#scratchPath);
  }

  #readSector(offset: number, into: Uint8Array): boolean {
    switch (this.#stateOf(offset / SECTOR_BYTES)) {
      case WRITTEN:
        return readAll(this.#scratch, offset, into);
      case ZERO:
        into.fill(0);
        return true;
      case BASE:
        return this.#base !== null && readAll(this.#base, offset, into);
      default:
        return false;
    }
  }

  #stateOf(sector: number): number {
    const group = this.#groups.get(Math.floor(sector / GROUP_SECTORS)) ?? BASE;
    return typeof group === 'number' ? group : group[sector % GROUP_SECTORS];
  }

  #set(offset: number, length: number, state: number): void {
    const end = Math.ceil((offset + length) / SECTOR_BYTES);
    for (let sector = Math.floor(offset / SECTOR_BYTES); sector < end; ) {
      const number = Math.floor(sector / GROUP_SECTORS);
      const from = sector % GROUP_SECTORS;
      const to = Math.min(GROUP_SECTORS, from + end - sector);
      this.#setIn(number, from, to, state);
      sector += to - from;
    }
  }

  #setIn(number: number, from: number, to: number, state: number): void {
    if (from === 0 && to === GROUP_SECTORS) {
      this.#groups.set(number, state);
      return;
    }
    const group = this.#groups.get(number) ?? BASE;
    if (group === state) return;
    const states = typeof group === 'number' ? new Uint8Array(GROUP_SECTORS).fill(group) : group;
    states.fill(state, from, to);
    this.#groups.set(number, states);
  }
}

function openBase(path: string, deviceBytes: number): number {
  const fd = openSync(path, 'r');
  const facts = fstatSync(fd);
  // A block device says 0: its end shows when it is read.
  if (!facts.isFile() || facts.size === deviceBytes) return fd;
  closeSync(fd);
  const message = `--base: ${path} has ${facts.size} bytes, and the device of the journal ${deviceBytes}`;
  throw new ArgumentError('CACHETRAIL_INVALID_ARGUMENT', message);
}

function readAll(fd: number, offset: number, into: Uint8Array): boolean {
  for (let done = 0; done < into.length; ) {
    const bytes = readSync(fd, into, done, into.length - done, offset + done);
    if (bytes === 0) return false;
    done += bytes;
  }
  return true;
}
