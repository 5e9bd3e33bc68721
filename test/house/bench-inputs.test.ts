import { expect } from 'chai';
import { median } from '../../bench/measure.js';
import { shuffled, uniform } from '../../bench/random.js';
import { zipfian } from '../../bench/zipf.js';

function countsOf(values: Int32Array, bound: number): number[] {
  const counts = new Array<number>(bound).fill(0);
  for (const value of values) counts[value]++;
  return counts;
}

describe('what the benchmark is fed with', () => {
  it('is the same for the same seed', () => {
    expect(zipfian(1000, 64, 0.99, 1)).to.deep.equal(zipfian(1000, 64, 0.99, 1));
    expect(uniform(1000, 64, 1)).to.deep.equal(uniform(1000, 64, 1));
    expect(uniform(1000, 64, 1)).to.not.deep.equal(uniform(1000, 64, 2));
  });

  it('reaches every block equally often where it says uniform', () => {
    for (const count of countsOf(uniform(64_000, 64, 3), 64)) expect(count).to.be.within(850, 1150);
  });

  it('falls off as a Zipf distribution does, whichever blocks are the popular ones', () => {
    const bound = 1000;
    const counts = countsOf(zipfian(500_000, bound, 0.99, 4), bound).sort((a, b) => b - a);
    let sum = 0;
    for (let rank = 1; rank <= bound; rank++) sum += rank ** -0.99;
    for (const rank of [1, 2, 5, 20, 100]) {
      const expected = (500_000 * rank ** -0.99) / sum;
      expect(counts[rank - 1] / expected, `rank ${rank}`).to.be.within(0.9, 1.1);
    }
  });

  it('has every block once where it is shuffled, and not in order', () => {
    const order = shuffled(1000, 5);
    expect([...order].sort((a, b) => a - b)).to.deep.equal(Array.from({ length: 1000 }, (_, index) => index));
    expect([...order].filter((block, index) => block === index).length).to.be.below(20);
  });

  it('is summed up by medians', () => {
    expect(median([3, 1, 2])).to.equal(2);
    expect(median([4, 1, 2, 3])).to.equal(2.5);
  });
});
