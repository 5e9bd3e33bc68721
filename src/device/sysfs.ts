/** What Linux tells of its block devices under /sys, where that is mounted: it is not in every container. */
import fs from 'node:fs';
import { platform } from 'node:process';
import { promisify } from 'node:util';

/** The number that a block device's `attribute` holds (`size`, `ro`, `queue/…`), or undefined if it can't be known. */
export async function blockAttribute(rdev: bigint, attribute: string): Promise<number | undefined> {
  if (platform !== 'linux') return undefined;
  try {
    const text = await promisify(fs.readFile)(`/sys/dev/block/${deviceNumber(rdev)}/${attribute}`, 'latin1');
    const value = Number.parseInt(text, 10);
    return Number.isNaN(value) ? undefined : value;
  } catch {
    return undefined;
  }
}

/** `major:minor`, from how Linux packs them into one number. */
export function deviceNumber(rdev: bigint): string {
  const major = ((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & 0xfffff000n);
  const minor = (rdev & 0xffn) | ((rdev >> 12n) & 0xffffff00n);
  return `${major}:${minor}`;
}
