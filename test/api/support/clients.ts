/** Clients that use a cache at once, each in blocks of its own, so that a plain array says what must be read. */
import type { BlockCache } from '../../../src/index.js';
import { expectBytes, pattern } from './caches.js';

export interface Clients {
  readonly clients: number;
  /** Requests of each client. */
  readonly steps: number;
  /** Blocks of each client. */
  readonly blocks: number;
  /** The same run for the same number. */
  readonly seed: number;
}

/** Changes `model`, the device's whole contents, as it changes the cache. Rejects at the first difference. */
export async function runClients(cache: BlockCache, model: Uint8Array, clients: Clients): Promise<void> {
  const all = Array.from({ length: clients.clients }, async (_, index) => {
    for (let step = 0; step < clients.steps; step++) {
      const draw = pattern(4, clients.seed * 100_000 + index * 1000 + step);
      await takeStep(cache, model, index * clients.blocks, clients.blocks, draw);
    }
  });
  await Promise.all(all);
}

async function takeStep(
  cache: BlockCache,
  model: Uint8Array,
  first: number,
  blocks: number,
  [kind, a, b, c]: Uint8Array,
): Promise<void> {
  const { blockSize } = cache;
  const start = first * blockSize;
  const offset = start + Math.floor((a / 256) * blocks * blockSize);
  const length = 1 + Math.floor((b / 256) * (start + blocks * blockSize - offset - 1));
  const block = first + (a % blocks);
  const count = 1 + (b % (first + blocks - block));
  if (kind < 70) {
    model.set(pattern(length, c), offset);
    return cache.writeBytes(offset, pattern(length, c), { through: kind < 15 });
  }
  if (kind < 110) {
    model.set(pattern(count * blockSize, c), block * blockSize);
    return cache.write(block, pattern(count * blockSize, c));
  }
  if (kind < 150) return expectBytes(await cache.readBytes(offset, length), model.subarray(offset, offset + length));
  if (kind < 180) {
    const bytes = await cache.read(block, count);
    return expectBytes(bytes, model.subarray(block * blockSize, (block + count) * blockSize));
  }
  if (kind < 195) return cache.flush({ block, count });
  if (kind < 210) {
    model.fill(0, block * blockSize, (block + count) * blockSize);
    return cache.zero({ block, count });
  }
  if (kind < 220) return cache.readahead({ block, count });
  if (kind < 225) return void (await cache.invalidate({ block, count }).catch(refused('CACHETRAIL_DIRTY')));
  const borrowed = await cache.borrow(block).catch(refused('CACHETRAIL_PINNED'));
  if (borrowed === null) return;
  expectBytes(borrowed.bytes, model.subarray(block * blockSize, (block + 1) * blockSize), `borrowed ${block}`);
  borrowed.bytes[b] = c;
  model[block * blockSize + b] = c;
  await borrowed.markDirty();
  borrowed.release();
}

/** Answers null to a refusal of this kind, and throws whatever else is wrong. */
function refused(code: string): (error: unknown) => null {
  return (error) => {
    if (error instanceof Error && 'code' in error && error.code === code) return null;
    throw error;
  };
}
