/** Loads ext2fs when it is needed, and mounts disks with it. */
import type { Disk, FileSystem } from 'ext2fs';
import { CachetrailError, codeOf, DeviceError } from '../../device/errors.js';
import { ImageFiles } from './image-files.js';

/** A disk that knows what went wrong beneath libext2fs, which says EIO for all of it. */
export interface WatchedDisk extends Disk {
  readonly errorCount: number;
  readonly lastError: { readonly error: unknown } | null;
}

export interface Mounted {
  readonly files: ImageFiles;
  /** Writes out what libext2fs holds, and lets go of the disk. */
  unmount(): Promise<void>;
}

/**
 * Mounts the disk for reading and writing.
 * Rejects with CACHETRAIL_NO_FILE_SYSTEM for what libext2fs cannot mount, with the disk's own error if that is the cause.
 */
export async function mount(disk: WatchedDisk): Promise<Mounted> {
  const ext2fs = await loadExt2fs();
  const errorsBefore = disk.errorCount;
  let fs: FileSystem;
  try {
    fs = await ext2fs.mount(disk);
  } catch (error) {
    if (disk.errorCount > errorsBefore) throw disk.lastError?.error;
    throw mountError(error);
  }
  return { files: new ImageFiles(fs.promises, disk), unmount: () => unmount(ext2fs, fs, disk) };
}

type Ext2fs = typeof import('ext2fs')['default'];

/** Rejects with CACHETRAIL_MISSING_DEPENDENCY where the package is not installed. */
export async function loadExt2fs(): Promise<Ext2fs> {
  const exceptionHandlers = process.listeners('uncaughtException');
  const rejectionHandlers = process.listeners('unhandledRejection');
  try {
    return (await import('ext2fs')).default;
  } catch (error) {
    if (codeOf(error) !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new CachetrailError(
      'CACHETRAIL_MISSING_DEPENDENCY',
      'the package ext2fs is not installed: npm install ext2fs@4.2.5',
      { cause: error },
    );
  } finally {
    // Its handlers throw again, which hides the trace of a bug and changes the exit code; Node's own behaviour is better.
    for (const handler of process.listeners('uncaughtException')) {
      if (!exceptionHandlers.includes(handler)) process.removeListener('uncaughtException', handler);
    }
    for (const handler of process.listeners('unhandledRejection')) {
      if (!rejectionHandlers.includes(handler)) process.removeListener('unhandledRejection', handler);
    }
  }
}

async function unmount(ext2fs: Ext2fs, fs: FileSystem, disk: WatchedDisk): Promise<void> {
  const errorsBefore = disk.errorCount;
  try {
    await ext2fs.umount(fs);
  } catch (error) {
    throw disk.errorCount > errorsBefore ? disk.lastError?.error : error;
  }
}

const OUT_OF_MEMORY = 'it is too large for the 16 MiB of memory that ext2fs has';
/** libext2fs' own numbers, from its table of errors. */
const MOUNT_PROBLEMS: Readonly<Record<number, string>> = {
  2133571347: 'it has no ext2, ext3 or ext4 superblock',
  2133571388: 'its superblock is corrupt',
  2133571395: 'it uses a feature that libext2fs does not know',
  2133571396: 'it uses a feature that libext2fs cannot write',
  2133571398: OUT_OF_MEMORY,
  2133571465: 'it has clusters (bigalloc), which ext2fs does not know',
};

function mountError(error: unknown): DeviceError {
  const known = mountProblem(error);
  const message = 'libext2fs cannot mount the image';
  return known === undefined
    ? new DeviceError('CACHETRAIL_NO_FILE_SYSTEM', message, { cause: error })
    : new DeviceError('CACHETRAIL_NO_FILE_SYSTEM', `${message}: ${known}`);
}

function mountProblem(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if (error.message.includes('OOM')) return OUT_OF_MEMORY;
  const number: unknown = Reflect.get(error, 'errno');
  return typeof number === 'number' ? MOUNT_PROBLEMS[number] : undefined;
}
