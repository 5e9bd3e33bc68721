/** A durable journal brings back every acknowledged write, whenever the process is killed. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { type BlockCache, type CacheEvent, openCache, openFileDevice } from '../../../src/index.js';
import { openJournal, verifyJournal } from '../../../src/streams/journal/index.js';

const BLOCK_BYTES = 4096;
const BLOCKS = 128;
const KILLS = Number(process.env['CACHETRAIL_KILLS'] ?? 10);
const KILL_MS_MAX = 10_000;

let folder = '';
let image = '';
let directory = '';

const open = async (): Promise<BlockCache> =>
  openCache(await openFileDevice(image), { capacity: 64, journal: { directory, mode: 'durable' } });

describe('a cache with a durable journal', () => {
  beforeEach(makeImage);
  afterEach(removeImage);

  it('continues the same journal after a close, and recovers nothing', async () => {
    const cache = await open();
    await cache.write(1, new Uint8Array(BLOCK_BYTES).fill(1));
    await cache.close();
    const again = await open();
    expect(again.journal).to.deep.equal({ directory, tornBytes: 0, recoveredBlocks: 0 });
    await again.close();
    const types: string[] = [];
    const seqs: number[] = [];
    for await (const event of (await openJournal(directory)).read()) {
      types.push(event.type);
      seqs.push(event.seq);
    }
    expect(types.filter((type) => type === 'opened')).to.have.length(2);
    expect(seqs).to.deep.equal(seqs.map((_, index) => index + 1));
  });

  it('refuses the journal of another device', async () => {
    const cache = await open();
    await cache.close();
    const other = path.join(folder, 'other');
    writeFileSync(other, new Uint8Array(BLOCKS * BLOCK_BYTES));
    const device = await openFileDevice(other);
    const error = await openCache(device, { journal: { directory, mode: 'durable' } }).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).to.have.property('code', 'CACHETRAIL_JOURNAL_DEVICE');
    await device.close();
  });

  it('acknowledges a write when the journal has it, with one sync for all that wait', async () => {
    const cache = await open();
    const events: CacheEvent[] = [];
    cache.events$.subscribe((event) => events.push(event));
    const writes = Array.from({ length: 32 }, (_, block) =>
      cache.write(block, new Uint8Array(BLOCK_BYTES).fill(block)),
    );
    await Promise.all(writes);
    const onDisk: number[] = [];
    for await (const event of (await openJournal(directory)).read({ types: ['written'] })) onDisk.push(event.seq);
    expect(onDisk).to.deep.equal(events.filter((event) => event.type === 'written').map((event) => event.seq));
    await cache.close();
  });
});

describe('what a caller has been told before a power cut', () => {
  beforeEach(makeImage);
  afterEach(removeImage);

  /** The journal and the image as they are at this moment, in a cache of their own. */
  const afterPowerCut = async (): Promise<BlockCache> => {
    const [later, copy] = [`${directory}.later`, `${image}.later`];
    cpSync(directory, later, { recursive: true });
    cpSync(image, copy);
    const device = await openFileDevice(copy);
    const identity = { value: '' };
    for await (const event of (await openJournal(directory)).read({ types: ['opened'] }))
      identity.value = event.type === 'opened' ? event.identity : '';
    Object.defineProperty(device, 'identity', { value: identity.value });
    return openCache(device, { capacity: 64, journal: { directory: later, mode: 'durable' } });
  };

  it('holds for a zero: what was written before it does not come back', async () => {
    const cache = await open();
    await cache.write(3, new Uint8Array(BLOCK_BYTES).fill(0xab));
    await cache.zero({ block: 3, count: 1 });
    const again = await afterPowerCut();
    expect((await again.read(3)).every((byte) => byte === 0)).to.equal(true);
    await again.close();
    await cache.close();
  });

  it('holds for what was given up by name: it does not come back', async () => {
    const cache = await open();
    await cache.write(3, new Uint8Array(BLOCK_BYTES).fill(0xab));
    await cache.invalidate({ block: 3, count: 1 }, { discardDirty: 'not wanted' });
    const again = await afterPowerCut();
    expect((await again.read(3)).every((byte) => byte === 0)).to.equal(true);
    await again.close();
    await cache.close();
  });
});

describe('a durable journal', function () {
  this.timeout(KILLS * KILL_MS_MAX);
  beforeEach(makeImage);
  afterEach(removeImage);

  it(`brings back every acknowledged write after each of ${KILLS} kills, and is sound`, async () => {
    const acknowledged = new Map<number, number>();
    let tag = 0;
    for (let kill = 0; kill < KILLS; kill++) {
      const started = await writeUntilKilled(tag, acknowledged);
      tag = Math.max(tag, ...started.keys()) + 1;
      const { status, problems } = await verifyJournal(directory);
      expect(status, problems[0]?.message).to.be.oneOf(['sound', 'torn']);
      const cache = await open();
      cache.checkInvariants();
      await expectKept(cache, acknowledged, started);
      await cache.close();
    }
    expect(await verifyJournal(directory)).to.include({ status: 'sound' });
  });
});

/** Starts the writer, kills it after a while that differs each time, and gives what it had begun: tag → block. */
async function writeUntilKilled(first: number, acknowledged: Map<number, number>): Promise<Map<number, number>> {
  const child = path.join(import.meta.dirname, 'recovery-child.js');
  const running = spawn(process.execPath, [child, image, directory, String(first)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const killAt = 40 + ((first * 7919) % 400);
  let said = '';
  running.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text;
    if (said.split('\n').length > killAt) running.kill('SIGKILL');
  });
  await once(running, 'close');
  const started = new Map<number, number>();
  for (const line of said.split('\n').slice(0, -1)) {
    const [what, tag, block] = line.split(' ');
    if (what === 'started') started.set(Number(tag), Number(block));
    else acknowledged.set(Number(block), Number(tag));
  }
  return started;
}

/** Every block holds its last acknowledged write, or one begun after it, whole. */
async function expectKept(
  cache: BlockCache,
  acknowledged: Map<number, number>,
  started: Map<number, number>,
): Promise<void> {
  for (const [block, tag] of acknowledged) {
    const bytes = await cache.read(block);
    const found = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
    expect(
      bytes.subarray(4).every((byte) => byte === (found & 0xff)),
      `block ${block} is whole`,
    ).to.equal(true);
    if (found !== tag) expect(started.get(found), `block ${block} holds ${found}, not ${tag}`).to.equal(block);
    expect(found).to.be.at.least(tag);
    acknowledged.set(block, found);
  }
}

function makeImage(): void {
  folder = mkdtempSync(path.join(os.tmpdir(), 'cachetrail-test-'));
  image = path.join(folder, 'image');
  directory = path.join(folder, 'journal');
  writeFileSync(image, '');
  truncateSync(image, BLOCKS * BLOCK_BYTES);
}

function removeImage(): void {
  rmSync(folder, { recursive: true, force: true });
}
