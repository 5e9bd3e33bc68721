/**
 * The life of one request: its own events, the device reads it waited for, what became of the blocks it wrote until they
 * were durable, and what a flush met. A pure fold like that of a block.
 */
import type { CacheEvent } from '../../../cache/events.js';
import { plural, runText } from '../text.js';
import { BlockLife } from './block-life.js';
import { opText } from './op-text.js';
import { entryOf, type LifeEntry, type LifeKind } from './entry.js';

export class OpLife {
  readonly op: number;
  readonly #fills = new Set<number>();
  /** The blocks that it wrote and that are not durable yet, with the generation that it gave them. */
  readonly #blocks = new Map<number, { readonly life: BlockLife; readonly generation: number }>();
  #wrote = 0;
  #blockSize: number;
  #head: CacheEvent | null = null;
  /** A flush or close that has not ended. */
  #draining: { readonly block: number; readonly count: number } | null = null;
  #deviceWrites = 0;
  #evicted = 0;

  constructor(op: number, blockSize = 1) {
    this.op = op;
    this.#blockSize = blockSize;
  }

  accept(event: CacheEvent, epochMs: number): LifeEntry[] {
    if (event.type === 'opened') this.#begin(event.config.blockSize);
    if (event.type === 'blockSizeChanged') this.#blockSize = event.to;
    if (event.cause === 0) this.#head = event;
    const out = this.#ofBlocks(event, epochMs);
    if ('op' in event && event.op === this.op && event.op !== 0) out.unshift(...this.#own(event, epochMs));
    else if ('io' in event && this.#fills.has(event.io))
      out.unshift(this.#plain(event, epochMs, FILL_ENDS[event.type] ?? 'read'));
    else if (this.#draining !== null) out.push(...this.#drained(event, epochMs, this.#draining));
    if (event.type === 'evicted' && this.#isMine(event)) this.#evicted++;
    return out;
  }

  end(): LifeEntry[] {
    return [];
  }

  /** Blocks that it wrote and that are not durable by the last event. */
  standing(): string {
    if (this.#wrote === 0) return '';
    if (this.#blocks.size === 0) return 'all that it wrote is durable, or was given up by name';
    return `not durable: ${blocksText([...this.#blocks.keys()])}`;
  }

  /** Requests are numbered anew when the cache is opened. */
  #begin(blockSize: number): void {
    this.#blockSize = blockSize;
    this.#fills.clear();
    this.#blocks.clear();
    this.#draining = null;
  }

  #own(event: Extract<CacheEvent, { op: number }>, epochMs: number): LifeEntry[] {
    if (event.type === 'fillStarted' || event.type === 'fillJoined') this.#fills.add(event.io);
    if (event.type === 'written') this.#watch(event, epochMs);
    if (event.type === 'flushStarted') this.#draining = event;
    if (event.type === 'closeStarted') this.#draining = { block: 0, count: Infinity };
    const ended = ENDS.has(event.type);
    const notes: string[] = [];
    if (ended && this.#draining !== null) notes.push(`${plural(this.#deviceWrites, 'device write')} meanwhile`);
    if (this.#evicted > 0) notes.push(`${plural(this.#evicted, 'block')} evicted for it`);
    this.#evicted = 0;
    if (ended) {
      this.#draining = null;
      this.#deviceWrites = 0;
    }
    return [this.#plain(event, epochMs, 'request', notes)];
  }

  #plain(event: CacheEvent, epochMs: number, kind: LifeKind, notes: readonly string[] = []): LifeEntry {
    return entryOf(event, epochMs, kind, [opText(event), ...notes].join('; '), { type: event.type });
  }

  #watch(event: Extract<CacheEvent, { type: 'written' }>, epochMs: number): void {
    const { block, count, generation } = event;
    this.#wrote += count;
    for (let one = block; one < block + count; one++) {
      const life = new BlockLife(one, this.#blockSize);
      life.accept(event, epochMs);
      this.#blocks.set(one, { life, generation });
    }
  }

  /** What happened to the blocks that it wrote: the same line for several blocks is told once. */
  #ofBlocks(event: CacheEvent, epochMs: number): LifeEntry[] {
    if (this.#blocks.size === 0) return [];
    const told = new Map<string, { readonly entry: LifeEntry; readonly blocks: number[] }>();
    for (const [block, { life, generation }] of this.#blocks) {
      for (const entry of life.accept(event, epochMs)) {
        if (!BLOCK_KINDS.has(entry.kind) || ('op' in event && event.op === this.op)) continue;
        const key = `${entry.seq} ${entry.text}`;
        const same = told.get(key);
        if (same === undefined) told.set(key, { entry, blocks: [block] });
        else same.blocks.push(block);
      }
      if (life.durable >= generation || (GONE.has(event.type) && life.isGone)) this.#blocks.delete(block);
    }
    return [...told.values()].map(({ entry, blocks }) =>
      this.#wrote === 1 ? entry : { ...entry, text: `${blocksText(blocks)}: ${entry.text}` },
    );
  }

  /** What a flush meets while it waits: batches and barriers, and everything that goes wrong in its range. */
  #drained(event: CacheEvent, epochMs: number, range: { readonly block: number; readonly count: number }): LifeEntry[] {
    if (event.type === 'writebackFinished') this.#deviceWrites++;
    if (!DRAIN_TYPES.has(event.type)) return [];
    if ('block' in event && (event.block >= range.block + range.count || lastOf(event) < range.block)) return [];
    return [this.#plain(event, epochMs, 'meanwhile')];
  }

  #isMine(event: CacheEvent): boolean {
    const head = this.#head;
    return head !== null && head.seq === event.cause && 'op' in head && head.op === this.op;
  }
}

function lastOf(event: Extract<CacheEvent, { block: number }>): number {
  return event.block + ('count' in event ? event.count : 1) - 1;
}

/** Runs of neighbours, the first few. */
function blocksText(blocks: readonly number[]): string {
  const sorted = [...blocks].sort((a, b) => a - b);
  const runs: [number, number][] = [];
  for (const block of sorted) {
    const last = runs.at(-1);
    if (last !== undefined && last[0] + last[1] === block) last[1]++;
    else runs.push([block, 1]);
  }
  const told = runs.slice(0, 4).map(([block, count]) => runText(block, count));
  return runs.length > 4 ? `${told.join(', ')} and ${runs.length - 4} more` : told.join(', ');
}

const FILL_ENDS: { readonly [T in CacheEvent['type']]?: LifeKind } = {
  fillFinished: 'read',
  fillFailed: 'read failed',
};

const ENDS: ReadonlySet<CacheEvent['type']> = new Set([
  'flushFinished',
  'flushFailed',
  'requestAborted',
  'closed',
  'closeFailed',
]);

const GONE: ReadonlySet<CacheEvent['type']> = new Set([
  'dirtyDiscarded',
  'clearFinished',
  'closed',
  'blockSizeChanged',
]);

const DRAIN_TYPES: ReadonlySet<CacheEvent['type']> = new Set([
  'batchPlanned',
  'writebackFailed',
  'writebackRetryScheduled',
  'writebackSplit',
  'blockParked',
  'barrierStarted',
  'barrierFinished',
  'barrierFailed',
]);

/** What of a block's life belongs to the request that wrote it. */
const BLOCK_KINDS: ReadonlySet<LifeKind> = new Set([
  'written',
  'rewritten',
  'planned',
  'writing',
  'at the device',
  'failed',
  'retry',
  'split',
  'parked',
  'unparked',
  'late',
  'reported',
  'barrier',
  'durable',
  'barrier failed',
  'replaced',
  'lost',
  'cleared',
]);
