import { LRUCache } from 'lru-cache';
import type { BlockDevice } from '../src/device/index.js';
import { BLOCK_BYTES } from './case.js';

interface Entry {
  readonly block: number;
  readonly bytes: Buffer;
  dirty: boolean;
}

/** What one writes without a block cache: `lru-cache`, a Buffer a block, dirty ones written back when they are evicted. */
export class LruPeer {
  readonly #device: BlockDevice;
  readonly #entries: LRUCache<number, Entry>;
  #evicting: Promise<unknown> | undefined;
  deviceWrites = 0;

  constructor(device: BlockDevice, blocks: number) {
    this.#device = device;
    this.#entries = new LRUCache({ max: blocks, dispose: (entry) => this.#evicted(entry) });
  }

  readNow(block: number, into: Uint8Array): boolean {
    const entry = this.#entries.get(block);
    if (entry === undefined) return false;
    into.set(entry.bytes);
    return true;
  }

  async read(block: number, into: Uint8Array): Promise<Uint8Array> {
    let entry = this.#entries.get(block);
    if (entry === undefined) {
      entry = { block, bytes: Buffer.allocUnsafe(BLOCK_BYTES), dirty: false };
      await this.#device.read(block * BLOCK_BYTES, [entry.bytes]);
      this.#entries.set(block, entry);
      if (this.#evicting !== undefined) await this.#writtenBack();
    }
    into.set(entry.bytes);
    return into;
  }

  async write(block: number, data: Uint8Array): Promise<void> {
    const entry = this.#entries.get(block);
    if (entry !== undefined) {
      entry.bytes.set(data);
      entry.dirty = true;
      return;
    }
    const bytes = Buffer.allocUnsafe(BLOCK_BYTES);
    bytes.set(data);
    this.#entries.set(block, { block, bytes, dirty: true });
    if (this.#evicting !== undefined) await this.#writtenBack();
  }

  async flush(): Promise<void> {
    for (const entry of this.#entries.values()) {
      if (!entry.dirty) continue;
      entry.dirty = false;
      this.deviceWrites++;
      await this.#device.write(entry.block * BLOCK_BYTES, [entry.bytes]);
    }
    await this.#device.barrier();
  }

  #evicted(entry: Entry): void {
    if (!entry.dirty) return;
    this.deviceWrites++;
    this.#evicting = this.#device.write(entry.block * BLOCK_BYTES, [entry.bytes]);
  }

  async #writtenBack(): Promise<void> {
    await this.#evicting;
    this.#evicting = undefined;
  }
}
