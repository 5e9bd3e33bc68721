/**
 * Applies an event to the state. Deterministic, and the only thing that changes the state.
 *
 * Hot: the events of hits and misses are called by name, the rest through the table. Guarded by the benchmarks.
 */
import { assert } from '../device/errors.js';
import type { CacheEvent, EventType } from './events.js';
import { CONTROL_EVOLVERS, evolveEvicted } from './evolve/control.js';
import { DEVICE_EVOLVERS, evolveFillFinished, evolveFillStarted } from './evolve/device.js';
import { evolveRead, evolveReadEnd, evolveReadMissed, evolveWritten, REQUEST_EVOLVERS } from './evolve/requests.js';
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
  switch (event.type) {
    case 'read':
      return evolveRead(state, event);
    case 'written':
      return evolveWritten(state, event);
    case 'readMissed':
      return evolveReadMissed(state, event);
    case 'evicted':
      return evolveEvicted(state, event);
    case 'fillStarted':
      return evolveFillStarted(state, event);
    case 'fillFinished':
      return evolveFillFinished(state, event);
    case 'readFinished':
      return evolveReadEnd(state, event);
    default:
      return evolverOf(event.type)(state, event);
  }
}

function evolverOf(type: EventType): (state: CacheState, event: CacheEvent) => void {
  // The table maps each type to the evolver of exactly that type, which TypeScript cannot follow through an index.
  const evolver = EVOLVERS[type] as ((state: CacheState, event: CacheEvent) => void) | undefined;
  assert(evolver !== undefined, 'the type of the event is known');
  return evolver;
}
