import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import type { Task } from './process-child.js';

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
  readonly bytes: Buffer;
}

const BLOCKS = 16;
/** Long enough for the slowest machine, and far from the minute after which idle frames are given back. */
const PATIENCE_MS = 20_000;

/** Runs the child over a new image, and waits until it ends; one that does not is ended. */
async function run(task: Task): Promise<Ended> {
  const folder = await mkdtemp(path.join(tmpdir(), 'cachetrail-process-'));
  try {
    const image = path.join(folder, 'image');
    await writeFile(image, new Uint8Array(BLOCKS * 4096));
    const script = path.join(import.meta.dirname, 'process-child.js');
    const child = spawn(process.execPath, [script, image, task], {
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout: PATIENCE_MS,
      killSignal: 'SIGKILL',
    });
    const ended = once(child, 'exit');
    const stderr = await text(child.stderr);
    const [code, signal] = await ended;
    return { code, signal, stderr, bytes: await readFile(image) };
  } finally {
    await rm(folder, { recursive: true });
  }
}

describe('a process with a cache that it does not close', () => {
  for (const task of ['nothing', 'read', 'flush', 'many-frames'] as const) {
    it(`ends by itself when the cache is clean and idle: after ${task}`, async () => {
      const { code, signal, stderr } = await run(task);
      expect({ code, signal, stderr }).to.deep.equal({ code: 0, signal: null, stderr: '' });
    });
  }

  it('does not end before what is dirty is on the device', async () => {
    const { code, bytes } = await run('write');
    expect(code).to.equal(0);
    expect(bytes.subarray(4096, 8192).every((byte) => byte === 7)).to.equal(true);
  });
});

describe('a process with subscribers that throw', () => {
  it('does not end by that; it is warned of each', async () => {
    const { code, stderr } = await run('throwing-subscribers');
    expect(code).to.equal(0);
    expect(stderr.match(/CachetrailWarning/g)).to.have.length(3);
  });
});
