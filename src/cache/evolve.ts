/**
 * Applies an event to the state. Deterministic, and the only thing that changes the state.
 *
 * Hot: `read` and `written` come first. Guarded by the `hit.readNow` and `write.cached` benchmarks.
 */
import { assert } from '../device/errors.js';
import type { CacheEvent, EventType } from './events.js';
import { CONTROL_EVOLVERS } from './evolve/control.js';
import { DEVICE_EVOLVERS } from './evolve/device.js';
import { evolveRead, evolveWritten, REQUEST_EVOLVERS } from './evolve/requests.js';
import type { CacheState } from './state.js';

export type Evolver<Type extends EventType> = (state: CacheState, event: Extract<CacheEvent, { type: Type }>) => void;

/** One evolver for every type: a type without one does not compile. */
const EVOLVERS: { readonly [Type in EventType]: Evolver<Type> } = {
  ...REQUEST_EVOLVERS,
  ...DEVICE_EVOLVERS,
  ...CONTROL_EVOLVERS,
};

export function evolve(state: CacheState, event: CacheEvent): void {
  assert(event.seq === state.seq + 1, 'events are applied in order, each once');
  state.seq = event.seq;
  if (event.type === 'read') evolveRead(state, event);
  else if (event.type === 'written') evolveWritten(state, event);
  else evolverOf(event.type)(state, event);
}

function evolverOf(type: EventType): (state: CacheState, event: CacheEvent) => void {
  assert(Object.hasOwn(EVOLVERS, type), 'the type of the event is known');
  // The table maps each type to the evolver of exactly that type, which TypeScript cannot follow through an index.
  return EVOLVERS[type] as (state: CacheState, event: CacheEvent) => void;
}
