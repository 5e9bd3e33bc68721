import { expect } from 'chai';
import fc from 'fast-check';
import { SlotIndex } from '../../src/cache/slot-index.js';
import { InternalError } from '../../src/device/errors.js';

const MOST = Number.MAX_SAFE_INTEGER;
const TWO_32 = 2 ** 32;

/** Block numbers that are likely to meet in the table: the same low bits, around powers of two, up to 2^53 - 1. */
const block = fc.oneof(
  fc.nat({ max: 40 }),
  fc.nat({ max: 8 }).map((low) => MOST - low),
  fc.tuple(fc.nat({ max: 4 }), fc.nat({ max: 4 })).map(([high, low]) => high * TWO_32 + low),
  fc.maxSafeNat(),
);

const change = fc.oneof(
  fc.record({ kind: fc.constant('insert' as const), block }),
  fc.record({ kind: fc.constant('remove' as const), at: fc.nat() }),
  fc.record({ kind: fc.constant('move' as const), at: fc.nat() }),
);

/** An index beside the Map that it must be like, and the column of blocks that it reads. */
class Pair {
  readonly model = new Map<number, number>();
  readonly blockOf: Float64Array;
  readonly index: SlotIndex;
  readonly #free: number[];

  constructor(slots: number) {
    this.blockOf = new Float64Array(slots).fill(-1);
    this.index = new SlotIndex(slots, this.blockOf);
    this.#free = Array.from({ length: slots }, (_, slot) => slot);
  }

  insert(wanted: number): void {
    const slot = this.#free.pop();
    if (slot === undefined || this.model.has(wanted)) {
      if (slot !== undefined) this.#free.push(slot);
      return;
    }
    this.blockOf[slot] = wanted;
    this.index.insert(wanted, slot);
    this.model.set(wanted, slot);
  }

  remove(wanted: number): void {
    const slot = this.model.get(wanted);
    if (slot === undefined) return;
    this.index.remove(wanted);
    this.blockOf[slot] = -1;
    this.model.delete(wanted);
    this.#free.push(slot);
  }

  move(wanted: number): void {
    const from = this.model.get(wanted);
    const to = this.#free.pop();
    if (from === undefined || to === undefined) {
      if (to !== undefined) this.#free.push(to);
      return;
    }
    this.index.move(wanted, to);
    this.blockOf[to] = wanted;
    this.blockOf[from] = -1;
    this.model.set(wanted, to);
    this.#free.push(from);
  }

  /** The block that a number picks of those that are there. */
  pick(at: number): number {
    const blocks = [...this.model.keys()];
    return blocks.length === 0 ? -1 : blocks[at % blocks.length];
  }

  expectSame(others: readonly number[]): void {
    for (const [wanted, slot] of this.model) expect(this.index.find(wanted)).to.equal(slot);
    for (const other of others) expect(this.index.find(other)).to.equal(this.model.get(other) ?? -1);
  }
}

describe('SlotIndex', () => {
  it('finds what a Map finds, after any insertions, removals and moves', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 24 }), fc.array(change, { maxLength: 120 }), (slots, changes) => {
        const pair = new Pair(slots);
        const asked: number[] = [];
        for (const step of changes) {
          if (step.kind === 'insert') {
            asked.push(step.block);
            pair.insert(step.block);
          } else if (step.kind === 'remove') pair.remove(pair.pick(step.at));
          else pair.move(pair.pick(step.at));
          pair.expectSame(asked);
        }
      }),
      { numRuns: 300, seed: 1 },
    );
  });

  it('tells block numbers apart that differ above 32 bits', () => {
    const pair = new Pair(8);
    for (const high of [0, 1, 2, 2 ** 20]) pair.insert(high * TWO_32 + 7);
    pair.expectSame([7, TWO_32 + 7, 3 * TWO_32 + 7, MOST]);
  });

  it('does not find what is no block number', () => {
    const pair = new Pair(4);
    for (const wanted of [0, 1, 2]) pair.insert(wanted);
    for (const odd of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, -0.5, 2 ** 53]) {
      expect(pair.index.find(odd)).to.equal(-1);
    }
  });

  it('can be full', () => {
    const pair = new Pair(16);
    for (let wanted = 0; wanted < 16; wanted++) pair.insert(wanted * 16);
    pair.expectSame(Array.from({ length: 300 }, (_, wanted) => wanted));
  });

  it('stops where a block is in two slots, or in none', () => {
    const pair = new Pair(4);
    pair.insert(3);
    expect(() => pair.index.insert(3, 2)).to.throw(InternalError);
    expect(() => pair.index.remove(4)).to.throw(InternalError);
    expect(() => pair.index.move(4, 1)).to.throw(InternalError);
  });

  it('spreads neighbours: a lookup among half a million takes a few looks', () => {
    const slots = 2 ** 19;
    const blockOf = Float64Array.from({ length: slots }, (_, slot) => slot * 8);
    const index = new SlotIndex(slots, blockOf);
    for (let slot = 0; slot < slots; slot++) index.insert(blockOf[slot], slot);
    let wrong = 0;
    for (let slot = 0; slot < slots; slot++) if (index.find(blockOf[slot]) !== slot) wrong++;
    expect(wrong).to.equal(0);
  });
});
