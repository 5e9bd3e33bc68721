import type { BlockDevice, DeviceManifest } from '../../device/block-device.js';
import { assertHolds, assertRejects, type Case, refusalOf } from './bench.js';

type Ranged = 'read' | 'write' | 'discard' | 'zero';

/** A request for a range that no device has must be refused whole. */
export function rangeCases(supports: DeviceManifest): Case[] {
  const operations: readonly Ranged[] = ['read', 'write', 'discard', 'zero'];
  const able = operations.filter((name) => name === 'read' || refusalOf(supports, name) === undefined);
  return able.map((operation) => [
    `refuses to ${operation} what lies outside, and changes nothing`,
    async ({ device, contents }) => {
      for (const [offset, length] of badRanges(operation, device.sizeBytes)) {
        const what = `${operation} of ${length} bytes at ${offset}`;
        await assertRejects('CACHETRAIL_OUT_OF_RANGE', () => request(device, operation, offset, length), what);
      }
      await assertHolds(device, contents);
    },
  ]);
}

function request(device: BlockDevice, operation: Ranged, offset: number, length: number): Promise<unknown> {
  if (operation === 'discard' || operation === 'zero') return device[operation](offset, length);
  const half = Math.floor(length / 2);
  return device[operation](offset, [new Uint8Array(half), new Uint8Array(length - half)]);
}

function badRanges(operation: Ranged, size: number): [offset: number, length: number][] {
  const offsets = [-1, -4096, 0.5, size - 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 32 + size, 2 ** 53, 2 ** 64];
  const past: [number, number][] = [
    [0, size + 1],
    [1, size],
    [size - 1, 2],
    [size, 1],
    [size + 1, 0],
    [2 ** 53 - 1, 1],
  ];
  const all = past.concat(
    offsets.flatMap((offset): [number, number][] => [
      [offset, 1],
      [offset, 0],
    ]),
  );
  if (operation === 'read' || operation === 'write') return all;
  // Of buffers, the length is always a good number.
  const lengths = [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 32, 2 ** 53];
  return all.concat(lengths.map((length) => [0, length]));
}
