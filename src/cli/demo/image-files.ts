/** The files of a mounted image, with errors that say what happened. */
import { createHash } from 'node:crypto';
import type { Promises } from 'ext2fs';
import { assert, codeOf } from '../../device/errors.js';

/** Opened so, a file's access time stays as it is. */
const O_NOATIME = 0o1000000;
/** ext2fs copies what it reads and writes through its 16 MiB of memory. */
const PIECE_BYTES = 64 * 1024;
const WRITE_BYTES_MAX = 4 * 1024 * 1024;

export type EntryKind = 'file' | 'directory' | 'link' | 'other';

/** Paths are absolute within the image. Operations go one after another: ext2fs mixes up concurrent ones. */
export class ImageFiles {
  readonly #fs: Promises;
  readonly #disk: { readonly errorCount: number; readonly lastError: { readonly error: unknown } | null };
  readonly #piece = Buffer.alloc(PIECE_BYTES);

  constructor(
    fs: Promises,
    disk: { readonly errorCount: number; readonly lastError: { readonly error: unknown } | null },
  ) {
    this.#fs = fs;
    this.#disk = disk;
  }

  /** Makes a file, in one write: with several to one descriptor, ext2fs 4.2.5 mixes up the blocks of the file. */
  async write(path: string, contents: Buffer, mode: number): Promise<void> {
    assert(contents.length <= WRITE_BYTES_MAX, 'the file fits into the memory of ext2fs');
    await this.#watched(`write ${path}`, async () => {
      const { fd } = await this.#fs.open(path, 'w', mode);
      try {
        if (contents.length === 0) return;
        const { bytesWritten } = await this.#fs.write(fd, contents, 0, contents.length, 0);
        if (bytesWritten !== contents.length) throw new Error(`only ${bytesWritten} bytes were written`);
      } finally {
        await this.#fs.close(fd);
      }
    });
  }

  /** SHA-256 of the contents. As any reader does, it sets the access time, unless `keepAccessTime`. */
  async hash(path: string, keepAccessTime = false): Promise<string> {
    const digest = createHash('sha256');
    await this.#watched(`read ${path}`, async () => {
      const { fd } = await this.#fs.open(path, keepAccessTime ? O_NOATIME : 'r');
      try {
        for (;;) {
          const { bytesRead } = await this.#fs.read(fd, this.#piece, 0, PIECE_BYTES, null);
          if (bytesRead === 0) break;
          digest.update(this.#piece.subarray(0, bytesRead));
        }
      } finally {
        await this.#fs.close(fd);
      }
    });
    return digest.digest('hex');
  }

  makeDirectory(path: string): Promise<void> {
    return this.#watched(`make ${path}`, async () => {
      try {
        await this.#fs.mkdir(path, 0o755);
      } catch (error) {
        if (errnoOf(error) !== DIRECTORY_FULL) throw error;
        await this.#enlarge(path);
        await this.#fs.mkdir(path, 0o755);
      }
    });
  }

  /** To make a file ext2fs enlarges the directory that it is in; to make a directory it does not (4.2.5). */
  async #enlarge(path: string): Promise<void> {
    const file = `${path}.room`;
    const { fd } = await this.#fs.open(file, 'w', 0o600);
    await this.#fs.close(fd);
    await this.#fs.unlink(file);
  }

  removeDirectory(path: string): Promise<void> {
    return this.#watched(`remove ${path}`, async () => void (await this.#fs.rmdir(path)));
  }

  remove(path: string): Promise<void> {
    return this.#watched(`remove ${path}`, () => this.#fs.unlink(path));
  }

  rename(from: string, to: string): Promise<void> {
    return this.#watched(`rename ${from}`, () => this.#fs.rename(from, to));
  }

  /** Names in a directory, sorted. */
  async list(path: string): Promise<string[]> {
    return (await this.#watched(`list ${path}`, () => this.#fs.readdir(path))).sort();
  }

  linkTarget(path: string): Promise<string> {
    return this.#watched(`read link ${path}`, () => this.#fs.readlink(path));
  }

  async kindOf(path: string): Promise<EntryKind> {
    const stats = await this.#watched(`look at ${path}`, () => this.#fs.lstat(path));
    if (stats.isFile()) return 'file';
    if (stats.isDirectory()) return 'directory';
    return stats.isSymbolicLink() ? 'link' : 'other';
  }

  /** libext2fs answers EIO for all that the disk rejects, and answers well though writing out a file failed. */
  async #watched<T>(what: string, work: () => Promise<T>): Promise<T> {
    const errorsBefore = this.#disk.errorCount;
    try {
      const result = await work();
      if (this.#disk.errorCount === errorsBefore) return result;
    } catch (error) {
      if (this.#disk.errorCount === errorsBefore) throw fileError(what, error);
    }
    throw this.#disk.lastError?.error;
  }
}

const DIRECTORY_FULL = 2133571366;
/** From libext2fs' table of errors. */
const NO_SPACE: Readonly<Record<number, string>> = {
  2133571400: 'the file system in the image has no free block',
  2133571401: 'the file system in the image has no free inode',
  [DIRECTORY_FULL]: 'the directory in the image is full',
};

/** An error with a code of its own, where ext2fs gives a bare number. */
export class ImageFileError extends Error {
  override readonly name = 'ImageFileError';
  readonly code: string;

  constructor(code: string, message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

function fileError(what: string, error: unknown): Error {
  const full = NO_SPACE[errnoOf(error)];
  if (full !== undefined) return new ImageFileError('ENOSPC', `${what}: ${full}`);
  const code = codeOf(error);
  return new ImageFileError(/^E[A-Z]+$/.test(code) ? code : 'EIO', what, error);
}

/** The number that ext2fs gives, or 0. */
function errnoOf(error: unknown): number {
  const number: unknown = error instanceof Error ? Reflect.get(error, 'errno') : undefined;
  return typeof number === 'number' ? number : 0;
}
