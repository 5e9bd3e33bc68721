/** The log must tell all: folded again it gives the same state, decided again from its inputs the same events. */
import { decide } from '../../src/cache/decide.js';
import { hashState } from '../../src/cache/digest.js';
import type { CacheEvent } from '../../src/cache/events.js';
import { evolve } from '../../src/cache/evolve.js';
import { inputOf } from '../../src/cache/inputs.js';
import { CacheState } from '../../src/cache/state.js';
import { Turn } from '../../src/cache/turn.js';
import { demand } from './failure.js';

export function demandFold(events: readonly CacheEvent[], hash: string): void {
  const state = stateBefore(events);
  for (const event of events) evolve(state, event);
  demand(hashState(state) === hash, 'the events, folded again, give another state');
}

/** Costs a few times as much as the fold. */
export function demandSameDecisions(events: readonly CacheEvent[]): void {
  const state = stateBefore(events);
  let next = 0;
  const turn = new Turn(state, (event) => {
    const recorded = events[next++];
    demand(isSame(event, recorded), () => `decided again ${JSON.stringify(event)} for ${JSON.stringify(recorded)}`);
    evolve(state, event);
  });
  for (const event of events) if (event.cause === 0) decide(turn, inputOf(event));
  demand(next === events.length, `${next} of ${events.length} events were decided again`);
}

/** A cache that continues a journal goes on from its last seq. */
function stateBefore([first]: readonly CacheEvent[]): CacheState {
  const state = new CacheState({ bytes: false });
  state.seq = first === undefined ? 0 : first.seq - 1;
  return state;
}

function isSame(one: unknown, other: unknown): boolean {
  if (Object.is(one, other)) return true;
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) return false;
  const names = Object.keys(one);
  if (names.length !== Object.keys(other).length) return false;
  return names.every((name) => isSame(Reflect.get(one, name), Reflect.get(other, name)));
}
