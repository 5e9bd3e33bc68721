import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { expect } from 'chai';
import { codeOf, type FileDeviceOptions, openFileDevice } from '../../src/device/index.js';
import { imageFolder } from './images.js';
import { attachLoop, detachLoop, skipWithoutLoops } from './loop.js';
import { childOutcome, killChildren } from './processes.js';
import { rejection } from './support.js';

const images = imageFolder();

describe('openFileDevice, of what cannot be opened', () => {
  afterEach(killChildren);

  const refused: readonly (readonly [name: string, code: string, cause: string, make: () => string])[] = [
    ['what is not there', 'NOT_FOUND', 'ENOENT', () => images.path('absent')],
    ['a folder that is none', 'NOT_FOUND', 'ENOTDIR', () => `${images.make('file', 9)}/image`],
    ['a link to nothing', 'NOT_FOUND', 'ENOENT', () => linkTo(images.path('absent'), 'dangling')],
    ['a link to itself', 'OPEN_FAILED', 'ELOOP', () => linkTo(images.path('self'), 'self')],
    ['a name that is too long', 'OPEN_FAILED', 'ENAMETOOLONG', () => images.path('x'.repeat(5000))],
    ['a folder', 'KIND', '', () => images.path('')],
    ['a character device', 'KIND', '', () => '/dev/null'],
    ['a pipe, without waiting at it', 'KIND', '', () => pipe('pipe')],
    ['an empty file', 'EMPTY', '', () => images.make('empty', 0)],
  ];
  for (const [name, code, cause, make] of refused) {
    for (const readOnly of [false, true]) {
      it(`refuses ${name}${readOnly ? ', read-only' : ''}`, async () => {
        const error = await rejection(openFileDevice(make(), { readOnly }));
        expect(error.code).to.equal(`CACHETRAIL_DEVICE_${code}`);
        expect(error.cause === undefined ? '' : codeOf(error.cause)).to.equal(cause);
      });
    }
  }

  it('refuses a file without the right to write it, and takes it read-only', async () => {
    const path = images.make('protected', 4096);
    fs.chmodSync(images.path(''), 0o755);
    fs.chmodSync(path, 0o444);
    const refusal = { code: 'CACHETRAIL_DEVICE_ACCESS', causeCode: 'EACCES' };
    expect(await childOutcome({ path, asNobody: true })).to.deep.equal(refusal);
    expect((await childOutcome({ path, asNobody: true, options: { readOnly: true } })).code).to.equal('');
    fs.chmodSync(path, 0o000);
    expect(await childOutcome({ path, asNobody: true, options: { readOnly: true } })).to.deep.equal(refusal);
  });

  const wrong: readonly (readonly [string, unknown, unknown])[] = [
    ['no path', undefined, {}],
    ['an empty path', '', {}],
    ['a path with a NUL', 'a\0b', {}],
    ['a size of 0', 'x', { create: { sizeBytes: 0 } }],
    ['a fractional size', 'x', { create: { sizeBytes: 0.5 } }],
    ['a size of NaN', 'x', { create: { sizeBytes: Number.NaN } }],
    ['a new file that is read-only', 'x', { create: { sizeBytes: 1 }, readOnly: true }],
  ];
  for (const [name, path, options] of wrong) {
    it(`refuses ${name}`, async () => {
      const opening = openFileDevice(path as string, options as FileDeviceOptions);
      expect((await rejection(opening)).code).to.equal('CACHETRAIL_INVALID_ARGUMENT');
    });
  }

  it('leaves no descriptor open after a refusal', async function () {
    if (process.platform !== 'linux') {
      console.log('    left out: counting descriptors, since there is no /proc');
      this.skip();
    }
    const path = images.make('taken', 4096);
    const empty = images.make('empty', 0);
    const holder = await openFileDevice(path);
    const before = openDescriptors();
    await rejection(openFileDevice(path));
    await rejection(openFileDevice(empty));
    expect(openDescriptors()).to.deep.equal(before);
    await holder.close();
  });
});

describe('openFileDevice, of a block device', () => {
  let loop = '';
  before(skipWithoutLoops);
  afterEach(() => {
    if (loop !== '') detachLoop(loop);
    loop = '';
  });

  it('finds its size', async () => {
    loop = attachLoop(images.make('image', 300 * 512));
    const device = await openFileDevice(loop, { readOnly: true });
    expect(device.sizeBytes).to.equal(300 * 512);
    await device.close();
  });

  it('refuses to write one that is read-only', async () => {
    loop = attachLoop(images.make('image', 4096), { readOnly: true });
    expect((await rejection(openFileDevice(loop))).code).to.equal('CACHETRAIL_DEVICE_ACCESS');
  });

  it('refuses to write one that the system uses, unless told not to lock', async () => {
    loop = attachLoop(images.make('image', 4096));
    // As a mount does: a claim for the whole device.
    const claim = fs.openSync(loop, fs.constants.O_RDWR | fs.constants.O_EXCL);
    const error = await rejection(openFileDevice(loop));
    expect([error.code, codeOf(error.cause)]).to.deep.equal(['CACHETRAIL_DEVICE_LOCKED', 'EBUSY']);
    await (await openFileDevice(loop, { lock: false })).close();
    fs.closeSync(claim);
    await (await openFileDevice(loop)).close();
  });

  it('refuses one without bytes', async () => {
    loop = attachLoop(images.make('image', 100));
    expect((await rejection(openFileDevice(loop))).code).to.equal('CACHETRAIL_DEVICE_EMPTY');
  });
});

describe('openFileDevice, of a new file', () => {
  afterEach(killChildren);

  it('makes zeros of the size that it is told', async () => {
    const path = images.path('new');
    const device = await openFileDevice(path, { create: { sizeBytes: 10_001 } });
    const into = new Uint8Array(10_001).fill(1);
    expect(await device.read(0, [into])).to.equal(10_001);
    expect(into.every((byte) => byte === 0)).to.equal(true);
    expect(await device.write(10_000, [Uint8Array.of(5)])).to.equal(1);
    await device.close();
    expect(fs.statSync(path).size).to.equal(10_001);
  });

  it('leaves alone what is there already', async () => {
    const path = images.make('there', Uint8Array.of(1, 2, 3));
    const error = await rejection(openFileDevice(path, { create: { sizeBytes: 10 } }));
    expect([error.code, codeOf(error.cause)]).to.deep.equal(['CACHETRAIL_DEVICE_OPEN_FAILED', 'EEXIST']);
    expect([...fs.readFileSync(path)]).to.deep.equal([1, 2, 3]);
  });

  it('leaves nothing behind when it does not succeed', async () => {
    const path = images.path('huge');
    const task = { path, options: { create: { sizeBytes: 1024 * 1024 } } };
    const outcome = await childOutcome(task, { fileBlocksMax: 8 });
    expect(outcome).to.deep.equal({ code: 'CACHETRAIL_DEVICE_OPEN_FAILED', causeCode: 'EFBIG' });
    expect(fs.existsSync(path)).to.equal(false);
  });
});

function linkTo(target: string, name: string): string {
  fs.rmSync(images.path(name), { force: true });
  fs.symlinkSync(target, images.path(name));
  return images.path(name);
}

function pipe(name: string): string {
  fs.rmSync(images.path(name), { force: true });
  execFileSync('mkfifo', [images.path(name)]);
  return images.path(name);
}

function openDescriptors(): string[] {
  return fs
    .readdirSync('/proc/self/fd')
    .map((fd) => {
      try {
        return fs.readlinkSync(`/proc/self/fd/${fd}`);
      } catch {
        return 'the list itself';
      }
    })
    .sort();
}
