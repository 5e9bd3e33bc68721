/**
 * Writes that the device puts in another place and calls done. No cache can see that while it runs: it has no digests of what
 * lies on the device. A durable journal knows what became durable last, and is held against the device at the next opening.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { type BlockDevice, type MemoryDevice, memoryDevice } from '../../src/device/index.js';
import { codeOf } from '../../src/device/errors.js';
import { openCache } from '../../src/index.js';
import { Random } from './random.js';

const BLOCK_BYTES = 512;
/** As many as an opening looks at, so that all that was ever written is looked at. */
const BLOCKS = 64;
const RUNS = 32;
const WRITES = 30;
const BLOCKS_AT_ONCE_MAX = 4;

/** The `nth` write of the device lands at a place that is drawn; with 0, none does. */
function misdirecting(memory: MemoryDevice, nth: number, random: Random): BlockDevice {
  let writes = 0;
  return {
    ...{ supports: memory.supports, sizeBytes: memory.sizeBytes, identity: memory.identity, fd: undefined },
    read: (offset, buffers) => memory.read(offset, buffers),
    write: (offset, buffers) => {
      const length = buffers.reduce((sum, buffer) => sum + buffer.length, 0);
      const elsewhere = random.below((memory.sizeBytes - length) / BLOCK_BYTES + 1) * BLOCK_BYTES;
      return memory.write(++writes === nth ? elsewhere : offset, buffers);
    },
    barrier: () => memory.barrier(),
    discard: (offset, length) => memory.discard(offset, length),
    zero: (offset, length) => memory.zero(offset, length),
    setOption: (name, value) => memory.setOption(name, value),
    close: () => memory.close(),
  };
}

/** Writes and flushes as drawn; gives what each block should hold, and null for what was never written. */
async function work(device: BlockDevice, directory: string, random: Random): Promise<(number | null)[]> {
  const wanted = new Array<number | null>(BLOCKS).fill(null);
  const cache = await openCache(device, {
    blockSize: BLOCK_BYTES,
    capacity: 16,
    journal: { directory, mode: 'durable' },
  });
  for (let write = 1; write <= WRITES; write++) {
    const count = random.between(1, BLOCKS_AT_ONCE_MAX);
    const block = random.below(BLOCKS - count + 1);
    await cache.write(block, new Uint8Array(count * BLOCK_BYTES).fill(write));
    wanted.fill(write, block, block + count);
    if (random.chance(0.2)) await cache.flush();
  }
  await cache.close();
  return wanted;
}

describe('A device that misdirects a write', () => {
  const directory = mkdtempSync(path.join(os.tmpdir(), 'cachetrail-test-'));
  after(() => rmSync(directory, { recursive: true, force: true }));

  it('is found out at the next opening by every block that the durable journal knows, and a good one never is', async () => {
    let found = 0;
    for (let seed = 1; seed <= RUNS; seed++) {
      const random = new Random(seed, 'misdirected');
      const bytes = new Uint8Array(BLOCKS * BLOCK_BYTES);
      const journal = { directory: path.join(directory, String(seed)), mode: 'durable' } as const;
      const nth = seed % 4 === 0 ? 0 : random.between(1, 8);
      const wanted = await work(misdirecting(memoryDevice({ bytes }), nth, random), journal.directory, random);
      const isWrong = wanted.map((value, block) => value !== null && value !== bytes[block * BLOCK_BYTES]);
      const opening = openCache(memoryDevice({ bytes }), { blockSize: BLOCK_BYTES, journal });
      const code = await opening.then((cache) => cache.close().then(() => ''), codeOf);
      expect(code, `seed ${seed}`).to.equal(isWrong.includes(true) ? 'CACHETRAIL_JOURNAL_STALE' : '');
      if (code !== '') found++;
    }
    expect(found).to.be.within(RUNS / 4, (RUNS * 3) / 4);
  });
});
