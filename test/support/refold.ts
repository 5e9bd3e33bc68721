import { expect } from 'chai';
import { type CacheEvent, CacheState, decide, evolve, hashState, inputOf } from '../../src/cache/index.js';
import { Turn } from '../../src/cache/turn.js';

/** Folds events into a new state and gives its digest. */
export function foldedHash(events: readonly CacheEvent[]): string {
  const state = new CacheState({ bytes: false });
  for (const event of events) evolve(state, event);
  return hashState(state);
}

/** Feeds the inputs that the events came from to a new core, and requires the same events again. */
export function expectSameDecisions(events: readonly CacheEvent[]): void {
  const state = new CacheState({ bytes: false });
  const again: CacheEvent[] = [];
  const turn = new Turn(state, (event) => {
    evolve(state, event);
    again.push(event);
  });
  for (const event of events) {
    if (event.cause !== 0) continue;
    decide(turn, inputOf(event));
    const from = event.seq - 1;
    for (let at = from; at < again.length; at++) {
      expect(JSON.stringify(again[at]), `event ${at + 1}`).to.equal(JSON.stringify(events[at]));
    }
  }
  expect(again.length).to.equal(events.length);
}
