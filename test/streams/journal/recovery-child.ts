/**
 * Run as a process of its own, to be killed: writes through a durable journal, and says so, a line each, as every write is
 * acknowledged. Not a test itself.
 */
import { writeSync } from 'node:fs';
import { codeOf, openCache, openFileDevice } from '../../../src/index.js';

const [image, directory, first] = process.argv.slice(2);
const BLOCK_BYTES = 4096;
const WRITERS = 8;
const CAPACITY_BLOCKS = 64;
const PIPE_FULL_MS = 1;
/** So that it can be verified after each of many kills. */
const JOURNAL_BYTES = 4 << 20;

const device = await openFileDevice(image);
const journal = { directory, mode: 'durable', retention: { bytes: JOURNAL_BYTES } } as const;
const cache = await openCache(device, { capacity: CAPACITY_BLOCKS, journal });
let tag = Number(first);

/** At once: a line that waits in memory dies with the process. While the pipe is full nothing else is done. */
function say(line: string): void {
  for (;;) {
    try {
      writeSync(1, line);
      return;
    } catch (error) {
      if (codeOf(error) !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PIPE_FULL_MS);
    }
  }
}

async function write(writer: number): Promise<void> {
  for (;;) {
    const mine = ++tag;
    // Each writer has blocks of its own, so that the order of its lines is the order of its writes.
    const block = writer + WRITERS * (mine % 16);
    const bytes = new Uint8Array(BLOCK_BYTES);
    new DataView(bytes.buffer).setUint32(0, mine);
    bytes.fill(mine & 0xff, 4);
    say(`started ${mine} ${block}\n`);
    await cache.write(block, bytes);
    say(`written ${mine} ${block}\n`);
    if (mine % 50 === 0) await cache.flush();
  }
}

await Promise.all(Array.from({ length: WRITERS }, (_, writer) => write(writer)));
