/** Which failures of a device are worth another try by themselves. The codes are those of errno(3). */
const LASTING: ReadonlySet<string> = new Set([
  'EBADF',
  'EINVAL',
  'EFBIG',
  'EPERM',
  'EACCES',
  'EROFS',
  'ENODEV',
  'ENXIO',
  'EISDIR',
  'ENOTDIR',
  'CACHETRAIL_CLOSED',
  'CACHETRAIL_READ_ONLY',
  'CACHETRAIL_UNSUPPORTED',
  'CACHETRAIL_OUT_OF_RANGE',
]);

export const TIMEOUT_CODE = 'CACHETRAIL_DEVICE_TIMEOUT';
/** In place of the answers that a device that was taken away will not give. */
export const REPLACED_CODE = 'CACHETRAIL_DEVICE_REPLACED';

/**
 * Everything but what another try cannot mend is transient: a disk's EIO, a full file system's ENOSPC, EAGAIN, EBUSY and
 * whatever a device of somebody's own calls its failures.
 */
export function isTransient(code: string): boolean {
  return !LASTING.has(code);
}
