/** The segment that is being written. Writes are synchronous: into the page cache, a frame at a time. */
import { closeSync, fdatasync, fdatasyncSync, fstatSync, fsyncSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import path from 'node:path';

export class SegmentFile {
  readonly path: string;
  readonly name: string;
  readonly number: number;
  readonly firstSeq: number;
  /** Bytes written. */
  size = 0;
  /** Frames written. */
  frames = 0;
  #syncedBytes = 0;
  readonly #fd: number;
  #syncing = 0;
  #closing = false;

  /** Creates it; throws what the system says, also if it is there already. */
  constructor(directory: string, name: string, number: number, firstSeq: number) {
    this.path = path.join(directory, name);
    this.name = name;
    this.number = number;
    this.firstSeq = firstSeq;
    this.#fd = openSync(this.path, 'wx');
  }

  /** All of it, or it throws. What was written in part is cut off again, as far as that can be done. */
  write(bytes: Uint8Array): void {
    // A file that was deleted takes writes as if nothing had happened.
    if (fstatSync(this.#fd).nlink === 0) throw missing(this.path);
    let written = 0;
    try {
      while (written < bytes.length) {
        written += writeSync(this.#fd, bytes, written, bytes.length - written, this.size + written);
      }
    } catch (error) {
      this.#cut();
      throw error;
    }
    this.size += bytes.length;
  }

  /** All that was written is on stable storage. */
  get isSynced(): boolean {
    return this.#syncedBytes === this.size;
  }

  sync(): Promise<void> {
    const { size } = this;
    this.#syncing++;
    return new Promise((resolve, reject) => {
      fdatasync(this.#fd, (error) => {
        this.#syncing--;
        if (this.#closing && this.#syncing === 0) closeSync(this.#fd);
        if (error !== null) return reject(error);
        this.#syncedBytes = Math.max(this.#syncedBytes, size);
        resolve();
      });
    });
  }

  syncNow(): void {
    fdatasyncSync(this.#fd);
    this.#syncedBytes = this.size;
  }

  /** When what is being synced is through. */
  close(): void {
    if (this.#closing) return;
    this.#closing = true;
    if (this.#syncing === 0) closeSync(this.#fd);
  }

  #cut(): void {
    try {
      ftruncateSync(this.#fd, this.size);
    } catch {
      // The reader takes it for what it is: the torn end of a segment.
    }
  }
}

/** Makes names in a directory durable. Windows cannot, and need not. */
export function syncDirectory(directory: string): void {
  if (process.platform === 'win32') return;
  const fd = openSync(directory, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function missing(file: string): Error {
  return Object.assign(new Error(`${file} was deleted while it was being written`), { code: 'ENOENT' });
}
