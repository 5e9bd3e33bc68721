import { expect } from 'chai';
import { checkInvariants } from '../../src/cache/invariants.js';
import { TAINTED } from '../../src/cache/slot-table.js';
import type { CacheState, PendingWait } from '../../src/cache/state.js';
import { InternalError } from '../../src/device/errors.js';
import { given, open } from '../support/core.js';
import { borrow, cached, clear, done, flush, grown, read, write } from '../support/steps.js';

/** Clean 0 and 1 (borrowed), unsynced 3, writing 4, dirty 5, loading 20, a flush that waits. */
function sound(): CacheState {
  const { core } = given(
    open({ capacity: 12, limits: { dirtyBackgroundShare: 1, dirtyHardShare: 1 } }),
    grown,
    cached(0, 2),
    borrow(1),
    write(3),
    flush(3, 1),
    done('writeback'),
    write(4),
    flush(),
    write(5),
    read(20),
    clear('zero', 30),
  );
  return core.state;
}

const slotOf = (state: CacheState, block: number) => state.slots.find(block);
const firstWait = (state: CacheState): PendingWait => [...state.waits.values()][0];

/** Each breaks one thing that must hold. */
const BREAKS: Readonly<Record<string, (state: CacheState) => void>> = {
  'an empty slot that is pinned': ({ slots }) => slots.pins[slots.frames - 1]++,
  'an empty slot that has a block': ({ slots }) => {
    slots.block[slots.frames - 1] = 40;
  },
  'a block that the index does not find': (state) => {
    state.slots.block[slotOf(state, 0)] = 41;
  },
  'a block past the end of the device': (state) => {
    state.blockCount = 4;
  },
  'a block newer than the newest write': (state) => {
    state.generation = 0;
  },
  'a base newer than its block': (state) => {
    state.slots.dirtyBase[slotOf(state, 5)] = 9;
  },
  'a clean block that has something to keep': (state) => {
    state.slots.writtenBase[slotOf(state, 0)] = 1;
  },
  'a dirty block without bytes to write': (state) => {
    state.slots.dirtyBase[slotOf(state, 5)] = 0;
  },
  'a block that is being written and not carried': (state) => {
    state.slots.carriedBase[slotOf(state, 4)] = 0;
  },
  'an unsynced block without bytes to sync': (state) => {
    state.slots.writtenBase[slotOf(state, 3)] = 0;
  },
  'a block in no chain of its state': (state) => state.slots.chains.remove(slotOf(state, 5)),
  'a flag that asks for another chain': (state) => {
    state.slots.flags[slotOf(state, 5)] |= 1;
  },
  'a loading block that is pinned': (state) => state.slots.pins[slotOf(state, 20)]++,
  'a state of a clean block that is not': (state) => {
    state.slots.status[slotOf(state, 0)] = 1;
  },
  'a slot above the frames that is used': (state) => {
    state.slots.frames--;
    state.slots.status[state.slots.frames] = 2;
  },
  'a wrong count of resident blocks': ({ slots }) => slots.resident++,
  'a wrong count of evictable blocks': ({ slots }) => slots.evictable++,
  'a wrong count of pinned blocks': ({ slots }) => slots.pinned++,
  'a wrong count of loading blocks': ({ slots }) => slots.loading--,
  'a block without a place in the order of eviction': (state) => state.slots.policy.remove(slotOf(state, 0)),
  'a wrong count of device writes': (state) => state.writebacksInFlight++,
  'an operation both in flight and stuck': (state) => {
    for (const io of state.ios.values()) state.stuck.set(io.io, io);
  },
  'a block in two device writes': (state) => {
    state.ios.set(99, { kind: 'writeback', io: 99, block: 4, count: 1, batch: 9, reason: 'age', attempt: 1 });
    state.writebacksInFlight++;
  },
  'a device write of a block that is not being written': (state) => {
    state.ios.set(99, { kind: 'writeback', io: 99, block: 5, count: 1, batch: 9, reason: 'age', attempt: 1 });
    state.writebacksInFlight++;
  },
  'a wrong count of what a flush waits to have written': (state) => firstWait(state).unwritten++,
  'a wrong count of what a flush waits to have synced': (state) => firstWait(state).undurable--,
  'a closed cache that keeps something': (state) => {
    state.phase = 'closed';
  },
};

describe('checkInvariants', () => {
  it('finds nothing wrong with a sound state', () => {
    checkInvariants(sound());
  });

  it('finds nothing wrong with a flag that asks for nothing', () => {
    const state = sound();
    state.slots.flags[slotOf(state, 4)] |= TAINTED;
    checkInvariants(state);
  });

  for (const [name, change] of Object.entries(BREAKS)) {
    it(`finds ${name}`, () => {
      const state = sound();
      change(state);
      expect(() => checkInvariants(state)).to.throw(InternalError);
    });
  }
});
