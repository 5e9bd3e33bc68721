/** What the core knows of a block, in words. */
import { BLOCK_STATES, type BlockState } from '../../src/cache/block-state.js';
import { PARKED, RETRYING, STUCK, TAINTED } from '../../src/cache/slot-table.js';
import type { Core } from './core.js';

export interface KnownBlock {
  readonly state: BlockState;
  readonly generation: number;
  /** First generations: that no device write carries, that one carries, that no barrier has covered. 0 for none. */
  readonly dirtyBase: number;
  readonly carriedBase: number;
  readonly writtenBase: number;
  readonly pins: number;
  readonly parked: boolean;
  readonly stuck: boolean;
  readonly retrying: boolean;
  readonly tainted: boolean;
}

export function blockOf(core: Core, block: number): KnownBlock {
  const { slots } = core.state;
  const slot = slots.find(block);
  const value = (column: { readonly [slot: number]: number }) => (slot === -1 ? 0 : column[slot]);
  const has = (flag: number) => (value(slots.flags) & flag) !== 0;
  return {
    state: BLOCK_STATES[value(slots.status)],
    generation: value(slots.generation),
    dirtyBase: value(slots.dirtyBase),
    carriedBase: value(slots.carriedBase),
    writtenBase: value(slots.writtenBase),
    pins: value(slots.pins),
    parked: has(PARKED),
    stuck: has(STUCK),
    retrying: has(RETRYING),
    tainted: has(TAINTED),
  };
}

/** Every cached block and its state, from the coldest to the hottest. */
export function cachedBlocks(core: Core): readonly (readonly [block: number, state: BlockState])[] {
  const { slots } = core.state;
  const found: [number, BlockState][] = [];
  slots.policy.fromColdest((slot) => found.push([slots.block[slot], BLOCK_STATES[slots.status[slot]]]) > 0);
  return found;
}
