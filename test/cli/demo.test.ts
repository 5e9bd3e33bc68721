import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect } from 'chai';
import { differencesOf, snapshotOf } from '../../src/cli/demo/compare.js';
import { shippedImagePath } from '../../src/cli/package-files.js';
import { openFileDevice } from '../../src/device/index.js';
import { cachetrail, ended, started } from './command.js';
import { attachLoop, detachLoop, loopObstacle } from '../device/loop.js';
import { leftOut, systemTool } from './support.js';

const ESCAPE = '\u001b';
const FEW = ['--files', '30'];

describe('the demo', () => {
  let directory: string;
  /** Where the command puts its temporary files. */
  let temporary: string;
  let env: NodeJS.ProcessEnv;

  beforeEach(() => {
    directory = mkdtempSync(path.join(tmpdir(), 'cachetrail-test-'));
    temporary = path.join(directory, 'tmp');
    mkdirSync(temporary);
    // A collector that happens to listen on this machine is none of our business.
    env = { ...process.env, TMPDIR: temporary, OTEL_TRACES_EXPORTER: 'none' };
  });

  afterEach(() => {
    // However it ended, it took its temporary files with it, but for the journal of a run that was told of.
    const left = readdirSync(temporary).filter((name) => !isJournal(name));
    rmSync(directory, { recursive: true });
    expect(left).to.deep.equal([]);
  });

  const isJournal = (name: string) => name.startsWith('cachetrail-demo-journal-');
  const journalsLeft = () => readdirSync(temporary).filter(isJournal);

  function shippedImage(name = 'image.ext4'): string {
    const file = path.join(directory, name);
    writeFileSync(file, gunzipSync(readFileSync(shippedImagePath())));
    return file;
  }

  const hashOf = (file: string) => createHash('sha256').update(readFileSync(file)).digest('hex');

  describe('on the shipped image', () => {
    it('saves five of six device writes and two of three reads, and loses nothing', async () => {
      const { exitCode, stdout, stderr } = await cachetrail(['demo', '--json'], { env });
      expect(stderr).to.equal('');
      expect(exitCode).to.equal(0);
      const report = JSON.parse(stdout);
      const { withCache, withoutCache } = report;
      expect(withCache.deviceWrites)
        .to.be.greaterThan(0)
        .and.at.most(withoutCache.deviceWrites / 6);
      expect(withCache.deviceReads)
        .to.be.greaterThan(0)
        .and.at.most(withoutCache.deviceReads / 3);
      expect(report.differences).to.equal(0);
      expect(report.filesCompared).to.be.greaterThan(150);
      for (const run of [withCache, withoutCache]) {
        for (const name of ['deviceReads', 'deviceWrites', 'barriers', 'bytesRead', 'bytesWritten', 'ms']) {
          expect(run[name], name).to.be.a('number').and.greaterThan(0);
        }
      }
      expect(report.requests).to.be.greaterThan(report.batches);
      expect(report.hits).to.be.greaterThan(0);
    });

    it('meets an error that passes and one that lasts, and both blocks are durable in the end', async () => {
      const { stdout } = await cachetrail(['demo', '--json'], { env });
      const { writeErrors } = JSON.parse(stdout);
      const [passing, lasting] = ['EAGAIN', 'EIO'].map((wanted) =>
        writeErrors.find(({ code }: { code: string }) => code === wanted),
      );
      expect(writeErrors).to.have.length(2);
      for (const error of [passing, lasting]) {
        expect(error.block).to.be.a('number');
        expect(error.outcome).to.equal('durable');
        expect(error.path[0]).to.match(/^attempt 1 failed/);
        expect(error.path.at(-1)).to.equal('durable');
      }
      expect(passing.path.some((step: string) => step.startsWith('retry'))).to.equal(true);
      expect(passing.path).to.not.include('parked');
      const words = lasting.path.map((step: string) => step.split(' ')[0]);
      for (const word of ['retry', 'split', 'parked', 'flush', 'rewritten']) expect(words).to.include(word);
      expect(lasting.path.filter((step: string) => step === 'flush reported')).to.have.length(2);
    });

    it('prints plain lines where it is piped', async () => {
      const { exitCode, stdout, stderr } = await cachetrail(['demo', ...FEW], { env });
      expect(exitCode).to.equal(0);
      expect(stdout + stderr)
        .to.not.include(ESCAPE)
        .and.not.include('\r');
      for (const text of ['device writes', 'EAGAIN', 'EIO', 'parked', 'all equal', 'e2fsck'])
        expect(stdout).to.include(text);
    });

    it('streams each event as a line with --events, numbered without a gap, and the report on stderr', async () => {
      const { exitCode, stdout, stderr } = await cachetrail(['demo', '--events', ...FEW], { env });
      expect(exitCode).to.equal(0);
      const events = stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line));
      expect(events.map(({ seq }) => seq)).to.deep.equal(events.map((_, index) => index + 1));
      expect(events[0].type).to.equal('opened');
      expect(events.at(-1).type).to.equal('closed');
      expect(stderr).to.include('device writes');
    });

    it('prints the report as the last line with --events --json', async () => {
      const { stdout, stderr } = await cachetrail(['demo', '--events', '--json', ...FEW], { env });
      const lines = stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line));
      expect(lines.at(-1).differences).to.equal(0);
      expect(lines.at(-2).type).to.equal('closed');
      expect(stderr).to.equal('');
    });

    for (const options of [
      ['--capacity', '64'],
      ['--capacity', '8'],
      ['--policy', 'priority', '--capacity', '200'],
    ]) {
      it(`loses nothing with ${options.join(' ')}`, async () => {
        const { exitCode, stdout } = await cachetrail(['demo', '--json', ...FEW, ...options], { env });
        expect(exitCode).to.equal(0);
        expect(JSON.parse(stdout).differences).to.equal(0);
      });
    }

    it('keeps its journal, which is sound, and names it', async () => {
      const { stdout } = await cachetrail(['demo', '--json', ...FEW], { env });
      const { journal, journalCheck, explained, writeErrors } = JSON.parse(stdout);
      expect(path.dirname(journal)).to.equal(temporary);
      expect(journalCheck.status).to.equal('sound');
      expect(journalCheck.replayed).to.equal(journalCheck.events);
      expect((await cachetrail(['verify', journal])).exitCode).to.equal(0);
      expect(writeErrors.map(({ block }: { block: number }) => block)).to.include(explained.block);
      const told = await cachetrail(['explain', journal, '--write-error', String(explained.seq)]);
      expect(told.stdout.trimEnd().split('\n')).to.deep.equal(explained.lines);
    });

    it('ends by telling what became of the block whose write failed', async () => {
      const { stdout } = await cachetrail(['demo', ...FEW], { env });
      const last = stdout.trimEnd().split('\n');
      expect(last.at(-1)).to.include('durable: barrier');
      const start = last.findIndex((line) => line.includes('cachetrail explain'));
      expect(last.slice(start).join('\n')).to.include('written by libext2fs').and.include('EIO').and.include('parked');
    });

    it('keeps the journal where --journal says, once', async () => {
      const journal = path.join(directory, 'kept', 'journal');
      const { exitCode, stdout } = await cachetrail(['demo', '--json', ...FEW, '--journal', journal], { env });
      expect([exitCode, JSON.parse(stdout).journal]).to.deep.equal([0, journal]);
      expect(journalsLeft()).to.deep.equal([]);
      const again = await cachetrail(['demo', ...FEW, '--journal', journal], { env });
      expect(again.exitCode).to.equal(2);
      expect(again.stderr).to.match(/^error CACHETRAIL_INVALID_ARGUMENT: /);
    });

    it('keeps none with --no-journal', async () => {
      const { exitCode, stdout } = await cachetrail(['demo', '--json', ...FEW, '--no-journal'], { env });
      expect(exitCode).to.equal(0);
      expect(JSON.parse(stdout).journal).to.equal(null);
      expect(journalsLeft()).to.deep.equal([]);
    });

    it('leaves both images with --keep', async () => {
      const keep = path.join(directory, 'kept');
      const { exitCode } = await cachetrail(['demo', ...FEW, '--keep', keep], { env });
      expect(exitCode).to.equal(0);
      expect(readdirSync(keep).sort()).to.deep.equal(['with-cache.ext4', 'without-cache.ext4']);
      const watch = { signal: new AbortController().signal, progress: () => undefined };
      const [one, other] = [
        await snapshotOf(path.join(keep, 'with-cache.ext4'), watch),
        await snapshotOf(path.join(keep, 'without-cache.ext4'), watch),
      ];
      expect(differencesOf(one, other)).to.deep.equal([]);
      expect([...one.keys()].some((name) => name.startsWith('/cachetrail-demo/'))).to.equal(true);
    });
  });

  describe('on a user’s image', () => {
    it('works on a copy and leaves the image as it is', async () => {
      const image = shippedImage();
      const before = hashOf(image);
      const { exitCode, stdout } = await cachetrail(['demo', image, '--json', ...FEW], { env });
      expect(exitCode).to.equal(0);
      expect(JSON.parse(stdout).differences).to.equal(0);
      expect(hashOf(image)).to.equal(before);
    });

    it('works on the image itself with --in-place, and removes what it added', async () => {
      const image = shippedImage();
      const watch = { signal: new AbortController().signal, progress: () => undefined };
      const before = await snapshotOf(image, watch);
      const bytes = hashOf(image);
      const { exitCode, stdout } = await cachetrail(['demo', image, '--in-place', '--json', ...FEW], { env });
      expect(exitCode).to.equal(0);
      expect(JSON.parse(stdout).withCache.deviceWrites).to.be.greaterThan(0);
      expect(hashOf(image)).to.not.equal(bytes);
      expect(differencesOf(before, await snapshotOf(image, watch))).to.deep.equal([]);
      expectSound(image);
    });

    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      it(`leaves the image sound and as it was on ${signal}, whenever it comes`, async () => {
        const image = shippedImage();
        const watch = { signal: new AbortController().signal, progress: () => undefined };
        const before = await snapshotOf(image, watch);
        for (const moment of ['working', 'copied in', 'rejected', 'cured', 'renamed', 'without a cache']) {
          const child = started(['demo', image, '--in-place', ...FEW], { env });
          let seen = moment === 'working' ? 'image:' : moment;
          child.stdout?.on('data', (text) => {
            if (seen === '' || !String(text).includes(seen)) return;
            seen = '';
            child.kill(signal);
          });
          const { exitCode, stdout } = await ended(child);
          expect(exitCode, `${moment}: ${stdout}`).to.equal(130);
          expect(journalsLeft()).to.deep.equal([]);
          expect(differencesOf(before, await snapshotOf(image, watch))).to.deep.equal([]);
          expectSound(image);
        }
      });
    }

    function expectSound(image: string): void {
      const e2fsck = systemTool('e2fsck');
      if (e2fsck === undefined)
        console.log('      left out: e2fsck is not installed, the image is not checked with it');
      else expect(spawnSync(e2fsck, ['-fn', image]).status).to.equal(0);
    }
  });

  describe('on an image that it cannot use', () => {
    const bad: Record<string, [code: string, make: (file: string) => void]> = {
      'is missing': ['CACHETRAIL_DEVICE_NOT_FOUND', () => undefined],
      'is empty': ['CACHETRAIL_DEVICE_EMPTY', (file) => writeFileSync(file, '')],
      'is a directory': ['CACHETRAIL_DEVICE_KIND', (file) => mkdirSync(file)],
      'is shorter than a superblock': ['CACHETRAIL_NO_FILE_SYSTEM', (file) => writeFileSync(file, 'abc')],
      'is all zero': ['CACHETRAIL_NO_FILE_SYSTEM', (file) => writeFileSync(file, Buffer.alloc(100_000))],
      'is some other file': ['CACHETRAIL_NO_FILE_SYSTEM', (file) => writeFileSync(file, 'text\n'.repeat(10_000))],
      'is cut off': ['CACHETRAIL_NO_FILE_SYSTEM', (file) => truncateSync(shippedTo(file), 40_000_000)],
      'has no group descriptors': ['CACHETRAIL_NO_FILE_SYSTEM', (file) => blank(shippedTo(file), 4096, 4096)],
      'has too little room': ['ENOSPC', (file) => shippedTo(file)],
    };
    for (const [what, [code, make]] of Object.entries(bad)) {
      for (const where of [[], ['--in-place']]) {
        it(`says ${code} where it ${what}${where.length > 0 ? ', in place' : ''}, and changes nothing`, async () => {
          const file = path.join(directory, 'bad');
          make(file);
          const before = contentOf(file);
          const files = code === 'ENOSPC' ? ['--files', '10000'] : [];
          const { exitCode, stdout, stderr } = await cachetrail(['demo', file, '--json', ...where, ...files], { env });
          expect(exitCode).to.equal(3);
          expect(JSON.parse(stdout).error.code).to.equal(code);
          expect(JSON.parse(stdout).error.remedy).to.not.equal('');
          expect(stderr).to.match(new RegExp(`^error ${code}: .*\n {2}\\S`));
          expect(journalsLeft()).to.deep.equal([]);
          expect(contentOf(file)).to.equal(before);
        });
      }
    }

    it('says CACHETRAIL_DEVICE_LOCKED where another cachetrail has it', async () => {
      const image = shippedImage();
      const device = await openFileDevice(image);
      for (const where of [[], ['--in-place']]) {
        const { exitCode, stderr } = await cachetrail(['demo', image, ...where], { env });
        expect(exitCode).to.equal(3);
        expect(stderr).to.include('error CACHETRAIL_DEVICE_LOCKED: ');
      }
      await device.close();
    });

    it('says CACHETRAIL_DEVICE_ACCESS where it may not be written, and works on a copy of it', async function () {
      const image = shippedImage();
      chmodSync(image, 0o444);
      const isRoot = process.getuid?.() === 0;
      // The permissions of files do not bind root; a read-only block device does.
      const obstacle = isRoot ? loopObstacle() : undefined;
      if (obstacle !== undefined) return leftOut(this, obstacle);
      const refused = isRoot ? attachLoop(image, { readOnly: true }) : image;
      try {
        const { exitCode, stderr } = await cachetrail(['demo', refused, '--in-place'], { env });
        expect(exitCode).to.equal(3);
        expect(stderr).to.include('error CACHETRAIL_DEVICE_ACCESS: ');
        const copied = await cachetrail(['demo', image, ...FEW], { env });
        expect(copied.exitCode).to.equal(0);
      } finally {
        if (isRoot) detachLoop(refused);
      }
    });

    function shippedTo(file: string): string {
      return shippedImage(path.basename(file));
    }

    function blank(file: string, offset: number, length: number): void {
      const bytes = readFileSync(file);
      bytes.fill(0, offset, offset + length);
      writeFileSync(file, bytes);
    }

    function contentOf(file: string): string {
      try {
        return hashOf(file);
      } catch (error) {
        return String(error);
      }
    }
  });
});
