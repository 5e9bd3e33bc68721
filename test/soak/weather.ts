/** How the device goes wrong in the course of a soak: now and then, in bursts, and at times all of it. */
import type { FaultDevice } from '../../src/device/fault.js';
import type { FaultSpec } from '../../src/device/fault-rules.js';
import type { Random } from '../simulation/random.js';

/** Lets it go wrong in another way, for `ms` milliseconds. Hanging operations are let go, so that nothing is owed for ever. */
export function change(device: FaultDevice, random: Random): number {
  device.cure();
  device.release();
  const kind = random.weighted({ fair: 10, showers: 6, badPlace: 4, outage: 1, deaf: 1, barriers: 3 });
  for (const spec of SPECS[kind](random, device.sizeBytes)) device.inject(spec);
  return kind === 'outage' || kind === 'deaf' ? random.between(100, 600) : random.between(200, 1000);
}

const SPECS: Readonly<Record<string, (random: Random, sizeBytes: number) => readonly FaultSpec[]>> = {
  fair: () => [],
  showers: (random) => [
    { on: 'write', code: random.pick(['EIO', 'EAGAIN', 'ENOSPC']), nth: random.between(1, 10), times: 3 },
    { on: 'read', code: 'EIO', nth: random.between(1, 20), times: 2 },
    { on: 'write', short: 512, nth: random.between(5, 20), times: 1 },
    { on: 'barrier', code: 'EIO', nth: random.between(1, 5), times: 1 },
  ],
  badPlace: (random, sizeBytes) => [
    { on: ['write', 'zero'], code: 'EIO', range: { offset: random.below(sizeBytes - 65_536), length: 65_536 } },
  ],
  outage: () => [{ on: ['read', 'write', 'barrier', 'zero'], code: 'ENODEV' }],
  deaf: (random) => [{ on: ['write', 'barrier'], hang: random.pick(['before', 'after'] as const), times: 3 }],
  barriers: () => [{ on: 'barrier', code: 'EIO', times: 4 }],
};
