/** A cache over a real file that goes wrong on demand, in virtual time. */
import { readFileSync } from 'node:fs';
import {
  type CacheOptions,
  type FaultDevice,
  type FaultRule,
  type FaultSpec,
  faultDevice,
  openFileDevice,
  WriteError,
} from '../../../src/index.js';
import { imageFolder } from '../../device/images.js';
import { rejection } from '../../device/support.js';
import { type TestCache, testCaches } from './caches.js';
import { TestClock } from './virtual-clock.js';

export const BLOCK = 4096;

export interface Faulty extends TestCache {
  readonly clock: TestClock;
  readonly device: FaultDevice;
  /** What is in the file now. */
  file(block?: number, count?: number): Buffer;
  /** Makes one operation on a block fail, or all. */
  fail(on: FaultSpec['on'], code: string, block?: number, times?: number): FaultRule;
}

/** Opens caches over files of these contents. Call it where `describe` runs. */
export function faultyFiles(): (contents: Uint8Array, options?: CacheOptions) => Promise<Faulty> {
  const images = imageFolder();
  const open = testCaches();
  let made = 0;
  return async (contents, options = {}) => {
    const path = images.make(`${made++}.img`, contents);
    const clock = new TestClock();
    const device = faultDevice(clock.waitFor(await openFileDevice(path)));
    const test = await open(device, { clock, deviceTimeoutMs: 1000, ...options });
    const file = (block = 0, count = Number.POSITIVE_INFINITY) => {
      return readFileSync(path).subarray(block * BLOCK, (block + count) * BLOCK);
    };
    const fail = (on: FaultSpec['on'], code: string, block?: number, times?: number) => {
      const range = block === undefined ? {} : { range: { offset: block * BLOCK, length: BLOCK } };
      return device.inject({ on, code, ...range, ...(times === undefined ? {} : { times }) });
    };
    return { clock, device, file, fail, ...test };
  };
}

/** What a flush or close was rejected with: code of the rejection, and the blocks with their own codes. */
export async function survivorsOf(promise: Promise<unknown>): Promise<WriteError> {
  const error = await rejection(promise);
  if (error instanceof WriteError) return error;
  throw error;
}

export function blocksOf(error: WriteError): (readonly [block: number, code: string])[] {
  return error.blocks.map(({ block, code }) => [block, code] as const);
}
