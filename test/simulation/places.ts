/** Where a client's next request goes: the patterns of access. */
import type { Pattern } from './drawn.js';
import type { Random } from './random.js';

export interface Place {
  readonly block: number;
  readonly count: number;
}

export class Places {
  readonly #pattern: Pattern;
  readonly #random: Random;
  readonly #blocksMax: number;
  #next = 0;

  constructor(pattern: Pattern, blocksMax: number, random: Random) {
    this.#pattern = pattern;
    this.#blocksMax = blocksMax;
    this.#random = random;
  }

  next(blockCount: number, capacity: number): Place {
    const random = this.#random;
    switch (this.#pattern) {
      case 'uniform':
        return this.#within(random.below(blockCount), random.between(1, this.#blocksMax), blockCount);
      case 'zipf':
        return this.#within(Math.floor(blockCount * random.uniform() ** 4), 1, blockCount);
      case 'sequential': {
        const place = this.#within(this.#next % blockCount, random.between(1, this.#blocksMax), blockCount);
        this.#next = place.block + place.count;
        return place;
      }
      case 'hot': {
        const spot = Math.max(1, Math.ceil(blockCount / 8));
        return this.#within(random.below(random.chance(0.9) ? spot : blockCount), 1, blockCount);
      }
      case 'fileSystem':
        return this.#fileSystem(blockCount);
      case 'edges':
        return this.#edges(blockCount, capacity);
    }
  }

  /** Few blocks of metadata, over and over; a log that goes round; files in stretches. */
  #fileSystem(blockCount: number): Place {
    const random = this.#random;
    const metadata = Math.max(1, Math.ceil(blockCount / 10));
    const kind = random.weighted({ metadata: 5, log: 2, file: 3 });
    if (kind === 'metadata') return this.#within(Math.floor(metadata * random.uniform() ** 2), 1, blockCount);
    if (kind === 'log') return this.#within(metadata + (this.#next++ % metadata), 1, blockCount);
    return this.#within(random.below(blockCount), random.between(1, this.#blocksMax), blockCount);
  }

  /** The first and the last, everything at once, and as much as there is room for, and one more. */
  #edges(blockCount: number, capacity: number): Place {
    const count = this.#random.pick([1, blockCount, capacity, capacity + 1, 2]);
    const block = this.#random.pick([0, blockCount - 1, blockCount - count, this.#random.below(blockCount)]);
    return this.#within(Math.max(0, block), count, blockCount);
  }

  #within(block: number, count: number, blockCount: number): Place {
    const first = Math.min(block, blockCount - 1);
    return { block: first, count: Math.min(count, blockCount - first) };
  }
}
