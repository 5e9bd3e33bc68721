import { expect } from 'chai';
import fc from 'fast-check';
import { NumberedMap } from '../../src/cache/numbered-map.js';

function expectSame(map: NumberedMap<string>, model: ReadonlyMap<number, string>): void {
  const ascending = [...model].sort(([a], [b]) => a - b);
  expect(map.size).to.equal(model.size);
  expect(map.keys()).to.deep.equal(ascending.map(([number]) => number));
  expect(map.values()).to.deep.equal(ascending.map(([, value]) => value));
  for (const [number, value] of model) expect(map.get(number)).to.equal(value);
}

/** Numbers that meet in the table: the same low bits, and above 32 bits too. */
const number = fc.oneof(
  fc.integer({ min: 1, max: 60 }),
  fc.integer({ min: 1, max: 4 }).map((high) => high * 2 ** 32 + 3),
  fc.nat({ max: 8 }).map((low) => Number.MAX_SAFE_INTEGER - low),
);
const change = fc.record({
  kind: fc.constantFrom('set', 'set', 'set', 'delete', 'clear'),
  number,
  value: fc.string({ maxLength: 2 }),
});

describe('NumberedMap', () => {
  it('has what a Map has, in ascending order, after any changes', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 150 }), (changes) => {
        const map = new NumberedMap<string>();
        const model = new Map<number, string>();
        for (const { kind, number: wanted, value } of changes) {
          if (kind === 'set') {
            map.set(wanted, value);
            model.set(wanted, value);
          } else if (kind === 'delete') {
            expect(map.delete(wanted)).to.equal(model.delete(wanted));
          } else if (wanted % 8 === 0) {
            map.clear();
            model.clear();
          }
          expect(map.has(wanted)).to.equal(model.has(wanted));
        }
        expectSame(map, model);
      }),
      { numRuns: 300, seed: 1 },
    );
  });

  it('takes numbers that come and go without end, and stays as small as what it holds', () => {
    const map = new NumberedMap<string>();
    for (let at = 1; at <= 20_000; at++) {
      map.set(at, String(at));
      if (at > 5) map.delete(at - 5);
    }
    expect(map.keys()).to.deep.equal([19_996, 19_997, 19_998, 19_999, 20_000]);
  });

  it('may lose entries while they are gone through', () => {
    const map = new NumberedMap<string>();
    for (let at = 1; at <= 40; at++) map.set(at, String(at));
    const seen: string[] = [];
    for (const value of map.values()) {
      seen.push(value);
      map.delete(Number(value));
    }
    expect(seen).to.have.length(40);
    expect(map.size).to.equal(0);
  });
});
