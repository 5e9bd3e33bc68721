import { copyFileSync, readFileSync, renameSync } from 'node:fs';
import { expect } from 'chai';
import { faultDevice, memoryDevice, openCache, openFileDevice } from '../../src/index.js';
import { verifyJournal } from '../../src/streams/journal/index.js';
import { recoverWrites } from '../../src/streams/journal/recovery.js';
import { imageFolder } from '../device/images.js';
import { rejection } from '../device/support.js';
import { expectBytes, pattern, stateOf, testCaches } from './support/caches.js';
import { withParts } from './support/devices.js';
import { TestClock } from './support/virtual-clock.js';
import { wrong } from './support/wrong.js';

const BLOCK = 4096;
const OLD = pattern(64 * BLOCK, 1);
const NEW = pattern(4 * BLOCK, 2);

describe('a file that is closed behind the cache and opened again', () => {
  const images = imageFolder();
  const open = testCaches();

  it('goes on where the old one stopped, with nothing lost', async () => {
    const path = images.make('replaced.img', OLD);
    const first = await openFileDevice(path);
    const { cache, of } = await open(first);
    await cache.write(8, NEW);
    await cache.flush();
    await cache.write(20, NEW);
    await first.close();
    expect((await rejection(cache.flush())).cause).to.include({ code: 'CACHETRAIL_CLOSED' });
    expect(cache.stats().parkedBlocks).to.equal(4);
    expect(cache.fd).to.equal(undefined);

    const second = await openFileDevice(path);
    await cache.replaceDevice(second);
    expect(cache.fd).to.equal(second.fd);
    expectBytes(await cache.read(50), OLD.subarray(50 * BLOCK, 51 * BLOCK));
    await cache.flush();
    expectBytes(readFileSync(path).subarray(20 * BLOCK, 24 * BLOCK), NEW);
    expect(of('deviceReplaced')[0]).to.include({ identity: second.identity, deviceBytes: OLD.length });
    await cache.close();
    expect((await rejection(second.barrier())).code, 'it belongs to the cache').to.equal('CACHETRAIL_CLOSED');
  });

  it('is no gap in a durable journal: what no barrier has covered is brought back after a crash', async () => {
    const path = images.make('journalled.img', OLD);
    const directory = images.path('replaced.journal');
    const first = await openFileDevice(path);
    const cache = await openCache(first, { journal: { directory, mode: 'durable' } });
    await cache.writeBytes(8 * BLOCK, NEW, { through: true });
    await first.close();
    await cache.replaceDevice(await openFileDevice(path));
    const device = { identity: cache.identity, sizeBytes: cache.sizeBytes };
    const crashed = await recoverWrites(directory, device, undefined);
    expect(crashed.blocks).to.equal(4);
    expectBytes(crashed.writes[0].bytes, NEW);
    await cache.close();
    expect((await recoverWrites(directory, device, undefined)).blocks).to.equal(0);
    expect(await verifyJournal(directory)).to.include({ status: 'sound' });
  });

  it('opens with the same durable journal afterwards, as the device that the journal is of', async () => {
    const path = images.make('reopened.img', OLD);
    const journal = { directory: images.path('reopened.journal'), mode: 'durable' } as const;
    const first = await openFileDevice(path);
    const cache = await openCache(first, { journal });
    await cache.write(8, NEW);
    await first.close();
    await cache.replaceDevice(await openFileDevice(path));
    await cache.write(20, NEW);
    await cache.close();
    const again = await openCache(await openFileDevice(path), { journal });
    expect(again.journal).to.include({ recoveredBlocks: 0 });
    expectBytes(await again.read(8, 4), NEW);
    expectBytes(await again.read(20, 4), NEW);
    await again.close();
    // Put in its place: the same name and bytes, and not the file that the journal is of.
    renameSync(path, `${path}.first`);
    copyFileSync(`${path}.first`, path);
    const copy = await openFileDevice(path);
    expect((await rejection(openCache(copy, { journal }))).code).to.equal('CACHETRAIL_JOURNAL_DEVICE');
    await copy.close();
    expect(await verifyJournal(journal.directory)).to.include({ status: 'sound' });
  });

  it('is refused if it is another file, which is left open', async () => {
    const { cache } = await open(await openFileDevice(images.make('one.img', OLD)));
    const other = await openFileDevice(images.make('other.img', OLD));
    expect((await rejection(cache.replaceDevice(other))).code).to.equal('CACHETRAIL_DEVICE_OTHER');
    await other.barrier();
    await other.close();
    await cache.write(1, NEW);
    await cache.flush();
  });
});

describe('a device that was taken away', () => {
  const open = testCaches();

  it('and answers late is not listened to; what it had not answered is written to the new one', async () => {
    const clock = new TestClock();
    const bytes = OLD.slice();
    const memory = memoryDevice({ bytes });
    const gone = faultDevice(withParts(memory, { close: async () => {} }));
    const { cache, of } = await open(gone, { clock, deviceTimeoutMs: 1000 });
    const writes = gone.inject({ on: 'write', hang: 'after' });
    const reads = gone.inject({ on: 'read', hang: 'after' });
    await cache.write(8, NEW);
    const flush = cache.flush();
    const read = cache.read(40);
    expect(await stateOf(read)).to.equal('pending');
    const back = faultDevice(memory);
    await clock.until(cache.replaceDevice(back));
    expectBytes(await clock.until(read), OLD.subarray(40 * BLOCK, 41 * BLOCK));
    await clock.until(flush);
    expectBytes(memory.bytes.subarray(8 * BLOCK, 12 * BLOCK), NEW);
    const { events } = cache.stats();
    writes.release('EIO');
    reads.release();
    await clock.pass(5000);
    expect(cache.stats().events, 'late answers are no events').to.equal(events);
    expect(of('writebackFailed').map(({ code }) => code)).to.deep.equal(['CACHETRAIL_DEVICE_REPLACED']);
    expect(back.operations).to.include({ write: 1, barrier: 1 });
  });

  it('is not asked for what had waited for its turn there', async () => {
    const clock = new TestClock();
    const memory = memoryDevice({ bytes: OLD.slice() });
    const gone = faultDevice(withParts(memory, { close: async () => {} }));
    const { cache } = await open(gone, { clock, deviceTimeoutMs: 1000, deviceDepth: 1 });
    gone.inject({ on: 'read', hang: 'after', times: 1 });
    const reads = [cache.read(40), cache.read(50)];
    await clock.rest();
    await clock.until(cache.replaceDevice(faultDevice(memory)));
    gone.release();
    await clock.until(Promise.all(reads));
    expect(gone.operations.read).to.equal(1);
  });

  it('is closed before the new one is asked, so that nothing older can land on top, but is not waited for for ever', async () => {
    for (const closes of [true, false]) {
      const clock = new TestClock();
      const memory = memoryDevice({ bytes: OLD.slice() });
      let end: () => void = () => {};
      const closing = new Promise<void>((resolve) => {
        end = resolve;
      });
      const old = withParts(memory, { close: () => closing });
      const { cache } = await open(old, { clock, deviceTimeoutMs: 1000 });
      await cache.write(8, NEW);
      const back = faultDevice(memory);
      const replaced = cache.replaceDevice(back);
      const flush = cache.flush();
      await clock.pass(500);
      expect(back.operations.write, 'the old one is not closed').to.equal(0);
      expect(await stateOf(replaced)).to.equal('pending');
      if (closes) end();
      await clock.until(replaced);
      await clock.until(flush.catch(() => cache.flush()));
      expect(clock.now() >= 1e9).to.equal(!closes);
      expect(back.operations.write).to.be.above(0);
    }
  });

  it('cannot take its own place, nor can what is no device', async () => {
    const device = memoryDevice({ bytes: OLD.slice() });
    const { cache } = await open(device);
    for (const given of [device, null, 5, {}, { supports: null }]) {
      expect((await rejection(cache.replaceDevice(wrong(given)))).code).to.equal('CACHETRAIL_INVALID_ARGUMENT');
    }
  });

  it('does not come back as another one of the same name: what is clean is looked at first', async () => {
    const { cache, of } = await open(memoryDevice({ bytes: OLD.slice() }));
    await cache.read(8, 4);
    await cache.write(8, NEW);
    const changed = OLD.slice();
    changed[10 * BLOCK + 17] ^= 1;
    const other = memoryDevice({ bytes: changed });
    expect(other.identity).to.equal(cache.identity);
    await cache.flush();
    await cache.write(20, NEW);
    expect((await rejection(cache.replaceDevice(other))).code).to.equal('CACHETRAIL_DEVICE_OTHER');
    expect(of('requestRefused')).to.have.lengthOf(1);
    expectBytes(other.bytes, changed, 'nothing was written to it');
    await other.barrier();
    await cache.invalidate({ block: 8, count: 4 });
    await cache.replaceDevice(other);
    await cache.flush();
    changed.set(NEW, 20 * BLOCK);
    expectBytes(other.bytes, changed);
  });

  it('comes back with what was dirty, borrowed or written meanwhile unlike the cache: that proves nothing', async () => {
    const clock = new TestClock();
    const memory = memoryDevice({ bytes: OLD.slice() });
    const { cache } = await open(withParts(memory, { close: async () => {} }), { clock });
    await clock.until(cache.read(0, 8));
    await cache.write(1, NEW.subarray(0, BLOCK));
    const lent = await cache.borrow(2);
    lent.bytes.fill(9);
    const back = faultDevice(memory);
    const slow = back.inject({ on: 'read', hang: 'before' });
    const replaced = cache.replaceDevice(back);
    await clock.rest();
    await clock.until(cache.writeBytes(3 * BLOCK, NEW.subarray(0, BLOCK), { through: true }));
    await clock.until(cache.flush());
    slow.cure();
    slow.release();
    await clock.until(replaced);
    await lent.markDirty();
    lent.release();
    await clock.until(cache.flush());
    expectBytes(memory.bytes.subarray(2 * BLOCK, 3 * BLOCK), new Uint8Array(BLOCK).fill(9));
  });

  for (const fault of [
    { code: 'EIO' },
    { hang: 'after' },
    { short: 512 },
    { throws: 'EIO' },
    { answer: Number.NaN },
  ] as const)
    it(`comes back although ${JSON.stringify(fault)} keeps it from being looked at: that proves nothing`, async () => {
      const clock = new TestClock();
      const memory = memoryDevice({ bytes: OLD.slice() });
      const gone = withParts(memory, { close: async () => {} });
      const { cache } = await open(gone, { clock, deviceTimeoutMs: 1000 });
      await clock.until(cache.read(8, 4));
      await cache.write(30, NEW);
      const back = faultDevice(memory);
      back.inject({ on: 'read', ...fault });
      await clock.until(cache.replaceDevice(back));
      await clock.until(cache.flush());
      expectBytes(memory.bytes.subarray(30 * BLOCK, 34 * BLOCK), NEW);
    });

  it('and had failed leaves nothing parked: what was kept drains to the new one in order', async () => {
    const clock = new TestClock();
    const memory = memoryDevice({ bytes: OLD.slice() });
    const gone = faultDevice(withParts(memory, { close: async () => {} }));
    const limits = { dirtyHardShare: 0.75, admissionTimeoutNs: 60e9 };
    const { cache, of } = await open(gone, { clock, capacity: 16, limits });
    gone.inject({ on: 'write', code: 'ENODEV' });
    for (let at = 0; at < 12; at++) await cache.write(at, NEW.subarray(0, BLOCK));
    await rejection(clock.until(cache.flush()));
    const order = [30, 20, 31, 20];
    const writes = order.map((at, index) => cache.write(at, pattern(BLOCK, 10 + index)));
    await clock.pass(3000);
    expect(await stateOf(Promise.all(writes))).to.equal('pending');
    await clock.until(cache.replaceDevice(faultDevice(memory)));
    await clock.until(Promise.all(writes));
    await clock.until(cache.flush().catch(() => cache.flush()));
    expect(
      of('written')
        .slice(12)
        .map(({ block }) => block),
    ).to.deep.equal(order);
    expectBytes(memory.bytes.subarray(20 * BLOCK, 21 * BLOCK), pattern(BLOCK, 13));
    expect(cache.stats()).to.include({ parkedBlocks: 0, dirtyBlocks: 0 });
  });
});
