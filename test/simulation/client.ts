/** A client of the cache: asks for things at random, and holds what it is told against the model. */
import { CachetrailError, codeOf, WriteError } from '../../src/device/errors.js';
import type { BlockCache } from '../../src/streams/block-cache.js';
import type { BorrowedBlock } from '../../src/streams/borrowed-block.js';
import type { CacheHandle } from '../../src/streams/cache-handle.js';
import type { Agenda } from './agenda.js';
import { CELL_BYTES, cellCountOf, eachTag, tagged } from './cells.js';
import type { Asked, Checker } from './checker.js';
import type { Ask, ClientPlan } from './drawn.js';
import { demand } from './failure.js';
import type { Model } from './model.js';
import { type Kind, mayBeTold, NOT_ACCEPTED, RESOLVED } from './outcomes.js';
import { type Place, Places } from './places.js';
import type { Random } from './random.js';

/** What a client works with, between one start of the cache and its end. */
export interface Boot {
  readonly cache: BlockCache;
  readonly checker: Checker;
  readonly agenda: Agenda;
  readonly model: Model;
  readonly isReadOnly: boolean;
  /** The device has done nothing wrong so far, and is fast enough. */
  readonly isSound: () => boolean;
  /** A close has been asked for. */
  closing: boolean;
  /** The cache is gone: what its promises say is heard by nobody. */
  over: boolean;
}

/** The tags and names of one run. */
export interface Names {
  tag: number;
  request: number;
}

const WHILE_BORROWED_NS = 20e6;
const UNTIL_ABORT_NS = 10e6;
const ASKS_OF_FAILURES: readonly Kind[] = ['flush', 'closeHandle', 'blockSize'];
const BLOCK_SIZES = [512, 1024, 2048, 4096];

export class Client {
  waiting = 0;
  /** Of the cache, that it has open. */
  readonly handles: CacheHandle[] = [];
  readonly #plan: ClientPlan;
  readonly #places: Places;
  readonly #random: Random;
  readonly #names: Names;

  constructor(plan: ClientPlan, names: Names, random: Random) {
    this.#plan = plan;
    this.#names = names;
    this.#random = random;
    this.#places = new Places(plan.pattern, plan.blocksMax, random);
  }

  get isReady(): boolean {
    return this.waiting < this.#plan.depth;
  }

  ask(boot: Boot): void {
    const place = this.#places.next(boot.cache.blockCount, boot.cache.capacity);
    this.request(boot, this.#random.weighted(this.#plan.weights), place);
  }

  request(boot: Boot, ask: Ask, place: Place): void {
    const cache = this.#throughWhich(boot);
    const random = this.#random;
    switch (ask) {
      case 'read':
        return this.#read(boot, place);
      case 'readNow':
        return this.#readNow(boot, place.block);
      case 'readBytes':
        return this.#readBytes(boot, place);
      case 'write':
        return this.#write(boot, place);
      case 'writeBytes':
        return this.#writeBytes(boot, place, false);
      case 'through':
        return this.#writeBytes(boot, place, true);
      case 'flush': {
        const range = random.chance(0.5) ? undefined : place;
        return this.#track(boot, this.#asked(boot, 'flush'), 'flush', (options) => cache.flush(range, options));
      }
      case 'invalidate':
        return this.#track(boot, this.#asked(boot, 'invalidate'), 'invalidate', (options) =>
          cache.invalidate(place, options),
        );
      case 'drop':
        return this.#track(boot, this.#asked(boot, 'drop'), 'drop', (options) =>
          cache.invalidate(place, { ...options, discardDirty: 'the simulator says so' }),
        );
      case 'readahead':
        if (!boot.closing) cache.readahead(place);
        return;
      case 'borrow':
        return this.#borrow(boot, place.block);
      case 'zero':
        return this.#track(boot, this.#asked(boot, 'zero'), 'zero', (options) => cache.zero(place, options));
      case 'discard':
        return this.#track(boot, this.#asked(boot, 'discard'), 'discard', (options) => cache.discard(place, options));
      case 'resize':
        return this.#track(boot, this.#asked(boot, 'resize'), 'resize', () =>
          boot.cache.resize(random.magnitude(1, 40)),
        );
      case 'blockSize':
        return this.#setBlockSize(boot);
      case 'option':
        return this.#setOption(boot);
      case 'openHandle':
        return this.#openHandle(boot);
      case 'closeHandle':
        return this.#closeHandle(boot);
    }
  }

  /** The cache itself, or a handle of it. */
  #throughWhich({ cache }: Boot): BlockCache | CacheHandle {
    return this.handles.length === 0 ? cache : this.#random.pick([cache, ...this.handles]);
  }

  #openHandle(boot: Boot): void {
    if (this.handles.length >= this.#plan.handlesMax) return this.#closeHandle(boot);
    this.#track(boot, this.#asked(boot, 'open'), 'open', async (options) => {
      const handle = await boot.cache.open(options);
      if (!boot.over) this.handles.push(handle);
    });
  }

  #closeHandle(boot: Boot): void {
    const [handle] = this.handles.splice(this.#random.below(this.handles.length), 1);
    if (handle === undefined) return;
    this.#track(boot, this.#asked(boot, 'closeHandle'), 'closeHandle', (options) => handle.close(options));
  }

  #read(boot: Boot, { block, count }: Place): void {
    const offset = block * boot.cache.blockSize;
    const asked = this.#asked(boot, `read of ${count} blocks from ${block}`);
    const through = this.#throughWhich(boot);
    this.#track(boot, asked, 'read', async (options) => {
      const bytes = await through.read(block, count, undefined, options);
      if (!boot.over) this.#checkRead(boot, asked, offset, bytes);
    });
  }

  #readNow(boot: Boot, block: number): void {
    const { cache, checker, model } = boot;
    if (boot.closing) return;
    const offset = block * cache.blockSize;
    const into = new Uint8Array(Math.min(cache.blockSize, cache.sizeBytes - offset));
    const asked = { ...this.#asked(boot, `readNow of block ${block}`), from: model.moment };
    try {
      if (cache.readNow(block, into)) this.#checkRead(boot, asked, offset, into);
    } catch (error) {
      checker.report(error);
    }
  }

  #readBytes(boot: Boot, place: Place): void {
    const { cache } = boot;
    const [start, end] = bytesOf(boot, place);
    const offset = start + 4 * this.#random.below(Math.ceil((end - start) / 4));
    const length = Math.min(end - offset, 4 * this.#random.magnitude(1, 2048));
    const asked = this.#asked(boot, `read of ${length} bytes from ${offset}`);
    this.#track(boot, asked, 'read', async (options) => {
      const bytes = await cache.readBytes(offset, length, options);
      if (!boot.over) this.#checkRead(boot, asked, offset, bytes);
    });
  }

  #write(boot: Boot, place: Place): void {
    const [start, end] = bytesOf(boot, place);
    const asked = this.#asked(boot, `write of bytes ${start} to ${end}`, start, end - start);
    const data = tagged(end - start, asked.tag);
    this.#track(boot, asked, 'write', (options) => this.#throughWhich(boot).write(place.block, data, options));
  }

  #writeBytes(boot: Boot, place: Place, through: boolean): void {
    const [start, end] = bytesOf(boot, place);
    const cells = cellCountOf(end - start);
    const first = this.#random.below(cells);
    const offset = start + first * CELL_BYTES;
    const length = Math.min(end - offset, CELL_BYTES * this.#random.between(1, cells - first));
    const asked = this.#asked(boot, `write of ${length} bytes at ${offset}`, offset, length);
    const data = tagged(length, asked.tag);
    this.#track(boot, asked, through ? 'through' : 'write', (options) =>
      boot.cache.writeBytes(offset, data, { ...options, through }),
    );
  }

  #borrow(boot: Boot, block: number): void {
    const { cache, agenda } = boot;
    const asked = this.#asked(boot, `borrow of block ${block}`);
    this.#track(boot, asked, 'borrow', async (options) => {
      const borrowed = await cache.borrow(block, options);
      if (boot.over) return;
      this.#checkBorrowed(boot, borrowed);
      agenda.after(this.#random.below(WHILE_BORROWED_NS), () => this.#giveBack(boot, borrowed));
    });
  }

  #giveBack(boot: Boot, borrowed: BorrowedBlock): void {
    const { checker } = boot;
    this.#checkBorrowed(boot, borrowed);
    if (!boot.isReadOnly && this.#random.chance(0.5)) {
      const asked = this.#asked(boot, `change of borrowed block ${borrowed.block}`, 0, borrowed.bytes.length);
      borrowed.bytes.set(tagged(borrowed.bytes.length, asked.tag));
      checker.marking = asked.tag;
      this.#track(boot, { ...asked, cells: 0 }, 'through', () => borrowed.markDirty());
    }
    borrowed.release();
  }

  #setBlockSize(boot: Boot): void {
    const { cache } = boot;
    const size = this.#random.pick(BLOCK_SIZES.filter((bytes) => bytes <= cache.sizeBytes));
    this.#track(boot, this.#asked(boot, 'blockSize'), 'blockSize', (options) => cache.setBlockSize(size, options));
  }

  #setOption(boot: Boot): void {
    const random = this.#random;
    const name = random.pick(['dirtyAgeNs', 'writebacksInFlightMax', 'batchBlocksMax', 'requestBlocksMax']);
    const value = name === 'dirtyAgeNs' ? random.magnitude(1e6, 1e9) : random.magnitude(1, 16);
    this.#track(boot, this.#asked(boot, 'option'), 'option', () => boot.cache.setOption(name, value));
  }

  /** The request, with tags for `length` bytes to be written at `offset`. */
  #asked(boot: Boot, what: string, offset = 0, length = 0): Asked {
    const names = this.#names;
    const cells = cellCountOf(length);
    const tag = length === 0 ? 0 : names.tag;
    names.tag += cells;
    const actor = `r${++names.request}`;
    return { actor, what, from: boot.model.moment, cell: offset / CELL_BYTES, tag, cells, taken: 0, takenAt: 0 };
  }

  #track(
    boot: Boot,
    asked: Asked,
    kind: Kind,
    send: (options: { readonly actor: string; readonly signal?: AbortSignal }) => Promise<unknown>,
  ): void {
    const { checker } = boot;
    const { actor } = asked;
    checker.asked.set(actor, asked);
    this.waiting++;
    const ended = (outcome: () => void) => {
      if (boot.over) return;
      this.waiting--;
      try {
        outcome();
      } catch (error) {
        checker.report(error);
      }
      checker.asked.delete(actor);
    };
    send({ actor, ...this.#signal(boot) }).then(
      () => ended(() => this.#checkDone(boot, asked)),
      (error: unknown) => ended(() => this.#checkError(boot, asked, kind, error)),
    );
  }

  #signal(boot: Boot): { readonly signal?: AbortSignal } {
    if (this.#plan.aborts === 0 || !this.#random.chance(this.#plan.aborts)) return {};
    const controller = new AbortController();
    boot.agenda.after(this.#random.below(UNTIL_ABORT_NS), () => controller.abort());
    return { signal: controller.signal };
  }

  #checkDone({ checker }: Boot, asked: Asked): void {
    demand(asked.taken >= asked.cells, `${asked.what} was acknowledged, and is not in the cache`);
    checker.acknowledged(asked);
  }

  #checkError(boot: Boot, asked: Asked, kind: Kind, error: unknown): void {
    if (!(error instanceof CachetrailError)) throw error;
    const { code } = error;
    if (!mayBeTold(kind, code, boot)) throw error;
    if (error instanceof WriteError) checkBlocks(error);
    if (code === RESOLVED) boot.checker.told(asked.actor);
    if (ASKS_OF_FAILURES.includes(kind)) {
      boot.checker.accounts.demandTold(asked.actor, error instanceof WriteError ? error.blocks : []);
    }
    const isTakenWhole = asked.cells > 0 && asked.taken >= asked.cells;
    const isAbortedWait = code === 'CACHETRAIL_ABORTED' && (kind === 'through' || boot.cache.stats().writes > 0);
    if (isAbortedWait) return;
    demand(!isTakenWhole || !NOT_ACCEPTED.includes(code), `${asked.what} was told ${code}, and was accepted`);
  }

  #checkRead(boot: Boot, asked: Asked, offset: number, bytes: Uint8Array): void {
    const { model, checker } = boot;
    eachTag(bytes, offset, (cell, tag) => {
      if (model.mayRead(cell, tag, asked.from)) return checker.seen(cell, tag, asked.from);
      demand(false, `${asked.what} from moment ${asked.from} has ${tag} in cell ${cell}: ${model.tell(cell)}`);
    });
  }

  /** A view shows what the cache holds, always. */
  #checkBorrowed(boot: Boot, { block, bytes }: BorrowedBlock): void {
    const { cache, model, checker } = boot;
    const check = (cell: number, tag: number) => {
      demand(model.is(cell, tag), () => `borrowed block ${block} shows ${tag} in cell ${cell}: ${model.tell(cell)}`);
    };
    try {
      eachTag(bytes, block * cache.blockSize, check);
    } catch (error) {
      checker.report(error);
    }
  }
}

/** Each block comes with what the device said of it. */
function checkBlocks({ blocks }: WriteError): void {
  for (const { block, code, cause } of blocks) {
    const isItsOwn = cause === undefined || code === 'CACHETRAIL_BARRIER_FAILED' || codeOf(cause) === code;
    demand(isItsOwn, `block ${block} has ${code}, caused by ${codeOf(cause)}`);
  }
}

function bytesOf({ cache }: Boot, { block, count }: Place): [start: number, end: number] {
  return [block * cache.blockSize, Math.min((block + count) * cache.blockSize, cache.sizeBytes)];
}
