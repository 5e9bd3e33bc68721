/**
 * `npm run bench:journal`: a long journal. Records cached reads and a few writes, verifies them, goes to events at random, and
 * compares group commit with bare syncs. Options: `--events N` (default 2,000,000), `--directory DIR` (a new folder in it
 * takes five bytes an event, and is removed), `--json` (an object at the end and nothing else).
 */
import { open as openFile, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { memoryDevice } from '../src/device/index.js';
import { openCache } from '../src/index.js';
import { stateAt, verifyJournal } from '../src/streams/journal/index.js';
import { seededRandom } from './random.js';
import { Memory } from './resident.js';

const BLOCK_BYTES = 512;
const BLOCKS = 4096;
/** One request in so many writes. */
const WRITE_EVERY = 100;
/** Requests between two looks at the event loop. */
const BURST = 4096;
const PLACES = 5;
const WRITERS = [1, 32, 256];
const SYNC_SECONDS = 2;

const { values: options } = parseArgs({
  options: {
    events: { type: 'string', default: '2000000' },
    directory: { type: 'string', default: tmpdir() },
    json: { type: 'boolean', default: false },
  },
});
const events = Number(options.events);
if (!Number.isSafeInteger(events) || events < BLOCKS * 10) {
  console.error(`--events takes a whole number from ${BLOCKS * 10}, not '${options.events}'`);
  process.exit(2);
}

const folder = await mkdtemp(path.join(options.directory, 'cachetrail-bench-'));
try {
  const recorded = await record(path.join(folder, 'long'));
  const verified = await verify(path.join(folder, 'long'));
  const places = await reach(path.join(folder, 'long'), verified.events);
  const syncs = await compareSyncs();
  if (options.json) console.log(JSON.stringify({ recorded, verified, places, syncs }));
} finally {
  await rm(folder, { recursive: true });
}

async function record(directory: string) {
  const device = memoryDevice({ sizeBytes: BLOCKS * BLOCK_BYTES });
  const cache = await openCache(device, { blockSize: BLOCK_BYTES, capacity: BLOCKS, journal: { directory } });
  const buffer = new Uint8Array(BLOCK_BYTES);
  const random = seededRandom(1);
  const memory = new Memory('recording');
  for (let block = 0; block < BLOCKS; block++) await cache.read(block, 1, buffer);
  const seconds = await timed(async () => {
    for (let done = cache.stats().events; done < events; done = cache.stats().events) {
      for (let i = 0; i < BURST; i++) cache.readNow(Math.floor(random() * BLOCKS), buffer);
      for (let i = 0; i < BURST / WRITE_EVERY; i++) await cache.write(Math.floor(random() * BLOCKS), buffer);
      await new Promise((resolve) => setImmediate(resolve));
      memory.note(done / events);
    }
  });
  const { events: total, journal } = cache.stats();
  await cache.close();
  const snapshots = (await readdir(directory)).filter((name) => name.endsWith('.cts'));
  let snapshotBytes = 0;
  for (const name of snapshots) snapshotBytes += (await stat(path.join(directory, name))).size;
  const bytes = (journal?.bytes ?? 0) / total;
  say(`recorded ${count(total)} events, requests and all: ${rate(total, seconds)}, ${bytes.toFixed(2)} bytes an event`);
  say(`  ${snapshots.length} snapshots, ${count(snapshotBytes)} bytes; ${memory.text()}`);
  return { events: total, seconds, bytesAnEvent: bytes, snapshots: snapshots.length, snapshotBytes, rss: memory.rss };
}

async function verify(directory: string) {
  const memory = new Memory('verifying');
  let found = { status: '', events: 0, replayed: 0 };
  const seconds = await timed(async () => {
    found = await verifyJournal(directory, { onProgress: (done, total) => memory.note(done / total) });
  });
  const { status, events: total, replayed } = found;
  say(`verified: ${status}, ${count(replayed)} events decided again: ${rate(total, seconds)} (target 2,000,000)`);
  say(`  ${memory.text()}`);
  return { status, events: total, replayed, seconds, rss: memory.rss };
}

async function reach(directory: string, lastSeq: number) {
  const random = seededRandom(2);
  const places: { readonly seq: number; readonly ms: number; readonly folded: number }[] = [];
  for (let place = 0; place < PLACES; place++) {
    const seq = 1 + Math.floor(random() * lastSeq);
    let folded = 0;
    const seconds = await timed(async () => {
      folded = (await stateAt(directory, seq)).folded;
    });
    places.push({ seq, ms: seconds * 1000, folded });
    say(`state at #${count(seq)}: ${(seconds * 1000).toFixed(0)} ms, ${count(folded)} events from the last snapshot`);
  }
  return places;
}

async function compareSyncs() {
  const bare = await bareSyncs();
  say(`bare fdatasync after a write of 4 KiB: ${bare.toFixed(0)} a second`);
  const durable: { readonly writers: number; readonly writesPerSecond: number; readonly syncsPerSecond: number }[] = [];
  for (const writers of WRITERS) {
    const { writes, syncs } = await durableWrites(writers);
    durable.push({ writers, writesPerSecond: writes, syncsPerSecond: syncs });
    const times = (writes / bare).toFixed(2);
    say(
      `durable, ${writers} waiting: ${writes.toFixed(0)} writes a second, ${times} of the bare rate, in ${syncs.toFixed(0)} syncs`,
    );
  }
  return { barePerSecond: bare, durable };
}

async function bareSyncs(): Promise<number> {
  const file = await openFile(path.join(folder, 'bare'), 'w');
  const bytes = new Uint8Array(4096);
  let syncs = 0;
  const seconds = await during(async () => {
    await file.write(bytes, 0, bytes.length, syncs * bytes.length);
    await file.datasync();
    syncs++;
  });
  await file.close();
  return syncs / seconds;
}

async function durableWrites(writers: number): Promise<{ writes: number; syncs: number }> {
  const size = 4096;
  const blocks = 1024;
  const directory = path.join(folder, `durable-${writers}`);
  const device = memoryDevice({ sizeBytes: blocks * size });
  const cache = await openCache(device, { capacity: blocks, journal: { directory, mode: 'durable' } });
  let writes = 0;
  const before = cache.stats().journal?.syncs ?? 0;
  const start = process.hrtime.bigint();
  const all = Array.from({ length: writers }, async (_, writer) => {
    const bytes = new Uint8Array(size).fill(writer);
    for (let turn = 0; secondsSince(start) < SYNC_SECONDS; turn++) {
      await cache.write((writer + turn * writers) % blocks, bytes);
      writes++;
    }
  });
  await Promise.all(all);
  const seconds = secondsSince(start);
  const syncs = (cache.stats().journal?.syncs ?? 0) - before;
  await cache.close();
  return { writes: writes / seconds, syncs: syncs / seconds };
}

async function during(step: () => Promise<void>): Promise<number> {
  const start = process.hrtime.bigint();
  while (secondsSince(start) < SYNC_SECONDS) await step();
  return secondsSince(start);
}

async function timed(body: () => Promise<void>): Promise<number> {
  const start = process.hrtime.bigint();
  await body();
  return secondsSince(start);
}

function secondsSince(start: bigint): number {
  return Number(process.hrtime.bigint() - start) / 1e9;
}

function say(line: string): void {
  if (!options.json) console.log(line);
}

function count(value: number): string {
  return value.toLocaleString('en');
}

function rate(operations: number, seconds: number): string {
  return `${count(Math.round(operations / seconds))} a second`;
}
