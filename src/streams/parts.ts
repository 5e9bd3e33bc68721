/** Cuts what callers want read or written into requests of bounded size, which are sent one after the other. */
import { dirtyHardBlocks } from '../cache/limits.js';
import type { CacheState } from '../cache/state.js';
import { CachetrailError, WriteError } from '../device/errors.js';
import { ReadCaller, WriteCaller } from './callers.js';
import type { Requester, RequestOptions } from './requester.js';

export class Parts {
  readonly #state: CacheState;
  readonly #requester: Requester;

  constructor(state: CacheState, requester: Requester) {
    this.#state = state;
    this.#requester = requester;
  }

  /** Fills `into` with the bytes from `offset` on. */
  read(into: Uint8Array, offset: number, options: RequestOptions): Promise<Uint8Array> {
    const { blockSize, limits } = this.#state;
    const first = Math.floor(offset / blockSize);
    const count = Math.ceil((offset + into.length) / blockSize) - first;
    if (count <= limits.requestBlocksMax) return this.#readPart(first, count, into, offset, options);
    return this.#readOneByOne(into, offset, options);
  }

  /** The block size may change between two parts, so what is done is kept in bytes. */
  async #readOneByOne(into: Uint8Array, offset: number, options: RequestOptions): Promise<Uint8Array> {
    const end = offset + into.length;
    for (let at = offset; at < end; ) {
      const { blockSize, limits } = this.#state;
      const block = Math.floor(at / blockSize);
      const count = Math.min(limits.requestBlocksMax, Math.ceil(end / blockSize) - block);
      await this.#readPart(block, count, into, offset, options);
      at = (block + count) * blockSize;
    }
    return into;
  }

  #readPart(
    block: number,
    count: number,
    into: Uint8Array,
    offset: number,
    options: RequestOptions,
  ): Promise<Uint8Array> {
    const caller = new ReadCaller(into, offset, count);
    const { at, op, actor, trace } = this.#requester.request(options);
    return this.#requester.send(caller, { type: 'read', at, op, actor, trace, block, count }, options);
  }

  /** Writes `data` at `offset`, at any alignment. `through`: until the device holds it. */
  write(offset: number, data: Uint8Array, through: boolean, options: RequestOptions): Promise<void> {
    const { blockSize, limits, capacity } = this.#state;
    const most = Math.min(limits.requestBlocksMax, dirtyHardBlocks(limits, capacity)) * blockSize;
    const first = most - (offset % blockSize);
    if (data.length <= first) return this.#writePart(offset, data, through, options);
    return this.#writeOneByOne(offset, data, through, options, first, most);
  }

  /** A part that the device would not take is in the cache all the same, and so are those after it. */
  async #writeOneByOne(
    offset: number,
    data: Uint8Array,
    through: boolean,
    options: RequestOptions,
    first: number,
    most: number,
  ): Promise<void> {
    const failed: WriteError[] = [];
    for (let done = 0; done < data.length; ) {
      const part = data.subarray(done, done + (done === 0 ? first : most));
      await this.#writePart(offset + done, part, through, options).catch((error: unknown) => {
        if (!(error instanceof WriteError)) throw error;
        failed.push(error);
      });
      done += part.length;
    }
    if (failed.length > 0) throw joined(failed);
  }

  #writePart(offset: number, data: Uint8Array, through: boolean, options: RequestOptions): Promise<void> {
    const caller = new WriteCaller(data, offset);
    const { at, op, actor, trace } = this.#requester.requestOfTurn(options);
    const { length } = data;
    const sent = this.#requester.send(
      caller,
      { type: 'write', at, op, actor, trace, offset, length, through },
      options,
    );
    if (caller.isDone) return sent;
    return sent.catch((error: unknown) => {
      if (!isTooLarge(error)) throw error;
      return this.write(offset, data, through, options);
    });
  }
}

/** One error for a write of which several parts failed: it names all their blocks. */
function joined(failed: readonly WriteError[]): WriteError {
  const [first] = failed;
  const blocks = failed.flatMap((error) => error.blocks);
  return new WriteError(
    first.code,
    `${blocks.length} blocks in ${failed.length} parts; the first: ${first.message}`,
    blocks,
  );
}

/** The cache was made smaller while the write waited. */
function isTooLarge(error: unknown): boolean {
  return error instanceof CachetrailError && error.code === 'CACHETRAIL_TOO_LARGE';
}
