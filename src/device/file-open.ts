/** Opens what a path names, if it is something that can be a device, and finds out all there is to know about it. */
import fs from 'node:fs';
import { dirname } from 'node:path';
import { platform } from 'node:process';
import { promisify } from 'node:util';
import { sizeOf } from './device-size.js';
import type { ErrorCode } from './error-codes.js';
import { ArgumentError, CachetrailError, codeOf, DeviceError } from './errors.js';
import type { FileDeviceOptions } from './file.js';
import { DEVICE_BYTES_MAX } from './geometry.js';
import { holePuncher, type PunchHole } from './holes.js';
import { lockDevice, lockedError } from './lock.js';
import { blockAttribute, diskName } from './sysfs.js';

export interface OpenedFile {
  readonly fd: number;
  readonly sizeBytes: number;
  readonly identity: string;
  readonly readOnly: boolean;
  readonly punchHole: PunchHole | undefined;
}

/** Rejects as `openFileDevice` does. Leaves nothing open, and no file that it made, if it does. */
export async function openFile(path: string, options: FileDeviceOptions): Promise<OpenedFile> {
  checkArguments(path, options);
  const { readOnly = false, lock = true, create } = options;
  const fd = await described(path, () => (create === undefined ? openExisting(path, readOnly, lock) : openNew(path)));
  try {
    if (lock) await lockDevice(fd, path, readOnly);
    return await described(path, async () => {
      if (create !== undefined) await makeZeros(fd, path, create.sizeBytes);
      return examine(fd, path, readOnly);
    });
  } catch (error) {
    // The first error is the one to tell.
    await close(fd).catch(() => undefined);
    if (create !== undefined) await unlink(path).catch(() => undefined);
    throw error;
  }
}

const open = promisify(fs.open);
const close = promisify(fs.close);
const unlink = promisify(fs.unlink);
const fsync = promisify(fs.fsync);
const ftruncate = promisify(fs.ftruncate);
const realpath = promisify(fs.realpath);
/** With whole inode numbers: some are larger than 2^53. */
const stat = (path: string) => promisify(fs.stat)(path, { bigint: true });
const fstat = (fd: number) => promisify(fs.fstat)(fd, { bigint: true });

async function openExisting(path: string, readOnly: boolean, lock: boolean): Promise<number> {
  const stats = await stat(path);
  // Before the open, which waits at a pipe and can set a tape in motion.
  checkKind(path, stats);
  // On a Linux block device O_EXCL means: not while the system uses it, and not twice. POSIX leaves it open elsewhere.
  const exclusive = lock && !readOnly && platform === 'linux' && stats.isBlockDevice();
  const mode = readOnly ? fs.constants.O_RDONLY : fs.constants.O_RDWR;
  return open(path, mode | (exclusive ? fs.constants.O_EXCL : 0));
}

function openNew(path: string): Promise<number> {
  return open(path, fs.constants.O_RDWR | fs.constants.O_CREAT | fs.constants.O_EXCL, 0o666);
}

/** Durably, name included: what a barrier promises of the bytes is worth nothing if the file itself can vanish. */
async function makeZeros(fd: number, path: string, sizeBytes: number): Promise<void> {
  await ftruncate(fd, sizeBytes);
  await fsync(fd);
  if (platform === 'win32') return;
  const folder = await open(dirname(path), fs.constants.O_RDONLY);
  await fsync(folder).finally(() => close(folder));
}

async function examine(fd: number, path: string, readOnly: boolean): Promise<OpenedFile> {
  const stats = await fstat(fd);
  // Again: the path may name something else by now.
  checkKind(path, stats);
  // Linux lets root open a read-only block device for writing, and fails every write then.
  if (!readOnly && stats.isBlockDevice() && (await blockAttribute(stats.rdev, 'ro')) === 1) {
    throw new DeviceError('CACHETRAIL_DEVICE_ACCESS', `${path} is read-only`);
  }
  const sizeBytes = await sizeOf(fd, stats);
  if (sizeBytes === 0) throw new DeviceError('CACHETRAIL_DEVICE_EMPTY', `${path} has no bytes`);
  if (sizeBytes > DEVICE_BYTES_MAX) {
    throw new DeviceError('CACHETRAIL_DEVICE_OPEN_FAILED', `${path} has more than 2^53 - 1 bytes`);
  }
  const identity = await identityOf(await realpath(path), stats);
  const punchHole = readOnly ? undefined : await holePuncher(fd, stats);
  return { fd, sizeBytes, identity, readOnly, punchHole };
}

/**
 * The same after the system has started anew, and for a disk also after it was plugged in elsewhere. So the number of the file
 * system is no part of it: many get another one each time that they are mounted.
 */
async function identityOf(path: string, stats: fs.BigIntStats): Promise<string> {
  if (stats.isFile()) return `${path} (inode ${stats.ino})`;
  const { name, isUnique } = await diskName(stats.rdev);
  return isUnique ? name : `${path} (${name})`;
}

function checkKind(path: string, stats: fs.BigIntStats): void {
  if (stats.isFile() || stats.isBlockDevice()) return;
  const kind = stats.isDirectory() ? 'a folder' : 'neither a regular file nor a block device';
  throw new DeviceError('CACHETRAIL_DEVICE_KIND', `${path} is ${kind}`);
}

const MEANINGS: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  ENOENT: ['CACHETRAIL_DEVICE_NOT_FOUND', 'does not exist'],
  ENOTDIR: ['CACHETRAIL_DEVICE_NOT_FOUND', 'does not exist'],
  EISDIR: ['CACHETRAIL_DEVICE_KIND', 'is a folder'],
  EACCES: ['CACHETRAIL_DEVICE_ACCESS', 'may not be opened so'],
  EPERM: ['CACHETRAIL_DEVICE_ACCESS', 'may not be opened so'],
  EROFS: ['CACHETRAIL_DEVICE_ACCESS', 'is read-only'],
};

/** Makes a system error of `work` one of ours, with the system's as the cause. */
async function described<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof CachetrailError) throw cause;
    if (codeOf(cause) === 'EBUSY') throw lockedError(path, cause);
    const [code, text] = MEANINGS[codeOf(cause)] ?? ['CACHETRAIL_DEVICE_OPEN_FAILED', 'cannot be opened'];
    throw new DeviceError(code, `${path} ${text}`, { cause });
  }
}

function checkArguments(path: string, { readOnly, create }: FileDeviceOptions): void {
  if (typeof path !== 'string' || path === '' || path.includes('\0')) {
    throw new ArgumentError('CACHETRAIL_INVALID_ARGUMENT', 'the path is no text, empty or has a NUL in it');
  }
  if (create === undefined) return;
  if (!Number.isSafeInteger(create.sizeBytes) || create.sizeBytes < 1) {
    throw new ArgumentError('CACHETRAIL_INVALID_ARGUMENT', 'create.sizeBytes is no whole number from 1');
  }
  if (readOnly === true)
    throw new ArgumentError('CACHETRAIL_INVALID_ARGUMENT', 'create and readOnly exclude each other');
}
