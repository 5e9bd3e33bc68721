/** What must hold of a whole state after every decision. Costs time in proportion to the cache: for tests and replay. */
import { assert } from '../device/errors.js';
import { ABSENT, CLEAN, DIRTY, LOADING, UNSYNCED, WRITING } from './block-state.js';
import { HANDLES_MAX, RESOLVED_FAILURES_MAX } from './limits.js';
import { HELD, IN_FLIGHT, PARKED, READY, RETRYING, STUCK, WAITS_FOR_BARRIER } from './slot-table.js';
import type { CacheState, PendingWait } from './state.js';

export function checkInvariants(state: CacheState): void {
  checkSlots(state);
  checkCounts(state);
  checkInFlight(state);
  checkWaits(state);
  checkRemembered(state);
  if (state.phase === 'closed') assert(state.slots.kept === 0, 'a closed cache keeps nothing');
}

function checkSlots(state: CacheState): void {
  const { slots } = state;
  for (let slot = 0; slot < slots.frames; slot++) {
    if (slots.status[slot] === ABSENT) {
      assert(slots.block[slot] === -1 && slots.pins[slot] === 0, 'an empty slot holds nothing');
      continue;
    }
    assert(slots.find(slots.block[slot]) === slot, 'the index finds every cached block');
    assert(slots.block[slot] < state.blockCount, 'a cached block is on the device');
    checkGenerations(state, slot);
    assert(slots.chains.chainOf(slot) === chainFor(state, slot), 'a slot is in the chain of its state');
    if (slots.pins[slot] > 0) assert(slots.status[slot] >= CLEAN, 'a borrowed block has bytes');
  }
  for (let slot = slots.frames; slot < slots.capacity; slot++) {
    assert(slots.status[slot] === ABSENT, 'a slot without a frame is empty');
  }
}

/** What a block's state says of its generations, and the other way round. */
function checkGenerations(state: CacheState, slot: number): void {
  const { status, dirtyBase, carriedBase, writtenBase, generation } = state.slots;
  const dirty = dirtyBase[slot] !== 0;
  const carried = carriedBase[slot] !== 0;
  const written = writtenBase[slot] !== 0;
  assert(generation[slot] <= state.generation, 'no block is newer than the newest write');
  assert(
    dirtyBase[slot] <= generation[slot] && carriedBase[slot] <= generation[slot],
    'a base is not newer than its block',
  );
  switch (status[slot]) {
    case LOADING:
    case CLEAN:
      return assert(!dirty && !carried && !written, 'a clean block has nothing that must be kept');
    case DIRTY:
      return assert(dirty && !carried, 'a dirty block has bytes that no write carries');
    case WRITING:
      return assert(carried, 'a block being written is carried');
    case UNSYNCED:
      return assert(!dirty && !carried && written, 'an unsynced block is wholly with the device');
    default:
      return assert(false, 'the state is known');
  }
}

function chainFor(state: CacheState, slot: number): number {
  const { status, flags } = state.slots;
  if (status[slot] === WRITING) return IN_FLIGHT;
  if (status[slot] === UNSYNCED) return WAITS_FOR_BARRIER;
  if (status[slot] !== DIRTY) return -1;
  return (flags[slot] & (PARKED | STUCK | RETRYING)) !== 0 ? HELD : READY;
}

function checkCounts(state: CacheState): void {
  const { slots } = state;
  const count = { resident: 0, evictable: 0, pinned: 0, loading: 0, ordered: 0 };
  for (let slot = 0; slot < slots.frames; slot++) {
    if (slots.status[slot] !== ABSENT) count.resident++;
    if (slots.status[slot] === LOADING) count.loading++;
    if (slots.pins[slot] > 0) count.pinned++;
    if (slots.isEvictable(slot)) count.evictable++;
  }
  slots.policy.fromColdest((slot) => {
    assert(slots.status[slot] !== ABSENT, 'only cached blocks have a place in the order of eviction');
    count.ordered++;
    return true;
  });
  assert(count.resident === slots.resident && count.ordered === slots.resident, 'resident blocks are counted');
  assert(count.evictable === slots.evictable, 'evictable blocks are counted');
  assert(count.pinned === slots.pinned && count.loading === slots.loading, 'pinned and loading blocks are counted');
  assert(slots.free === slots.frames - slots.resident, 'every frame is used or free');
  assert(slots.frames <= slots.capacity, 'frames are within the table');
}

function checkInFlight(state: CacheState): void {
  let writebacks = 0;
  let carried = 0;
  for (const io of state.ios.values()) {
    assert(!state.stuck.has(io.io), 'an operation is in flight or stuck');
    if (io.kind !== 'writeback') continue;
    writebacks++;
    carried += io.count;
    for (let block = io.block; block < io.block + io.count; block++) {
      assert(state.slots.statusOf(block) === WRITING, 'a block that the device is taking is being written');
    }
  }
  assert(writebacks === state.writebacksInFlight, 'device writes in flight are counted');
  assert(carried === state.slots.chains.counts[IN_FLIGHT], 'no block is in two device writes');
}

function checkWaits(state: CacheState): void {
  const { slots } = state;
  for (const wait of state.waits.values()) {
    let unwritten = 0;
    let undurable = 0;
    slots.eachInRange(wait.block, wait.count, (slot) => {
      const isLeft = isLeftFor(wait);
      const isUnwritten = isLeft(slots.dirtyBase[slot]) || isLeft(slots.carriedBase[slot]);
      if (isUnwritten) unwritten++;
      if (isUnwritten || isLeft(slots.writtenBase[slot])) undurable++;
    });
    assert(unwritten === wait.unwritten && undurable === wait.undurable, 'what a wait waits for is counted');
  }
}

function checkRemembered(state: CacheState): void {
  const { slots, remembered, resolved, handles } = state;
  for (const { block } of remembered.values()) {
    const slot = slots.find(block);
    assert(slot !== -1 && slots.chains.chainOf(slot) !== -1, 'a failure is resolved when its block need not be kept');
  }
  assert(resolved.length <= RESOLVED_FAILURES_MAX, 'resolved failures are bounded');
  assert(handles.size <= HANDLES_MAX, 'handles are bounded');
  for (const { owed } of [...remembered.values(), ...resolved]) {
    assert(
      owed.every((handle) => handles.has(handle)),
      'a failure is owed to open handles only',
    );
  }
  assert(
    resolved.every(({ owed }) => owed.length > 0),
    'what everybody knows is not kept',
  );
}

function isLeftFor(wait: PendingWait): (base: number) => boolean {
  return (base) => base !== 0 && base <= wait.generation;
}
