/** A fixed workload, and what each block may hold in the course of it, whatever its requests were told. */
import { expect } from 'chai';
import { type BlockCache, CachetrailError } from '../../src/index.js';

export const BLOCK_BYTES = 512;
export const BLOCKS = 16;
/** A block that was discarded may hold anything. */
const ANYTHING = -1;

export type Kind = 'read' | 'write' | 'part' | 'through' | 'flush' | 'zero' | 'discard';

/** One request. `value`: what its blocks hold after it, all over. */
export interface Step {
  readonly kind: Kind;
  readonly block: number;
  readonly count: number;
  readonly value: number;
  readonly ask: (cache: BlockCache) => Promise<unknown>;
}

const filled = (byte: number, bytes = BLOCK_BYTES) => new Uint8Array(bytes).fill(byte);
const write = (block: number, value: number, count = 1): Step => {
  return { kind: 'write', block, count, value, ask: (cache) => cache.write(block, filled(value, count * BLOCK_BYTES)) };
};
const through = (block: number, value: number): Step => {
  const ask = (cache: BlockCache) => cache.writeBytes(block * BLOCK_BYTES, filled(value), { through: true });
  return { kind: 'through', block, count: 1, value, ask };
};
/** Into a block that holds `value` already, which has to be read for it. */
const part = (block: number, value: number): Step => {
  const ask = (cache: BlockCache) => cache.writeBytes(block * BLOCK_BYTES + 100, filled(value, 50));
  return { kind: 'part', block, count: 1, value, ask };
};
const read = (block: number, count: number): Step => {
  return { kind: 'read', block, count, value: ANYTHING, ask: (cache) => cache.read(block, count) };
};
const flush: Step = { kind: 'flush', block: 0, count: BLOCKS, value: ANYTHING, ask: (cache) => cache.flush() };
const zero = (block: number): Step => {
  return { kind: 'zero', block, count: 1, value: 0, ask: (cache) => cache.zero({ block, count: 1 }) };
};
const discard = (block: number): Step => {
  return { kind: 'discard', block, count: 1, value: ANYTHING, ask: (cache) => cache.discard({ block, count: 1 }) };
};

/** Clears of blocks that are clean, dirty, and with the device but not durable; reads of all that there is. */
export const WORKLOAD: readonly Step[] = [
  write(0, 1, 4),
  read(5, 3),
  flush,
  write(1, 2),
  through(12, 3),
  read(0, 8),
  zero(2),
  write(8, 4, 3),
  read(13, 2),
  zero(8),
  discard(3),
  flush,
  write(2, 5),
  part(0, 1),
  write(8, 6),
  discard(9),
  read(4, 6),
  zero(12),
  part(15, 0),
  through(9, 7),
  through(10, 8),
  zero(10),
  discard(9),
  write(3, 9),
  flush,
  read(0, 16),
];

/** What must be: `now` as the requests were answered, `safe` all that a block may hold after a loss of power. */
export class Blocks {
  readonly now: number[][] = Array.from({ length: BLOCKS }, () => [0]);
  readonly safe: number[][] = Array.from({ length: BLOCKS }, () => [0]);

  done({ kind, block, count, value }: Step): void {
    if (kind === 'flush') for (const [at, now] of this.now.entries()) this.safe[at] = [...now];
    if (kind === 'flush' || kind === 'read') return;
    for (let at = block; at < block + count; at++) {
      this.now[at] = [value];
      if (kind === 'zero') this.safe[at] = [value];
      else this.safe[at].push(value);
    }
  }

  /** `isKept`: the block is not durable still, as what was dirty when a clear failed. Of others nobody knows what they hold then. */
  failed(step: Step, error: unknown, isKept: boolean): void {
    const { kind, block, value } = step;
    // What the device would not take is in the cache.
    if (kind === 'through' && error instanceof CachetrailError && error.code === 'CACHETRAIL_WRITE_FAILED') {
      this.done(step);
    }
    if (kind !== 'zero' && kind !== 'discard') return;
    this.safe[block].push(value);
    if (!isKept) this.now[block] = [...this.now[block], value];
  }

  /** The power went before it was answered: it may have been done. */
  cutOff({ kind, block, count, value }: Step): void {
    if (kind === 'flush' || kind === 'read') return;
    for (let at = block; at < block + count; at++) {
      this.now[at].push(value);
      this.safe[at].push(value);
    }
  }

  /** Each block holds, all over, one of these. */
  expect(bytes: Uint8Array, allowed: readonly (readonly number[])[], first = 0): void {
    for (let at = 0; at * BLOCK_BYTES < bytes.length; at++) {
      const values = allowed[first + at];
      if (values.includes(ANYTHING)) continue;
      const block = bytes.subarray(at * BLOCK_BYTES, (at + 1) * BLOCK_BYTES);
      expect(values, `block ${first + at}`).to.include(block[0]);
      const torn = block.findIndex((byte) => byte !== block[0]);
      expect(torn, `the byte from which block ${first + at} is another`).to.equal(-1);
    }
  }

  /** The cache gives what the device holds: but for what was discarded, which may read as anything, each time. */
  expectSame(held: Uint8Array, read: Uint8Array): void {
    for (const [block, values] of this.now.entries()) {
      if (values.includes(ANYTHING)) continue;
      const at = block * BLOCK_BYTES;
      expect(read[at], `what was read of block ${block} is what the device holds`).to.equal(held[at]);
    }
  }
}

export interface Told {
  readonly kind: Kind;
  readonly error: unknown;
}

/** Makes the requests, one after the other, until one is answered when `isOver`. Gives what they were told. */
export async function work(
  cache: BlockCache,
  blocks: Blocks,
  until: <T>(promise: Promise<T>) => Promise<T>,
  isOver: () => boolean = () => false,
): Promise<Told[]> {
  const told: Told[] = [];
  for (const step of WORKLOAD) {
    const { kind, block, count, ask } = step;
    const isKept = () => !['absent', 'loading', 'clean'].includes(cache.inspect(block).state);
    // What is with the device may become durable while it is cleared.
    const mustBeKept = cache.inspect(block).state === 'dirty';
    try {
      const answer = await until(ask(cache));
      if (answer instanceof Uint8Array) blocks.expect(answer, blocks.now, block);
      blocks.done(step);
      expect(answer instanceof Uint8Array ? answer.length : count * BLOCK_BYTES).to.equal(count * BLOCK_BYTES);
    } catch (error) {
      if (isOver()) {
        blocks.cutOff(step);
        break;
      }
      if (!(error instanceof CachetrailError)) throw error;
      told.push({ kind, error });
      if (mustBeKept && (kind === 'zero' || kind === 'discard')) expect(isKept(), 'it is still dirty').to.equal(true);
      blocks.failed(step, error, isKept());
    }
    if (isOver()) break;
  }
  return told;
}
