/** A device that answers out of order, takes bytes when it answers, and keeps what it held at each barrier. */
import { type BlockDevice, memoryDevice } from '../../../src/device/index.js';
import { generator } from '../../../src/device/random.js';

export interface Faults {
  /** The share of writes that fail, and of barriers. */
  readonly writes: number;
  readonly barriers: number;
  /** The share of writes that say that they wrote less, and wrote nothing. */
  readonly short: number;
}

export class RecordingDevice implements BlockDevice {
  /** What a barrier that was good found done when it was asked for. */
  readonly snapshots: Uint8Array[] = [];
  faults: Faults = { writes: 0, barriers: 0, short: 0 };
  /** How long the next write takes, milliseconds. */
  slowMs = 0;
  readonly supports;
  readonly sizeBytes;
  readonly identity;
  readonly fd = undefined;
  readonly #memory: ReturnType<typeof memoryDevice>;
  readonly #draw: () => number;

  constructor(image: Uint8Array, seed: number) {
    this.#memory = memoryDevice({ bytes: image });
    this.#draw = generator(seed);
    this.supports = this.#memory.supports;
    this.sizeBytes = image.length;
    this.identity = 'recording';
  }

  get image(): Uint8Array {
    return this.#memory.bytes;
  }

  async read(offset: number, buffers: readonly Uint8Array[]): Promise<number> {
    await this.#later();
    return this.#memory.read(offset, buffers);
  }

  async write(offset: number, buffers: readonly Uint8Array[]): Promise<number> {
    const { slowMs } = this;
    this.slowMs = 0;
    if (slowMs > 0) await new Promise((resolve) => setTimeout(resolve, slowMs));
    await this.#later();
    if (this.#draw() < this.faults.writes) throw Object.assign(new Error('drawn'), { code: 'EIO' });
    if (this.#draw() < this.faults.short) return 1;
    return this.#memory.write(offset, buffers);
  }

  async barrier(): Promise<void> {
    const found = this.image.slice();
    await this.#later();
    if (this.#draw() < this.faults.barriers) throw Object.assign(new Error('drawn'), { code: 'EIO' });
    this.snapshots.push(found);
  }

  async discard(offset: number, length: number): Promise<void> {
    await this.#later();
    return this.#memory.discard(offset, length);
  }

  async zero(offset: number, length: number): Promise<void> {
    await this.#later();
    return this.#memory.zero(offset, length);
  }

  setOption(name: string): Promise<void> {
    return this.#memory.setOption(name, '');
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** Each answer comes in a turn of its own, so that it is decided on before anything else happens. */
  async #later(): Promise<void> {
    const turns = 1 + Math.floor(this.#draw() * 4);
    for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
  }
}
