/** The journal of a run depends on what was asked of the cache, and on nothing else: not on who watches, nor on the Node it runs on. */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { seededRandom } from '../../../bench/random.js';
import { memoryDevice } from '../../../src/device/index.js';
import { type BlockCache, openCache } from '../../../src/index.js';
import { VirtualClock } from '../../support/virtual-clock.js';
import { newDirectory, removeDirectories } from './support/recorded.js';

const BLOCK_BYTES = 512;
const BLOCKS = 64;
/** SHA-256 of the segments: of any Node, on any machine. It changes when events or their order do. */
const GOLDEN = 'c4412a81fb1770834e61f618ef7567a7d884c1691d48cda592026a472358d804';

/** Requests of every kind, some of them under way together, with time that passes between. */
async function run(watch: (cache: BlockCache) => void): Promise<string> {
  const directory = await newDirectory();
  const clock = new VirtualClock();
  const device = memoryDevice({ sizeBytes: BLOCKS * BLOCK_BYTES });
  const journal = { directory, bufferBytes: 700, segmentBytes: 5000, contentDigests: true };
  const cache = await openCache(device, { blockSize: BLOCK_BYTES, capacity: 16, clock, journal });
  watch(cache);
  const random = seededRandom(3);
  const waiting: Promise<unknown>[] = [];
  for (let step = 0; step < 300; step++) {
    const block = Math.floor(random() * BLOCKS);
    const what = random();
    if (what < 0.4) waiting.push(cache.read(block, 1, undefined, { actor: `reader ${step % 3}` }));
    else if (what < 0.8) waiting.push(cache.write(block, new Uint8Array(BLOCK_BYTES).fill(step)));
    else if (what < 0.85) waiting.push(cache.flush());
    else if (what < 0.9) waiting.push(cache.zero({ block, count: 1 }).catch(() => undefined));
    else await clock.until(Promise.all(waiting.splice(0)));
    if (step % 10 === 0) clock.step();
  }
  await clock.until(Promise.all(waiting));
  await clock.until(cache.flush());
  await cache.close();
  const digest = createHash('sha256');
  const names = (await readdir(directory)).filter((name) => name.endsWith('.ctj')).sort();
  expect(names.length).to.be.above(2);
  for (const name of names) digest.update(await readFile(path.join(directory, name)));
  return digest.digest('hex');
}

describe('the bytes of a journal', () => {
  afterEach(removeDirectories);

  it('are the same without subscribers, with three, and with one that throws; and on every Node', async () => {
    let seen = 0;
    const look = (cache: BlockCache) => cache.events$.subscribe(() => seen++);
    const thrower = (cache: BlockCache) =>
      cache.events$.subscribe(({ seq }) => {
        if (seq > 5) throw new Error('a subscriber of the test');
      });
    const alone = await run(() => {});
    const watched = await run((cache) => [look, look, look].map((subscribe) => subscribe(cache)));
    const troubled = await run((cache) => [look, thrower, look].map((subscribe) => subscribe(cache)));
    expect(seen).to.be.above(1000);
    expect(watched).to.equal(alone);
    expect(troubled).to.equal(alone);
    expect(alone).to.equal(GOLDEN);
  });
});
