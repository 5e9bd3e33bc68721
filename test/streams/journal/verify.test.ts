import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { expect } from 'chai';
import { hashState } from '../../../src/cache/digest.js';
import { evolve } from '../../../src/cache/evolve.js';
import { CacheState } from '../../../src/cache/state.js';
import { codeOf } from '../../../src/index.js';
import { inspectBlock } from '../../../src/streams/stats.js';
import { openJournalWriter, stateAt, verifyJournal } from '../../../src/streams/journal/index.js';
import { framesOf, onlySegment, segmentFiles, withFrames } from './support/pieces.js';
import { appendAll, eventsOf, newDirectory, readBack, removeDirectories, writeJournal } from './support/recorded.js';
import { VirtualClock } from '../../support/virtual-clock.js';

const events = eventsOf();
const KEY = Buffer.alloc(32, 3);

describe('verification', () => {
  afterEach(removeDirectories);

  it('finds a whole journal sound, and decides all of it again', async () => {
    const directory = await newDirectory();
    await writeJournal(directory, events, { perFrame: 5, segmentBytes: 1500 });
    const found = await verifyJournal(directory);
    expect(found).to.include({ status: 'sound', events: events.length, replayed: events.length, chainChecked: true });
    expect(found).to.include({ firstSeq: 1, lastSeq: events.length, divergence: null });
    expect(found.problems).to.deep.equal([]);
    expect(await verifyJournal(directory, { expect: found.head })).to.include({ status: 'sound' });
  });

  it('misses a head that was noted and is in the chain no more', async () => {
    const directory = await newDirectory();
    await writeJournal(directory, events, { perFrame: 5 });
    const { head } = await verifyJournal(directory);
    const { file, bytes } = await onlySegment(directory);
    const frames = framesOf(bytes);
    await writeFile(file, bytes.subarray(0, frames[frames.length - 1].start));
    expect(await verifyJournal(directory)).to.include({ status: 'sound' });
    expect(await verifyJournal(directory, { expect: head })).to.include({ status: 'altered' });
  });

  it('misses a segment that was taken out', async () => {
    const directory = await newDirectory();
    await writeJournal(directory, events, { perFrame: 5, segmentBytes: 1200 });
    const [, second] = await segmentFiles(directory);
    await rm(second);
    expect(await verifyJournal(directory)).to.include({ status: 'altered' });
  });

  it('tells a forged frame by its digest, also where every digest after it was made anew without the key', async () => {
    const directory = await newDirectory();
    await writeJournal(directory, events, { perFrame: 5, key: KEY });
    expect(await verifyJournal(directory, { key: KEY })).to.include({ status: 'sound', keyed: true });
    expect(await verifyJournal(directory)).to.include({ status: 'sound', chainChecked: false });
    const { file, bytes } = await onlySegment(directory);
    const forged = await newDirectory();
    // The same life with one read of another block, under a key of the forger's own.
    const changed = events.map((event) => (event.type === 'read' ? { ...event, block: event.block + 1 } : event));
    await writeJournal(forged, changed, { perFrame: 5, key: Buffer.alloc(32, 4) });
    const other = await onlySegment(forged);
    const head = framesOf(bytes)[0].start;
    await writeFile(
      file,
      Buffer.concat([bytes.subarray(0, head), other.bytes.subarray(framesOf(other.bytes)[0].start)]),
    );
    const found = await verifyJournal(directory, { key: KEY });
    expect(found).to.include({ status: 'altered', events: 0 });
    expect(found.problems[0]).to.include({ kind: 'altered', start: head });
  });

  it('holds a noted digest against the chain of a keyed journal with the key only, and in any case', async () => {
    const directory = await newDirectory();
    await writeJournal(directory, events, { perFrame: 5, key: KEY });
    const { head } = await verifyJournal(directory, { key: KEY });
    const code = await verifyJournal(directory, { expect: head }).then(() => 'none', codeOf);
    expect(code).to.equal('CACHETRAIL_JOURNAL_KEY');
    const found = await verifyJournal(directory, { expect: head.toUpperCase(), key: KEY });
    expect(found).to.include({ status: 'sound' });
  });

  it('knows a head that was noted before the first frame, or behind a segment that has none', async () => {
    const directory = await newDirectory();
    const clock = new VirtualClock();
    const writer = await openJournalWriter(directory, { clock });
    const { head: first } = writer.stats();
    appendAll(writer, events);
    await writer.close();
    expect(await verifyJournal(directory, { expect: first })).to.include({ status: 'sound' });
    const { file, bytes } = await onlySegment(directory);
    await writeFile(file, bytes.subarray(0, framesOf(bytes)[0].start));
    const again = await openJournalWriter(directory, { clock });
    const { head: second } = again.stats();
    await again.close();
    expect(await verifyJournal(directory, { expect: second })).to.include({ status: 'sound' });
    expect(await verifyJournal(directory, { expect: 'f'.repeat(64) })).to.include({ status: 'altered' });
  });

  it('finds no journal sound that has lost events before its oldest segment', async () => {
    const directory = await newDirectory();
    const clock = new VirtualClock();
    const writer = await openJournalWriter(directory, { clock, bufferBytes: 1 });
    await rm(directory, { recursive: true });
    appendAll(writer, events.slice(0, 8));
    await mkdir(directory);
    clock.step();
    appendAll(writer, events.slice(8));
    await writer.close();
    const { status, problems } = await verifyJournal(directory);
    expect(status).to.equal('damaged');
    const [lost, ...others] = problems;
    expect(lost).to.include({ kind: 'lost', fromSeq: 1, toSeq: 8 });
    expect(others).to.deep.equal([]);
    expect((await readBack(directory)).problems).to.deep.equal(problems);
  });

  it('refuses a wrong key', async () => {
    const directory = await newDirectory();
    await writeJournal(directory, events, { key: KEY });
    const code = await verifyJournal(directory, { key: Buffer.alloc(32, 9) }).then(() => 'none', codeOf);
    expect(code).to.equal('CACHETRAIL_JOURNAL_KEY');
  });

  it('finds the first event that a core would not decide, with both and the state', async () => {
    const directory = await newDirectory();
    const at = events.findIndex(({ type }) => type === 'writebackStarted');
    const changed = events.map((event, index) => (index === at ? { ...event, attempt: 7 } : event));
    await writeJournal(directory, changed);
    const found = await verifyJournal(directory);
    expect(found).to.include({ status: 'diverged', replayed: at, events: events.length });
    expect(found.divergence).to.deep.include({ seq: at + 1, recorded: changed[at], decided: events[at] });
    expect(found.divergence?.stateHash).to.match(/^[0-9a-f]{16}$/);
    const { state } = await stateAt(directory, at);
    const [first] = changed.filter((event) => event.type === 'writebackStarted');
    const blocks = Array.from({ length: first.count }, (_, index) => inspectBlock(state, first.block + index));
    expect(blocks[0]).to.include({ state: 'dirty' });
    expect(found.divergence?.before).to.deep.include({ seq: at, hash: hashState(state), phase: 'open', blocks });
    expect(found.divergence?.before?.stats.dirtyBlocks).to.be.above(0);
    expect(found.problems).to.deep.equal([]);
  });

  it('does not call it a divergence when the record ends in the middle of a decision', async () => {
    const directory = await newDirectory();
    const cut = events.findIndex(({ type }) => type === 'batchPlanned') + 1;
    await writeJournal(directory, events.slice(0, cut));
    expect(await verifyJournal(directory)).to.include({ status: 'sound', replayed: cut });
  });

  it('goes on after damage with the next cache that was opened', async () => {
    const directory = await newDirectory();
    await writeJournal(directory, events, { perFrame: 5 });
    const again = events.map((event) => ({
      ...event,
      seq: event.seq + events.length,
      cause: event.cause === 0 ? 0 : event.cause + events.length,
    }));
    await writeJournal(directory, again, { perFrame: 5 });
    const [first] = await segmentFiles(directory);
    const bytes = await readFile(first);
    const frames = framesOf(bytes);
    await withFrames(
      first,
      bytes,
      [0, 2, ...frames.keys()].filter((at, index) => index < 2 || at > 2),
    );
    const found = await verifyJournal(directory);
    expect(found.status).to.equal('altered');
    expect(found.replayed).to.equal(5 + events.length);
  });
});

describe('the state at an event', () => {
  afterEach(removeDirectories);

  it('is that of the cache then', async () => {
    const directory = await newDirectory();
    await writeJournal(directory, events, { perFrame: 5, segmentBytes: 1500 });
    const state = new CacheState({ bytes: false });
    for (const event of events) {
      evolve(state, event);
      if (event.seq % 7 !== 0 && event.seq !== events.length) continue;
      expect(hashState((await stateAt(directory, event.seq)).state), `at ${event.seq}`).to.equal(hashState(state));
    }
  });

  it('cannot be told for what the journal does not hold', async () => {
    const directory = await newDirectory();
    await writeJournal(directory, events, { perFrame: 5 });
    const code = (seq: number) => stateAt(directory, seq).then(() => 'none', codeOf);
    expect(await code(events.length + 1)).to.equal('CACHETRAIL_JOURNAL_RANGE');
    expect(await code(0)).to.equal('CACHETRAIL_JOURNAL_RANGE');
    const { file, bytes } = await onlySegment(directory);
    await withFrames(
      file,
      bytes,
      [...framesOf(bytes).keys()].filter((at) => at !== 1),
    );
    expect(await code(events.length)).to.equal('CACHETRAIL_JOURNAL_DAMAGED');
  });
});
