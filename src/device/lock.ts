/**
 * The lock that keeps a second cachetrail off an image. It belongs to the open file, not to the path or the process:
 * other names of the same file meet it, so does a second open in this process, and the system drops it with the
 * descriptor, at a crash too. It is advisory: programs that don't ask are not kept off.
 */
import { codeOf, DeviceError } from './errors.js';
import { requireNative } from './native.js';

/** What systems answer instead of EAGAIN. */
const TAKEN = ['EAGAIN', 'EACCES', 'EBUSY'];

/**
 * Takes an exclusive lock, or for a read-only descriptor a shared one, or rejects at once with DeviceError
 * CACHETRAIL_DEVICE_LOCKED, CACHETRAIL_MISSING_DEPENDENCY or, where the file system has no locks,
 * CACHETRAIL_DEVICE_OPEN_FAILED.
 */
export async function lockDevice(fd: number, path: string, shared: boolean): Promise<void> {
  const native = await requireNative(`locking ${path}`, 'open it with { lock: false } if nothing else uses it');
  let granted: boolean;
  try {
    granted = native.tryLock(fd, { shared });
  } catch (cause) {
    if (TAKEN.includes(codeOf(cause))) throw lockedError(path, cause);
    const message = `${path} cannot be locked; open it with { lock: false } if nothing else uses it`;
    throw new DeviceError('CACHETRAIL_DEVICE_OPEN_FAILED', message, { cause });
  }
  if (!granted) throw lockedError(path, undefined);
}

export function lockedError(path: string, cause: unknown): DeviceError {
  const message = `${path} is in use: another cachetrail has it open, or the system has it mounted`;
  return new DeviceError('CACHETRAIL_DEVICE_LOCKED', message, { cause });
}
