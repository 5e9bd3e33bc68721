import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { expect } from 'chai';
import { exportLogWrites } from '../../../src/cli/journal/export/log-writes.js';
import { generator } from '../../../src/device/random.js';
import type { BlockCache } from '../../../src/streams/block-cache.js';
import { openCache } from '../../../src/streams/open-cache.js';
import type { JournalPlace } from '../../../src/streams/options.js';
import { cachetrail } from '../command.js';
import { leftOut, systemTool } from '../support.js';
import { imagesAtMarks, readWriteLog } from './log-writes-reader.js';
import { journalFolder, recordTrouble } from './recorded.js';
import { RecordingDevice } from './recording-device.js';

const BLOCK = 512;
/** The last block is short, and ends within a sector. */
const DEVICE_BYTES = 48 * BLOCK + 100;
const RUNS = 12;

describe('cachetrail export --format dm-log-writes', () => {
  const folder = journalFolder();

  const opened = (
    directory: string,
    device: RecordingDevice,
    journal: Partial<JournalPlace> = {},
    timeoutMs = 30_000,
  ) =>
    openCache(device, {
      blockSize: BLOCK,
      capacity: 12,
      deviceTimeoutMs: timeoutMs,
      journal: { directory, mode: 'durable', ...journal },
      limits: { retryBaseNs: 1e4, retryCapNs: 1e5, dirtyAgeNs: 1e6 },
    });

  /** The log of a journal, read again: each barrier's image. */
  const exported = async (directory: string, before: Uint8Array | null) => {
    const [output, base] = [`${directory}.log`, before === null ? null : `${directory}.base`];
    if (base !== null) writeFileSync(base, before ?? '');
    const written = await exportLogWrites({ directory }, { output, base });
    const images = [...imagesAtMarks(readWriteLog(output), before ?? new Uint8Array(DEVICE_BYTES))];
    return { written, marks: images.filter(({ name }) => name.startsWith('barrier')), images };
  };

  for (let seed = 1; seed <= RUNS; seed++) {
    it(`gives the image of every barrier, whatever was asked of the cache and failed: run ${seed}`, async () => {
      const draw = generator(seed);
      const before = drawnBytes(draw, DEVICE_BYTES);
      const device = new RecordingDevice(before.slice(), seed);
      const directory = folder(`run-${seed}`);
      const cache = await opened(directory, device);
      if (seed % 2 === 0) device.faults = { writes: 0.1, barriers: 0.1, short: 0.05 };
      await drawnWork(cache, draw, 120);
      device.faults = { writes: 0, barriers: 0, short: 0 };
      // Tells once of what had failed and is mended.
      await cache.flush().catch(() => undefined);
      await cache.close();
      const told = await exported(directory, before).catch((error: unknown) => {
        // Whether bytes are read back from where a fault has left nobody knows what is up to timing: the journal does not hold them.
        if (seed % 2 === 0 && String(error).includes('of which nobody knows')) return null;
        throw error;
      });
      if (told === null) return;
      const { marks, written } = told;
      expect(marks.length).to.equal(device.snapshots.length);
      for (const [at, { name, image }] of marks.entries()) expectSame(image, device.snapshots[at], name);
      expect(Buffer.compare(marks.at(-1)?.image ?? before, device.image)).to.equal(0);
      expect(written?.flushes).to.equal(marks.length);
      expect(readdirSync(folder('.')).filter((name) => name.endsWith('.scratch'))).to.deep.equal([]);
    });
  }

  it('goes on over a crash: what the next cache brought back from the journal is in the log too', async () => {
    const draw = generator(77);
    const before = drawnBytes(draw, DEVICE_BYTES);
    const device = new RecordingDevice(before.slice(), 77);
    const first = await opened(folder('lived'), device);
    await drawnWork(first, draw, 60);
    cpSync(folder('lived'), folder('crashed'), { recursive: true });
    const after = new RecordingDevice(device.image.slice(), 78);
    const early = device.snapshots.length;
    await first.close();
    const second = await opened(folder('crashed'), after);
    await second.flush();
    const recovered = after.snapshots.length;
    await drawnWork(second, draw, 60);
    await second.close();
    const { images } = await exported(folder('crashed'), before);
    const openings = images.map(({ name }, at) => (name.startsWith('opened') ? at : -1)).filter((at) => at !== -1);
    expect(openings).to.have.length(2);
    const inFirst = images.slice(0, openings[1]).filter(({ name }) => name.startsWith('barrier'));
    expect(inFirst.length).to.be.within(1, early);
    for (const [at, { name, image }] of inFirst.entries()) expectSame(image, device.snapshots[at], name);
    const inSecond = images.slice(openings[1]).filter(({ name }) => name.startsWith('barrier'));
    expect(inSecond).to.have.length(after.snapshots.length);
    for (let at = recovered - 1; at < inSecond.length; at++) {
      expectSame(inSecond[at].image, after.snapshots[at], inSecond[at].name);
    }
  });

  it('has a write that timed out where the device did it, and says before that nobody knew', async () => {
    const directory = folder('late');
    const device = new RecordingDevice(new Uint8Array(DEVICE_BYTES), 3);
    const cache = await opened(directory, device, {}, 20);
    device.slowMs = 60;
    await cache.write(3, new Uint8Array(BLOCK).fill(1));
    await cache.flush().catch(() => undefined);
    const late = new Promise((resolve) => {
      cache.events$.subscribe(({ type }) => type === 'deviceAnsweredLate' && resolve(type));
    });
    await late;
    await cache.close();
    const { images, written, marks } = await exported(directory, null);
    expect(images.map(({ name }) => name.split('-')[0])).to.include('unknown');
    expect([written?.unknown, written?.writes]).to.deep.equal([1, 2]);
    for (const [at, { name, image }] of marks.entries()) expectSame(image, device.snapshots[at], name);
  });

  it('refuses a block that was written in part where nobody knows the rest, unless the image is given', async () => {
    const before = drawnBytes(generator(5), DEVICE_BYTES);
    const directory = folder('part');
    const cache = await opened(directory, new RecordingDevice(before.slice(), 5));
    await cache.writeBytes(3 * BLOCK + 10, new Uint8Array(20).fill(7));
    await cache.close();
    const output = `${directory}.refused`;
    const args = ['export', directory, '--format', 'dm-log-writes', '--output', output];
    const refused = await cachetrail(args);
    expect([refused.exitCode, existsSync(output)]).to.deep.equal([2, false]);
    expect(refused.stderr).to.match(/CACHETRAIL_JOURNAL_NO_BYTES.*block 3.*\n.*--base/);
    const { marks } = await exported(directory, before);
    const expected = before.slice();
    expected.fill(7, 3 * BLOCK + 10, 3 * BLOCK + 30);
    expectSame(marks.at(-1)?.image ?? before, expected, 'the last mark');
  });

  it('needs no image for a block that was written whole before it was written in part', async () => {
    const directory = folder('whole');
    const cache = await opened(directory, new RecordingDevice(new Uint8Array(DEVICE_BYTES).fill(9), 5));
    await cache.write(3, new Uint8Array(BLOCK).fill(1));
    await cache.flush();
    await cache.invalidate();
    await cache.writeBytes(3 * BLOCK, new Uint8Array(5).fill(2));
    await cache.zero({ block: 6, count: 2 });
    await cache.writeBytes(6 * BLOCK, new Uint8Array(5).fill(3));
    await cache.close();
    const { marks } = await exported(directory, null);
    const { image } = marks.at(-1) ?? { image: new Uint8Array(0) };
    expect([...image.subarray(3 * BLOCK, 3 * BLOCK + 7)]).to.deep.equal([2, 2, 2, 2, 2, 1, 1]);
    expect([...image.subarray(6 * BLOCK, 6 * BLOCK + 7)]).to.deep.equal([3, 3, 3, 3, 3, 0, 0]);
  });

  it('refuses a journal without the bytes of its writes', async () => {
    const directory = folder('audit');
    await recordTrouble(directory);
    const args = ['export', directory, '--format', 'dm-log-writes', '--output', `${directory}.log`];
    const { exitCode, stderr } = await cachetrail(args);
    expect([exitCode, existsSync(`${directory}.log`)]).to.deep.equal([2, false]);
    expect(stderr).to.include('CACHETRAIL_JOURNAL_NO_BYTES').and.include('durable');
  });

  it('refuses a journal in which events are missing, and one whose beginning is gone', async () => {
    const directory = folder('gap');
    const cache = await opened(directory, new RecordingDevice(new Uint8Array(DEVICE_BYTES), 1), { segmentBytes: 4096 });
    await drawnWork(cache, generator(1), 40);
    await cache.close();
    const segments = readdirSync(directory)
      .filter((name) => name.endsWith('.ctj'))
      .sort();
    expect(segments.length).to.be.above(2);
    const damaged = `${directory}/${segments[1]}`;
    const bytes = readFileSync(damaged);
    writeFileSync(damaged, bytes.fill(0xee, bytes.length - 200, bytes.length - 100));
    const base = `${directory}.base`;
    writeFileSync(base, new Uint8Array(DEVICE_BYTES));
    const to = ['--format', 'dm-log-writes', '--base', base, '--output'];
    const args = (from: string) => ['export', from, ...to, `${from}.log`];
    expect(await cachetrail(args(directory))).to.include({ exitCode: 3 });
    const { stderr } = await cachetrail(args(directory));
    expect(stderr).to.include('CACHETRAIL_JOURNAL_DAMAGED').and.include('are missing');
    const headless = folder('headless');
    cpSync(directory, headless, { recursive: true, filter: (path) => !path.endsWith(segments[0]) });
    expect((await cachetrail(args(headless))).stderr).to.include('CACHETRAIL_JOURNAL_RANGE');
  });

  const wrong: Record<string, string[]> = {
    'no file': [],
    'a choice of events': ['--output', 'log', '--type', 'written'],
    'an image of another size': ['--output', 'log', '--base', import.meta.filename],
  };
  for (const [what, options] of Object.entries(wrong)) {
    it(`refuses ${what} with exit code 2`, async () => {
      const directory = folder(`wrong ${what}`);
      await recordTrouble(directory, { mode: 'durable' });
      const { exitCode } = await cachetrail(['export', directory, '--format', 'dm-log-writes', ...options], {
        cwd: folder('.'),
      });
      expect([exitCode, existsSync(folder('log'))]).to.deep.equal([2, false]);
    });
  }

  it('is read by a reader that also reads what qemu writes', function () {
    const qemu = systemTool('qemu-io');
    if (qemu === undefined) return leftOut(this, 'qemu-io is not installed');
    const [image, log] = [folder('qemu.img'), folder('qemu.log')];
    for (const [file, bytes] of [
      [image, 2 ** 20],
      [log, 2 ** 22],
    ] as const) {
      writeFileSync(file, '');
      truncateSync(file, bytes);
    }
    const files = `file.driver=file,file.filename=${image},log.driver=file,log.filename=${log}`;
    const commands = [
      'write -P 1 0 4k',
      'write -P 2 8k 8k',
      'flush',
      'discard 0 4k',
      'write -z 8k 4k',
      'write -P 3 512k 512',
      'flush',
    ];
    const options = `driver=blklogwrites,${files},log-sector-size=512`;
    execFileSync(qemu, ['--image-opts', options, ...commands.flatMap((command) => ['-c', command])], {
      stdio: 'ignore',
    });
    const { entries, sectorBytes } = readWriteLog(log);
    const kinds = entries.map(({ kind }) => kind);
    const moving = kinds.filter((kind) => kind !== 'flush');
    expect([sectorBytes, moving]).to.deep.equal([512, ['write', 'write', 'discard', 'write', 'write']]);
    expect([kinds[2], kinds.at(-1)]).to.deep.equal(['flush', 'flush']);
    const end = { kind: 'mark', offset: 0, length: 0, bytes: new Uint8Array(0), name: 'end' } as const;
    const [{ image: replayed }] = imagesAtMarks({ sectorBytes, entries: [...entries, end] }, new Uint8Array(2 ** 20));
    expectSame(replayed, readFileSync(image), 'the end');
  });
});

function expectSame(image: Uint8Array, expected: Uint8Array, name: string): void {
  if (Buffer.compare(image, expected) === 0) return;
  const at = image.findIndex((byte, index) => byte !== expected[index]);
  expect.fail(`${name} differs from byte ${at} on, in block ${Math.floor(at / BLOCK)}`);
}

function drawnBytes(draw: () => number, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => Math.floor(draw() * 256));
}

/** Requests of every kind that moves bytes, several at a time; what is refused or fails is part of it. */
async function drawnWork(cache: BlockCache, draw: () => number, requests: number): Promise<void> {
  const whole = (from: number, to: number) => from + Math.floor(draw() * (to - from + 1));
  const blocks = () => {
    const block = whole(0, 47);
    return { block, count: whole(1, Math.min(4, 48 - block)) };
  };
  const kinds: (() => Promise<unknown>)[] = [
    () => cache.writeBytes(...bytesAt(whole(0, DEVICE_BYTES - 1400), drawnBytes(draw, whole(1, 1300)))),
    () => cache.writeBytes(...bytesAt(DEVICE_BYTES - 50, drawnBytes(draw, 50))),
    () => cache.writeBytes(...bytesAt(whole(0, 47) * BLOCK, drawnBytes(draw, BLOCK)), { through: true }),
    () => cache.write(whole(0, 44), drawnBytes(draw, 3 * BLOCK)),
    () => cache.read(whole(0, 40), whole(1, 6)),
    () => cache.flush(),
    () => cache.discard(blocks()),
    () => cache.zero(blocks()),
    () => cache.invalidate(blocks(), { discardDirty: 'drawn' }),
    () => borrowed(cache, whole(0, 47), draw),
    () => cache.setBlockSize(cache.blockSize === BLOCK ? 2 * BLOCK : BLOCK),
  ];
  const odds = [8, 2, 3, 6, 5, 3, 1, 1, 1, 2, 0.3];
  const total = odds.reduce((sum, odd) => sum + odd, 0);
  const all: Promise<unknown>[] = [];
  for (let request = 0; request < requests; request++) {
    const drawn = draw() * total;
    const kind = kinds[odds.findIndex((_, at) => drawn < odds.slice(0, at + 1).reduce((sum, odd) => sum + odd))];
    all.push(kind().catch(() => undefined));
    if (request % 4 === 3) await Promise.race(all.slice(-4));
  }
  await Promise.all(all);
}

function bytesAt(offset: number, bytes: Uint8Array): [number, Uint8Array] {
  return [offset, bytes];
}

/** Changed and told of at once, as a borrower should. */
async function borrowed(cache: BlockCache, block: number, draw: () => number): Promise<void> {
  const view = await cache.borrow(block);
  try {
    view.bytes.set(drawnBytes(draw, 30), 5);
    await view.markDirty();
  } finally {
    view.release();
  }
}
