import { seededRandom, shuffled } from './random.js';

/**
 * `length` block numbers below `bound`, the k-th most popular with a probability in proportion to 1 / k^exponent. Popular
 * blocks lie anywhere on the device.
 */
export function zipfian(length: number, bound: number, exponent: number, seed: number): Int32Array {
  const upTo = new Float64Array(bound);
  let sum = 0;
  for (let rank = 0; rank < bound; rank++) {
    sum += (rank + 1) ** -exponent;
    upTo[rank] = sum;
  }
  const blockOfRank = shuffled(bound, seed);
  const random = seededRandom(seed + 1);
  return Int32Array.from({ length }, () => blockOfRank[firstAbove(upTo, random() * sum)]);
}

/** The first index whose value is above `value`; values rise, and the last is above. */
function firstAbove(values: Float64Array, value: number): number {
  let low = 0;
  let high = values.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle] > value) high = middle;
    else low = middle + 1;
  }
  return low;
}
