/** A journal whose disk does not answer: nobody waits for ever, and nobody is told what is not so. */
import { expect } from 'chai';
import { memoryDevice } from '../../../src/device/index.js';
import { type BlockCache, type CacheEvent, openCache } from '../../../src/index.js';
import type { JournalFailurePolicy, JournalMode } from '../../../src/streams/journal/index.js';
import { verifyJournal } from '../../../src/streams/journal/index.js';
import { SimFiles } from '../../simulation/sim-files.js';
import { drain, VirtualClock } from '../../support/virtual-clock.js';

const BLOCK = 4096;
const BLOCKS = 64;
const TIMEOUT_MS = 5000;

/** Syncs that other things can be done beside are answered at once, or held. */
class HangingDisk {
  readonly held: (() => void)[] = [];
  hangs = false;
  readonly files = new SimFiles((done) => {
    if (this.hangs) this.held.push(done);
    else done();
  });

  answer(): void {
    this.hangs = false;
    for (const done of this.held.splice(0)) done();
  }
}

const filled = (byte: number) => new Uint8Array(BLOCK).fill(byte);
const failureOf = (done: Promise<unknown>) =>
  done.then(
    () => null,
    (error: { code: string; cause?: { code?: string } }) => [error.code, error.cause?.code],
  );
const TOLD = ['CACHETRAIL_JOURNAL_FAILED', 'CACHETRAIL_JOURNAL_TIMEOUT'];

describe('a cache whose journal’s disk hangs', () => {
  let disk = new HangingDisk();
  let clock = new VirtualClock();
  let bytes = new Uint8Array(0);
  let events: CacheEvent[] = [];

  beforeEach(() => {
    disk = new HangingDisk();
    clock = new VirtualClock();
    bytes = new Uint8Array(BLOCKS * BLOCK);
    events = [];
  });
  afterEach(() => disk.files.end());

  const open = async (mode: JournalMode, onFailure: JournalFailurePolicy): Promise<BlockCache> => {
    const { directory } = disk.files;
    const journal = { directory, mode, onFailure, syncTimeoutMs: TIMEOUT_MS, bufferBytes: 1000, bufferMs: 10 };
    const cache = await openCache(memoryDevice({ bytes }), { clock, capacity: BLOCKS, journal });
    cache.events$.subscribe((event) => events.push(event));
    return cache;
  };
  /** Lets everything happen that is due by a time. */
  const pass = async (ms: number) => {
    let isOver = false;
    clock.after(ms, () => {
      isOver = true;
    });
    for (await drain(); !isOver; await drain()) clock.step();
  };

  it('is told so by writes and by the close, after a time; what was acknowledged before is safe', async () => {
    const cache = await open('durable', 'stop');
    await cache.write(1, filled(1));
    disk.hangs = true;
    const { syncs } = disk.files;
    const writes = Array.from({ length: 20 }, (_, at) => failureOf(cache.write(2 + at, filled(2))));
    const flush = failureOf(cache.flush());
    await pass(TIMEOUT_MS - 100);
    expect(disk.held).to.have.lengthOf(1);
    expect(disk.files.syncs, 'nothing waits for the disk but who wants to').to.equal(syncs);
    expect((await cache.read(1))[0]).to.equal(1);
    expect(await Promise.race([...writes, flush, 'nobody is told yet'])).to.equal('nobody is told yet');
    await pass(200);
    for (const write of writes) expect(await write).to.deep.equal(TOLD);
    expect(await failureOf(cache.write(1, filled(3)))).to.deep.equal(TOLD);
    const closing = failureOf(cache.close());
    await pass(TIMEOUT_MS);
    expect(await closing).to.deep.equal(TOLD);
    expect(cache.closed).to.equal(true);
    expect(events.filter(({ type }) => type === 'journalFailed')).to.have.lengthOf(1);
    const told = events.length;
    disk.answer();
    await pass(TIMEOUT_MS);
    expect(events.length, 'an answer that comes late changes nothing').to.equal(told);
    expect(clock.timers).to.equal(0);
    const again = await open('durable', 'stop');
    expect((await again.read(1))[0]).to.equal(1);
    await again.close();
    expect(await verifyJournal(disk.files.directory)).to.include({ status: 'sound' });
  });

  it('is told so by a close that finds it hanging', async () => {
    const cache = await open('durable', 'stop');
    await cache.write(1, filled(1));
    await cache.flush();
    disk.hangs = true;
    const closing = failureOf(cache.close());
    await pass(TIMEOUT_MS - 100);
    expect(await Promise.race([closing, 'nobody is told yet'])).to.equal('nobody is told yet');
    await pass(200);
    expect(await closing).to.deep.equal(TOLD);
  });

  it('takes no more writes in durable mode by `continue` either: nothing could be noted on such a disk', async () => {
    const cache = await open('durable', 'continue');
    disk.hangs = true;
    const write = failureOf(cache.write(1, filled(1)));
    await pass(TIMEOUT_MS + 100);
    expect(await write).to.deep.equal(TOLD);
    expect(cache.stats().journal).to.include({ state: 'stopped', policy: 'stop' });
    const closing = failureOf(cache.close());
    await pass(TIMEOUT_MS);
    expect(await closing).to.deep.equal(TOLD);
  });

  it('goes on by `continue` with an audit journal, which is written again when the disk has answered', async () => {
    const cache = await open('audit', 'continue');
    const closed = { isOver: false };
    disk.hangs = true;
    const closing = cache.open().then((handle) => handle.close());
    await closing;
    const end = cache.close().then(() => {
      closed.isOver = true;
    });
    await pass(TIMEOUT_MS - 100);
    expect(closed.isOver).to.equal(false);
    await pass(200);
    await end;
    expect(disk.held).to.have.lengthOf(1);
  });

  it('syncs what was written meanwhile with the next one, when it has answered in time', async () => {
    const cache = await open('durable', 'stop');
    disk.hangs = true;
    const first = cache.write(1, filled(1));
    await drain();
    const others = Array.from({ length: 10 }, (_, at) => cache.write(2 + at, filled(at)));
    for (let at = 0; at < 200; at++) await cache.read(1);
    expect(cache.stats().journal?.bufferedBytes).to.be.above(10 * BLOCK);
    disk.answer();
    await Promise.all([first, ...others]);
    expect(cache.stats().journal).to.include({ syncs: 2, failures: 0 });
    await cache.read(1);
    await pass(100);
    expect(cache.stats().journal).to.include({ bufferedEvents: 0 });
    await cache.close();
    expect(await verifyJournal(disk.files.directory)).to.include({ status: 'sound' });
  });
});
