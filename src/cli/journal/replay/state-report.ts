/** A state of the cache as a report: what it holds, what must be kept, what is under way. */
import { BLOCK_STATES, type BlockState } from '../../../cache/block-state.js';
import { hashState } from '../../../cache/digest.js';
import { PARKED, STUCK } from '../../../cache/slot-table.js';
import type { CacheState, DeviceIo, PendingOp } from '../../../cache/state.js';
import { type StateStats, statsOf } from '../../../streams/stats.js';

export interface BlockRun {
  readonly block: number;
  /** Blocks. */
  readonly count: number;
}

export interface WaitingRequest extends BlockRun {
  readonly op: number;
  readonly kind: string;
  /** What it waits for, in words. */
  readonly waitsFor: string;
}

/** A device operation that has not been answered. `block` and `count` are 0 for a barrier. */
export interface RunningOperation extends BlockRun {
  readonly io: number;
  readonly kind: 'read' | 'write' | 'barrier' | 'discard' | 'zero' | 'clear';
  /** It has timed out; the device may still answer. */
  readonly timedOut: boolean;
}

export interface StateReport {
  readonly seq: number;
  /** Milliseconds since 1970. */
  readonly ms: number;
  readonly phase: CacheState['phase'];
  /** A digest of the whole state: equal after equal events. */
  readonly hash: string;
  /** Bytes. */
  readonly blockSize: number;
  /** Of the device. */
  readonly blockCount: number;
  readonly policy: string;
  readonly mode: string;
  readonly blocks: Readonly<Record<BlockState, number>>;
  readonly dirty: readonly BlockRun[];
  readonly unsynced: readonly BlockRun[];
  readonly parked: readonly (BlockRun & { readonly code: string })[];
  readonly requests: readonly WaitingRequest[];
  readonly operations: readonly RunningOperation[];
  /** Runs that wait for their next try. */
  readonly retries: readonly BlockRun[];
  readonly stats: StateStats;
}

export function stateReport(state: CacheState, ms: number): StateReport {
  const { config, slots } = state;
  const parked = blocksWhere(state, (slot) => (slots.flags[slot] & (PARKED | STUCK)) !== 0);
  return {
    seq: state.seq,
    ms,
    phase: state.phase,
    hash: hashState(state),
    blockSize: state.blockSize,
    blockCount: state.blockCount,
    policy: config.policy,
    mode: config.mode,
    blocks: countsOf(state),
    dirty: runsOf(blocksWhere(state, (slot) => isOf(state, slot, 'dirty'))),
    unsynced: runsOf(blocksWhere(state, (slot) => isOf(state, slot, 'unsynced'))),
    parked: parked.map((block) => ({ block, count: 1, code: state.failures.get(block)?.code ?? '' })),
    requests: requestsOf(state),
    operations: operationsOf(state),
    retries: state.retries.map(({ block, count }) => ({ block, count })),
    stats: statsOf(state, 0),
  };
}

function isOf(state: CacheState, slot: number, wanted: BlockState): boolean {
  return BLOCK_STATES[state.slots.status[slot]] === wanted;
}

function countsOf({ slots, blockCount }: CacheState): Record<BlockState, number> {
  const counts = { absent: blockCount - slots.resident, loading: 0, clean: 0, dirty: 0, writing: 0, unsynced: 0 };
  for (let slot = 0; slot < slots.frames; slot++) {
    const name = BLOCK_STATES[slots.status[slot]];
    if (name !== 'absent') counts[name]++;
  }
  return counts;
}

function blocksWhere({ slots }: CacheState, holds: (slot: number) => boolean): number[] {
  const blocks: number[] = [];
  for (let slot = 0; slot < slots.frames; slot++) if (holds(slot)) blocks.push(slots.block[slot]);
  return blocks.sort((a, b) => a - b);
}

function runsOf(blocks: readonly number[]): BlockRun[] {
  const runs: { block: number; count: number }[] = [];
  for (const block of blocks) {
    const last = runs.at(-1);
    if (last !== undefined && last.block + last.count === block) last.count++;
    else runs.push({ block, count: 1 });
  }
  return runs;
}

function requestsOf(state: CacheState): WaitingRequest[] {
  const waiting: PendingOp[] = [
    ...state.reads.values(),
    ...state.admissions.values(),
    ...state.waits.values(),
    ...state.clears.values(),
  ];
  return waiting.sort((a, b) => a.op - b.op).map(requestOf);
}

function requestOf(pending: PendingOp): WaitingRequest {
  const { op, block, count } = pending;
  switch (pending.kind) {
    case 'read':
      return { op, kind: 'read', block, count, waitsFor: pending.blocked ? 'a clear of its range' : 'the device' };
    case 'write':
    case 'borrow':
      return { op, kind: pending.kind, block, count, waitsFor: 'admission' };
    case 'clear':
      return { op, kind: pending.clear, block, count, waitsFor: pending.io === 0 ? 'its turn' : 'the device' };
    default: {
      const kind = pending.kind === 'through' ? 'write' : pending.kind;
      const { unwritten, undurable } = pending;
      const waitsFor =
        pending.kind === 'through'
          ? `${unwritten} blocks to be written`
          : `${unwritten} blocks to be written, ${undurable} to be durable`;
      return { op, kind, block, count, waitsFor };
    }
  }
}

function operationsOf(state: CacheState): RunningOperation[] {
  const stuck = [...state.stuck.values()].map((io) => operationOf(state, io, true));
  return [...state.ios.values().map((io) => operationOf(state, io, false)), ...stuck].sort((a, b) => a.io - b.io);
}

function operationOf(state: CacheState, io: DeviceIo, timedOut: boolean): RunningOperation {
  if (io.kind === 'barrier') return { io: io.io, kind: 'barrier', block: 0, count: 0, timedOut };
  const kind = io.kind === 'fill' ? 'read' : io.kind === 'writeback' ? 'write' : clearKind(state, io.op);
  return { io: io.io, kind, block: io.block, count: io.count, timedOut };
}

/** Of a request that has ended, because its operation timed out, only that it was one of them is known. */
function clearKind(state: CacheState, op: number): 'discard' | 'zero' | 'clear' {
  const kind = state.clears.get(op)?.clear;
  return kind === 'discard' || kind === 'zero' ? kind : 'clear';
}
