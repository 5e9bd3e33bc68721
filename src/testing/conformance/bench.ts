/** What the suite's cases share: a device with known contents, and questions to ask of it. */
import assert from 'node:assert/strict';
import type { BlockDevice, DeviceManifest } from '../../device/block-device.js';
import type { ErrorCode } from '../../device/error-codes.js';
import type { DeviceFactory } from '../conformance.js';
import { generator } from '../../device/random.js';

export interface Bench {
  /** The device under test, open. `reopen` replaces it. */
  readonly device: BlockDevice;
  /** What the device held when it was made. A copy: free to be changed. */
  readonly contents: Uint8Array;
  /** Closes the device and opens it again. */
  reopen(): Promise<void>;
}

/** A test: its name, a true sentence about the device, and what shows it. */
export type Case = readonly [name: string, body: (bench: Bench) => Promise<void>];

/** No multiple of a block, so that there is a tail, and more than a few blocks. */
const SIZE_BYTES = 100_003;

/** Makes a device, gives it to `body`, and cleans up whatever happens. */
export async function withBench(
  factory: DeviceFactory,
  sizeUnit: number,
  body: (bench: Bench) => Promise<void>,
): Promise<void> {
  const contents = noise(Math.ceil(SIZE_BYTES / sizeUnit) * sizeUnit, 7);
  let device = await factory.create(contents.slice());
  try {
    await body({
      get device() {
        return device;
      },
      contents,
      async reopen() {
        await device.close();
        assert(factory.reopen !== undefined, 'only called if the factory can reopen');
        device = await factory.reopen();
      },
    });
  } finally {
    await device.close();
    await factory.destroy?.();
  }
}

/** Bytes without a pattern, the same for the same seed. */
export function noise(length: number, seed: number): Uint8Array {
  const next = generator(seed);
  return Uint8Array.from({ length }, () => next() * 256);
}

/** Reads a range, which must come whole. */
export async function readRange(device: BlockDevice, offset: number, length: number): Promise<Uint8Array> {
  const into = new Uint8Array(length);
  assert.equal(await device.read(offset, [into]), length, `bytes read of ${length} at ${offset}`);
  return into;
}

/** Asserts that the whole device holds `expected`. */
export async function assertHolds(device: BlockDevice, expected: Uint8Array): Promise<void> {
  assertSameBytes(await readRange(device, 0, device.sizeBytes), expected, 0);
}

/** A difference is told by where it is: a hundred thousand bytes in a message help nobody. */
export function assertSameBytes(actual: Uint8Array, expected: Uint8Array, offset: number): void {
  assert.equal(actual.length, expected.length, 'length');
  const at = actual.findIndex((byte, index) => byte !== expected[index]);
  if (at < 0) return;
  assert.fail(`at ${offset + at} is ${actual[at]} and not ${expected[at]}`);
}

/** Asserts that a call rejects with this code, and does so by its promise alone. */
export async function assertRejects(code: ErrorCode, call: () => Promise<unknown>, what: string): Promise<void> {
  let promise: Promise<unknown>;
  try {
    promise = call();
  } catch (error) {
    assert.fail(`${what} threw synchronously: ${String(error)}`);
  }
  const error: unknown = await promise.then(
    () => assert.fail(`${what} was fulfilled, not rejected with ${code}`),
    (reason: unknown) => reason,
  );
  const actual = typeof error === 'object' && error !== null && 'code' in error ? error.code : error;
  assert.equal(actual, code, `${what} rejects with ${code}`);
}

/** How a device without this ability refuses a request for it. */
export function refusalOf(supports: DeviceManifest, operation: 'write' | 'discard' | 'zero'): ErrorCode | undefined {
  if (!supports.write) return 'CACHETRAIL_READ_ONLY';
  return supports[operation] ? undefined : 'CACHETRAIL_UNSUPPORTED';
}

/** Offsets and lengths around every boundary that matters: bytes, sectors, blocks, the tail, the end. */
export function ranges(sizeBytes: number): { readonly offset: number; readonly length: number }[] {
  const tail = sizeBytes - (sizeBytes % 4096);
  const offsets = [0, 1, 511, 512, 513, 4095, 4096, 4097, 50_000, tail - 1, tail, tail + 1, sizeBytes - 1];
  const lengths = [1, 2, 511, 512, 513, 4096, 4097, 10_000];
  const all = offsets.flatMap((offset) => lengths.map((length) => ({ offset, length })));
  return all.filter(({ offset, length }) => offset + length <= sizeBytes).concat({ offset: 0, length: sizeBytes });
}

/** Cuts bytes into views of uneven lengths, empty ones among them. */
export function cut(bytes: Uint8Array): Uint8Array[] {
  const lengths = [0, 1, 3, 512, 0, 4096, 5, 1000];
  const parts: Uint8Array[] = [];
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const end = Math.min(bytes.length, at + lengths[i % lengths.length]);
    parts.push(bytes.subarray(at, end));
    at = end;
  }
  return parts.concat(bytes.subarray(0, 0));
}
