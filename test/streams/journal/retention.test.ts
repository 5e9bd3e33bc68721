/** Old segments leave by size, number or age, and never while a crash would still need them. */
import { cpSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { type BlockCache, type CacheOptions, memoryDevice, openCache } from '../../../src/index.js';
import { faultDevice } from '../../../src/device/index.js';
import { type JournalRetention, openJournal, verifyJournal } from '../../../src/streams/journal/index.js';

const BLOCK = 512;
const BLOCKS = 64;
const SEGMENT_BYTES = 8192;

describe('retention of a journal', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'cachetrail-test-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const at = (name: string) => path.join(folder, name);
  const open = (
    bytes: Uint8Array,
    directory: string,
    retention: JournalRetention,
    options: CacheOptions = {},
  ): Promise<{ cache: BlockCache; device: ReturnType<typeof faultDevice> }> => {
    const device = faultDevice(memoryDevice({ bytes }));
    const journal = { directory, mode: 'durable', segmentBytes: SEGMENT_BYTES, retention } as const;
    const limits = { retryBaseNs: 1e4, retryCapNs: 1e4, dirtyAgeNs: 1e15 };
    const opened = openCache(device, { blockSize: BLOCK, capacity: 32, journal, limits, ...options });
    return opened.then((cache) => ({ cache, device }));
  };
  /** Many durable writes to other blocks than the first eight. */
  const churn = async (cache: BlockCache, rounds: number) => {
    for (let round = 0; round < rounds; round++) {
      for (let block = 16; block < 32; block++) await cache.write(block, new Uint8Array(BLOCK).fill(round + 1));
      await cache.flush({ block: 16, count: 16 });
    }
  };
  const segmentsIn = (directory: string) => readdirSync(directory).filter((name) => name.endsWith('.ctj'));
  /** As after a loss of power: the journal as it is now, and a device that has what it was given. */
  const crashed = async (directory: string, bytes: Uint8Array, options: CacheOptions = {}) => {
    const name = `${directory}.crashed`;
    cpSync(directory, name, { recursive: true });
    return open(bytes.slice(), name, { segments: 1 }, options);
  };

  for (const [how, retention] of Object.entries({
    number: { segments: 1 },
    size: { bytes: SEGMENT_BYTES },
    age: { ageMs: 1e-6 },
  })) {
    it(`by ${how} keeps what holds a write that is not durable, and lets go of it when it is`, async () => {
      const bytes = new Uint8Array(BLOCKS * BLOCK);
      const { cache, device } = await open(bytes, at('journal'), retention);
      const fault = device.inject({ on: 'write', code: 'EIO', range: { offset: 3 * BLOCK, length: BLOCK } });
      await cache.write(3, new Uint8Array(BLOCK).fill(0xab));
      await cache.flush().catch(() => undefined);
      await churn(cache, 8);
      expect(segmentsIn(at('journal')).length).to.be.above(4);
      const { cache: again } = await crashed(at('journal'), bytes);
      expect((await again.read(3)).every((byte) => byte === 0xab)).to.equal(true);
      await again.close();
      fault.cure();
      // Tells once of the failure that is mended now.
      await cache.flush().catch(() => undefined);
      await churn(cache, 4);
      expect(segmentsIn(at('journal')).length).to.be.below(4);
      await cache.close();
      expect(await verifyJournal(at('journal'))).to.include({ status: 'sound' });
    });
  }

  it('keeps what a barrier that failed has put in doubt', async () => {
    const bytes = new Uint8Array(BLOCKS * BLOCK);
    const { cache, device } = await open(bytes, at('journal'), { segments: 1 });
    const fault = device.inject({ on: 'barrier', code: 'EIO' });
    await cache.write(3, new Uint8Array(BLOCK).fill(0xab));
    for (let round = 0; round < 6; round++) {
      for (let block = 16; block < 32; block++) await cache.write(block, new Uint8Array(BLOCK).fill(round));
    }
    await cache.flush().catch(() => undefined);
    // The device has taken it, and a loss of power may take it away again.
    bytes.fill(0, 3 * BLOCK, 4 * BLOCK);
    const { cache: again } = await crashed(at('journal'), bytes);
    expect((await again.read(3)).every((byte) => byte === 0xab)).to.equal(true);
    await again.close();
    fault.cure();
    // Tells once of the failure that is mended now.
    await cache.flush().catch(() => undefined);
    await cache.close();
  });

  it('keeps a part of a block, under a whole that is durable, and in blocks of another size', async () => {
    const bytes = new Uint8Array(BLOCKS * BLOCK);
    const { cache, device } = await open(bytes, at('journal'), { segments: 1 });
    await cache.write(3, new Uint8Array(BLOCK).fill(1));
    await cache.setBlockSize(2 * BLOCK);
    const churnWide = async () => {
      for (let round = 0; round < 12; round++) {
        for (let block = 8; block < 16; block++) await cache.write(block, new Uint8Array(2 * BLOCK).fill(round));
        await cache.flush({ block: 8, count: 8 });
      }
    };
    await churnWide();
    const fault = device.inject({ on: 'write', code: 'EIO', range: { offset: 2 * BLOCK, length: 2 * BLOCK } });
    await cache.writeBytes(3 * BLOCK + 7, new Uint8Array(9).fill(2));
    await churnWide();
    await cache.discard({ block: 20, count: 2 });
    const [first] = segmentsIn(at('journal')).sort();
    expect(first.startsWith('00000001'), 'the journal does not begin with the opening any more').to.equal(false);
    const { cache: again } = await crashed(at('journal'), bytes);
    const found = await again.readBytes(3 * BLOCK, BLOCK);
    expect([...found.subarray(5, 18)]).to.deep.equal([1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1]);
    await again.close();
    fault.cure();
    // Tells once of the failure that is mended now.
    await cache.flush().catch(() => undefined);
    await cache.close();
  });

  it('keeps what a crash has left until it is in the journal again', async () => {
    const bytes = new Uint8Array(BLOCKS * BLOCK);
    const { cache } = await open(bytes, at('journal'), {});
    for (let block = 0; block < 32; block++) await cache.write(block, new Uint8Array(BLOCK).fill(block + 1));
    const second = await crashed(at('journal'), bytes);
    // Brought back, not yet durable, and the journal has been cut as far as it may be.
    const third = await crashed(`${at('journal')}.crashed`, bytes);
    for (let block = 0; block < 32; block++) {
      expect(
        (await third.cache.read(block)).every((byte) => byte === block + 1),
        `block ${block}`,
      ).to.equal(true);
    }
    for (const one of [cache, second.cache, third.cache]) await one.close();
  });

  it('refuses the journal of another device when its beginning is gone, too', async () => {
    const bytes = new Uint8Array(BLOCKS * BLOCK);
    const { cache } = await open(bytes, at('journal'), { segments: 1 });
    await churn(cache, 8);
    cpSync(at('journal'), at('copy'), { recursive: true });
    await cache.close();
    const first: { type: string }[] = [];
    for await (const event of (await openJournal(at('copy'))).read({})) first.push(event);
    expect(first[0].type).to.not.equal('opened');
    const error = await open(new Uint8Array(2 * bytes.length), at('copy'), {}).catch((thrown: unknown) => thrown);
    expect(error).to.have.property('code', 'CACHETRAIL_JOURNAL_DEVICE');
  });

  it('deletes nothing where no bound is given, and what is older by every bound at once', async () => {
    const bytes = new Uint8Array(BLOCKS * BLOCK);
    const { cache } = await open(bytes, at('all'), {});
    await churn(cache, 8);
    await cache.close();
    const all = segmentsIn(at('all'));
    expect(all.length).to.be.above(4);
    const limited = await open(bytes.slice(), at('few'), { bytes: 3 * SEGMENT_BYTES, segments: 100 });
    await churn(limited.cache, 8);
    await limited.cache.close();
    const sizes = segmentsIn(at('few')).map((name) => statSync(path.join(at('few'), name)).size);
    expect(sizes.reduce((sum, size) => sum + size)).to.be.at.most(4 * SEGMENT_BYTES);
    expect(sizes.length).to.be.above(1);
  });
});
