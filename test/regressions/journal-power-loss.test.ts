import { expect } from 'chai';
import { type BlockCache, memoryDevice, openCache } from '../../src/index.js';
import type { JournalMode } from '../../src/streams/journal/index.js';
import { SECTOR_BYTES, SimFiles, settle } from '../simulation/sim-files.js';
import { drain, VirtualClock } from '../support/virtual-clock.js';

const BLOCK_BYTES = 4096;
const block = (byte: number) => new Uint8Array(BLOCK_BYTES).fill(byte);

/** What the simulator has found of journals on a machine that loses power. */
describe('a journal on a disk that loses power', () => {
  /** Syncs that wait to be let through. */
  let syncs: (() => void)[] = [];
  let disk = newDisk();

  beforeEach(() => {
    syncs = [];
    disk = newDisk();
  });
  afterEach(() => disk.end());

  function newDisk(): SimFiles {
    return new SimFiles((done) => syncs.push(done));
  }

  async function sync(): Promise<void> {
    await drain();
    for (const done of syncs.splice(0)) done();
    await drain();
  }

  async function until<T>(promise: Promise<T>): Promise<T> {
    let isOver = false;
    const end = () => {
      isOver = true;
    };
    promise.then(end, end);
    while (!isOver) await sync();
    return promise;
  }

  function open(mode: JournalMode, bufferBytes = 1 << 16): Promise<BlockCache> {
    const device = memoryDevice({ sizeBytes: 64 * BLOCK_BYTES });
    const journal = { directory: disk.directory, mode, bufferBytes };
    return until(openCache(device, { clock: new VirtualClock(), journal }));
  }

  for (const [what, ask] of [
    ['a flush', (cache: BlockCache) => cache.flush()],
    ['a zero', (cache: BlockCache) => cache.zero({ block: 1, count: 1 })],
  ] as const) {
    it(`lets ${what} end only when it knows: else a recovery would put older bytes on top`, async () => {
      const cache = await open('durable');
      await until(cache.write(1, block(1)));
      let isOver = false;
      const asked = ask(cache).then(() => {
        isOver = true;
      });
      await drain();
      await drain();
      // The device is asked for a zero only when the journal knows that it was asked for.
      while (cache.stats().barriers === 0) await sync();
      expect(cache.stats().barriers).to.equal(1);
      expect(isOver).to.equal(false);
      await until(asked);
      await until(cache.close());
    });
  }

  it('stays cut where a crash has torn it, also after the next one', async () => {
    const cache = await open('durable');
    await until(cache.write(1, block(1)));
    const [file] = disk.files.values();
    const whole = file.synced;
    disk.powerOff();
    settle(file, whole.slice(0, whole.length - 10));
    const other = await open('durable');
    await until(other.write(2, block(2)));
    // What nobody has synced by now is lost.
    disk.powerOff();
    for (const each of disk.files.values()) settle(each, each.synced);
    const again = await open('durable');
    await until(again.close());
  });

  it('has at most one frame that is not synced: of two, a crash could keep the second only', async () => {
    const cache = await open('durable', 256);
    await until(cache.write(0, block(9)));
    for (let at = 0; at < 5; at++) void cache.write(at, block(at));
    await drain();
    const unsynced = [...disk.files.values()].map(({ changes }) => changes.length);
    expect(Math.max(...unsynced)).to.equal(1);
    await until(cache.close());
  });

  it('lets a segment go only when the one before it is gone for good: else a crash could bring that back alone', async () => {
    const device = memoryDevice({ sizeBytes: 64 * BLOCK_BYTES });
    const retention = { segments: 2 };
    const journal = {
      directory: disk.directory,
      mode: 'durable',
      segmentBytes: 4096,
      bufferBytes: 256,
      retention,
    } as const;
    const cache = await until(openCache(device, { clock: new VirtualClock(), journal }));
    const mayComeBack: number[] = [];
    const unlink = disk.unlink.bind(disk);
    disk.unlink = (name) => {
      mayComeBack.push(disk.removed.length);
      unlink(name);
    };
    // Nothing of this is durable, so all of it is kept.
    for (let at = 0; at < 6; at++) await until(cache.write(at, block(at)));
    expect(mayComeBack).to.deep.equal([]);
    await until(cache.flush());
    for (let at = 0; at < 2; at++) await until(cache.write(0, block(at)));
    expect(mayComeBack.length).to.be.above(4);
    expect(Math.max(...mayComeBack)).to.equal(0);
    await until(cache.close());
  });

  it('may take longer to be closed than a device: that is not the device’s time', async () => {
    const clock = new VirtualClock();
    const device = memoryDevice({ sizeBytes: 64 * BLOCK_BYTES });
    const journal = { directory: disk.directory, mode: 'durable' } as const;
    const cache = await until(openCache(device, { clock, journal, deviceTimeoutMs: 1000 }));
    await until(cache.write(1, block(1)));
    let isOver = false;
    const closing = cache.close().finally(() => {
      isOver = true;
    });
    closing.catch(() => undefined);
    let slow = 0;
    while (!isOver) {
      await drain();
      if (syncs.length > 0) slow++;
      // All this time the journal's disk is at it.
      for (let now = clock.now(); syncs.length > 0 && clock.now() < now + 5e9; ) {
        clock.after(1000, () => {});
        clock.step();
        await drain();
      }
      await sync();
    }
    expect(slow).to.be.above(0);
    await closing;
  });

  it('refuses no device for what a crash has taken of an audit: there was nothing to recover', async () => {
    const cache = await open('audit', 64);
    for (let at = 0; at < 20; at++) await until(cache.write(at, block(at)));
    await until(cache.close());
    const [file] = disk.files.values();
    const content = file.synced.slice();
    settle(file, content.fill(0, 2 * SECTOR_BYTES, 3 * SECTOR_BYTES));
    const again = await open('audit');
    expect(again.journal).to.include({ recoveredBlocks: 0 });
    await until(again.close());
  });
});
