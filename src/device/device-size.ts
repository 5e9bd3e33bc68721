/** How large what a descriptor names is. */
import fs from 'node:fs';
import { promisify } from 'node:util';
import { DEVICE_BYTES_MAX } from './geometry.js';
import { blockAttribute } from './sysfs.js';

/** The unit of sizes under /sys, whatever the device's own sectors are. */
const SECTOR_BYTES = 512;

/** Bytes of a regular file or block device. Rejects with the system's own error. */
export async function sizeOf(fd: number, stats: fs.BigIntStats): Promise<number> {
  if (stats.isFile()) return Number(stats.size);
  const sectors = await blockAttribute(stats.rdev, 'size');
  return sectors === undefined ? sizeByReading(fd) : sectors * SECTOR_BYTES;
}

/** Finds the end by asking which offsets hold a byte. Works for everything that can be read at an offset. */
export async function sizeByReading(fd: number): Promise<number> {
  const read = promisify(fs.read);
  const byte = new Uint8Array(1);
  const holdsByte = async (offset: number) => (await read(fd, byte, 0, 1, offset)).bytesRead === 1;
  if (!(await holdsByte(0))) return 0;
  let last = 0;
  let end = 1;
  while (end < DEVICE_BYTES_MAX && (await holdsByte(end))) {
    last = end;
    end = Math.min(end * 2, DEVICE_BYTES_MAX);
  }
  while (end - last > 1) {
    const middle = last + Math.floor((end - last) / 2);
    if (await holdsByte(middle)) last = middle;
    else end = middle;
  }
  return end;
}
