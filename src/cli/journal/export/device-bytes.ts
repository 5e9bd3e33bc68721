/**
 * Which bytes each write of the device carried: those of the writes that it carries, over what the block held before. What a
 * block holds is kept from the first write to it until it is clean; a clean block holds what the device does.
 */
import { CLEAN } from '../../../cache/block-state.js';
import type { CacheEvent } from '../../../cache/events.js';
import { evolve } from '../../../cache/evolve.js';
import { CacheState } from '../../../cache/state.js';
import { JournalError } from '../../../streams/journal/index.js';
import type { KnownImage } from './known-image.js';

type EventOf<Type extends CacheEvent['type']> = Extract<CacheEvent, { type: Type }>;

interface Held {
  readonly bytes: Uint8Array;
  /** The bytes that no write has brought come from a device whose contents nobody knows. */
  isUnknown: boolean;
}

/** What a write of the device carries. */
export interface Carried {
  readonly offset: number;
  readonly bytes: Uint8Array;
  /** A block of which not every byte is known; -1 if there is none. */
  readonly unknownBlock: number;
}

export class DeviceBytes {
  /** Device writes of blocks that were borrowed: they may have carried changes that were told only later. */
  borrowed = 0;
  readonly #image: KnownImage;
  readonly #held = new Map<number, Held>();
  /** Held blocks that the device has taken since they were last written: clean with the next barrier. */
  readonly #taken = new Set<number>();
  #state = new CacheState({ bytes: false });

  constructor(image: KnownImage) {
    this.#image = image;
  }

  /** Where a run of blocks lies. */
  rangeOf({ block, count }: { readonly block: number; readonly count: number }): readonly [number, number] {
    return [block * this.#state.blockSize, this.#state.bytesOf(block, count)];
  }

  /** Throws JournalError CACHETRAIL_JOURNAL_NO_BYTES for a write without its bytes. */
  accept(event: CacheEvent, payload: Uint8Array | null): void {
    if (event.type === 'opened') {
      // What was not on the device is gone, and comes back from the journal by writes that are in it.
      this.#held.clear();
      this.#taken.clear();
      this.#state = new CacheState({ bytes: false });
      this.#state.seq = event.seq - 1;
    }
    evolve(this.#state, event);
    switch (event.type) {
      case 'written':
        return this.#write(event, payload);
      case 'writebackFinished':
        for (let block = event.block; block < event.block + event.count; block++) this.#taken.add(block);
        return;
      case 'barrierFinished':
        return this.#forgetClean(this.#taken);
      case 'dirtyDiscarded':
        return this.#forgetClean(event.blocks);
      case 'clearFinished':
        return this.#forgetClean(this.#heldIn(event));
    }
  }

  /** Right after the event. */
  carriedBy(event: EventOf<'writebackStarted'>): Carried {
    const [offset, length] = this.rangeOf(event);
    const bytes = new Uint8Array(length);
    let unknownBlock = -1;
    for (let at = 0; at < event.count; at++) {
      const block = event.block + at;
      const held = this.#held.get(block);
      if (held === undefined)
        throw new JournalError('CACHETRAIL_JOURNAL_DAMAGED', `block ${block} is written back unwritten`);
      if (held.isUnknown) unknownBlock = block;
      if (this.#state.slots.pins[this.#state.slots.find(block)] > 0) this.borrowed++;
      bytes.set(held.bytes, at * this.#state.blockSize);
    }
    return { offset, bytes, unknownBlock };
  }

  #write({ offset, block, count, seq }: EventOf<'written'>, payload: Uint8Array | null): void {
    if (payload === null) {
      const message = `the write of event ${seq} is without its bytes: the journal was not kept with mode 'durable'`;
      throw new JournalError('CACHETRAIL_JOURNAL_NO_BYTES', message);
    }
    let done = 0;
    for (let at = block; at < block + count; at++) {
      const [start, length] = this.rangeOf({ block: at, count: 1 });
      const skip = Math.max(0, offset - start);
      const part = payload.subarray(done, done + length - skip);
      this.#put(at, skip, part);
      done += part.length;
    }
  }

  #put(block: number, skip: number, part: Uint8Array): void {
    const [start, length] = this.rangeOf({ block, count: 1 });
    const isWhole = part.length === length;
    let held = this.#held.get(block);
    if (held === undefined) {
      held = { bytes: new Uint8Array(length), isUnknown: false };
      held.isUnknown = !isWhole && !this.#image.read(start, held.bytes);
      this.#held.set(block, held);
    }
    held.bytes.set(part, skip);
    if (isWhole) held.isUnknown = false;
    this.#taken.delete(block);
  }

  /** Deleted from while it is gone through. */
  *#heldIn({ block, count }: { readonly block: number; readonly count: number }): Generator<number, void, undefined> {
    if (count <= this.#held.size) {
      for (let at = block; at < block + count; at++) yield at;
      return;
    }
    for (const held of this.#held.keys()) if (held >= block && held < block + count) yield held;
  }

  #forgetClean(blocks: Iterable<number>): void {
    for (const block of blocks) {
      if (this.#state.slots.statusOf(block) > CLEAN) continue;
      this.#held.delete(block);
      this.#taken.delete(block);
    }
  }
}
