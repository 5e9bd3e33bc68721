/** Which part of a durable journal a recovery would still need, so that retention leaves it alone. */
import type { CacheState } from '../../cache/state.js';

interface Checkpoint {
  readonly seq: number;
  readonly generation: number;
}

/**
 * The seqs from which the bytes of writes are needed that no barrier has covered. What is kept of the past are a few points
 * at which both the seq and the newest generation were known: asked for at each new segment, it is right to a segment.
 */
export class NeededWrites {
  readonly #state: CacheState;
  readonly #checkpoints: Checkpoint[];

  /** From here on: nothing that was written before is needed. */
  constructor(state: CacheState) {
    this.#state = state;
    this.#checkpoints = [{ seq: state.seq, generation: state.generation }];
  }

  /** Every write at or after this seq may be needed, and none before it. */
  from(): number {
    const { seq, generation } = this.#state;
    const oldest = oldestKept(this.#state);
    const checkpoints = this.#checkpoints;
    while (checkpoints.length > 1 && checkpoints[1].generation < oldest) checkpoints.shift();
    const from = oldest === Infinity ? seq : checkpoints[0].seq;
    if (generation > (checkpoints.at(-1)?.generation ?? 0)) checkpoints.push({ seq, generation });
    return from + 1;
  }
}

/** The oldest generation of which some block is not durable; Infinity if all are. */
function oldestKept({ slots }: CacheState): number {
  if (slots.kept === 0) return Infinity;
  let oldest = Infinity;
  for (let slot = 0; slot < slots.frames; slot++) {
    if (slots.chains.chainOf(slot) === -1) continue;
    for (const base of [slots.dirtyBase[slot], slots.carriedBase[slot], slots.writtenBase[slot]]) {
      if (base !== 0 && base < oldest) oldest = base;
    }
  }
  return oldest;
}
