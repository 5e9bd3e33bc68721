import assert from 'node:assert/strict';
import type { DeviceManifest } from '../../device/block-device.js';
import {
  assertHolds,
  assertRejects,
  assertSameBytes,
  type Bench,
  type Case,
  ranges,
  readRange,
  refusalOf,
} from './bench.js';

export function clearingCases(supports: DeviceManifest): Case[] {
  return [...refusals(supports), ...(supports.zero ? ZERO : []), ...(supports.discard ? DISCARD : [])];
}

const ZERO: readonly Case[] = [
  ['zeroes at every alignment, to the last byte, and nothing beside it', zeroesEverywhere],
  ['zeroes a range again and again, and takes writes to it in between', zeroesBetweenWrites],
  [
    'zeroes nothing from anywhere, the end included',
    async ({ device, contents }) => {
      for (const offset of [0, 1, 4096, device.sizeBytes]) await device.zero(offset, 0);
      await assertHolds(device, contents);
    },
  ],
];

const DISCARD: readonly Case[] = [
  ['discards at every alignment, to the last byte, and leaves what is beside it', discardsEverywhere],
  [
    'discards nothing from anywhere, the end included',
    async ({ device, contents }) => {
      for (const offset of [0, 1, 4096, device.sizeBytes]) await device.discard(offset, 0);
      await assertHolds(device, contents);
    },
  ],
  [
    'takes writes to what was discarded',
    async ({ device, contents }) => {
      await device.discard(4096, 12_288);
      await device.write(4096, [contents.subarray(4096, 16_384)]);
      await assertHolds(device, contents);
    },
  ],
];

function refusals(supports: DeviceManifest): Case[] {
  return (['discard', 'zero'] as const).flatMap((operation): Case[] => {
    const refusal = refusalOf(supports, operation);
    if (refusal === undefined) return [];
    return [
      [
        `refuses ${operation}, and changes nothing`,
        async ({ device, contents }) => {
          await assertRejects(refusal, () => device[operation](0, 4096), operation);
          await assertRejects(refusal, () => device[operation](0, 0), `an empty ${operation}`);
          await assertHolds(device, contents);
        },
      ],
    ];
  });
}

async function zeroesEverywhere({ device, contents }: Bench): Promise<void> {
  for (const { offset, length } of ranges(device.sizeBytes)) {
    const from = Math.max(0, offset - 5000);
    const to = Math.min(device.sizeBytes, offset + length + 5000);
    await device.zero(offset, length);
    const expected = contents.slice(from, to).fill(0, offset - from, offset - from + length);
    assertSameBytes(await readRange(device, from, to - from), expected, from);
    await device.write(offset, [contents.subarray(offset, offset + length)]);
  }
  await assertHolds(device, contents);
}

async function zeroesBetweenWrites({ device, contents }: Bench): Promise<void> {
  await device.zero(1000, 50_000);
  await device.zero(1000, 50_000);
  await device.write(3000, [contents.subarray(3000, 9000)]);
  await device.zero(4000, 1000);
  const expected = contents.slice().fill(0, 1000, 51_000);
  expected.set(contents.subarray(3000, 9000), 3000);
  await assertHolds(device, expected.fill(0, 4000, 5000));
}

async function discardsEverywhere({ device, contents }: Bench): Promise<void> {
  for (const { offset, length } of ranges(device.sizeBytes)) {
    await device.discard(offset, length);
    const end = offset + length;
    const whole = await readRange(device, 0, device.sizeBytes);
    assertSameBytes(whole.subarray(0, offset), contents.subarray(0, offset), 0);
    assertSameBytes(whole.subarray(end), contents.subarray(end), end);
    assert.equal(await device.write(offset, [contents.subarray(offset, end)]), length);
  }
}
