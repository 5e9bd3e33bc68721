/** What the parts of the projection have in common. */
import type { CacheEvent, EventType } from '../../cache/events.js';
import { ATTRIBUTE } from '../names.js';
import type { SpanAttributes } from './span-sink.js';

export type EventOf<Type extends EventType> = Extract<CacheEvent, { type: Type }>;

export interface Run {
  readonly block: number;
  /** Blocks. */
  readonly count: number;
}

export function runAttributes({ block, count }: Run): SpanAttributes {
  return { [ATTRIBUTE.block]: block, [ATTRIBUTE.count]: count };
}

export function holds(range: Run, block: number): boolean {
  return block >= range.block && block - range.block < range.count;
}

/** Blocks in a row, or one by one. */
export type Blocks = Run | { readonly blocks: readonly number[] };

/** The entries of a map by block that are among `blocks`, whichever way is shorter: a range can be a whole device. */
export function entriesIn<Value>(map: ReadonlyMap<number, Value>, blocks: Blocks): [number, Value][] {
  if ('blocks' in blocks) return entriesAt(map, blocks.blocks);
  const { block, count } = blocks;
  if (count > map.size) return [...map].filter(([at]) => holds(blocks, at));
  return entriesAt(
    map,
    Array.from({ length: count }, (_, index) => block + index),
  );
}

function entriesAt<Value>(map: ReadonlyMap<number, Value>, blocks: readonly number[]): [number, Value][] {
  const found: [number, Value][] = [];
  for (const block of blocks) {
    const value = map.get(block);
    if (value !== undefined) found.push([block, value]);
  }
  return found;
}
