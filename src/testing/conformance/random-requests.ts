import type { BlockDevice, DeviceManifest } from '../../device/block-device.js';
import { generator } from '../../device/random.js';
import { assertSameBytes, type Case, cut, noise, readRange } from './bench.js';

const ROUNDS = 60;
const REQUESTS_AT_ONCE = 8;

/** Random requests, several at once on ranges of their own, against a plain array. The seed is in the test's name. */
export function randomCases(supports: DeviceManifest, seed: number): Case[] {
  return [
    [
      `answers random requests as an array would (seed ${seed})`,
      async ({ device, contents }) => {
        const model = new Model(contents);
        const next = generator(seed);
        for (let round = 0; round < ROUNDS; round++) {
          const share = Math.floor(device.sizeBytes / REQUESTS_AT_ONCE);
          const requests = Array.from({ length: REQUESTS_AT_ONCE }, (_, index) => {
            const offset = index * share + Math.floor(next() * share);
            const length = Math.floor(next() * ((index + 1) * share - offset + 1));
            return request(device, model, kindOf(supports, next()), offset, length, next);
          });
          await Promise.all(requests);
          if (next() < 0.1) await device.barrier();
        }
        await request(device, model, 'read', 0, device.sizeBytes, next);
      },
    ],
  ];
}

type Kind = 'read' | 'write' | 'zero' | 'discard';

function kindOf(supports: DeviceManifest, chance: number): Kind {
  if (supports.write && chance < 0.45) return 'write';
  if (supports.zero && chance < 0.55) return 'zero';
  return supports.discard && chance < 0.6 ? 'discard' : 'read';
}

async function request(
  device: BlockDevice,
  model: Model,
  kind: Kind,
  offset: number,
  length: number,
  next: () => number,
): Promise<void> {
  switch (kind) {
    case 'read':
      return model.assertMatches(offset, await readRange(device, offset, length));
    case 'write': {
      const data = noise(length, Math.floor(next() * 2 ** 32));
      await device.write(offset, next() < 0.5 ? [data] : cut(data));
      return model.set(offset, data);
    }
    case 'zero':
      await device.zero(offset, length);
      return model.set(offset, new Uint8Array(length));
    case 'discard':
      await device.discard(offset, length);
      return model.forget(offset, length);
  }
}

class Model {
  readonly #bytes: Uint8Array;
  /** 1 where a byte is known; not so after a discard. */
  readonly #known: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#known = new Uint8Array(bytes.length).fill(1);
  }

  set(offset: number, data: Uint8Array): void {
    this.#bytes.set(data, offset);
    this.#known.fill(1, offset, offset + data.length);
  }

  forget(offset: number, length: number): void {
    this.#known.fill(0, offset, offset + length);
  }

  assertMatches(offset: number, actual: Uint8Array): void {
    const expected = actual.map((byte, index) =>
      this.#known[offset + index] === 1 ? this.#bytes[offset + index] : byte,
    );
    assertSameBytes(actual, expected, offset);
  }
}
