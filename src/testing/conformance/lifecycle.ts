import assert from 'node:assert/strict';
import type { BlockDevice, DeviceManifest } from '../../device/block-device.js';
import { assertHolds, assertRejects, assertSameBytes, type Case, noise } from './bench.js';

export function lifecycleCases(supports: DeviceManifest, canReopen: boolean): Case[] {
  const cases: Case[] = [
    ['rejects every request once closed', rejectsWhenClosed],
    ['rejects every request from the call of close on', rejectsWhenClosing],
    ['can be closed again, and by many at once', closesOften],
    ['answers what is in flight before it is closed', answersBeforeClose],
  ];
  if (supports.write) cases.push(['takes what was being written when close was called', writesBeforeClose]);
  if (canReopen) {
    cases.push(['works again when it is opened again', worksReopened]);
    if (supports.write) cases.push(['still has what was written when close was called', keepsWritesOfClose]);
  }
  return cases;
}

/** Every method but `close`, with arguments that an open device takes. */
function requests(device: BlockDevice): [string, () => Promise<unknown>][] {
  return [
    ['read', () => device.read(0, [new Uint8Array(512)])],
    ['an empty read', () => device.read(0, [])],
    ['write', () => device.write(0, [new Uint8Array(512)])],
    ['an empty write', () => device.write(0, [])],
    ['barrier', () => device.barrier()],
    ['discard', () => device.discard(0, 4096)],
    ['zero', () => device.zero(0, 4096)],
    ['setOption', () => device.setOption('conformance-no-such-option', '1')],
  ];
}

async function assertAllClosed(device: BlockDevice): Promise<void> {
  for (const [what, call] of requests(device)) await assertRejects('CACHETRAIL_CLOSED', call, what);
}

const rejectsWhenClosed: Case[1] = async ({ device, contents }) => {
  await device.close();
  await assertAllClosed(device);
  assert.equal(device.sizeBytes, contents.length);
};

const rejectsWhenClosing: Case[1] = async ({ device }) => {
  const closing = device.close();
  await assertAllClosed(device);
  await closing;
};

const closesOften: Case[1] = async ({ device }) => {
  await Promise.all([device.close(), device.close(), device.close()]);
  await device.close();
};

const answersBeforeClose: Case[1] = async ({ device, contents }) => {
  const buffers = Array.from({ length: 16 }, () => new Uint8Array(5000));
  let answered = 0;
  const reads = buffers.map((buffer, index) => {
    return device.read(index * 5000, [buffer]).finally(() => answered++);
  });
  const barrier = device.barrier();
  await device.close();
  assert.equal(answered, buffers.length, 'reads answered when close was');
  await barrier;
  for (const [index, read] of reads.entries()) {
    assert.equal(await read, 5000);
    assertSameBytes(buffers[index], contents.subarray(index * 5000, index * 5000 + 5000), index * 5000);
  }
};

const writesBeforeClose: Case[1] = async ({ device }) => {
  let answered = 0;
  const writes = Array.from({ length: 16 }, (_, index) => {
    return device.write(index * 5000, [noise(5000, index)]).finally(() => answered++);
  });
  await device.close();
  assert.equal(answered, writes.length, 'writes answered when close was');
  for (const write of writes) assert.equal(await write, 5000);
};

const worksReopened: Case[1] = async (bench) => {
  const { sizeBytes, identity } = bench.device;
  for (let i = 0; i < 3; i++) {
    await bench.reopen();
    await assertHolds(bench.device, bench.contents);
  }
  assert.equal(bench.device.sizeBytes, sizeBytes);
  assert.equal(bench.device.identity, identity);
};

const keepsWritesOfClose: Case[1] = async (bench) => {
  const data = noise(20_000, 9);
  bench.contents.set(data, 77);
  const write = bench.device.write(77, [data]);
  await bench.reopen();
  assert.equal(await write, data.length);
  await assertHolds(bench.device, bench.contents);
};
