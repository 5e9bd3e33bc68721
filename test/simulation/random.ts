/** Seeded chance. Each concern of a run draws from a stream of its own, so that leaving one out leaves the others as they were. */
export class Random {
  #state: number;

  constructor(seed: number, stream: string) {
    let state = mixed(seed >>> 0, Math.floor(seed / 2 ** 32));
    for (let at = 0; at < stream.length; at++) state = mixed(state, stream.charCodeAt(at));
    this.#state = state;
  }

  /** From 0 to below 1. */
  uniform(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let bits = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return ((bits ^ (bits >>> 14)) >>> 0) / 4_294_967_296;
  }

  /** A whole number from 0 to below `end`. */
  below(end: number): number {
    return Math.floor(this.uniform() * end);
  }

  /** A whole number from `low` to `high`, both included. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  chance(share: number): boolean {
    return this.uniform() < share;
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)];
  }

  /** A key, each as often as its weight says. */
  weighted<K extends string>(weights: Readonly<Record<K, number>>): K {
    const keys = keysOf(weights);
    let sum = 0;
    for (const key of keys) sum += weights[key];
    let left = this.uniform() * sum;
    for (const key of keys) {
      left -= weights[key];
      if (left < 0) return key;
    }
    return keys[0];
  }

  /** Spread over the orders of magnitude between `low` and `high`: as often 1 to 10 as 10 to 100. */
  magnitude(low: number, high: number): number {
    return Math.round(low * (high / low) ** this.uniform());
  }
}

/** `Object.keys` knows no names. */
function keysOf<K extends string>(record: Readonly<Record<K, number>>): K[] {
  const keys: K[] = [];
  for (const key in record) keys.push(key);
  return keys;
}

function mixed(state: number, word: number): number {
  let bits = Math.imul(state ^ word ^ 0x9e3779b9, 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) | 0;
}
