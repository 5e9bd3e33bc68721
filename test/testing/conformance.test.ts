import { expect } from 'chai';
import { type BlockDevice, type DeviceManifest, memoryDevice } from '../../src/device/index.js';
import { type DeviceFactory, deviceConformance } from '../../src/testing/index.js';

/** Runs the suite, or its tests of one name, without a test runner, and gives the names of those that failed. */
async function failuresOf(factory: DeviceFactory, supports: DeviceManifest, only?: string): Promise<string[]> {
  const tests: [string, () => Promise<void>][] = [];
  const describe = (_name: string, body: () => void) => body();
  deviceConformance({ describe, it: (name, body) => tests.push([name, body]) }, 'suite', factory, { supports });
  const failed: string[] = [];
  for (const [name, body] of tests) {
    if (only === undefined || name === only) await body().catch(() => failed.push(name));
  }
  return failed;
}

const ALL: DeviceManifest = { write: true, durable: false, discard: true, zero: true };

/** A device that goes to the one beneath for everything: what a broken one starts from. */
class Relay implements BlockDevice {
  readonly beneath = memoryDevice({ sizeBytes: 1 });
  readonly fd: number | undefined = undefined;
  supports: DeviceManifest = ALL;
  closed = false;

  constructor(bytes: Uint8Array) {
    this.beneath = memoryDevice({ bytes });
  }

  get sizeBytes(): number {
    return this.beneath.sizeBytes;
  }

  get identity(): string {
    return this.beneath.identity;
  }

  read(offset: number, buffers: readonly Uint8Array[]): Promise<number> {
    return this.beneath.read(offset, buffers);
  }

  write(offset: number, buffers: readonly Uint8Array[]): Promise<number> {
    return this.beneath.write(offset, buffers);
  }

  barrier(): Promise<void> {
    return this.beneath.barrier();
  }

  discard(offset: number, length: number): Promise<void> {
    return this.beneath.discard(offset, length);
  }

  zero(offset: number, length: number): Promise<void> {
    return this.beneath.zero(offset, length);
  }

  setOption(name: string, value: string): Promise<void> {
    return this.beneath.setOption(name, value);
  }

  close(): Promise<void> {
    return this.beneath.close();
  }
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** A broken device, and a test of the suite that must find it. */
const broken: readonly (readonly [name: string, test: string, device: new (bytes: Uint8Array) => Relay])[] = [
  [
    'has another size than it should',
    'has the size that it was made with',
    class extends Relay {
      override get sizeBytes(): number {
        return super.sizeBytes - 1;
      }
    },
  ],
  [
    'claims what it cannot do',
    'says what it supports',
    class extends Relay {
      override supports = { ...ALL, durable: true };
    },
  ],
  [
    'forgets its name',
    'has a name that stays',
    class extends Relay {
      override get identity(): string {
        return '';
      }
    },
  ],
  [
    'has a descriptor that is none',
    'has a file descriptor, or none',
    class extends Relay {
      override readonly fd = -1;
    },
  ],
  [
    'takes any option',
    'rejects an option that it does not have',
    class extends Relay {
      override async setOption(): Promise<void> {}
    },
  ],
  [
    'fills only the first buffer',
    'fills several buffers in order, and passes over empty ones',
    class extends Relay {
      override read(offset: number, buffers: readonly Uint8Array[]): Promise<number> {
        return super.read(offset, buffers.slice(0, 1));
      }
    },
  ],
  [
    'takes 1024 buffers at most',
    'fills more buffers than a system takes at once',
    class extends Relay {
      override read(offset: number, buffers: readonly Uint8Array[]): Promise<number> {
        return super.read(offset, buffers.slice(0, 1024));
      }
    },
  ],
  [
    'writes 1024 buffers at most',
    'writes more buffers than a system takes at once',
    class extends Relay {
      override write(offset: number, buffers: readonly Uint8Array[]): Promise<number> {
        return super.write(offset, buffers.slice(0, 1024));
      }
    },
  ],
  [
    'reads whole sectors',
    'reads at every alignment, to the last byte',
    class extends Relay {
      override read(offset: number, buffers: readonly Uint8Array[]): Promise<number> {
        return super.read(Number.isInteger(offset) ? offset - (offset % 512) : offset, buffers);
      }
    },
  ],
  [
    'fills the memory around a buffer',
    'leaves what is around the buffers alone',
    class extends Relay {
      override async read(offset: number, buffers: readonly Uint8Array[]): Promise<number> {
        for (const { buffer, byteOffset } of buffers) new Uint8Array(buffer).fill(0, 0, byteOffset);
        return super.read(offset, buffers);
      }
    },
  ],
  [
    'fills a buffer again after it has answered',
    'does not keep the buffers once it has answered',
    class extends Relay {
      readonly #kept: Uint8Array[] = [];
      override read(offset: number, buffers: readonly Uint8Array[]): Promise<number> {
        for (const buffer of this.#kept) buffer.fill(1);
        this.#kept.push(...buffers);
        return super.read(offset, buffers);
      }
    },
  ],
  [
    'reads one thing at a time, and mixes them up',
    'answers many reads at once',
    class extends Relay {
      #offset = 0;
      override async read(offset: number, buffers: readonly Uint8Array[]): Promise<number> {
        this.#offset = offset;
        await turn();
        return super.read(this.#offset, buffers);
      }
    },
  ],
  [
    'writes the block around the bytes as it was',
    'takes many writes at once, side by side in one block',
    class extends Relay {
      override async write(offset: number, buffers: readonly Uint8Array[]): Promise<number> {
        const before = this.beneath.bytes.slice(0, 8192);
        await turn();
        if (offset < 8192) this.beneath.bytes.set(before);
        return super.write(offset, buffers);
      }
    },
  ],
  [
    'writes short',
    'writes at every alignment, to the last byte, and nothing beside it',
    class extends Relay {
      override async write(offset: number, buffers: readonly Uint8Array[]): Promise<number> {
        const length = await super.write(offset, buffers);
        return length > 9000 ? length - 1 : length;
      }
    },
  ],
  [
    'scrambles what it is given to write',
    'does not change the buffers of a write',
    class extends Relay {
      override async write(offset: number, buffers: readonly Uint8Array[]): Promise<number> {
        const length = await super.write(offset, buffers);
        for (const buffer of buffers) buffer.fill(0);
        return length;
      }
    },
  ],
  [
    'writes again at a barrier, from the buffers that it was given',
    'does not keep the buffers once it has answered',
    class extends Relay {
      readonly #kept: [number, readonly Uint8Array[]][] = [];
      override write(offset: number, buffers: readonly Uint8Array[]): Promise<number> {
        this.#kept.push([offset, buffers]);
        return super.write(offset, buffers);
      }
      override async barrier(): Promise<void> {
        for (const [offset, buffers] of this.#kept) await super.write(offset, buffers);
      }
    },
  ],
  [
    'rounds a zero up',
    'zeroes at every alignment, to the last byte, and nothing beside it',
    class extends Relay {
      override zero(offset: number, length: number): Promise<void> {
        return super.zero(offset, length === 4097 ? Math.min(4608, this.sizeBytes - offset) : length);
      }
    },
  ],
  [
    'leaves a zero to later',
    'zeroes a range again and again, and takes writes to it in between',
    class extends Relay {
      override async zero(offset: number, length: number): Promise<void> {
        if (length > 20_000) setImmediate(() => void super.zero(offset, length).catch(() => undefined));
        else await super.zero(offset, length);
      }
    },
  ],
  [
    'discards the blocks around',
    'discards at every alignment, to the last byte, and leaves what is beside it',
    class extends Relay {
      override async discard(offset: number, length: number): Promise<void> {
        await super.discard(offset, length);
        if (length > 0) this.beneath.bytes.fill(0, offset - (offset % 512), offset);
      }
    },
  ],
  [
    'discards everything where it is asked for nothing',
    'discards nothing from anywhere, the end included',
    class extends Relay {
      override async discard(offset: number, length: number): Promise<void> {
        await super.discard(offset, length);
        if (length === 0) this.beneath.bytes.fill(0);
      }
    },
  ],
  [
    'throws instead of rejecting',
    'refuses to read what lies outside, and changes nothing',
    class extends Relay {
      override read(offset: number, buffers: readonly Uint8Array[]): Promise<number> {
        if (!(offset >= 0)) throw new RangeError('offset');
        return super.read(offset, buffers);
      }
    },
  ],
  [
    'writes what fits of what does not',
    'refuses to write what lies outside, and changes nothing',
    class extends Relay {
      override write(offset: number, buffers: readonly Uint8Array[]): Promise<number> {
        if (offset < this.sizeBytes) this.beneath.bytes.set([0], offset);
        return super.write(offset, buffers);
      }
    },
  ],
  [
    'takes a fraction of a byte',
    'refuses to zero what lies outside, and changes nothing',
    class extends Relay {
      override zero(offset: number, length: number): Promise<void> {
        return super.zero(Math.floor(offset), length);
      }
    },
  ],
  [
    'fails a barrier without writes',
    'passes barriers with nothing to do, one by one and together',
    class extends Relay {
      override async barrier(): Promise<void> {
        throw new Error('nothing to do');
      }
    },
  ],
  [
    'answers after the close',
    'answers what is in flight before it is closed',
    class extends Relay {
      override async read(offset: number, buffers: readonly Uint8Array[]): Promise<number> {
        const length = await super.read(offset, buffers);
        await turn();
        return length;
      }
    },
  ],
  [
    'drops writes when it is closed',
    'takes what was being written when close was called',
    class extends Relay {
      override async write(offset: number, buffers: readonly Uint8Array[]): Promise<number> {
        await turn();
        return super.write(offset, buffers);
      }
    },
  ],
  [
    'reads on when it is closed',
    'rejects every request once closed',
    class extends Relay {
      override read(offset: number, buffers: readonly Uint8Array[]): Promise<number> {
        return memoryDevice({ bytes: this.beneath.bytes }).read(offset, buffers);
      }
    },
  ],
  [
    'takes requests until the close is done',
    'rejects every request from the call of close on',
    class extends Relay {
      override async close(): Promise<void> {
        await turn();
        await super.close();
      }
    },
  ],
  [
    'can be closed only once',
    'can be closed again, and by many at once',
    class extends Relay {
      override async close(): Promise<void> {
        if (this.closed) throw new Error('closed already');
        this.closed = true;
        await super.close();
      }
    },
  ],
];

let opened = 0;
const READ_ONLY: DeviceManifest = { write: false, durable: false, discard: false, zero: false };

/** Broken devices that support something else than all. */
const brokenOtherwise: readonly (readonly [
  name: string,
  test: string,
  supports: DeviceManifest,
  device: new (bytes: Uint8Array) => Relay,
])[] = [
  [
    'writes although it is read-only',
    'refuses writes, and changes nothing',
    READ_ONLY,
    class extends Relay {
      override readonly supports = READ_ONLY;
    },
  ],
  [
    'gives another error for what it does not support',
    'refuses zero, and changes nothing',
    { ...ALL, zero: false },
    class extends Relay {
      override readonly supports = { ...ALL, zero: false };
      override async zero(): Promise<void> {
        throw Object.assign(new Error('zero'), { code: 'ENOTSUP' });
      }
    },
  ],
  [
    'loses at the close what a barrier was for',
    'has after a close what was written before a barrier',
    { ...ALL, durable: true },
    class extends Relay {
      override readonly supports = { ...ALL, durable: true };
      #before: Uint8Array | undefined;
      override write(offset: number, buffers: readonly Uint8Array[]): Promise<number> {
        this.#before ??= this.beneath.bytes.slice();
        return super.write(offset, buffers);
      }
      override async close(): Promise<void> {
        await super.close();
        if (this.#before !== undefined) this.beneath.bytes.set(this.#before);
      }
    },
  ],
  [
    'has a new name each time',
    'works again when it is opened again',
    ALL,
    class extends Relay {
      readonly #number = opened++;
      override get identity(): string {
        return `device ${this.#number}`;
      }
    },
  ],
];

describe('the conformance suite', () => {
  const factoryOf = (device: new (bytes: Uint8Array) => Relay): DeviceFactory => {
    let bytes: Uint8Array = new Uint8Array(1);
    return {
      create: async (contents) => {
        bytes = contents;
        return new device(bytes);
      },
      reopen: async () => new device(bytes),
    };
  };

  it('finds nothing wrong with a device that keeps the contract', async () => {
    expect(await failuresOf(factoryOf(Relay), ALL)).to.deep.equal([]);
  });

  for (const [name, test, device] of broken) {
    it(`finds a device that ${name}`, async () => {
      expect(await failuresOf(factoryOf(device), ALL, test)).to.include(test);
    });
  }

  for (const [name, test, supports, device] of brokenOtherwise) {
    it(`finds a device that ${name}`, async () => {
      expect(await failuresOf(factoryOf(device), supports, test)).to.include(test);
    });
  }
});
