/** The contract of `BlockDevice` as tests, for any test runner that has `describe` and `it`. */
import type { BlockDevice, DeviceManifest } from '../device/block-device.js';
import { type Case, withBench } from './conformance/bench.js';
import { clearingCases } from './conformance/clearing.js';
import { durabilityCases } from './conformance/durability.js';
import { identityCases } from './conformance/identity.js';
import { lifecycleCases } from './conformance/lifecycle.js';
import { randomCases } from './conformance/random-requests.js';
import { rangeCases } from './conformance/ranges.js';
import { readCases } from './conformance/reading.js';
import { writeCases } from './conformance/writing.js';

/** The test runner's own functions: those of mocha, `node:test`, vitest and others fit. */
export interface TestFunctions {
  readonly describe: (name: string, body: () => void) => unknown;
  readonly it: (name: string, body: () => Promise<void>) => unknown;
}

/** Makes the devices to be tested, one at a time. */
export interface DeviceFactory {
  /** A new, open device that holds just these bytes. The suite closes it. */
  create(contents: Uint8Array): Promise<BlockDevice>;
  /** Opens what `create` made last once more, after a close. Leave it out if the bytes don't outlive a close. */
  reopen?(): Promise<BlockDevice>;
  /** Cleans up after what `create` made last. Called once for every `create`, after the close. */
  destroy?(): Promise<void>;
}

export interface ConformanceOptions {
  /** What the devices must say that they support: decides which tests there are. */
  readonly supports: DeviceManifest;
  /** The devices' sizes are multiples of this many bytes. Default 1; block devices need 512. */
  readonly sizeUnit?: number;
  /** Of the random requests. Default 1. */
  readonly seed?: number;
}

/**
 * Defines a suite named `name` that holds a device against the contract, line by line.
 *
 * ```ts
 * deviceConformance({ describe, it }, 'my device', { create: async (bytes) => new MyDevice(bytes) }, {
 *   supports: { write: true, durable: false, discard: false, zero: true },
 * });
 * ```
 */
export function deviceConformance(
  { describe, it }: TestFunctions,
  name: string,
  factory: DeviceFactory,
  options: ConformanceOptions,
): void {
  const { supports, sizeUnit = 1, seed = 1 } = options;
  const parts: readonly (readonly [string, readonly Case[]])[] = [
    ['identity', identityCases(supports)],
    ['reading', readCases()],
    ['writing', writeCases(supports)],
    ['discard and zero', clearingCases(supports)],
    ['ranges', rangeCases(supports)],
    ['barriers', durabilityCases(supports, factory.reopen !== undefined)],
    ['random requests', randomCases(supports, seed)],
    ['closing', lifecycleCases(supports, factory.reopen !== undefined)],
  ];
  describe(name, () => {
    for (const [part, cases] of parts) {
      describe(part, () => {
        for (const [title, body] of cases) it(title, () => withBench(factory, sizeUnit, body));
      });
    }
  });
}
