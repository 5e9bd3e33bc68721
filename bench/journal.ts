/**
 * `npm run bench:journal`: a long journal. Records cached reads and a few writes, verifies them, goes to events at random, and
 * compares group commit with bare syncs. `--help` has the options.
 */
import { statSync } from 'node:fs';
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
/** Requests between two looks at the event loop. */
const BURST = 4096;
const PLACES = 5;
const WRITERS = [1, 32, 256];

const HELP = `bench:journal: what a long journal costs to write, to verify and to search

usage: npm run bench:journal -- [OPTIONS]

options:
  --events N         events to record, ${BLOCKS * 10} or more (default 2000000)
  --writes PERCENT   how many of the requests are writes, 0 to 100; the others are cached reads (default 1). Each
                     write brings events of its writeback too
  --sync-seconds S   how long to write with each number of writers, to compare group commit with bare syncs (default 2)
  --directory DIR    where to make the folder of the journals, which takes about five bytes an event and is removed
                     (default: the system's folder for such things)
  --json             print one JSON object at the end and nothing else
  -h, --help         show this

exit codes: 0 done, 2 wrong usage
`;

const options = optionsFrom(process.argv.slice(2));
const folder = await mkdtemp(path.join(options.directory, 'cachetrail-bench-'));
try {
  const recorded = await record(path.join(folder, 'long'));
  const verified = await verify(path.join(folder, 'long'));
  const places = await reach(path.join(folder, 'long'), verified.events);
  const syncs = await compareSyncs();
  const { writes } = options;
  if (options.json) console.log(JSON.stringify({ writes, recorded, verified, places, syncs }));
} finally {
  await rm(folder, { recursive: true });
}

async function record(directory: string) {
  const device = memoryDevice({ sizeBytes: BLOCKS * BLOCK_BYTES });
  const cache = await openCache(device, { blockSize: BLOCK_BYTES, capacity: BLOCKS, journal: { directory } });
  const buffer = new Uint8Array(BLOCK_BYTES);
  const random = seededRandom(1);
  const memory = new Memory('recording');
  const { events } = options;
  const writes = Math.round((BURST * options.writes) / 100);
  for (let block = 0; block < BLOCKS; block++) await cache.read(block, 1, buffer);
  const seconds = await timed(async () => {
    for (let done = cache.stats().events; done < events; done = cache.stats().events) {
      for (let i = 0; i < BURST - writes; i++) cache.readNow(Math.floor(random() * BLOCKS), buffer);
      for (let i = 0; i < writes; i++) await cache.write(Math.floor(random() * BLOCKS), buffer);
      await new Promise((resolve) => setImmediate(resolve));
      memory.note(done / events);
    }
  });
  const { events: total, journal, reads, writes: written } = cache.stats();
  await cache.close();
  const snapshots = (await readdir(directory)).filter((name) => name.endsWith('.cts'));
  let snapshotBytes = 0;
  for (const name of snapshots) snapshotBytes += (await stat(path.join(directory, name))).size;
  const bytes = (journal?.bytes ?? 0) / total;
  say(
    `recorded ${count(total)} events, of ${options.writes} % writes: ${rate(total, seconds)}, ${bytes.toFixed(2)} bytes an event`,
  );
  say(`  ${snapshots.length} snapshots, ${count(snapshotBytes)} bytes; ${memory.text()}`);
  const requests = { reads, writes: written };
  return {
    events: total,
    ...requests,
    seconds,
    bytesAnEvent: bytes,
    snapshots: snapshots.length,
    snapshotBytes,
    rss: memory.rss,
  };
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
    for (let turn = 0; secondsSince(start) < options.syncSeconds; turn++) {
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
  while (secondsSince(start) < options.syncSeconds) await step();
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

interface Options {
  readonly events: number;
  /** Per cent of the requests. */
  readonly writes: number;
  readonly syncSeconds: number;
  readonly directory: string;
  readonly json: boolean;
}

function optionsFrom(args: readonly string[]): Options {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        events: { type: 'string', default: '2000000' },
        writes: { type: 'string', default: '1' },
        'sync-seconds': { type: 'string', default: '2' },
        directory: { type: 'string', default: tmpdir() },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    if (values.help) {
      process.stdout.write(HELP);
      process.exit(0);
    }
    const { directory, json } = values;
    if (!statSync(directory).isDirectory()) throw new Error(`--directory: ${directory} is no directory`);
    return {
      events: numberFrom('--events', values.events, BLOCKS * 10, 1e12),
      writes: numberFrom('--writes', values.writes, 0, 100),
      syncSeconds: numberFrom('--sync-seconds', values['sync-seconds'], 0.01, 3600),
      directory,
      json,
    };
  } catch (error) {
    process.stderr.write(
      `error: ${error instanceof Error ? error.message : String(error)}\n  --help lists the options\n`,
    );
    process.exit(2);
  }
}

function numberFrom(option: string, text: string, min: number, max: number): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new Error(`${option} takes a number from ${min} to ${max}, not '${text}'`);
}
