/** Those who wait for requests: each is told once. */
import { NumberedMap } from '../cache/numbered-map.js';
import type { BlockDevice } from '../device/block-device.js';
import type { BorrowedBlock } from './borrowed-block.js';

export interface InvalidateResult {
  /** Blocks dropped. */
  readonly dropped: number;
  /** Dirty blocks among them, lost because the caller said so. */
  readonly discarded: readonly number[];
}

/** One caller. Makes a promise only if it has to wait. */
export class Caller<T> {
  #settled = false;
  #value: T | undefined;
  #error: unknown = null;
  #resolve: ((value: T) => void) | null = null;
  #reject: ((error: unknown) => void) | null = null;

  get isSettled(): boolean {
    return this.#settled;
  }

  /** Settled, and well. */
  get isDone(): boolean {
    return this.#settled && this.#error === null;
  }

  succeed(value: T): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#value = value;
    this.#resolve?.(value);
  }

  fail(error: unknown): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#error = error;
    this.#reject?.(error);
  }

  promise(): Promise<T> {
    if (this.#error !== null) return Promise.reject(this.#error);
    if (this.#settled) return Promise.resolve(this.#value as T);
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }
}

/** Waits for the bytes from `offset` on, to be copied into `into`. */
export class ReadCaller extends Caller<Uint8Array> {
  readonly kind = 'read';
  readonly #has: Set<number> | null;

  constructor(
    readonly into: Uint8Array,
    readonly offset: number,
    count: number,
  ) {
    super();
    this.#has = count > 1 ? new Set() : null;
  }

  /** It has got this block: bytes that arrive for it later are older. */
  got(block: number): void {
    this.#has?.add(block);
  }

  has(block: number): boolean {
    return this.#has?.has(block) ?? false;
  }
}

/** Waits for `data` to be taken, from `offset` on. */
export class WriteCaller extends Caller<void> {
  readonly kind = 'write';

  constructor(
    readonly data: Uint8Array,
    readonly offset: number,
  ) {
    super();
  }
}

export class BorrowCaller extends Caller<BorrowedBlock> {
  readonly kind = 'borrow';
}

export class InvalidateCaller extends Caller<InvalidateResult> {
  readonly kind = 'invalidate';
  discarded: readonly number[] = [];
}

/** Waits for something to be done. */
export class PlainCaller extends Caller<void> {
  readonly kind = 'plain';
}

/** Waits for a device to take the place of the cache's own. */
export class ReplaceCaller extends Caller<void> {
  readonly kind = 'replace';

  constructor(readonly device: BlockDevice) {
    super();
  }
}

export type AnyCaller = ReadCaller | WriteCaller | BorrowCaller | InvalidateCaller | PlainCaller | ReplaceCaller;

/** Who waits for which request. The one whose request is being decided is found without a look-up. */
export class Callers {
  #currentOp = 0;
  #current: AnyCaller | null = null;
  readonly #waiting = new NumberedMap<AnyCaller>();

  get waiting(): number {
    return this.#waiting.size;
  }

  begin(op: number, caller: AnyCaller): void {
    this.park();
    this.#currentOp = op;
    this.#current = caller;
  }

  /** Whoever is still waiting will be looked up from now on. */
  park(): void {
    if (this.#current !== null && !this.#current.isSettled) this.#waiting.set(this.#currentOp, this.#current);
    this.#current = null;
    this.#currentOp = 0;
  }

  find(op: number): AnyCaller | undefined {
    return op === this.#currentOp && this.#current !== null ? this.#current : this.#waiting.get(op);
  }

  /** The same, and it is not waiting any more. */
  take(op: number): AnyCaller | undefined {
    const caller = this.find(op);
    // Who is taken may have to wait for a journal yet, but not here: `park` would keep him for ever.
    if (caller !== undefined && caller === this.#current) this.#current = null;
    this.#waiting.delete(op);
    return caller;
  }

  failAll(error: unknown): void {
    this.park();
    for (const caller of this.#waiting.values()) caller.fail(error);
    this.#waiting.clear();
  }
}
