import { expect } from 'chai';
import { readSuperblock } from '../../src/cli/demo/superblock.js';
import { memoryDevice } from '../../src/device/index.js';
import { rejection } from '../device/support.js';

const MEBIBYTE = 1024 * 1024;

/** The fields that matter, on an image of 1 MiB. */
function imageWith(fields: {
  magic?: number;
  logBlock?: number;
  blocks?: number;
  state?: number;
  compat?: number;
  incompat?: number;
  roCompat?: number;
}) {
  const bytes = Buffer.alloc(MEBIBYTE);
  const superblock = bytes.subarray(1024);
  superblock.writeUInt32LE(fields.blocks ?? 256, 0x04);
  superblock.writeUInt32LE(5, 0x08);
  superblock.writeUInt32LE(105, 0x0c);
  superblock.writeUInt32LE(77, 0x10);
  superblock.writeUInt32LE(fields.logBlock ?? 2, 0x18);
  superblock.writeUInt16LE(fields.magic ?? 0xef53, 0x38);
  superblock.writeUInt16LE(fields.state ?? 1, 0x3a);
  superblock.writeUInt32LE(fields.compat ?? 0, 0x5c);
  superblock.writeUInt32LE(fields.incompat ?? 0, 0x60);
  superblock.writeUInt32LE(fields.roCompat ?? 0, 0x64);
  superblock.write('a label', 0x78);
  return memoryDevice({ bytes });
}

describe('the superblock of an image', () => {
  it('says sizes and what is free to all users', async () => {
    expect(await readSuperblock(imageWith({}))).to.deep.equal({
      kind: 'ext2',
      label: 'a label',
      blockSize: 4096,
      sizeBytes: MEBIBYTE,
      freeBytes: 100 * 4096,
      freeInodes: 77,
    });
  });

  it('says which of the three it is', async () => {
    expect((await readSuperblock(imageWith({ compat: 4 }))).kind).to.equal('ext3');
    expect((await readSuperblock(imageWith({ compat: 4, incompat: 0x42 }))).kind).to.equal('ext4');
  });

  const refused = {
    'too short for a superblock': memoryDevice({ sizeBytes: 2047 }),
    'of zeros': memoryDevice({ sizeBytes: MEBIBYTE }),
    'without the magic number': imageWith({ magic: 0x1234 }),
    'that is cut off': imageWith({ blocks: 257 }),
    'not cleanly unmounted': imageWith({ state: 0 }),
    'known to have errors': imageWith({ state: 3 }),
    'whose journal is to be played': imageWith({ incompat: 4 }),
    'with quotas': imageWith({ roCompat: 0x100 }),
    'with blocks that ext2fs cannot address': imageWith({ logBlock: 5, blocks: 32 }),
  };
  for (const [what, device] of Object.entries(refused)) {
    it(`is refused where the image is one ${what}`, async () => {
      expect((await rejection(readSuperblock(device))).code).to.equal('CACHETRAIL_NO_FILE_SYSTEM');
    });
  }
});
