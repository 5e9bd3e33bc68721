import { expect } from 'chai';
import {
  type CacheEvent,
  CacheState,
  copyState,
  decide,
  evolve,
  hashState,
  inputOf,
  restoreState,
} from '../../src/cache/index.js';
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

/** The same while the state is put away as plain text and brought back, now and then. */
export function expectRestorable(events: readonly CacheEvent[], everyInputs = 7): void {
  const folded = new CacheState({ bytes: false });
  const again: CacheEvent[] = [];
  const turnOver = (state: CacheState) =>
    new Turn(state, (event) => {
      evolve(state, event);
      again.push(event);
    });
  let turn = turnOver(new CacheState({ bytes: false }));
  let inputs = 0;
  for (const event of events) {
    if (event.cause === 0) {
      if (++inputs % everyInputs === 0) turn = turnOver(restored(turn.state));
      decide(turn, inputOf(event));
    }
    evolve(folded, event);
    // In the middle of a decision, too.
    if (event.seq % everyInputs === 0)
      expect(hashState(restored(folded)), `at ${event.seq}`).to.equal(hashState(folded));
  }
  expect(JSON.stringify(again)).to.equal(JSON.stringify(events));
  expect(hashState(turn.state)).to.equal(hashState(folded));
}

/** What came back from plain text, and is checked as any state is. */
function restored(state: CacheState): CacheState {
  const { slots, rest } = copyState(state);
  const back = restoreState({ slots, rest: JSON.parse(JSON.stringify(rest)) });
  expect(copyState(back)).to.deep.equal(copyState(state));
  return back;
}
