/**
 * What the superblock of an ext2, ext3 or ext4 image says, and whether the demo can work on it. Asked before anything is
 * written: libext2fs notices a cut-off image only when it reads past the end, and an unclean one not at all.
 */
import type { BlockDevice } from '../../device/block-device.js';
import { DeviceError } from '../../device/errors.js';

export interface Superblock {
  readonly kind: 'ext2' | 'ext3' | 'ext4';
  readonly label: string;
  /** Bytes. */
  readonly blockSize: number;
  readonly sizeBytes: number;
  /** Bytes that files of any user may take. */
  readonly freeBytes: number;
  readonly freeInodes: number;
}

const SUPERBLOCK_OFFSET = 1024;
const SUPERBLOCK_BYTES = 1024;
const MAGIC = 0xef53;
/** ext2fs passes block sizes as 16-bit numbers with a sign. */
const BLOCK_BYTES_MAX = 16_384;
const STATE_CLEAN = 1;
const STATE_ERRORS = 2;
const INCOMPAT_JOURNAL_UNPLAYED = 0x4;
const INCOMPAT_64BIT = 0x80;
/** Extents, 64 bits, flexible groups: what only ext4 has. */
const INCOMPAT_EXT4 = 0x40 | INCOMPAT_64BIT | 0x200;
const COMPAT_JOURNAL = 0x4;
const RO_COMPAT_QUOTA = 0x100;

/** Rejects with CACHETRAIL_NO_FILE_SYSTEM where there is none, or none that may be written. */
export async function readSuperblock(device: BlockDevice): Promise<Superblock> {
  if (device.sizeBytes < SUPERBLOCK_OFFSET + SUPERBLOCK_BYTES) {
    throw noFileSystem(`the image has ${device.sizeBytes} bytes, too few for a file system`);
  }
  const bytes = Buffer.alloc(SUPERBLOCK_BYTES);
  await device.read(SUPERBLOCK_OFFSET, [bytes]);
  if (bytes.readUInt16LE(0x38) !== MAGIC) throw noFileSystem('the image has no ext2, ext3 or ext4 superblock');
  const superblock = parse(bytes);
  checkUsable(superblock, bytes, device.sizeBytes);
  return superblock;
}

function parse(bytes: Buffer): Superblock {
  const incompat = bytes.readUInt32LE(0x60);
  const has64Bit = (incompat & INCOMPAT_64BIT) !== 0;
  const hasJournal = (bytes.readUInt32LE(0x5c) & COMPAT_JOURNAL) !== 0;
  const wide = (low: number, high: number) =>
    bytes.readUInt32LE(low) + (has64Bit ? bytes.readUInt32LE(high) * 2 ** 32 : 0);
  const blockSize = 1024 * 2 ** bytes.readUInt32LE(0x18);
  return {
    kind: (incompat & INCOMPAT_EXT4) !== 0 ? 'ext4' : hasJournal ? 'ext3' : 'ext2',
    label: bytes.toString('latin1', 0x78, 0x88).split('\0')[0],
    blockSize,
    sizeBytes: wide(0x04, 0x150) * blockSize,
    freeBytes: Math.max(0, wide(0x0c, 0x158) - wide(0x08, 0x154)) * blockSize,
    freeInodes: bytes.readUInt32LE(0x10),
  };
}

function checkUsable(superblock: Superblock, bytes: Buffer, deviceBytes: number): void {
  if (superblock.blockSize > BLOCK_BYTES_MAX) {
    throw noFileSystem(`ext2fs cannot address blocks of ${superblock.blockSize} bytes`);
  }
  if (superblock.sizeBytes > deviceBytes) {
    throw noFileSystem(
      `the file system has ${superblock.sizeBytes} bytes, but the image has only ${deviceBytes}: it is cut off`,
    );
  }
  if ((bytes.readUInt32LE(0x64) & RO_COMPAT_QUOTA) !== 0) {
    throw noFileSystem('the file system has quotas, which libext2fs does not keep up to date');
  }
  const state = bytes.readUInt16LE(0x3a);
  const unplayed = (bytes.readUInt32LE(0x60) & INCOMPAT_JOURNAL_UNPLAYED) !== 0;
  if (unplayed || (state & STATE_CLEAN) === 0 || (state & STATE_ERRORS) !== 0) {
    throw noFileSystem('the file system was not cleanly unmounted, or is mounted now; `e2fsck -f` on it first');
  }
}

function noFileSystem(message: string): DeviceError {
  return new DeviceError('CACHETRAIL_NO_FILE_SYSTEM', message);
}
