/** Hole punching: clearing a range by giving its space back, where that is known to leave zeros. */
import type fs from 'node:fs';
import { platform } from 'node:process';
import { codeOf } from './errors.js';
import { loadNative } from './native.js';
import { blockAttribute } from './sysfs.js';

/**
 * Deallocates a range, which then reads as zeros. Resolves with the part that it could take: offset and end are rounded
 * inwards to the device's alignment, and nothing is left of a small range. Rejects with the system's own error.
 */
export type PunchHole = (
  offset: number,
  length: number,
) => Promise<{ readonly offset: number; readonly length: number }>;

/** Block devices take whole logical blocks only, which are 512 or 4096 bytes. */
const BLOCK_DEVICE_ALIGNMENT = 4096;

/**
 * Undefined where holes can't be punched, or may not read as zeros. Only Linux is trusted: there, a hole in a regular
 * file is zeros, and the kernel punches block devices only by commands that write zeros (`write_zeroes`, since 4.9).
 */
export async function holePuncher(fd: number, stats: fs.BigIntStats): Promise<PunchHole | undefined> {
  if (platform !== 'linux') return undefined;
  const native = await loadNative();
  if (native === undefined) return undefined;
  const trim = (offset: number, length: number) => native.trim(fd, offset, length);
  const able = stats.isFile() ? await filePunches(trim, stats.size) : await blockDevicePunches(stats.rdev);
  if (!able) return undefined;
  const alignment = stats.isFile() ? 1 : BLOCK_DEVICE_ALIGNMENT;
  return async (offset, length) => {
    const start = Math.ceil(offset / alignment) * alignment;
    const end = Math.floor((offset + length) / alignment) * alignment;
    if (start >= end) return { offset, length: 0 };
    await trim(start, end - start);
    return { offset: start, length: end - start };
  };
}

/** The answers of a system that can't punch here, whatever it said before. */
export function isUnsupported(error: unknown): boolean {
  return ['EOPNOTSUPP', 'ENOTSUP', 'ENOSYS', 'EINVAL', 'ENODEV'].includes(codeOf(error));
}

/** Tries a hole past the end, where there is nothing to lose; the file keeps its size. */
async function filePunches(trim: (offset: number, length: number) => Promise<void>, size: bigint): Promise<boolean> {
  const page = 4096;
  try {
    await trim((Math.floor(Number(size) / page) + 1) * page, page);
    return true;
  } catch {
    return false;
  }
}

async function blockDevicePunches(rdev: bigint): Promise<boolean> {
  const attribute = 'queue/write_zeroes_max_bytes';
  // A partition has no queue of its own but its disk's, one folder up.
  const bytes = (await blockAttribute(rdev, attribute)) ?? (await blockAttribute(rdev, `../${attribute}`));
  return bytes !== undefined && bytes > 0;
}
