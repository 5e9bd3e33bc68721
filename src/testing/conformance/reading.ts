import assert from 'node:assert/strict';
import { assertHolds, assertSameBytes, type Bench, type Case, cut, noise, ranges, readRange } from './bench.js';

export function readCases(): Case[] {
  return [
    ['reads the whole device', ({ device, contents }) => assertHolds(device, contents)],
    ['reads at every alignment, to the last byte', readsEverywhere],
    ['fills several buffers in order, and passes over empty ones', fillsSeveral],
    ['fills more buffers than a system takes at once', fillsMany],
    ['reads nothing from anywhere, the end included', readsNothing],
    ['leaves what is around the buffers alone', leavesSurroundings],
    ['does not keep the buffers once it has answered', keepsNoBuffers],
    ['answers many reads at once', readsAtOnce],
  ];
}

async function readsEverywhere({ device, contents }: Bench): Promise<void> {
  for (const { offset, length } of ranges(device.sizeBytes)) {
    assertSameBytes(await readRange(device, offset, length), contents.subarray(offset, offset + length), offset);
  }
}

async function fillsSeveral({ device, contents }: Bench): Promise<void> {
  for (const offset of [0, 1, 4096, 5000]) {
    const into = new Uint8Array(20_000);
    assert.equal(await device.read(offset, cut(into)), into.length);
    assertSameBytes(into, contents.subarray(offset, offset + into.length), offset);
  }
}

async function fillsMany({ device, contents }: Bench): Promise<void> {
  const into = new Uint8Array(9000);
  const buffers = Array.from({ length: 3000 }, (_, index) => into.subarray(index * 3, index * 3 + 3));
  assert.equal(await device.read(10, buffers), into.length);
  assertSameBytes(into, contents.subarray(10, 10 + into.length), 10);
}

async function readsNothing({ device }: Bench): Promise<void> {
  for (const offset of [0, 1, 4096, device.sizeBytes]) {
    assert.equal(await device.read(offset, []), 0);
    assert.equal(await device.read(offset, [new Uint8Array(0), new Uint8Array(0)]), 0);
  }
}

async function leavesSurroundings({ device, contents }: Bench): Promise<void> {
  const around = noise(300, 2);
  const expected = around.slice();
  expected.set(contents.subarray(7, 107), 101);
  // A Buffer too: it is a Uint8Array, and what most programs have.
  assert.equal(await device.read(7, [Buffer.from(around.buffer, 101, 60), around.subarray(161, 201)]), 100);
  assertSameBytes(around, expected, 0);
}

async function keepsNoBuffers({ device, contents }: Bench): Promise<void> {
  const first = await readRange(device, 100, 5000);
  first.fill(0);
  assertSameBytes(await readRange(device, 100, 5000), contents.subarray(100, 5100), 100);
  assert(
    first.every((byte) => byte === 0),
    'a later read left the first buffer alone',
  );
}

async function readsAtOnce({ device, contents }: Bench): Promise<void> {
  const all = ranges(device.sizeBytes);
  const answers = await Promise.all(all.map(({ offset, length }) => readRange(device, offset, length)));
  for (const [index, { offset, length }] of all.entries()) {
    assertSameBytes(answers[index], contents.subarray(offset, offset + length), offset);
  }
}
