import { expect } from 'chai';
import { codeOfTrigger } from '../../src/cache/block-state.js';
import { Frames } from '../../src/cache/frames.js';
import { PARKED, SlotTable } from '../../src/cache/slot-table.js';
import { InternalError } from '../../src/device/errors.js';

const FILL_STARTED = codeOfTrigger('fillStarted');
const FILLED = codeOfTrigger('filled');
const WRITTEN = codeOfTrigger('written');
const EVICTED = codeOfTrigger('evicted');
const INVALIDATED = codeOfTrigger('invalidated');

function table(capacity: number, frames = capacity): SlotTable {
  const slots = new SlotTable(capacity, 'lru');
  slots.grow(frames);
  return slots;
}

function addClean(slots: SlotTable, block: number): number {
  const slot = slots.occupy(block);
  slots.transition(slot, FILL_STARTED, 0);
  slots.transition(slot, FILLED, 0);
  return slot;
}

function addDirty(slots: SlotTable, block: number): number {
  const slot = slots.occupy(block);
  slots.transition(slot, WRITTEN, 0);
  return slot;
}

describe('SlotTable', () => {
  it('counts what is resident, free, loading, pinned and evictable', () => {
    const slots = table(4);
    addClean(slots, 10);
    const pinned = addClean(slots, 11);
    addDirty(slots, 12);
    slots.pin(pinned);
    slots.pin(pinned);
    expect(slots).to.include({ resident: 3, free: 1, loading: 0, pinned: 1, evictable: 1, kept: 1 });
    slots.unpin(pinned);
    expect(slots).to.include({ pinned: 1, evictable: 1 });
    slots.unpin(pinned);
    expect(slots).to.include({ pinned: 0, evictable: 2 });
    slots.transition(slots.find(10), EVICTED, 0);
    expect(slots).to.include({ resident: 2, free: 2, evictable: 1 });
    expect(slots.find(10)).to.equal(-1);
  });

  it('has no room where no slot is free', () => {
    const slots = table(2, 1);
    addClean(slots, 10);
    expect(() => slots.occupy(11)).to.throw(InternalError);
    slots.grow(2);
    expect(slots.find(11)).to.equal(-1);
    addClean(slots, 11);
    expect(slots.resident).to.equal(2);
  });

  it('does not grow beyond its capacity', () => {
    expect(() => table(2).grow(3)).to.throw(InternalError);
  });

  it('releases only what is pinned, and keeps what is pinned', () => {
    const slots = table(2);
    const slot = addClean(slots, 10);
    expect(() => slots.unpin(slot)).to.throw(InternalError);
    slots.pin(slot);
    expect(() => slots.transition(slot, INVALIDATED, 0)).to.throw(InternalError);
  });

  it('keeps parked blocks apart from those that are ready to be written', () => {
    const slots = table(4);
    const [first, second] = [addDirty(slots, 10), addDirty(slots, 11)];
    slots.setFlag(first, PARKED, 5);
    expect([...slots.chains.counts]).to.deep.equal([1, 1, 0, 0]);
    expect(slots.since[first]).to.equal(5);
    slots.clearFlag(first, PARKED, 6);
    expect(slots.chains.head(0)).to.equal(second);
    expect(slots.chains.tail(0)).to.equal(first);
  });

  it('visits the blocks of a range, short or long, in and out of it', () => {
    const slots = table(4);
    for (const block of [3, 9, 2 ** 40]) addClean(slots, block);
    const visited = (block: number, count: number) => {
      const blocks: number[] = [];
      slots.eachInRange(block, count, (slot) => blocks.push(slots.block[slot]));
      return blocks.sort((a, b) => a - b);
    };
    expect(visited(3, 1)).to.deep.equal([3]);
    expect(visited(2, 2)).to.deep.equal([3]);
    expect(visited(4, 3)).to.deep.equal([]);
    expect(visited(0, 10)).to.deep.equal([3, 9]);
    expect(visited(0, Number.MAX_SAFE_INTEGER)).to.deep.equal([3, 9, 2 ** 40]);
    expect(visited(4, 2 ** 41)).to.deep.equal([9, 2 ** 40]);
  });

  it('finds nothing that has left, though it was the last that was asked for', () => {
    const slots = table(2);
    const slot = addClean(slots, 10);
    expect(slots.find(10)).to.equal(slot);
    slots.transition(slot, EVICTED, 0);
    expect(slots.find(10)).to.equal(-1);
    addClean(slots, 11);
    expect(slots.find(10)).to.equal(-1);
  });
});

describe('a SlotTable that shrinks', () => {
  it('moves blocks from above into free slots below, with their bytes', () => {
    const slots = table(6);
    const frames = new Frames(512, 2);
    frames.resize(6);
    for (let block = 0; block < 6; block++) frames.views[addClean(slots, block)].fill(block);
    for (const block of [0, 2, 4]) slots.transition(slots.find(block), EVICTED, 0);
    slots.shrink(3, (from, to) => frames.move(from, to));
    frames.resize(3);
    expect(slots).to.include({ frames: 3, resident: 3, free: 0 });
    for (const block of [1, 3, 5]) {
      expect(slots.find(block)).to.be.within(0, 2);
      expect(frames.views[slots.find(block)].every((byte) => byte === block)).to.equal(true);
    }
  });

  it('does not move what is pinned, nor drop what has no room', () => {
    const pinned = table(2);
    addClean(pinned, 0);
    pinned.pin(addClean(pinned, 1));
    pinned.transition(pinned.find(0), EVICTED, 0);
    expect(() => pinned.shrink(1, () => {})).to.throw(InternalError);
    const full = table(2);
    addClean(full, 0);
    addClean(full, 1);
    expect(() => full.shrink(1, () => {})).to.throw(InternalError);
  });
});

describe('Frames', () => {
  it('are made and given back in slabs', () => {
    const frames = new Frames(512, 4);
    expect(frames.memoryBytes).to.equal(0);
    frames.resize(5);
    expect(frames.memoryBytes).to.equal(8 * 512);
    expect(frames.views).to.have.length(8);
    const [first] = frames.views;
    frames.resize(8);
    frames.resize(7);
    expect(frames.views[0]).to.equal(first);
    frames.resize(3);
    expect(frames.memoryBytes).to.equal(4 * 512);
    expect(frames.views).to.have.length(4);
  });

  it('that stay keep their bytes when others are given back, and a pinned one its memory', () => {
    const frames = new Frames(512, 2);
    frames.resize(6);
    for (const [slot, view] of frames.views.entries()) view.fill(slot + 1);
    const pinned = frames.views[2];
    frames.resize(3, (slot) => slot === 2);
    expect(frames.views.slice(0, 3).map((view) => view[511])).to.deep.equal([1, 2, 3]);
    expect(frames.views[2]).to.equal(pinned);
  });

  it('that stay let go of the slabs that they were in', () => {
    const frames = new Frames(512, 2);
    frames.resize(6);
    const slabs = new Set(frames.views.map(({ buffer }) => buffer));
    frames.resize(2);
    for (const { buffer } of frames.views) expect(slabs.has(buffer)).to.equal(false);
  });

  it('are exchanged for a block of memory, and the old one is given away', () => {
    const frames = new Frames(512, 2);
    frames.resize(2);
    const [old] = frames.views;
    const filled = new Uint8Array(512).fill(7);
    expect(frames.exchange(0, filled)).to.equal(old);
    expect(frames.views[0]).to.equal(filled);
    expect(() => frames.exchange(0, new Uint8Array(100))).to.throw(InternalError);
  });

  it('do not overlap', () => {
    const frames = new Frames(512, 4);
    frames.resize(8);
    for (const [slot, view] of frames.views.entries()) view.fill(slot + 1);
    for (const [slot, view] of frames.views.entries()) {
      expect(view).to.have.length(512);
      expect(view.every((byte) => byte === slot + 1)).to.equal(true);
    }
  });

  it('are moved only elsewhere', () => {
    const frames = new Frames(512, 2);
    frames.resize(2);
    frames.views[0].fill(7);
    frames.move(0, 1);
    expect(frames.views[1][511]).to.equal(7);
    expect(() => frames.move(1, 1)).to.throw(InternalError);
  });
});
