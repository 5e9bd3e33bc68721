/** What Linux tells of its block devices under /sys, where that is mounted: it is not in every container. */
import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';

const SYSFS = '/sys/dev/block';

/** Names that no two disks have. Those of SCSI and NVMe, of memory cards, device mapper and md. */
const WORLDWIDE = ['wwid', 'device/wwid', 'device/cid', 'dm/uuid', 'md/uuid'];
/** Names that two may have, which are at different places then: a maker's number, and the file behind a loop device. */
const LOCAL = ['serial', 'device/serial', 'loop/backing_file'];

/** What the system knows a disk by, wherever it is plugged in, or `isUnique` false: together with its place. */
export interface DiskName {
  readonly name: string;
  readonly isUnique: boolean;
}

/** The number that a block device's `attribute` holds (`size`, `ro`, `queue/…`), or undefined if it can't be known. */
export async function blockAttribute(rdev: bigint, attribute: string): Promise<number | undefined> {
  const text = await textOf(path.join(SYSFS, deviceNumber(rdev), attribute));
  const value = Number.parseInt(text, 10);
  return Number.isNaN(value) ? undefined : value;
}

/**
 * The name of a disk or partition that lasts when it is unplugged and plugged in again, or the system starts anew: the number of
 * a device node says nothing then. Where the system knows none it is `major:minor`.
 */
export async function diskName(rdev: bigint, root = SYSFS): Promise<DiskName> {
  const number = deviceNumber(rdev);
  const partition = await textOf(path.join(root, number, 'partition'));
  // Not joined: the directory is a link, and what is above is above its target.
  const disk = partition === '' ? `${root}/${number}` : `${root}/${number}/..`;
  const part = partition === '' ? '' : `, partition ${partition}`;
  for (const attribute of [...WORLDWIDE, ...LOCAL]) {
    const text = await textOf(`${disk}/${attribute}`);
    if (text !== '') return { name: text.replace(/\s+/g, ' ') + part, isUnique: WORLDWIDE.includes(attribute) };
  }
  return { name: number, isUnique: false };
}

/** Empty where there is no such file, as on all systems but Linux. */
async function textOf(file: string): Promise<string> {
  try {
    return (await promisify(fs.readFile)(file, 'utf8')).trim();
  } catch {
    return '';
  }
}

/** `major:minor`, from how Linux packs them into one number. */
export function deviceNumber(rdev: bigint): string {
  const major = ((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & 0xfffff000n);
  const minor = (rdev & 0xffn) | ((rdev >> 12n) & 0xffffff00n);
  return `${major}:${minor}`;
}
