/** Numbers from 0 up to 1, the same for the same seed on every machine. */
export function seededRandom(seed: number): () => number {
  let state = (seed ^ 0x9e3779b9) >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/** `length` whole numbers below `bound`, each equally likely. Small integers to the engine, as block numbers of most disks are. */
export function uniform(length: number, bound: number, seed: number): Int32Array {
  const random = seededRandom(seed);
  return Int32Array.from({ length }, () => Math.floor(random() * bound));
}

/** The whole numbers below `length` in random order. */
export function shuffled(length: number, seed: number): Int32Array {
  const random = seededRandom(seed);
  const order = Int32Array.from({ length }, (_, index) => index);
  for (let at = length - 1; at > 0; at--) {
    const other = Math.floor(random() * (at + 1));
    const value = order[at];
    order[at] = order[other];
    order[other] = value;
  }
  return order;
}
