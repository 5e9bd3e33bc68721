/**
 * Writes on their way to being durable: which of them a writeback carries, and the `durable` that each ends with. A write
 * is followed if it has a span, or was made in a sampled trace. State: for each block that is not durable, the newest write
 * of each such context.
 */
import { isSampled } from '../../streams/sampled.js';
import { ATTRIBUTE, RELATION, SPAN } from '../names.js';
import { type Blocks, entriesIn, type EventOf, type Run, runAttributes } from './event.js';
import type { SpanLink, SpanRef } from './span-sink.js';
import { distinctLinks, link, type Spans } from './spans.js';

export interface DoneBarrier {
  readonly seq: number;
  readonly at: number;
  /** Of the barriers of this cache, from 1. */
  readonly number: number;
  readonly ref: SpanRef;
}

interface FollowedWrite extends Run {
  readonly seq: number;
  readonly at: number;
  readonly op: number;
  readonly generation: number;
  /** The write's own span, or the caller's. */
  readonly context: SpanRef;
  /** Writes of the same context that it stands for, itself included. */
  writes: number;
  /** Blocks that are neither durable, nor discarded, nor written again in the same context. */
  left: number;
  /** The writebacks that have taken it to the device, as far as no failed barrier has put that in doubt. Null for none yet. */
  carriers: Set<SpanRef> | null;
}

interface FollowedBlock {
  /** By context. Not carried by any device write yet. */
  readonly dirty: Map<string, FollowedWrite>;
  carried: readonly FollowedWrite[];
  /** At the device, without a barrier since. */
  written: readonly FollowedWrite[];
  /** The number of the first barrier that covers what is written. */
  neededBarrier: number;
}

const NONE: readonly FollowedWrite[] = [];

export class CarriedWrites {
  readonly #spans: Spans;
  readonly #blocks = new Map<number, FollowedBlock>();

  constructor(spans: Spans) {
    this.#spans = spans;
  }

  /** Follows a write that was admitted. */
  add(event: EventOf<'written'>, context: SpanRef): void {
    if (!isSampled(context)) return;
    const { seq, at, op, generation, block, count } = event;
    const carriers = null;
    const left = count;
    const writes = 1;
    const write: FollowedWrite = { seq, at, op, generation, block, count, context, carriers, left, writes };
    for (let written = block; written < block + count; written++) {
      const { dirty } = this.#at(written);
      const key = keyIn(dirty, context);
      const older = dirty.get(key);
      if (older !== undefined) this.#replace(older, write);
      dirty.set(key, write);
    }
  }

  /** A device write of the run has begun: links to all that it carries, but for those `known` to its writeback. */
  carry(run: Run, known: Set<object>): SpanLink[] {
    const links: SpanLink[] = [];
    for (const [block, followed] of entriesIn(this.#blocks, run)) {
      if (followed.dirty.size === 0) continue;
      followed.carried = [...followed.carried, ...followed.dirty.values()];
      for (const write of followed.dirty.values()) {
        if (!known.has(write)) links.push(carryLink(write, block));
        known.add(write);
      }
      followed.dirty.clear();
    }
    return links;
  }

  /** The device has taken the run from a writeback; the barrier of this number will make it durable. */
  wrote(run: Run, neededBarrier: number, carrier: SpanRef | null): void {
    for (const [, followed] of entriesIn(this.#blocks, run)) {
      for (const write of followed.carried) {
        write.carriers ??= new Set();
        if (carrier !== null) write.carriers.add(carrier);
      }
      followed.written = [...followed.written, ...followed.carried];
      followed.carried = NONE;
      followed.neededBarrier = neededBarrier;
    }
  }

  /** The device has not taken the run. */
  failed(run: Run): void {
    for (const [, followed] of entriesIn(this.#blocks, run)) this.#makeDirty(followed, 'carried');
  }

  /** What the device had taken of the run is in doubt, and will be written again. */
  doubted(run: Run): void {
    for (const [, followed] of entriesIn(this.#blocks, run)) {
      for (const write of followed.written) write.carriers = null;
      this.#makeDirty(followed, 'written');
    }
  }

  /** A barrier made durable what the device had taken of the run. */
  synced(run: Run, barrier: DoneBarrier): void {
    for (const [block, followed] of entriesIn(this.#blocks, run)) {
      // Written again since the barrier began: the next one speaks for both.
      if (followed.neededBarrier > barrier.number) continue;
      for (const write of followed.written) if (--write.left === 0) this.#end(write, barrier);
      followed.written = NONE;
      this.#forget(block, followed);
    }
  }

  /** The blocks were lost or cleared because `by` said so. */
  discard(
    blocks: Blocks,
    { seq, at }: { readonly seq: number; readonly at: number },
    reason: string,
    by: SpanRef | null,
  ): void {
    const lost = new Map<FollowedWrite, number>();
    for (const [block, { dirty, carried, written }] of entriesIn(this.#blocks, blocks)) {
      for (const write of [...dirty.values(), ...carried, ...written]) {
        lost.set(write, (lost.get(write) ?? 0) + 1);
      }
      this.#blocks.delete(block);
    }
    for (const [write, count] of lost) {
      write.left -= count;
      const key = `discarded ${write.seq} ${seq}`;
      const attributes = {
        ...writeAttributes(write),
        [ATTRIBUTE.endSeq]: seq,
        [ATTRIBUTE.blocks]: count,
        [ATTRIBUTE.reason]: reason,
      };
      const links = by === null ? [] : [link(by, RELATION.discardedBy)];
      this.#spans.whole({ key, name: SPAN.discarded, at: write.at, parent: write.context, attributes, links }, { at });
    }
  }

  get size(): number {
    let entries = 0;
    for (const { dirty, carried, written } of this.#blocks.values())
      entries += dirty.size + carried.length + written.length;
    return entries;
  }

  finish(): void {
    this.#blocks.clear();
  }

  #at(block: number): FollowedBlock {
    let followed = this.#blocks.get(block);
    if (followed === undefined) {
      followed = { dirty: new Map(), carried: NONE, written: NONE, neededBarrier: 0 };
      this.#blocks.set(block, followed);
    }
    return followed;
  }

  /** The newer write of the same context speaks for both from now on. */
  #replace(older: FollowedWrite, newer: FollowedWrite): void {
    older.left--;
    newer.writes = Math.max(newer.writes, older.writes + 1);
  }

  #makeDirty(followed: FollowedBlock, place: 'carried' | 'written'): void {
    for (const write of followed[place]) {
      const key = keyIn(followed.dirty, write.context);
      const newer = followed.dirty.get(key);
      if (newer === undefined) followed.dirty.set(key, write);
      else this.#replace(write, newer);
    }
    followed[place] = NONE;
  }

  #forget(block: number, { dirty, carried, written }: FollowedBlock): void {
    if (dirty.size === 0 && carried.length === 0 && written.length === 0) this.#blocks.delete(block);
  }

  #end(write: FollowedWrite, { seq, at, ref }: DoneBarrier): void {
    const links = [link(ref, RELATION.syncedBy), ...distinctLinks(write.carriers ?? [], RELATION.carriedBy)];
    const attributes = { ...writeAttributes(write), [ATTRIBUTE.endSeq]: seq };
    const key = `durable ${write.seq}`;
    const parent = write.context;
    this.#spans.whole({ key, name: SPAN.durable, at: write.at, parent, attributes, links }, { at });
  }
}

/** The span id, as a rule: a string made for every write would cost more than the rest. */
function keyIn(dirty: ReadonlyMap<string, FollowedWrite>, { traceId, spanId }: SpanRef): string {
  const found = dirty.get(spanId);
  return found === undefined || found.context.traceId === traceId ? spanId : `${traceId}${spanId}`;
}

function carryLink(write: FollowedWrite, block: number) {
  const { seq, op, generation, writes } = write;
  return link(write.context, RELATION.carries, {
    [ATTRIBUTE.seq]: seq,
    [ATTRIBUTE.op]: op,
    [ATTRIBUTE.block]: block,
    [ATTRIBUTE.generation]: generation,
    [ATTRIBUTE.writes]: writes,
  });
}

function writeAttributes(write: FollowedWrite) {
  const { seq, op, generation, writes } = write;
  return {
    [ATTRIBUTE.seq]: seq,
    [ATTRIBUTE.op]: op,
    ...runAttributes(write),
    [ATTRIBUTE.generation]: generation,
    [ATTRIBUTE.writes]: writes,
  };
}
