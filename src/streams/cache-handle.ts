/** One of several users of a cache, with its own account of what has failed: as a file descriptor is to a file. */
import type { TraceRef } from '../cache/events.js';
import { RequestError } from '../device/errors.js';
import type { BlockRange } from '../device/geometry.js';
import type { BlockCache } from './block-cache.js';
import type { BorrowedBlock } from './borrowed-block.js';
import { type InvalidateResult, PlainCaller } from './callers.js';
import type { Requester, RequestOptions } from './requester.js';

export interface HandleOptions {
  /** Stands in the events of all requests that are made through the handle, unless they name another. */
  readonly actor?: string;
  readonly trace?: TraceRef;
}

type FlushFor = (handle: number, range: BlockRange | undefined, options: RequestOptions) => Promise<void>;

/** What a handle needs of its cache beside the public requests. */
interface HandleOwner {
  readonly cache: BlockCache;
  readonly flush: FlushFor;
  readonly close: (handle: number, options: RequestOptions) => Promise<void>;
}

export async function openHandle(
  cache: BlockCache,
  requester: Requester,
  flush: FlushFor,
  options: HandleOptions,
): Promise<CacheHandle> {
  const request = requester.request(options);
  await requester.send(new PlainCaller(), { type: 'openHandle', ...request }, {});
  const close = (handle: number, { actor = '' }: RequestOptions) => {
    return requester.send(new PlainCaller(), { type: 'closeHandle', ...requester.request({ actor }), handle }, {});
  };
  return new CacheHandle({ cache, flush, close }, request.op, request.actor);
}

/**
 * The requests of the cache, made by one user of it. A failure that has been resolved is told once to each handle that was
 * open when it happened, by its next flush or its close, and to none opened later; one that has not been is told to all.
 */
export class CacheHandle {
  /** Its number in the events: that of the request that opened it. */
  readonly handle: number;
  readonly actor: string;
  readonly #owner: HandleOwner;
  #closing: Promise<void> | null = null;

  /** @internal Use `cache.open`. */
  constructor(owner: HandleOwner, handle: number, actor: string) {
    this.#owner = owner;
    this.handle = handle;
    this.actor = actor;
  }

  get closed(): boolean {
    return this.#closing !== null || this.#owner.cache.closed;
  }

  async read(block: number, count = 1, into?: Uint8Array, options: RequestOptions = {}): Promise<Uint8Array> {
    return this.#cache().read(block, count, into, this.#with(options));
  }

  readNow(block: number, into: Uint8Array, options: RequestOptions = {}): boolean {
    return this.#cache().readNow(block, into, this.#with(options));
  }

  async readBytes(
    offset: number,
    length: number,
    options: RequestOptions & { readonly into?: Uint8Array } = {},
  ): Promise<Uint8Array> {
    return this.#cache().readBytes(offset, length, this.#with(options));
  }

  async write(block: number, data: Uint8Array, options: RequestOptions = {}): Promise<void> {
    await this.#cache().write(block, data, this.#with(options));
  }

  async writeBytes(
    offset: number,
    data: Uint8Array,
    options: RequestOptions & { readonly through?: boolean } = {},
  ): Promise<void> {
    await this.#cache().writeBytes(offset, data, this.#with(options));
  }

  /**
   * As the cache's own. Rejects with WriteError CACHETRAIL_FAILURE_RESOLVED, once, if writes of the range had failed and are
   * resolved since: all is durable then, but for what was given up by name.
   */
  async flush(range?: BlockRange, options: RequestOptions = {}): Promise<void> {
    this.#cache();
    await this.#owner.flush(this.handle, range, this.#with(options));
  }

  async invalidate(
    range?: BlockRange,
    options: RequestOptions & { readonly discardDirty?: string } = {},
  ): Promise<InvalidateResult> {
    return this.#cache().invalidate(range, this.#with(options));
  }

  async discardDirty(range: BlockRange, reason: string, options: RequestOptions = {}): Promise<InvalidateResult> {
    return this.#cache().discardDirty(range, reason, this.#with(options));
  }

  async discard(range: BlockRange, options: RequestOptions = {}): Promise<void> {
    await this.#cache().discard(range, this.#with(options));
  }

  async zero(range: BlockRange, options: RequestOptions = {}): Promise<void> {
    await this.#cache().zero(range, this.#with(options));
  }

  readahead(range: BlockRange, options: RequestOptions = {}): void {
    this.#cache().readahead(range, this.#with(options));
  }

  async borrow(block: number, options: RequestOptions = {}): Promise<BorrowedBlock> {
    return this.#cache().borrow(block, this.#with(options));
  }

  /**
   * Flushes, and is closed however that ends: it rejects as `flush` does, and what is not safe is kept by the cache, which
   * goes on telling its other handles. Calling it again gives the same answer.
   */
  close(options: RequestOptions = {}): Promise<void> {
    this.#closing ??= this.#close(this.#with(options));
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(options: RequestOptions): Promise<void> {
    const { cache } = this.#owner;
    if (cache.closed) return;
    try {
      await this.#owner.flush(this.handle, undefined, options);
    } finally {
      if (!cache.closed) await this.#owner.close(this.handle, options);
    }
  }

  #cache(): BlockCache {
    if (this.#closing !== null) throw new RequestError('CACHETRAIL_CLOSED', 'the handle is closed');
    return this.#owner.cache;
  }

  #with<Options extends RequestOptions>(options: Options): Options {
    return options.actor === undefined ? { ...options, actor: this.actor } : options;
  }
}
