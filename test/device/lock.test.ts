import fs from 'node:fs';
import { expect } from 'chai';
import { openFileDevice } from '../../src/device/index.js';
import { imageFolder } from './images.js';
import { attachLoop, detachLoop, skipWithoutLoops } from './loop.js';
import { childOutcome, killChildren, startChild } from './processes.js';
import { rejection } from './support.js';

const images = imageFolder();

async function assertLocked(path: string, options: { readOnly?: boolean } = {}): Promise<void> {
  expect((await rejection(openFileDevice(path, options))).code).to.equal('CACHETRAIL_DEVICE_LOCKED');
}

describe('the lock on a file device', () => {
  let path = '';
  beforeEach(() => {
    path = images.make('image', 4096);
  });
  afterEach(killChildren);

  it('keeps a second open in this process off, writer or reader', async () => {
    const device = await openFileDevice(path);
    await assertLocked(path);
    await assertLocked(path, { readOnly: true });
    await device.close();
  });

  it('is gone after a close', async () => {
    for (let i = 0; i < 3; i++) await (await openFileDevice(path)).close();
  });

  it('survives that another open was refused', async () => {
    // Locks of the older kind would be dropped by the refused open's close.
    const device = await openFileDevice(path);
    await assertLocked(path);
    fs.closeSync(fs.openSync(path, 'r+'));
    await assertLocked(path);
    expect((await childOutcome({ path })).code).to.equal('CACHETRAIL_DEVICE_LOCKED');
    await device.close();
  });

  it('is met under another name of the file', async () => {
    fs.symlinkSync(path, images.path('soft'));
    fs.linkSync(path, images.path('hard'));
    const device = await openFileDevice(images.path('soft'));
    await assertLocked(path);
    await assertLocked(images.path('hard'));
    await device.close();
  });

  it('lets readers share, and keeps a writer off while one is left', async () => {
    const first = await openFileDevice(path, { readOnly: true });
    const second = await openFileDevice(path, { readOnly: true });
    expect((await childOutcome({ path, options: { readOnly: true } })).code).to.equal('');
    await first.close();
    await assertLocked(path);
    await second.close();
    await (await openFileDevice(path)).close();
  });

  it('keeps another process off', async () => {
    const device = await openFileDevice(path);
    expect((await childOutcome({ path })).code).to.equal('CACHETRAIL_DEVICE_LOCKED');
    await device.close();
    expect((await childOutcome({ path })).code).to.equal('');
  });

  it('goes with the process that is killed', async () => {
    const child = await startChild({ path });
    expect(child.outcome.code).to.equal('');
    await assertLocked(path);
    await child.kill();
    await (await openFileDevice(path)).close();
  });

  it('is neither taken nor met if told so', async () => {
    const locked = await openFileDevice(path);
    const unlocked = await openFileDevice(path, { lock: false });
    await locked.close();
    await (await openFileDevice(path)).close();
    await unlocked.close();
  });

  it('is refused clearly where there is no native module, unless told not to lock', async () => {
    const refusal = { code: 'CACHETRAIL_MISSING_DEPENDENCY', causeCode: 'ERR_MODULE_NOT_FOUND' };
    expect(await childOutcome({ path }, { withoutNative: true })).to.deep.equal(refusal);
    const unlocked = await childOutcome({ path, options: { lock: false } }, { withoutNative: true });
    expect(unlocked.code).to.equal('');
  });

  describe('that is a block device', () => {
    let loop = '';
    before(skipWithoutLoops);
    beforeEach(() => {
      loop = attachLoop(path);
    });
    afterEach(() => {
      if (loop !== '') detachLoop(loop);
    });

    it('keeps others off, and lets readers share', async () => {
      const writer = await openFileDevice(loop);
      await assertLocked(loop);
      await assertLocked(loop, { readOnly: true });
      expect((await childOutcome({ path: loop })).code).to.equal('CACHETRAIL_DEVICE_LOCKED');
      await writer.close();
      const readers = [await openFileDevice(loop, { readOnly: true }), await openFileDevice(loop, { readOnly: true })];
      await assertLocked(loop);
      await Promise.all(readers.map((reader) => reader.close()));
      await (await openFileDevice(loop)).close();
    });
  });
});
