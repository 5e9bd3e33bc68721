/** What a cache does when its journal fails: what its policy says, and never silently. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { memoryDevice } from '../../../src/device/index.js';
import { type BlockCache, type CacheEvent, codeOf, openCache } from '../../../src/index.js';
import { type JournalFailurePolicy, type JournalMode, verifyJournal } from '../../../src/streams/journal/index.js';
import { VirtualClock } from '../../support/virtual-clock.js';
import { segmentFiles } from './support/pieces.js';

const BLOCK_BYTES = 4096;
const data = new Uint8Array(BLOCK_BYTES).fill(1);

let folder = '';
let directory = '';
let clock = new VirtualClock();
let events: CacheEvent[] = [];

async function open(mode: JournalMode, onFailure: JournalFailurePolicy): Promise<BlockCache> {
  const device = memoryDevice({ sizeBytes: 64 * BLOCK_BYTES });
  const cache = await openCache(device, { clock, journal: { directory, mode, onFailure, bufferBytes: 1 } });
  events = [];
  cache.events$.subscribe((event) => events.push(event));
  return cache;
}

const outcomeOf = (done: Promise<unknown>) =>
  done.then(
    () => 'done',
    (error: { code?: string }) => error.code,
  );
const told = () => events.filter(({ type }) => type === 'journalFailed' || type === 'journalResumed');

describe('a cache whose journal is taken away', () => {
  beforeEach(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'cachetrail-test-'));
    directory = path.join(folder, 'journal');
    clock = new VirtualClock();
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('goes on by the policy `continue`, says so once, and says when it is written again and what was lost', async () => {
    const cache = await open('audit', 'continue');
    await cache.write(1, data);
    await cp(directory, path.join(folder, 'kept'), { recursive: true });
    await rm(directory, { recursive: true });
    await cache.write(2, data);
    await cache.write(3, data);
    expect(told()).to.have.lengthOf(1);
    expect(told()[0]).to.include({ task: 'writing', policy: 'continue', code: 'ENOENT', cause: 0 });
    expect(cache.stats().journal).to.include({ state: 'failed', policy: 'continue', failures: 1 });
    clock.step();
    await cache.write(4, data);
    expect(told()).to.have.lengthOf(1);

    await mkdir(directory);
    await cp(path.join(folder, 'kept'), directory, { recursive: true });
    clock.step();
    await cache.write(5, data);
    await cache.write(6, data);
    expect(told().map(({ type }) => type)).to.deep.equal(['journalFailed', 'journalResumed']);
    const lost = cache.stats().journal?.lost ?? 0;
    expect(lost).to.be.above(3);
    expect(told()[1]).to.include({ lost });
    expect(cache.stats().journal).to.include({ state: 'writing' });
    await cache.close();
    const { problems, divergence } = await verifyJournal(directory);
    expect(problems.map(({ kind, fromSeq, toSeq }) => ({ kind, events: toSeq - fromSeq + 1 }))).to.deep.equal([
      { kind: 'lost', events: lost },
    ]);
    expect(divergence).to.equal(null);
  });

  for (const mode of ['audit', 'durable'] as const) {
    it(`takes no write, discard or zero any more by the policy \`stop\`, and reads on (${mode})`, async () => {
      const cache = await open(mode, 'stop');
      await cache.write(1, data);
      const borrowed = await cache.borrow(1);
      await rm(directory, { recursive: true });
      // The first may be in the cache already when the journal is found to be gone.
      await outcomeOf(cache.write(2, data));
      expect(told()).to.have.lengthOf(1);
      expect(told()[0]).to.include({ task: 'writing', policy: 'stop', code: 'ENOENT' });
      const range = { block: 1, count: 1 };
      for (const request of [
        () => cache.write(1, data),
        () => cache.write(3, data),
        () => cache.writeBytes(5, data),
        () => cache.zero(range),
        () => cache.discard(range),
        () => cache.invalidate(range, { discardDirty: 'test' }),
        () => borrowed.markDirty(),
      ]) {
        expect(await outcomeOf(request()), String(request)).to.equal('CACHETRAIL_JOURNAL_FAILED');
      }
      expect(cache.stats().journal).to.include({ state: 'stopped', policy: 'stop' });
      expect((await cache.read(1))[0]).to.equal(1);
      borrowed.release();
      await cache.flush();
      expect(cache.stats().dirtyBlocks).to.equal(0);
      expect(await outcomeOf(cache.close())).to.equal('CACHETRAIL_JOURNAL_FAILED');
      expect(cache.closed).to.equal(true);
    });
  }
});

describe('a durable journal that its cache has gone on without', () => {
  const BLOCKS = 64;
  let bytes = new Uint8Array(0);
  let file = '';
  let whole = new Uint8Array(0);
  const filled = (byte: number) => new Uint8Array(BLOCK_BYTES).fill(byte);

  beforeEach(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'cachetrail-test-'));
    directory = path.join(folder, 'journal');
    clock = new VirtualClock();
    bytes = new Uint8Array(BLOCKS * BLOCK_BYTES);
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const start = async (onFailure: JournalFailurePolicy = 'continue'): Promise<BlockCache> => {
    const journal = { directory, mode: 'durable', onFailure, bufferBytes: 1 } as const;
    return openCache(memoryDevice({ bytes }), { clock, journal });
  };
  /** From here on the journal cannot be written, and what it has stays. */
  const takeAway = async (): Promise<void> => {
    [file] = (await segmentFiles(directory)).slice(-1);
    whole = await readFile(file);
    await rm(file);
  };
  /** What a cache finds after a crash now, of the block 5. */
  const afterCrash = async (): Promise<number | string | undefined> => {
    const copy = path.join(folder, 'copy');
    await cp(directory, copy, { recursive: true });
    const journal = { directory: copy, mode: 'durable' } as const;
    const opened = await openCache(memoryDevice({ bytes: bytes.slice() }), { clock, journal }).catch(codeOf);
    await rm(copy, { recursive: true });
    return typeof opened === 'string' ? opened : (await opened.read(5))[0];
  };

  it('puts no older bytes on top of newer ones that were flushed meanwhile', async () => {
    const cache = await start();
    await cache.write(5, filled(1));
    expect(await afterCrash()).to.equal(1);
    expect(await verifyJournal(directory)).to.include({ status: 'sound' });
    await takeAway();
    await cache.write(5, filled(2));
    await cache.write(5, filled(3));
    await cache.flush();
    expect(bytes[5 * BLOCK_BYTES]).to.equal(3);
    expect(cache.stats().journal).to.include({ state: 'failed' });
    await writeFile(file, whole);
    expect(await afterCrash()).to.equal('CACHETRAIL_JOURNAL_DAMAGED');
    const { status, problems } = await verifyJournal(directory);
    expect(status).to.equal('damaged');
    expect(problems.map(({ kind }) => kind)).to.deep.equal(['lost']);
  });

  it('is of use again when it is written again and holds all that is not durable', async () => {
    const cache = await start();
    await cache.write(5, filled(1));
    await takeAway();
    await cache.write(5, filled(2));
    await cache.flush();
    await writeFile(file, whole);
    clock.step();
    await cache.write(5, filled(3));
    expect(cache.stats().journal).to.include({ state: 'writing' });
    expect(await afterCrash()).to.equal(3);
  });

  it('is of no use while it lacks bytes that are not durable', async () => {
    const cache = await start();
    await cache.write(4, filled(1));
    await takeAway();
    await cache.write(5, filled(2));
    await writeFile(file, whole);
    clock.step();
    await cache.write(6, filled(3));
    expect(cache.stats().journal).to.include({ state: 'writing' });
    expect(await afterCrash()).to.equal('CACHETRAIL_JOURNAL_DAMAGED');
    await cache.close();
    expect(await afterCrash()).to.equal(2);
  });

  it('does not take its device for an older copy because of a write that was refused and reached it', async () => {
    const cache = await start('stop');
    await cache.write(5, filled(1));
    await cache.flush();
    await takeAway();
    expect(await outcomeOf(cache.write(5, filled(2)))).to.equal('CACHETRAIL_JOURNAL_FAILED');
    await cache.flush();
    expect(bytes[5 * BLOCK_BYTES]).to.equal(2);
    await writeFile(file, whole);
    expect(await afterCrash()).to.equal(2);
    expect(await outcomeOf(cache.close())).to.equal('CACHETRAIL_JOURNAL_FAILED');

    const again = await start('stop');
    await again.write(6, filled(1));
    await again.flush();
    expect(await afterCrash()).to.equal(2);
    await again.close();
    // From here on it is known again by what was written since.
    bytes.fill(7, 6 * BLOCK_BYTES, 7 * BLOCK_BYTES);
    expect(await afterCrash()).to.equal('CACHETRAIL_JOURNAL_STALE');
  });

  it('stops its cache if it cannot be marked', async () => {
    const cache = await start();
    await cache.write(5, filled(1));
    const troubles: CacheEvent[] = [];
    cache.events$.subscribe((event) => {
      if (event.type === 'journalFailed') troubles.push(event);
    });
    await rm(path.join(directory, 'complete'));
    await mkdir(path.join(directory, 'complete'));
    await takeAway();
    expect(await outcomeOf(cache.write(5, filled(2)))).to.equal('CACHETRAIL_JOURNAL_FAILED');
    expect(cache.stats().journal).to.include({ state: 'stopped', policy: 'stop' });
    expect(troubles.map((event) => 'policy' in event && event.policy)).to.deep.equal(['stop']);
  });
});

/** 16 KiB or 32 for a file, by what the shell counts in: a durable journal holds three to seven writes then. */
function underLimit(mode: JournalMode, onFailure: JournalFailurePolicy) {
  const child = path.join(import.meta.dirname, 'full-disk-child.js');
  const script = 'ulimit -f 32; exec "$0" "$@"';
  const args = ['-c', script, process.execPath, child, directory, mode, onFailure];
  const { status, stdout, stderr } = spawnSync('sh', args, { encoding: 'utf8' });
  expect(status, stderr).to.equal(0);
  return JSON.parse(stdout);
}

describe("a cache whose journal's disk is full", function () {
  if (process.platform === 'win32') return;
  this.timeout(20_000);
  beforeEach(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'cachetrail-test-'));
    directory = path.join(folder, 'journal');
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('acknowledges no write that a durable journal does not hold, and loses none that it has acknowledged', async () => {
    const found = underLimit('durable', 'stop');
    expect(found.acknowledged.length).to.be.within(2, 7);
    expect(found.refused.length).to.equal(64 - found.acknowledged.length);
    expect(new Set(found.refused)).to.deep.equal(new Set(['CACHETRAIL_JOURNAL_FAILED']));
    expect(found).to.include({ discard: 'CACHETRAIL_JOURNAL_FAILED', closing: 'CACHETRAIL_JOURNAL_FAILED' });
    expect(found).to.include({ read: 1, onDevice: true });
    expect(found.stats).to.include({ state: 'stopped', policy: 'stop' });
    expect(found.told).to.have.lengthOf(1);
    expect(found.told[0]).to.include({ task: 'writing', policy: 'stop', code: 'EFBIG' });
    // What had been written of the frame that did not fit was cut off.
    const verified = await verifyJournal(directory);
    expect(verified.status).to.equal('sound');
  });

  it('takes every write by the policy `continue`, and states what is not in the journal', () => {
    const found = underLimit('durable', 'continue');
    expect(found).to.include({ discard: '', onDevice: true });
    expect(found.refused).to.deep.equal([]);
    expect(found.told.length).to.be.above(0);
    expect(found.told[0]).to.include({ policy: 'continue', code: 'EFBIG' });
    expect(found.stats.lost + found.stats.failures).to.be.above(1);
  });
});
