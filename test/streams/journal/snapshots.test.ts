/** Snapshots beside a journal: a short way to a state, and never another state. */
import { copyFile, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { hashState } from '../../../src/cache/index.js';
import { memoryDevice } from '../../../src/device/index.js';
import { openCache } from '../../../src/index.js';
import { type JournalOptions, openJournal, stateAt, verifyJournal } from '../../../src/streams/journal/index.js';
import { seededRandom } from '../../../bench/random.js';
import { VirtualClock } from '../../support/virtual-clock.js';
import { segmentFiles } from './support/pieces.js';
import { newDirectory, removeDirectories } from './support/recorded.js';

const BLOCK_BYTES = 512;
const BLOCKS = 64;
const EVERY = 60;

/** A busy life: reads, writes, flushes and borrowed blocks, some of them under way whenever a snapshot is made. */
async function record(directory: string, options: Partial<JournalOptions> = {}, seed = 1): Promise<void> {
  const clock = new VirtualClock();
  const journal = { directory, bufferBytes: 100, snapshotEvents: EVERY, ...options };
  const device = memoryDevice({ sizeBytes: BLOCKS * BLOCK_BYTES });
  const cache = await openCache(device, {
    blockSize: BLOCK_BYTES,
    capacity: 24,
    policy: 'priority',
    seed,
    clock,
    journal,
  });
  const random = seededRandom(seed);
  const waiting: Promise<unknown>[] = [];
  for (let step = 0; step < 400; step++) {
    const block = Math.floor(random() * BLOCKS);
    const what = random();
    if (what < 0.5) waiting.push(cache.read(block));
    else if (what < 0.85) waiting.push(cache.write(block, new Uint8Array(BLOCK_BYTES).fill(step)));
    else if (what < 0.9) waiting.push(cache.flush());
    else if (what < 0.95) waiting.push(cache.borrow(block).then((borrowed) => borrowed.release()));
    else await clock.until(Promise.all(waiting.splice(0)));
    if (step % 20 === 0) clock.step();
  }
  await clock.until(Promise.all(waiting));
  // What it waits for now is the journal's disk, in real time.
  await clock.until(cache.flush());
  await cache.close();
}

async function lastSeq(directory: string): Promise<number> {
  let last = 0;
  for await (const { seq } of (await openJournal(directory)).read()) last = seq;
  return last;
}

const snapshotsIn = async (directory: string) =>
  (await readdir(directory)).filter((name) => name.endsWith('.cts')).sort();

/** What every way to a state must come to. */
async function hashAt(directory: string, seq: number): Promise<string> {
  return hashState((await stateAt(directory, seq, { snapshots: false })).state);
}

describe('the snapshots of a journal', () => {
  afterEach(removeDirectories);

  it('are made while the cache is used, and lead to the same state as all events from the beginning', async () => {
    const directory = await newDirectory();
    await record(directory);
    expect((await snapshotsIn(directory)).length).to.be.above(4);
    const end = await lastSeq(directory);
    let farthest = 0;
    for (let seq = 1; seq <= end; seq += 13) {
      const { state, folded } = await stateAt(directory, seq);
      expect(hashState(state), `at ${seq}`).to.equal(await hashAt(directory, seq));
      farthest = Math.max(farthest, folded);
    }
    expect(farthest).to.be.below(end / 3);
  });

  it('let all that follows from them be decided again, where retention has deleted the opening', async () => {
    const directory = await newDirectory();
    await record(directory, { segmentBytes: 4000, retention: { segments: 4 } });
    const { events, replayed, status } = await verifyJournal(directory);
    expect(status).to.equal('sound');
    expect(replayed).to.be.within(events / 2, events - 1);
    for (const name of await snapshotsIn(directory)) await rm(path.join(directory, name));
    expect(await verifyJournal(directory)).to.include({ status: 'sound', events, replayed: 0 });
  });

  it('may lie in the middle of a decision, which is not decided again then', async () => {
    const directory = await newDirectory();
    await record(directory, { segmentBytes: 4000, snapshotEvents: Infinity });
    await stateAt(directory, await lastSeq(directory), { leaveEvery: 1 });
    const [first] = await segmentFiles(directory);
    await rm(first);
    const { events, replayed, status, firstSeq } = await verifyJournal(directory);
    const inMiddle: number[] = [];
    for await (const event of (await openJournal(directory)).read({ to: firstSeq + 40 })) inMiddle.push(event.cause);
    expect(inMiddle[0], 'the segment begins in a decision').to.not.equal(0);
    expect(status).to.equal('sound');
    expect(replayed).to.be.within(events - 40, events - 1);
  });

  it('can be left by a reader where there are none', async () => {
    const directory = await newDirectory();
    await record(directory, { snapshotEvents: Infinity });
    expect(await snapshotsIn(directory)).to.deep.equal([]);
    const end = await lastSeq(directory);
    const first = await stateAt(directory, end, { leaveEvery: EVERY });
    expect(first.folded).to.equal(end);
    const again = await stateAt(directory, end);
    expect(again.folded).to.be.below(2 * EVERY);
    expect(hashState(again.state)).to.equal(hashState(first.state));
    expect((await snapshotsIn(directory)).length).to.be.above(4);
  });

  it('are passed over when a byte of one is wrong, or its end is missing', async () => {
    const directory = await newDirectory();
    await record(directory);
    const end = await lastSeq(directory);
    const right = await hashAt(directory, end);
    const file = path.join(directory, (await snapshotsIn(directory)).at(-1) ?? '');
    const bytes = await readFile(file);
    const { folded } = await stateAt(directory, end);
    for (let at = 0; at < bytes.length; at += 41) {
      await writeFile(file, bytes.with(at, bytes[at] ^ (1 << (at % 8))));
      const found = await stateAt(directory, end);
      expect(hashState(found.state), `byte ${at}`).to.equal(right);
      expect(found.folded, `byte ${at}`).to.be.above(folded);
    }
    await writeFile(file, bytes.subarray(0, bytes.length - 1));
    expect((await stateAt(directory, end)).folded).to.be.above(folded);
    await writeFile(file, bytes);
    expect((await stateAt(directory, end)).folded).to.equal(folded);
  });

  it('are passed over when they are of another journal, or of another history of this one', async () => {
    const [directory, other] = [await newDirectory(), await newDirectory()];
    await record(directory);
    await record(other, {}, 2);
    const end = await lastSeq(directory);
    const right = await hashAt(directory, end);
    const names = await snapshotsIn(directory);
    for (const name of names) await rm(path.join(directory, name));
    for (const name of await snapshotsIn(other)) await copyFile(path.join(other, name), path.join(directory, name));
    const { state, folded } = await stateAt(directory, end);
    expect(hashState(state)).to.equal(right);
    expect(folded).to.equal(end);
  });

  it('of a keyed journal are believed by who has the key only if they were made with it', async () => {
    const [directory, unkeyed] = [await newDirectory(), await newDirectory()];
    const key = new Uint8Array(32).fill(7);
    await record(directory, { key });
    const end = await lastSeq(directory);
    expect((await stateAt(directory, end, { key })).folded).to.be.below(end / 3);
    for (const name of await snapshotsIn(directory)) {
      const bytes = await readFile(path.join(directory, name));
      // The same snapshot, sealed as who has no key would.
      const { createHash } = await import('node:crypto');
      const { crc32 } = await import('node:zlib');
      bytes.set(createHash('sha256').update(bytes.subarray(0, -36)).digest(), bytes.length - 36);
      bytes.writeUInt32LE(crc32(bytes.subarray(0, -4)), bytes.length - 4);
      await writeFile(path.join(directory, name), bytes);
    }
    expect((await stateAt(directory, end, { key })).folded).to.equal(end);
    expect((await stateAt(directory, end)).folded).to.be.below(end / 3);
    await rm(unkeyed, { recursive: true });
  });

  it('go with the segments that they stand on, and reach what the rest still holds', async () => {
    const directory = await newDirectory();
    await record(directory, { segmentBytes: 3000, retention: { segments: 4 } });
    const segments = (await readdir(directory)).filter((name) => name.endsWith('.ctj')).sort();
    const first = Number(segments[0].slice(9, 25));
    expect(first).to.be.above(1);
    const seqs = (await snapshotsIn(directory)).map((name) => Number(name.slice(0, 16)));
    expect(seqs.length).to.be.above(0);
    for (const seq of seqs) expect(seq).to.be.at.least(first);
    const end = await lastSeq(directory);
    expect((await stateAt(directory, end)).state.seq).to.equal(end);
    const error = await stateAt(directory, end, { snapshots: false }).catch((thrown: unknown) => thrown);
    expect(error).to.have.property('code', 'CACHETRAIL_JOURNAL_RANGE');
  });
});
