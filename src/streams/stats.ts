import { BLOCK_STATES, type BlockState } from '../cache/block-state.js';
import type { Counters } from '../cache/counters.js';
import { HELD, IN_FLIGHT, PARKED, READY, STUCK, WAITS_FOR_BARRIER } from '../cache/slot-table.js';
import type { CacheState } from '../cache/state.js';
import type { JournalStats } from './journal/types.js';

/** Counts since the cache was opened, and what it holds now. Blocks and operations unless the name says otherwise. */
export interface CacheStats extends Readonly<Counters> {
  /** Hits of all blocks asked for by reads and writes; 0 before there were any. */
  readonly hitRatio: number;
  /** Blocks in a device write, on average. */
  readonly meanRunBlocks: number;
  readonly residentBlocks: number;
  readonly dirtyBlocks: number;
  readonly writingBlocks: number;
  readonly unsyncedBlocks: number;
  readonly pinnedBlocks: number;
  /** Dirty blocks that keep failing, or that the device has not answered for. */
  readonly parkedBlocks: number;
  readonly waitingRequests: number;
  readonly capacityBlocks: number;
  /** Frames made so far: memory follows use, up to the capacity. */
  readonly frames: number;
  /** Frames and the memory between them and the device. */
  readonly memoryBytes: number;
  /** Events so far: the seq of the last. */
  readonly events: number;
  /** What became of the events in the journal; null for a cache without a journal of its own. */
  readonly journal: JournalStats | null;
  /** What became of spans; null for a cache that nobody has instrumented. */
  readonly telemetry: TelemetryStats | null;
}

/** Spans of this process: those of every instrumented cache are made and exported together. */
export interface TelemetryStats {
  readonly spansStarted: number;
  readonly spansEnded: number;
  /** Finished spans that were not exported: the queue was full, or the exporter failed. Of an SDK of one's own, not known. */
  readonly spansDropped: number;
}

export interface BlockInfo {
  readonly block: number;
  readonly state: BlockState;
  /** The newest write's, or 0. */
  readonly generation: number;
  readonly pins: number;
  readonly parked: boolean;
  /** When it came to be dirty, nanoseconds since the cache's epoch. */
  readonly dirtySince: number | null;
  /** The code of the last write or barrier that failed, until it is mended. */
  readonly lastError: string | null;
}

/** What follows from the state alone: all but the parts of the journal and the telemetry. */
export type StateStats = Omit<CacheStats, 'journal' | 'telemetry'>;

export function statsOf(state: CacheState, stagingBytes: number): StateStats {
  const { counters, slots } = state;
  const { counts } = slots.chains;
  const asked = counters.hits + counters.misses;
  return {
    ...counters,
    hitRatio: asked === 0 ? 0 : counters.hits / asked,
    meanRunBlocks: counters.deviceWrites === 0 ? 0 : counters.writebackBlocks / counters.deviceWrites,
    residentBlocks: slots.resident,
    dirtyBlocks: counts[READY] + counts[HELD],
    writingBlocks: counts[IN_FLIGHT],
    unsyncedBlocks: counts[WAITS_FOR_BARRIER],
    pinnedBlocks: slots.pinned,
    parkedBlocks: countParked(state),
    waitingRequests: state.waitingRequests,
    capacityBlocks: state.capacity,
    frames: slots.frames,
    memoryBytes: (state.frames?.memoryBytes ?? 0) + stagingBytes,
    events: state.seq,
  };
}

export function inspectBlock(state: CacheState, block: number): BlockInfo {
  const { slots } = state;
  const slot = slots.find(block);
  if (slot === -1) {
    return { block, state: 'absent', generation: 0, pins: 0, parked: false, dirtySince: null, lastError: null };
  }
  const chain = slots.chains.chainOf(slot);
  return {
    block,
    state: BLOCK_STATES[slots.status[slot]],
    generation: slots.generation[slot],
    pins: slots.pins[slot],
    parked: (slots.flags[slot] & (PARKED | STUCK)) !== 0,
    dirtySince: chain === READY || chain === HELD ? slots.since[slot] : null,
    lastError: state.failures.get(block)?.code ?? null,
  };
}

function countParked(state: CacheState): number {
  const { chains, flags } = state.slots;
  let parked = 0;
  for (let slot = chains.head(HELD); slot !== -1; slot = chains.next(slot)) {
    if ((flags[slot] & (PARKED | STUCK)) !== 0) parked++;
  }
  return parked;
}
