import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { expect } from 'chai';
import type { CacheEvent } from '../../src/cache/events.js';
import { bareDisk } from '../../src/cli/demo/bare-disk.js';
import { mount } from '../../src/cli/demo/mount.js';
import { bareRun, cachedRun } from '../../src/cli/demo/runs.js';
import { demoTree } from '../../src/cli/demo/tree.js';
import { packageRoot, shippedImagePath } from '../../src/cli/package-files.js';
import { codeOf } from '../../src/device/errors.js';
import { faultDevice, memoryDevice } from '../../src/device/index.js';
import { anyRejection, rejection } from '../device/support.js';

function prepared() {
  const bytes = gunzipSync(readFileSync(shippedImagePath()));
  const device = faultDevice(memoryDevice({ bytes }));
  const lines: string[] = [];
  const narrator = {
    heading: (line: string) => void lines.push(line),
    said: (line: string) => void lines.push(line),
    progress: () => undefined,
    quiet: () => undefined,
  };
  const signal = new AbortController().signal;
  const input = { tree: demoTree(20, packageRoot()), directory: '/demo', signal, narrator };
  return { bytes, device, lines, input };
}

const CACHE = { capacity: undefined, policy: 'lru', journal: null, onEvent: () => undefined } as const;

describe('the runs of the demo', () => {
  it('do the same file work with a cache and without one', async () => {
    const [one, other] = [prepared(), prepared()];
    const withCache = await cachedRun(one.device, one.input, CACHE);
    const withoutCache = await bareRun(other.device, other.input);
    expect([...withCache.workload.expected]).to.deep.equal([...withoutCache.workload.expected]);
    expect(withCache.workload.readBackDifferences).to.deep.equal([]);
  });

  it('count with the cache what the cache itself counts', async () => {
    const { device, input } = prepared();
    const events: CacheEvent[] = [];
    const { counts } = await cachedRun(device, input, { ...CACHE, onEvent: (event) => void events.push(event) });
    const started = (type: CacheEvent['type']) => events.filter((event) => event.type === type).length;
    expect(counts.deviceReads).to.equal(started('fillStarted'));
    expect(counts.deviceWrites).to.equal(started('writebackStarted'));
    expect(counts.barriers).to.equal(started('barrierStarted'));
  });

  it('end with the device’s own error without a cache', async () => {
    const { device, input } = prepared();
    device.inject({ on: 'write', code: 'EREMOTEIO', nth: 30 });
    expect(codeOf(await anyRejection(bareRun(device, input)))).to.equal('EREMOTEIO');
    expect(codeOf(await anyRejection(device.barrier()))).to.equal('CACHETRAIL_CLOSED');
  });

  it('give up by name what a device does not take that stays broken, and close it', async () => {
    const { device, input, lines } = prepared();
    const events: CacheEvent[] = [];
    device.inject({ on: 'write', code: 'EREMOTEIO', range: { offset: 6_000_000, length: 1_000_000 } });
    const run = cachedRun(device, input, { ...CACHE, onEvent: (event) => void events.push(event) });
    expect((await rejection(run)).code).to.equal('CACHETRAIL_FLUSH_FAILED');
    expect(lines.some((line) => line.startsWith('could not close the cache: CACHETRAIL_CLOSE_FAILED'))).to.equal(true);
    expect(events.some(({ type }) => type === 'dirtyDiscarded')).to.equal(true);
    expect(events.at(-1)?.type).to.equal('closed');
    expect(codeOf(await anyRejection(device.barrier()))).to.equal('CACHETRAIL_CLOSED');
  });

  it('say ENOSPC where the image is full, and leave in it what was there before', async () => {
    const { bytes, device, input } = prepared();
    const contents = Buffer.alloc(4 * 1024 * 1024, 'full');
    const files = Array.from({ length: 16 }, (_, index) => {
      return { path: `d/${index}`, sizeBytes: contents.length, executable: false, contents };
    });
    const tree = { directories: ['d'], files, totalBytes: 16 * contents.length };
    expect(codeOf(await anyRejection(cachedRun(device, { ...input, tree }, CACHE)))).to.equal('ENOSPC');
    const { files: left, unmount } = await mount(bareDisk(memoryDevice({ bytes })));
    expect(await left.list('/')).to.deep.equal(['data', 'etc', 'lost+found', 'var']);
    await unmount();
  });

  it('remove what they made when they are aborted', async () => {
    const { device, input } = prepared();
    const controller = new AbortController();
    const narrator = { ...input.narrator, said: (line: string) => line.startsWith('read back') && controller.abort() };
    const run = cachedRun(device, { ...input, signal: controller.signal, narrator }, CACHE);
    expect(await anyRejection(run)).to.equal(controller.signal.reason);
  });
});
