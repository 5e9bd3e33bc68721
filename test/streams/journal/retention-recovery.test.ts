/** Retention and recovery together: what a crash would need is never deleted, and what is left is enough. */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { type BlockDevice, memoryDevice } from '../../../src/device/index.js';
import { type BlockCache, openCache } from '../../../src/index.js';
import { VirtualClock } from '../../support/virtual-clock.js';

const BLOCK_BYTES = 4096;
const BLOCKS = 64;

let folder = '';

const place = (name = 'journal') => path.join(folder, name);

function open(device: BlockDevice, name?: string): Promise<BlockCache> {
  const journal = {
    directory: place(name),
    mode: 'durable',
    segmentBytes: 20_000,
    retention: { segments: 2 },
  } as const;
  return openCache(device, { capacity: BLOCKS, clock: new VirtualClock(), journal });
}

const filled = (byte: number, blocks = 1) => new Uint8Array(blocks * BLOCK_BYTES).fill(byte);
const segments = async (name?: string) => (await readdir(place(name))).filter((file) => file.endsWith('.ctj')).length;

/** A power cut: the journal as it is on disk, and a device that has only what was flushed. */
async function crashed(durable: Uint8Array): Promise<BlockCache> {
  cpSync(place(), place('after'), { recursive: true });
  return open(memoryDevice({ bytes: durable }), 'after');
}

describe('the retention of a durable journal', () => {
  beforeEach(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'cachetrail-test-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('keeps every segment that holds a write which is not durable, and deletes the others', async () => {
    const bytes = new Uint8Array(BLOCKS * BLOCK_BYTES);
    const cache = await open(memoryDevice({ bytes }));
    const before = bytes.slice();
    await cache.write(0, filled(1));
    for (let tag = 2; tag < 40; tag++) await cache.write(tag % 7, filled(tag));
    expect(await segments()).to.be.above(5);

    const after = await crashed(before);
    for (let block = 0; block < 7; block++) {
      const tag = 39 - ((39 - block) % 7);
      expect(await after.read(block)).to.deep.equal(filled(tag));
    }
    await after.close();

    await cache.flush();
    for (let tag = 2; tag < 20; tag++) await cache.write(9, filled(tag));
    await cache.flush();
    for (let tag = 20; tag < 25; tag++) await cache.write(10, filled(tag));
    expect(await segments()).to.be.below(6);
    await cache.close();
  });

  it('leaves enough to recover from, and to tell the device by, when the opening is gone', async () => {
    const bytes = new Uint8Array(BLOCKS * BLOCK_BYTES);
    const cache = await open(memoryDevice({ bytes }));
    await cache.setBlockSize(8192);
    for (let tag = 1; tag < 20; tag++) await cache.write(0, filled(tag, 2));
    await cache.flush();
    for (let tag = 20; tag < 30; tag++) await cache.write(1, filled(tag, 2));
    await cache.flush();
    const before = bytes.slice();
    for (let tag = 30; tag < 36; tag++) await cache.write(2, filled(tag, 2));
    const after = await crashed(before);
    expect(await after.read(4, 2)).to.deep.equal(filled(35, 2));
    await after.close();
    const names = (await readdir(place())).filter((file) => file.endsWith('.ctj')).sort();
    expect(names[0].startsWith('00000001-')).to.equal(false);

    cpSync(place(), place('other'), { recursive: true });
    const smaller = memoryDevice({ sizeBytes: BLOCK_BYTES * BLOCKS * 2 });
    const error = await open(smaller, 'other').catch((thrown: unknown) => thrown);
    expect(error).to.have.property('code', 'CACHETRAIL_JOURNAL_DEVICE');
    await cache.close();
  });
});
