import { expect } from 'chai';
import {
  BLOCK_STATES,
  BLOCK_TRIGGERS,
  type BlockState,
  type BlockTrigger,
  codeOfTrigger,
  nextState,
  TRANSITIONS,
} from '../../src/cache/block-state.js';
import type { CacheEvent } from '../../src/cache/events.js';
import { InternalError } from '../../src/device/errors.js';
import { blockOf } from '../support/blocks.js';
import { Core, given, open, type Step } from '../support/core.js';
import {
  cached,
  clear,
  done,
  fails,
  flush,
  grown,
  invalidate,
  read,
  settle,
  timesOut,
  write,
} from '../support/steps.js';

/** The block that everything here happens to. */
const B = 3;

describe('the transition table', () => {
  for (const [code, state] of BLOCK_STATES.entries()) {
    for (const trigger of BLOCK_TRIGGERS) {
      const next = TRANSITIONS[state][trigger];
      if (next !== undefined) {
        it(`leads a block that is ${state} by ${trigger} to ${next}`, () => {
          expect(BLOCK_STATES[nextState(code, codeOfTrigger(trigger))]).to.equal(next);
        });
      } else {
        it(`stops where ${trigger} would happen to a block that is ${state}`, () => {
          expect(() => nextState(code, codeOfTrigger(trigger)))
            .to.throw(InternalError)
            .with.property('code', 'CACHETRAIL_INTERNAL');
        });
      }
    }
  }

  it('has all of 6 states and 13 triggers', () => {
    expect(BLOCK_STATES.length * BLOCK_TRIGGERS.length).to.equal(78);
  });
});

/** How a block comes to be in a state, by real decisions; nothing is written before it is asked for. */
const before: Readonly<Record<BlockState, readonly Step[]>> = {
  absent: [],
  loading: [read(B)],
  clean: [cached(B)],
  dirty: [write(B)],
  writing: [write(B), flush()],
  unsynced: [write(B), flush(), done('writeback')],
};

/** The device holds bytes of the block that no barrier has covered, and the block was written again since. */
const dirtyAndWritten = [...before.unsynced, write(B)];
const writingAndWritten = [...dirtyAndWritten, flush()];

/** Every possible pair: what comes before it, and the input whose decision has it happen. */
const REACHED: readonly (readonly [BlockState, BlockTrigger, readonly Step[], Step])[] = [
  ['absent', 'fillStarted', [], read(B)],
  ['absent', 'written', [], write(B)],
  ['loading', 'filled', before.loading, done('fill')],
  ['loading', 'fillFailed', before.loading, fails('fill')],
  ['loading', 'written', before.loading, write(B)],
  ['loading', 'invalidated', before.loading, invalidate(B, 1)],
  ['loading', 'discarded', [clear('zero', B), timesOut('clear'), read(B)], lateAnswer],
  ['clean', 'written', before.clean, write(B)],
  ['clean', 'evicted', [cached(B), cached(10, 7)], read(20)],
  ['clean', 'invalidated', before.clean, invalidate(B, 1)],
  ['clean', 'discarded', [cached(B), clear('discard', B)], done('clear')],
  ['dirty', 'written', before.dirty, write(B)],
  ['dirty', 'writebackStarted', before.dirty, flush()],
  ['dirty', 'synced', dirtyAndWritten, done('barrier')],
  ['dirty', 'syncFailed', dirtyAndWritten, fails('barrier')],
  ['dirty', 'discarded', [write(B), clear('discard', B)], done('clear')],
  ['writing', 'written', before.writing, write(B)],
  ['writing', 'writtenBack', before.writing, done('writeback')],
  ['writing', 'writtenBackStale', [...before.writing, write(B)], done('writeback')],
  ['writing', 'writebackFailed', before.writing, fails('writeback')],
  ['writing', 'synced', writingAndWritten, done('barrier')],
  ['writing', 'syncFailed', writingAndWritten, fails('barrier')],
  ['unsynced', 'written', before.unsynced, write(B)],
  ['unsynced', 'synced', before.unsynced, done('barrier')],
  ['unsynced', 'syncFailed', before.unsynced, fails('barrier')],
  ['unsynced', 'discarded', [...before.unsynced, clear('discard', B)], done('clear')],
];

function lateAnswer({ state }: Core) {
  return [...state.stuck.keys()].map((io) => done(io));
}

describe('a block', () => {
  const LAZY = { limits: { dirtyBackgroundShare: 1, dirtyHardShare: 1 } };

  for (const [from, trigger, steps, input] of REACHED) {
    it(`that is ${from} comes by ${trigger}, through a decision, to ${TRANSITIONS[from][trigger]}`, () => {
      const { core } = given(open(LAZY), grown, ...steps);
      expect(blockOf(core, B).state).to.equal(from);
      const { length } = core.events;
      core.take(input);
      core.verify();
      expect(stateAfter(core, length, trigger)).to.equal(TRANSITIONS[from][trigger]);
    });
  }

  it('comes through every possible pair', () => {
    const possible = BLOCK_STATES.flatMap((state) =>
      Object.keys(TRANSITIONS[state]).map((trigger) => `${state} ${trigger}`),
    );
    expect(REACHED.map(([from, trigger]) => `${from} ${trigger}`)).to.have.members(possible);
  });
});

/** The state of the block right after the first event of the decision that can have been the trigger. */
function stateAfter(core: Core, from: number, trigger: BlockTrigger): BlockState {
  const at = core.events.findIndex((event, index) => index >= from && EVENTS[trigger].includes(event.type));
  if (at === -1) throw new Error(`there is no ${trigger} among ${core.events.slice(from).map(({ type }) => type)}`);
  const then = new Core();
  for (const event of core.events.slice(0, at + 1)) then.take(event);
  return blockOf(then, B).state;
}

const EVENTS: Readonly<Record<BlockTrigger, readonly CacheEvent['type'][]>> = {
  fillStarted: ['fillStarted'],
  filled: ['fillFinished'],
  fillFailed: ['fillFailed'],
  written: ['written'],
  writebackStarted: ['writebackStarted'],
  writtenBack: ['writebackFinished'],
  writtenBackStale: ['writebackFinished'],
  writebackFailed: ['writebackFailed'],
  synced: ['barrierFinished'],
  syncFailed: ['barrierFailed', 'deviceAnsweredLate', 'deviceReplaced'],
  evicted: ['evicted'],
  invalidated: ['invalidated'],
  discarded: ['clearFinished', 'clearFailed', 'dirtyDiscarded', 'deviceAnsweredLate'],
};

describe('an event that would lose bytes', () => {
  const LAZY = { limits: { dirtyBackgroundShare: 1, dirtyHardShare: 1 } };
  const fact = (core: Core) => ({ seq: core.state.seq + 1, at: core.at, cause: core.state.seq });
  const events: Readonly<Record<'evicted' | 'invalidated' | 'discarded', (core: Core) => CacheEvent>> = {
    evicted: (core) => ({ type: 'evicted', ...fact(core), block: B, reason: 'room' }),
    invalidated: (core) => ({
      type: 'invalidated',
      ...fact(core),
      op: 9,
      actor: '',
      trace: null,
      block: B,
      count: 1,
      dropped: 1,
    }),
    discarded: (core) => ({ type: 'dirtyDiscarded', ...fact(core), op: 9, blocks: [B], reason: 'test' }),
  };

  for (const trigger of ['evicted', 'invalidated', 'discarded'] as const) {
    for (const state of BLOCK_STATES) {
      if (state === 'absent' || TRANSITIONS[state][trigger] !== undefined) continue;
      it(`is not applied: ${trigger}, to a block that is ${state}`, () => {
        const { core } = given(open(LAZY), grown, ...before[state]);
        expect(() => core.take(events[trigger](core))).to.throw(InternalError);
      });
    }
  }

  it('is not applied: the eviction of a clean block that is borrowed', () => {
    const { core } = given(
      open(LAZY),
      grown,
      { type: 'borrow', at: 9000, op: 9, actor: '', trace: null, block: B },
      settle,
    );
    expect(blockOf(core, B)).to.include({ state: 'clean', pins: 1 });
    expect(() => core.take(events.evicted(core))).to.throw(InternalError);
  });
});
