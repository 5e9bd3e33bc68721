import assert from 'node:assert/strict';
import type { DeviceManifest } from '../../device/block-device.js';
import { assertRejects, type Case } from './bench.js';

export function identityCases(supports: DeviceManifest): Case[] {
  return [
    [
      'has the size that it was made with',
      async ({ device, contents }) => {
        assert.equal(device.sizeBytes, contents.length);
      },
    ],
    [
      'says what it supports',
      async ({ device }) => {
        const { write, durable, discard, zero } = device.supports;
        assert.deepEqual({ write, durable, discard, zero }, { ...supports });
      },
    ],
    [
      'has a name that stays',
      async ({ device }) => {
        const { identity } = device;
        assert.equal(typeof identity, 'string');
        assert.notEqual(identity, '');
        await device.close();
        assert.equal(device.identity, identity);
      },
    ],
    [
      'has a file descriptor, or none',
      async ({ device: { fd } }) => {
        assert(fd === undefined || (Number.isInteger(fd) && fd >= 0), `fd is ${String(fd)}`);
      },
    ],
    [
      'rejects an option that it does not have',
      async ({ device }) => {
        const call = () => device.setOption('conformance-no-such-option', '1');
        await assertRejects('CACHETRAIL_UNKNOWN_OPTION', call, 'setOption');
      },
    ],
  ];
}
