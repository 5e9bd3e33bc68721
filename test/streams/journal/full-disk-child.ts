/**
 * Run as a process of its own under a limit of the size of files: writes through a journal until it fails and for a while after,
 * and prints what came of it as JSON. Not a test itself.
 */
import { memoryDevice } from '../../../src/device/index.js';
import { type CacheEvent, codeOf, openCache } from '../../../src/index.js';
import type { JournalFailurePolicy, JournalMode } from '../../../src/streams/journal/index.js';

const [directory, mode, onFailure] = process.argv.slice(2) as [string, JournalMode, JournalFailurePolicy];
const BLOCK_BYTES = 4096;
const WRITES = 64;

const bytes = new Uint8Array(WRITES * BLOCK_BYTES);
const journal = { directory, mode, onFailure, bufferBytes: 100, bufferMs: 1 };
const cache = await openCache(memoryDevice({ bytes }), { journal });
const events: CacheEvent[] = [];
cache.events$.subscribe((event) => events.push(event));
const acknowledged: number[] = [];
const refused: string[] = [];
for (let block = 0; block < WRITES; block++) {
  const outcome = await cache.write(block, new Uint8Array(BLOCK_BYTES).fill(block + 1)).then(() => '', codeOf);
  if (outcome === '') acknowledged.push(block);
  else refused.push(outcome);
}
const discard = await cache.zero({ block: 0, count: 1 }).then(() => '', codeOf);
const read = (await cache.read(acknowledged[0]))[0];
const { journal: stats } = cache.stats();
const closing = await cache.close().then(() => '', codeOf);
const onDevice = acknowledged.every(
  (block) => bytes[block * BLOCK_BYTES] === (discard === '' && block === 0 ? 0 : block + 1),
);
const told = events.filter(({ type }) => type === 'journalFailed');
console.log(JSON.stringify({ acknowledged, refused, discard, read, stats, closing, onDevice, told }));
