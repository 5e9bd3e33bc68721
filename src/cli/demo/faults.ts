/** Which device writes fail in the demo: one once, one until the device is cured. */
import type { CacheEvent } from '../../cache/events.js';
import type { FaultDevice, FaultRule } from '../../device/index.js';
import type { Tree, TreeFile } from './tree.js';
import { halvesOf } from './workload.js';

/** A passing fault, as from a device that is busy. */
const TRANSIENT_CODE = 'EAGAIN';
/** A bad sector. */
const LASTING_CODE = 'EIO';

/**
 * Chooses the blocks while the files are written: a write that fails once in the largest file before the first flush, and
 * in the largest one after it a block that cannot be written. A fault is in force before the event that named its block is over, so no device write of
 * the block can slip by.
 */
export class FaultPlan {
  readonly #device: FaultDevice;
  readonly #blockSize: number;
  readonly #victims: ReadonlyMap<TreeFile, string>;
  readonly #written = new Set<number>();
  #next: { readonly code: string; newBlocksLeft: number } | undefined;
  #lasting: FaultRule | undefined;

  constructor(device: FaultDevice, blockSize: number, tree: Tree) {
    this.#device = device;
    this.#blockSize = blockSize;
    const [first, second] = halvesOf(tree);
    this.#victims = new Map([
      [largestOf(first), TRANSIENT_CODE],
      [largestOf(second), LASTING_CODE],
    ]);
  }

  beforeFile(file: TreeFile): void {
    const code = this.#victims.get(file);
    // The middle of the file: it has good neighbours on both sides, so splitting has something to save.
    if (code !== undefined) this.#next = { code, newBlocksLeft: Math.floor(file.sizeBytes / this.#blockSize / 2) };
  }

  accept(event: CacheEvent): void {
    if (event.type !== 'written') return;
    for (let block = event.block; block < event.block + event.count; block++) {
      if (this.#written.has(block)) continue;
      this.#written.add(block);
      if (this.#next !== undefined && this.#next.newBlocksLeft-- === 0) this.#inject(block, this.#next.code);
    }
  }

  /** The lasting fault is over. */
  cure(): void {
    this.#lasting?.cure();
  }

  #inject(block: number, code: string): void {
    this.#next = undefined;
    const range = { offset: block * this.#blockSize, length: this.#blockSize };
    if (code === TRANSIENT_CODE) this.#device.inject({ on: 'write', code, range, times: 1 });
    else this.#lasting = this.#device.inject({ on: 'write', code, range });
  }
}

function largestOf(files: readonly TreeFile[]): TreeFile {
  return files.reduce((largest, file) => (file.sizeBytes > largest.sizeBytes ? file : largest));
}
