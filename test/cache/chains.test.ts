import { expect } from 'chai';
import fc from 'fast-check';
import { Chains } from '../../src/cache/chains.js';
import { InternalError } from '../../src/device/errors.js';

const SLOTS = 6;
const CHAINS = 3;

function slotsOf(chains: Chains, chain: number): number[] {
  const slots: number[] = [];
  for (let slot = chains.head(chain); slot !== -1; slot = chains.next(slot)) slots.push(slot);
  return slots;
}

function slotsBackwards(chains: Chains, chain: number): number[] {
  const slots: number[] = [];
  for (let slot = chains.tail(chain); slot !== -1; slot = chains.previous(slot)) slots.push(slot);
  return slots;
}

function expectSame(chains: Chains, model: readonly (readonly number[])[]): void {
  for (const [chain, slots] of model.entries()) {
    expect(slotsOf(chains, chain)).to.deep.equal(slots);
    expect(slotsBackwards(chains, chain)).to.deep.equal([...slots].reverse());
    expect(chains.counts[chain]).to.equal(slots.length);
    for (const slot of slots) expect(chains.chainOf(slot)).to.equal(chain);
  }
  for (let slot = 0; slot < SLOTS; slot++) {
    if (!model.some((slots) => slots.includes(slot))) expect(chains.chainOf(slot)).to.equal(-1);
  }
}

const change = fc.record({
  kind: fc.constantFrom('append', 'prepend', 'remove', 'replace', 'moveToHead'),
  slot: fc.nat({ max: SLOTS - 1 }),
  other: fc.nat({ max: SLOTS - 1 }),
  chain: fc.nat({ max: CHAINS - 1 }),
});

describe('Chains', () => {
  it('are like lists, after any changes', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 60 }), (changes) => {
        const chains = new Chains(SLOTS, CHAINS);
        const model: number[][] = Array.from({ length: CHAINS }, () => []);
        for (const { kind, slot, other, chain } of changes) {
          const home = model.find((slots) => slots.includes(slot));
          if (home === undefined) {
            if (kind === 'append') {
              chains.append(chain, slot);
              model[chain].push(slot);
            } else if (kind === 'prepend') {
              chains.prepend(chain, slot);
              model[chain].unshift(slot);
            } else if (kind === 'replace') {
              chains.replace(slot, other);
            }
          } else if (kind === 'remove') {
            chains.remove(slot);
            home.splice(home.indexOf(slot), 1);
          } else if (kind === 'moveToHead') {
            chains.moveToHead(chain, slot);
            home.splice(home.indexOf(slot), 1);
            model[chain].unshift(slot);
          } else if (kind === 'replace' && !model.some((slots) => slots.includes(other))) {
            chains.replace(slot, other);
            home[home.indexOf(slot)] = other;
          }
          expectSame(chains, model);
        }
      }),
      { numRuns: 500, seed: 1 },
    );
  });

  it('stop where a slot would be in two chains, or leaves none', () => {
    const chains = new Chains(SLOTS, CHAINS);
    chains.append(0, 1);
    chains.append(1, 2);
    expect(() => chains.append(1, 1)).to.throw(InternalError);
    expect(() => chains.prepend(0, 1)).to.throw(InternalError);
    expect(() => chains.remove(3)).to.throw(InternalError);
    expect(() => chains.replace(1, 2)).to.throw(InternalError);
  });
});
