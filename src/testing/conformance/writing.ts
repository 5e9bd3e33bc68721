import assert from 'node:assert/strict';
import type { BlockDevice, DeviceManifest } from '../../device/block-device.js';
import {
  assertHolds,
  assertRejects,
  assertSameBytes,
  type Bench,
  type Case,
  cut,
  noise,
  ranges,
  readRange,
  refusalOf,
} from './bench.js';

export function writeCases(supports: DeviceManifest): Case[] {
  const refusal = refusalOf(supports, 'write');
  if (refusal !== undefined) {
    return [
      [
        'refuses writes, and changes nothing',
        async ({ device, contents }) => {
          await assertRejects(refusal, () => device.write(0, [new Uint8Array(512)]), 'write');
          await assertRejects(refusal, () => device.write(0, []), 'an empty write');
          await assertHolds(device, contents);
        },
      ],
    ];
  }
  return [
    ['writes at every alignment, to the last byte, and nothing beside it', writesEverywhere],
    ['writes several buffers in order, and passes over empty ones', writesSeveral],
    ['writes more buffers than a system takes at once', writesMany],
    ['writes nothing to anywhere, the end included', writesNothing],
    ['does not change the buffers of a write', changesNoBuffers],
    ['does not keep the buffers once it has answered', keepsNoBuffers],
    ['takes many writes at once, side by side in one block', writesAtOnce],
    ['answers reads while it writes elsewhere', readsWhileWriting],
  ];
}

async function write(device: BlockDevice, offset: number, buffers: readonly Uint8Array[]): Promise<void> {
  const length = buffers.reduce((sum, buffer) => sum + buffer.length, 0);
  assert.equal(await device.write(offset, buffers), length, `bytes written of ${length} at ${offset}`);
}

async function writesEverywhere({ device, contents }: Bench): Promise<void> {
  for (const [index, { offset, length }] of ranges(device.sizeBytes).entries()) {
    const data = noise(length, 100 + index);
    contents.set(data, offset);
    await write(device, offset, [data]);
    const from = Math.max(0, offset - 600);
    const to = Math.min(device.sizeBytes, offset + length + 600);
    assertSameBytes(await readRange(device, from, to - from), contents.subarray(from, to), from);
  }
  await assertHolds(device, contents);
}

async function writesSeveral({ device, contents }: Bench): Promise<void> {
  for (const offset of [0, 1, 4096, 5000]) {
    const data = noise(20_000, offset + 3);
    contents.set(data, offset);
    await write(device, offset, cut(data));
  }
  await assertHolds(device, contents);
}

async function writesMany({ device, contents }: Bench): Promise<void> {
  const data = noise(9000, 3);
  contents.set(data, 10);
  await write(
    device,
    10,
    Array.from({ length: 3000 }, (_, index) => data.subarray(index * 3, index * 3 + 3)),
  );
  await assertHolds(device, contents);
}

async function writesNothing({ device, contents }: Bench): Promise<void> {
  for (const offset of [0, 1, 4096, device.sizeBytes]) {
    assert.equal(await device.write(offset, []), 0);
    assert.equal(await device.write(offset, [new Uint8Array(0), new Uint8Array(0)]), 0);
  }
  await assertHolds(device, contents);
}

async function changesNoBuffers({ device }: Bench): Promise<void> {
  const around = noise(300, 4);
  const expected = around.slice();
  await write(device, 4000, [Buffer.from(around.buffer, 101, 60), around.subarray(161, 201)]);
  await readRange(device, 0, 8192);
  assertSameBytes(around, expected, 0);
}

async function keepsNoBuffers({ device, contents }: Bench): Promise<void> {
  const data = noise(5000, 5);
  contents.set(data, 300);
  await write(device, 300, [data]);
  data.fill(0);
  await assertHolds(device, contents);
  await device.barrier();
  await assertHolds(device, contents);
}

async function writesAtOnce({ device, contents }: Bench): Promise<void> {
  const pieces = Array.from({ length: 64 }, (_, index) => ({ offset: 100 + index * 100, data: noise(100, index) }));
  for (const { offset, data } of pieces) contents.set(data, offset);
  await Promise.all(pieces.map(({ offset, data }) => write(device, offset, [data])));
  await assertHolds(device, contents);
}

async function readsWhileWriting({ device, contents }: Bench): Promise<void> {
  const data = noise(40_000, 6);
  const [, ...reads] = await Promise.all([
    write(device, 50_000, [data]),
    ...[0, 4096, 30_000].map((offset) => readRange(device, offset, 20_000)),
  ]);
  for (const [index, offset] of [0, 4096, 30_000].entries()) {
    assertSameBytes(reads[index], contents.subarray(offset, offset + 20_000), offset);
  }
}
