/** The core's own generator (mulberry32's step), so that jitter is part of the state and replays exactly. */
export function nextRandom(state: number): number {
  return (state + 0x6d2b79f5) | 0;
}

/** A number from 0 to below 1 for a state of the generator. */
export function uniform(state: number): number {
  let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
}
