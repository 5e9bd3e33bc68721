/** A durable journal opens with the device that it goes with, and not with an older copy under the same name. */
import { copyFileSync, cpSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { open as openFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { type BlockDevice, faultDevice, memoryDevice, openFileDevice } from '../../../src/device/index.js';
import { type BlockCache, openCache } from '../../../src/index.js';
import type { JournalPlace } from '../../../src/streams/options.js';

const BLOCK_BYTES = 4096;
const BLOCKS = 64;

let folder = '';
let image = '';
let copy = '';

const filled = (byte: number) => new Uint8Array(BLOCK_BYTES).fill(byte);

async function open(options: Partial<JournalPlace> = {}, file = image): Promise<BlockCache> {
  const journal: JournalPlace = { directory: path.join(folder, 'journal'), mode: 'durable', ...options };
  const device = await openFileDevice(file);
  return openCache(device, { capacity: 32, journal }).catch(async (error: unknown) => {
    await device.close();
    throw error;
  });
}

const failureOf = (opening: Promise<BlockCache>) =>
  opening.then(
    (cache) => cache.close().then(() => null),
    (error: { code: string; message: string }) => error,
  );

describe('opening a device with its durable journal', () => {
  beforeEach(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'cachetrail-test-'));
    image = path.join(folder, 'image');
    copy = path.join(folder, 'copy');
    writeFileSync(image, '');
    truncateSync(image, BLOCKS * BLOCK_BYTES);
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('refuses an older copy put back in its place, and names the byte and both digests', async () => {
    const cache = await open();
    for (let block = 0; block < 40; block++) await cache.write(block, filled(block + 1));
    await cache.flush();
    copyFileSync(image, copy);
    await cache.write(7, filled(200));
    await cache.close();
    const now = path.join(folder, 'now');
    copyFileSync(image, now);
    copyFileSync(copy, image);
    const error = await failureOf(open());
    expect(error?.code).to.equal('CACHETRAIL_JOURNAL_STALE');
    expect(error?.message).to.match(new RegExp(`byte ${7 * BLOCK_BYTES} it has [0-9a-f]{16}…, not [0-9a-f]{16}…`));

    // Nothing was changed by looking: the right one opens again.
    copyFileSync(now, image);
    expect(await failureOf(open())).to.equal(null);
  });

  for (const mode of ['durable', 'audit'] as const) {
    it(`refuses it when the cache was killed, too, and recovers nothing into it (opened again as ${mode})`, async () => {
      const cache = await open();
      await cache.write(3, filled(1));
      copyFileSync(image, copy);
      await cache.flush();
      await cache.write(4, filled(2));
      // As after a kill: the journal as it lies there, while the cache has not been closed.
      const killed = path.join(folder, 'killed');
      cpSync(path.join(folder, 'journal'), killed, { recursive: true });
      await cache.close();
      copyFileSync(copy, image);
      expect((await failureOf(open({ directory: killed, mode })))?.code).to.equal('CACHETRAIL_JOURNAL_STALE');
      const after = await openFile(image);
      const { buffer } = await after.read(new Uint8Array(BLOCKS * BLOCK_BYTES));
      await after.close();
      expect(buffer.every((byte) => byte === 0)).to.equal(true);
    });
  }

  it('takes a device that an audit journal has lost writes of in a crash, and knows it again by what is written since', async () => {
    const cache = await open();
    await cache.write(3, filled(1));
    await cache.close();
    const audit = await open({ mode: 'audit', bufferMs: 1e6 });
    await audit.write(3, filled(2));
    await audit.flush();
    const crashed = path.join(folder, 'crashed');
    cpSync(path.join(folder, 'journal'), crashed, { recursive: true });
    await audit.close();
    const again = await open({ directory: crashed });
    expect((await again.read(3))[0]).to.equal(2);
    await again.write(4, filled(3));
    await again.close();
    expect(await failureOf(open({ directory: crashed }))).to.equal(null);
    const file = await openFile(image, 'r+');
    await file.write(filled(9), 0, BLOCK_BYTES, 4 * BLOCK_BYTES);
    await file.close();
    expect((await failureOf(open({ directory: crashed })))?.code).to.equal('CACHETRAIL_JOURNAL_STALE');
  });

  it('refuses a copy, which is another file, and another device', async () => {
    const cache = await open();
    await cache.write(3, filled(1));
    await cache.close();
    copyFileSync(image, copy);
    expect((await failureOf(open({}, copy)))?.code).to.equal('CACHETRAIL_JOURNAL_DEVICE');
  });

  it('refuses what something else has written to, unless told to take it', async () => {
    const cache = await open();
    await cache.write(3, filled(1));
    await cache.close();
    const file = await openFile(image, 'r+');
    await file.write(filled(9), 0, BLOCK_BYTES, 3 * BLOCK_BYTES);
    await file.close();
    expect((await failureOf(open()))?.code).to.equal('CACHETRAIL_JOURNAL_STALE');
    const accepted = await open({ acceptChanged: true });
    expect((await accepted.read(3))[0]).to.equal(9);
    await accepted.write(3, filled(10));
    await accepted.close();
    expect(await failureOf(open())).to.equal(null);
  });

  for (const [what, fault] of [
    ['throws', { throws: 'EIO' }],
    ['does not answer', { hang: 'before' }],
  ] as const) {
    it(`opens it although it ${what} when it is looked at: that proves nothing`, async () => {
      const cache = await open();
      await cache.write(3, filled(1));
      await cache.close();
      const device = faultDevice(await openFileDevice(image));
      device.inject({ ...fault, on: 'read' });
      const journal: JournalPlace = { directory: path.join(folder, 'journal'), mode: 'durable' };
      const again = await openCache(device, { deviceTimeoutMs: 50, journal });
      device.cure();
      device.release();
      expect((await again.read(3))[0]).to.equal(1);
      await again.close();
    });
  }

  it('leaves the device and the journal alone when what a crash has left cannot be brought back, and does so later', async () => {
    const cache = await open();
    await cache.write(3, filled(1));
    await cache.writeBytes(5 * BLOCK_BYTES + 10, filled(2).subarray(0, 100));
    const killed = path.join(folder, 'killed');
    cpSync(path.join(folder, 'journal'), killed, { recursive: true });
    await cache.close({ abandon: 'test' });
    truncateSync(image, 0);
    truncateSync(image, BLOCKS * BLOCK_BYTES);

    const device = faultDevice(await openFileDevice(image));
    device.inject({ code: 'EIO', on: 'read' });
    const journal: JournalPlace = { directory: killed, mode: 'durable' };
    const limits = { dirtyAgeNs: 2e7 };
    const error = await openCache(device, { journal, limits }).catch(({ code }: { code: string }) => code);
    expect(error).to.equal('CACHETRAIL_READ_FAILED');
    const asked = { ...device.operations };
    await pause(50);
    expect(device.operations).to.deep.equal({ ...asked, close: 0 });

    device.cure();
    const again = await openCache(device, { journal, limits });
    expect((await again.read(3))[0]).to.equal(1);
    expect((await again.read(5)).subarray(9, 12)).to.deep.equal(new Uint8Array([0, 2, 2]));
    await again.close();
  });

  it('never gives the device what the journal does not hold yet', async () => {
    const device = memoryDevice({ sizeBytes: BLOCKS * BLOCK_BYTES });
    const syncedAt: number[] = [];
    const synced = () => {
      const { events, journal } = cache.stats();
      return events - (journal?.unsyncedEvents ?? 0);
    };
    const spied: BlockDevice = {
      ...{ supports: device.supports, sizeBytes: device.sizeBytes, identity: device.identity, fd: device.fd },
      read: (offset, buffers) => device.read(offset, buffers),
      write: (offset, buffers) => {
        syncedAt.push(synced());
        return device.write(offset, buffers);
      },
      zero: (offset, length) => {
        syncedAt.push(synced());
        return device.zero(offset, length);
      },
      barrier: () => device.barrier(),
      discard: (offset, length) => device.discard(offset, length),
      setOption: (name, value) => device.setOption(name, value),
      close: () => device.close(),
    };
    const cache = await openCache(spied, { journal: { directory: path.join(folder, 'journal'), mode: 'durable' } });
    const seqs: number[] = [];
    cache.events$.subscribe(({ type, seq }) => {
      if (type === 'written' || type === 'clearQueued') seqs.push(seq);
    });
    await Promise.all([cache.write(1, filled(1)), cache.flush()]);
    await cache.zero({ block: 5, count: 1 });
    await cache.close();
    expect(seqs).to.have.lengthOf(2);
    expect(syncedAt).to.have.lengthOf(2);
    expect(syncedAt[0]).to.be.at.least(seqs[0]);
    expect(syncedAt[1]).to.be.at.least(seqs[1]);
  });

  it('takes what was discarded, zeroed, given up or changed through a borrowed view, and not written since', async () => {
    const cache = await open();
    for (let block = 0; block < 8; block++) await cache.write(block, filled(block + 1));
    await cache.flush();
    await cache.zero({ block: 0, count: 2 });
    await cache.discard({ block: 2, count: 1 });
    const borrowed = await cache.borrow(4);
    borrowed.bytes.fill(77);
    await cache.writeBytes(4 * BLOCK_BYTES, new Uint8Array(10).fill(5));
    await cache.flush();
    borrowed.release();
    await cache.write(5, filled(50));
    await cache.invalidate({ block: 5, count: 1 }, { discardDirty: 'test' });
    await cache.close();
    expect(await failureOf(open())).to.equal(null);
  });
});
