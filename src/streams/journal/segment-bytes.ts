/** A segment's bytes, read in pieces of bounded size. */
import { type FileHandle, open } from 'node:fs/promises';
import { codeOf } from '../../device/errors.js';
import { JournalError } from './errors.js';
import type { NamedSegment } from './segments.js';

/** What is read to look at a header: small frames behind it come along. */
const PEEK_BYTES = 4096;
/** What is read at least to get at a body. */
const CHUNK_BYTES = 1 << 17;

/** Null if retention has deleted the segment since it was listed. Rejects with JournalError CACHETRAIL_JOURNAL_NOT_FOUND. */
export async function openSegment(segment: NamedSegment): Promise<SegmentBytes | null> {
  try {
    return await SegmentBytes.open(segment.path);
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT') return null;
    throw new JournalError('CACHETRAIL_JOURNAL_NOT_FOUND', `${segment.path} cannot be read`, { cause });
  }
}

export class SegmentBytes {
  readonly #file: FileHandle;
  #size: number;
  /** A piece of the file, and where it lies. Never written again: what is handed out are views of it. */
  #chunk = new Uint8Array(0);
  #chunkAt = 0;

  private constructor(file: FileHandle, size: number) {
    this.#file = file;
    this.#size = size;
  }

  static async open(path: string): Promise<SegmentBytes> {
    const file = await open(path, 'r');
    try {
      return new SegmentBytes(file, (await file.stat()).size);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  get size(): number {
    return this.#size;
  }

  /** Looks whether a live segment has grown. */
  async refresh(): Promise<void> {
    this.#size = (await this.#file.stat()).size;
    // What was the end may have been written since.
    this.#chunk = new Uint8Array(0);
  }

  /** Up to `length` bytes: fewer at the end of the file. For headers. */
  peek(at: number, length: number): Promise<Uint8Array> {
    return this.#read(at, length, Math.max(length, PEEK_BYTES));
  }

  /** The same for bodies, with what follows read ahead. */
  read(at: number, length: number): Promise<Uint8Array> {
    return this.#read(at, length, Math.max(length, CHUNK_BYTES));
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  async #read(at: number, length: number, ahead: number): Promise<Uint8Array> {
    const wanted = Math.max(0, Math.min(length, this.#size - at));
    const skip = at - this.#chunkAt;
    if (skip >= 0 && skip + wanted <= this.#chunk.length) return this.#chunk.subarray(skip, skip + wanted);
    const chunk = new Uint8Array(Math.max(0, Math.min(ahead, this.#size - at)));
    let filled = 0;
    while (filled < chunk.length) {
      const { bytesRead } = await this.#file.read(chunk, filled, chunk.length - filled, at + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    this.#chunk = chunk.subarray(0, filled);
    this.#chunkAt = at;
    return this.#chunk.subarray(0, Math.min(wanted, filled));
  }
}
