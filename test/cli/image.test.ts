import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect } from 'chai';
import { bareDisk } from '../../src/cli/demo/bare-disk.js';
import { mount } from '../../src/cli/demo/mount.js';
import { readSuperblock } from '../../src/cli/demo/superblock.js';
import { packageRoot, shippedImagePath } from '../../src/cli/package-files.js';
import { memoryDevice } from '../../src/device/index.js';
import { leftOut, systemTool } from './support.js';

describe('the image that ships with the package', () => {
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(path.join(tmpdir(), 'cachetrail-test-'));
  });

  afterEach(() => rmSync(directory, { recursive: true }));

  it('takes less than 300 KB', () => {
    expect(statSync(shippedImagePath()).size).to.be.lessThan(300_000);
  });

  it('is mounted by libext2fs, with the files of the script that makes it', async () => {
    const device = memoryDevice({ bytes: unpacked() });
    expect((await readSuperblock(device)).label).to.equal('cachetrail');
    const { files, unmount } = await mount(bareDisk(device));
    expect(await files.list('/')).to.deep.equal(['data', 'etc', 'lost+found', 'var']);
    expect(await files.kindOf('/data/latest.txt')).to.equal('link');
    expect(await files.linkTarget('/data/latest.txt')).to.equal('notes/lines.txt');
    await unmount();
  });

  it('is sound, says e2fsck', function () {
    const e2fsck = systemTool('e2fsck');
    if (e2fsck === undefined) return leftOut(this, 'e2fsck is not installed');
    const image = path.join(directory, 'image');
    writeFileSync(image, unpacked());
    expect(spawnSync(e2fsck, ['-fn', image]).status).to.equal(0);
  });

  it('is made again by its script, byte for byte', function () {
    const mke2fs = systemTool('mke2fs');
    if (mke2fs === undefined || systemTool('debugfs') === undefined) return leftOut(this, 'e2fsprogs is not installed');
    const version = spawnSync(mke2fs, ['-V'], { encoding: 'utf8' }).stderr.split('\n')[0];
    if (!version.includes('1.47.0'))
      return leftOut(this, `the image was made by mke2fs 1.47.0, and this is ${version}`);
    const again = path.join(directory, 'again.gz');
    const { status } = spawnSync(process.execPath, [path.join(packageRoot(), 'scripts', 'make-image.mjs'), again]);
    expect(status).to.equal(0);
    expect(gunzipSync(readFileSync(again)).equals(unpacked())).to.equal(true);
  });

  function unpacked(): Buffer {
    return gunzipSync(readFileSync(shippedImagePath()));
  }
});
