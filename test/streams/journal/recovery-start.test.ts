/** An opening reads the end of a journal: from the first segment that it needs something of, and nothing before. */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { faultDevice, memoryDevice } from '../../../src/device/index.js';
import { type BlockCache, type CacheOptions, openCache } from '../../../src/index.js';
import { type JournalMode, verifyJournal } from '../../../src/streams/journal/index.js';
import { recoverWrites } from '../../../src/streams/journal/recovery.js';
import { VirtualClock } from '../../support/virtual-clock.js';
import { fixtures } from './support/fixtures.js';

const BLOCK = 512;
const BLOCKS = 64;
const SEGMENT_BYTES = 16_384;

let folder = '';
let device = new Uint8Array(0);

const at = (name: string) => path.join(folder, name);
const filled = (byte: number) => new Uint8Array(BLOCK).fill(byte);
const segments = (name: string) =>
  readdirSync(at(name))
    .filter((file) => file.endsWith('.ctj'))
    .sort();

function open(name: string, bytes: Uint8Array, mode: JournalMode = 'durable'): Promise<BlockCache> {
  const journal = { directory: at(name), mode, segmentBytes: SEGMENT_BYTES };
  const options: CacheOptions = { blockSize: BLOCK, capacity: BLOCKS, clock: new VirtualClock(), journal };
  return openCache(memoryDevice({ bytes }), options);
}

/** Writes all blocks but the first eight, again and again, each time durably. */
async function churn(cache: BlockCache, rounds: number): Promise<void> {
  for (let round = 1; round <= rounds; round++) {
    const range = { block: 8, count: BLOCKS - 8 };
    const blocks = Array.from({ length: BLOCKS - 8 }, (_, index) => 8 + index);
    // One after the other they would take a sync each; all at once one frame would hold them.
    for (let first = 0; first < blocks.length; first += 14) {
      await Promise.all(blocks.slice(first, first + 14).map((block) => cache.write(block, filled(round))));
    }
    await cache.flush(range);
  }
}

/** The journal as a loss of power leaves it at this moment. */
function crashed(name: string): string {
  cpSync(at('journal'), at(name), { recursive: true });
  return name;
}

/** Flips a bit in the middle of a segment. */
function damage(name: string, segment: string): void {
  const file = path.join(at(name), segment);
  const bytes = readFileSync(file);
  bytes[bytes.length >> 1] ^= 1;
  writeFileSync(file, bytes);
}

const codeOf = (opening: Promise<unknown>) => opening.then(String, (error: { code?: string }) => error.code);

describe('the opening of a durable journal', () => {
  beforeEach(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'cachetrail-test-'));
    device = new Uint8Array(BLOCKS * BLOCK);
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('reads nothing of what it does not need: damage there is for `verify` to find', async () => {
    const cache = await open('journal', device);
    await churn(cache, 12);
    await cache.write(3, filled(0xab));
    const before = crashed('crashed');
    await cache.close();
    const names = segments(before);
    expect(names.length).to.be.above(20);
    for (const name of names.slice(0, -10)) damage(before, name);
    const again = await open(before, device.slice());
    expect(again.journal).to.include({ recoveredBlocks: 1 });
    expect(await again.read(3)).to.deep.equal(filled(0xab));
    await again.close();
    expect(await verifyJournal(at(before))).to.include({ status: 'damaged' });
  });

  it('reads from far back where a write of long ago is not durable, and refuses damage there', async () => {
    const journal = { directory: at('journal'), mode: 'durable', segmentBytes: SEGMENT_BYTES } as const;
    const failing = faultDevice(memoryDevice({ bytes: device }));
    const limits = { retryBaseNs: 1e4, retryCapNs: 1e4, dirtyAgeNs: 1e15 };
    const cache = await openCache(failing, { blockSize: BLOCK, capacity: BLOCKS, journal, limits });
    const fault = failing.inject({ on: 'write', code: 'EROFS', range: { offset: 3 * BLOCK, length: BLOCK } });
    await churn(cache, 4);
    const needed = segments('journal').length - 1;
    await cache.write(3, filled(0xab));
    await cache.flush().catch(() => undefined);
    await churn(cache, 6);
    const [whole, holed, far] = ['whole', 'holed', 'far'].map(crashed);
    expect(segments(whole).length).to.be.above(needed + 6);
    damage(holed, segments(holed)[needed + 1]);
    damage(far, segments(far)[0]);
    for (const name of [whole, far]) {
      const again = await open(name, device.slice());
      expect(await again.read(3)).to.deep.equal(filled(0xab));
      await again.close();
    }
    expect(await codeOf(open(holed, device.slice()))).to.equal('CACHETRAIL_JOURNAL_DAMAGED');
    fault.cure();
    await cache.flush().catch(() => undefined);
    await cache.close();
  });

  it('knows an older copy of the device, however often it has been opened since without a write', async () => {
    const cache = await open('journal', device);
    await churn(cache, 6);
    const older = device.slice();
    await churn(cache, 1);
    await cache.write(8, filled(0xcd));
    await cache.close();
    for (let times = 0; times < 5; times++) await (await open('journal', device)).close();
    expect(await codeOf(open('journal', older))).to.equal('CACHETRAIL_JOURNAL_STALE');
    for (const name of segments('journal').slice(0, 4)) damage('journal', name);
    await (await open('journal', device)).close();
  });

  it('proves nothing by a block that is borrowed all the time, as its segments say', async () => {
    const cache = await open('journal', device);
    const borrowed = await cache.borrow(8);
    await churn(cache, 12);
    borrowed.bytes.fill(0xee);
    await cache.write(8, filled(1));
    borrowed.bytes.fill(0xef);
    await cache.flush();
    const copy = crashed('crashed');
    borrowed.release();
    await cache.close();
    await (await open(copy, device.slice())).close();
  });

  it('brings back into an audit journal too, durably: no later opening puts it on top of what was flushed since', async () => {
    const cache = await open('journal', device);
    await cache.write(3, filled(1));
    const image = device.slice();
    const copy = crashed('crashed');
    await cache.close();
    const audit = await open(copy, image, 'audit');
    expect(image.slice(3 * BLOCK, 4 * BLOCK)).to.deep.equal(filled(1));
    cpSync(at(copy), at('later'), { recursive: true });
    await audit.write(3, filled(2));
    await audit.flush();
    const again = await open('later', image.slice());
    expect(await again.read(3)).to.deep.equal(filled(2));
    expect(again.journal).to.include({ recoveredBlocks: 0 });
    await again.close();
    await audit.close();
  });

  it('reads a journal from its beginning whose segments do not say what is needed, as older versions wrote them', async () => {
    const { directory } = fixtures().find(({ name }) => name === 'v1-life') ?? { directory: '' };
    const { blocks, neededFrom, proven } = await recoverWrites(
      directory,
      { identity: 'test', sizeBytes: 64 * BLOCK },
      undefined,
    );
    expect([blocks, neededFrom]).to.deep.equal([0, 1]);
    expect(proven.map(({ offset }) => offset / BLOCK)).to.include(4);
  });
});
