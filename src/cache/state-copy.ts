/**
 * A state as plain data, and back: a restored state has the same hash and decides the same from there on. Bytes of blocks
 * are no part of it.
 */
import type { CoreConfig, CoreLimits } from './limits.js';
import type { PlannedRun } from './run-queue.js';
import { type SlotCopy, SlotTable } from './slot-table.js';
import {
  type Barrier,
  type BlockFailure,
  CacheState,
  type DeviceIo,
  type PendingAdmission,
  type PendingClear,
  type PendingRead,
  type Handle,
  type PendingWait,
  type RememberedFailure,
  type ResolvedFailure,
  type ScheduledRetry,
} from './state.js';

export interface StateCopy {
  readonly slots: SlotCopy;
  readonly rest: RestOfState;
}

/** All but the blocks, as JSON holds it. */
export interface RestOfState {
  /** Every field of the state that is a number or a text, by its name. */
  readonly scalars: Readonly<Record<string, number | string>>;
  /** Slots that the table has room for. */
  readonly slots: number;
  readonly config: CoreConfig;
  readonly limits: CoreLimits;
  readonly reads: readonly PendingRead[];
  readonly admissions: readonly PendingAdmission[];
  readonly waits: readonly PendingWait[];
  readonly clears: readonly PendingClear[];
  readonly ios: readonly DeviceIo[];
  readonly stuck: readonly DeviceIo[];
  readonly barrier: Barrier | null;
  readonly runs: readonly PlannedRun[];
  readonly retries: readonly ScheduledRetry[];
  readonly failures: readonly (readonly [block: number, failure: BlockFailure])[];
  readonly handles: readonly Handle[];
  readonly remembered: readonly RememberedFailure[];
  readonly resolved: readonly ResolvedFailure[];
  readonly counters: Readonly<Record<string, number>>;
}

/** The blocks are copied; the rest is shared with the state, and is to be written down before that goes on. */
export function copyState(state: CacheState): StateCopy {
  const { config, limits, barrier, retries, resolved } = state;
  return {
    slots: state.slots.copy(),
    rest: {
      scalars: scalarsOf(state),
      slots: state.slots.capacity,
      config,
      limits,
      reads: state.reads.values(),
      admissions: [...state.admissions.values()],
      waits: [...state.waits.values()],
      clears: [...state.clears.values()],
      ios: state.ios.values(),
      stuck: [...state.stuck.values()],
      barrier,
      runs: [...state.runs],
      retries,
      failures: [...state.failures],
      handles: [...state.handles.values()],
      remembered: [...state.remembered.values()],
      resolved,
      counters: { ...state.counters },
    },
  };
}

/** Takes over what the copy holds, which is to be nobody else's. Throws if it is the copy of no state. */
export function restoreState({ slots, rest }: StateCopy): CacheState {
  const state = new CacheState({ bytes: false });
  Object.assign(state, rest.scalars);
  state.config = rest.config;
  state.limits = rest.limits;
  state.barrier = rest.barrier;
  state.retries = [...rest.retries];
  state.slots = new SlotTable(rest.slots, rest.config.policy);
  state.slots.restore(slots);
  for (const read of rest.reads) state.reads.set(read.op, read);
  for (const admission of rest.admissions) state.admissions.set(admission.op, admission);
  for (const wait of rest.waits) state.waits.set(wait.op, wait);
  for (const clear of rest.clears) state.clears.set(clear.op, clear);
  for (const io of rest.ios) state.ios.set(io.io, io);
  for (const io of rest.stuck) state.stuck.set(io.io, io);
  for (const [block, failure] of rest.failures) state.failures.set(block, failure);
  state.handles.clear();
  for (const handle of rest.handles) state.handles.set(handle.handle, handle);
  for (const failure of rest.remembered) state.remembered.set(failure.block, failure);
  state.resolved = [...rest.resolved];
  state.runs.replace([...rest.runs]);
  Object.assign(state.counters, rest.counters);
  return state;
}

function scalarsOf(state: CacheState): Record<string, number | string> {
  const scalars: Record<string, number | string> = {};
  for (const [name, value] of Object.entries(state)) {
    if (typeof value === 'number' || typeof value === 'string') scalars[name] = value;
  }
  return scalars;
}
