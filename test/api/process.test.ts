import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { openCache, openFileDevice } from '../../src/index.js';
import { imageFolder } from '../device/images.js';

const run = promisify(execFile);
const forgetful = path.join(import.meta.dirname, 'support', 'forgetful.js');

describe('a process that does not close its cache', () => {
  const images = imageFolder();

  it('lives until what it wrote is durable, and leaves no lock behind', async () => {
    const image = images.make('written.img', 1024 * 1024);
    const { stdout, stderr } = await run(process.execPath, [forgetful, image, 'write']);
    expect({ stdout, stderr }).to.deep.equal({ stdout: 'the end of the program\n', stderr: '' });
    expect(new Set(readFileSync(image).subarray(3 * 512, 4 * 512))).to.deep.equal(new Set([7]));
    await (await openCache(await openFileDevice(image))).close();
  });

  it('ends when nothing is dirty, though there is memory to give back one day', async () => {
    const image = images.make('read.img', 1024 * 1024);
    // Idle frames are given back after a minute: the test’s own time is over before.
    const { stdout } = await run(process.execPath, [forgetful, image, 'read'], { timeout: 50_000 });
    expect(stdout).to.equal('the end of the program\n');
  });
});
