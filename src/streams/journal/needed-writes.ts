/** Which part of a durable journal a recovery would still need: retention leaves it alone, and an opening reads no more. */
import type { CacheState } from '../../cache/state.js';
import { SAMPLE_BLOCKS_MAX } from './durable-sample.js';
import type { RecoveryPoint } from './segment-header.js';

interface Checkpoint {
  readonly seq: number;
  readonly generation: number;
}

/** More borrowed blocks are not named in a segment's header. */
const BORROWED_MAX = 1000;

/**
 * The seqs from which the bytes of writes are needed that no barrier has covered. What is kept of the past are a few points
 * at which both the seq and the newest generation were known: asked for at each new segment, it is right to a segment.
 */
export class NeededWrites {
  readonly #state: CacheState;
  readonly #checkpoints: Checkpoint[];
  readonly #provenFrom: number;
  /** Until the cache has all that was left: then it knows what it needs. */
  #isRecovering = true;

  /**
   * Before the first event of a cache; a recovery from what came before needs that from `neededFrom` on, and knows the device
   * by writes from `provenFrom` on.
   */
  constructor(state: CacheState, neededFrom: number, provenFrom: number) {
    this.#state = state;
    this.#provenFrom = provenFrom;
    const { seq, generation } = state;
    const before = { seq: Math.min(neededFrom - 1, seq), generation: generation - SAMPLE_BLOCKS_MAX - 1 };
    this.#checkpoints = [before, { seq, generation }];
  }

  /** What a crash had left is in the journal again, all of it. */
  recovered(): void {
    this.#isRecovering = false;
  }

  /** Every write at or after this seq may be needed, and none before it. */
  from(): number {
    if (this.#isRecovering) return this.#checkpoints[0].seq + 1;
    const oldest = oldestKept(this.#state);
    if (oldest === Infinity) return this.#state.seq + 1;
    const before = this.#checkpoints.findLast(({ generation }) => generation < oldest);
    return (before ?? this.#checkpoints[0]).seq + 1;
  }

  /**
   * For the header of a segment that is begun now. It goes back further, to the last writes that have become durable: by
   * these an older copy of the device is told.
   */
  point(): RecoveryPoint {
    const { seq, generation } = this.#state;
    const checkpoints = this.#checkpoints;
    if (!this.#isRecovering) {
      const oldest = Math.min(oldestKept(this.#state), generation + 1);
      while (checkpoints.length > 1 && checkpoints[1].generation + SAMPLE_BLOCKS_MAX < oldest) checkpoints.shift();
      if (generation > (checkpoints.at(-1)?.generation ?? 0)) checkpoints.push({ seq, generation });
    }
    const borrowed = borrowedIn(this.#state);
    return { from: checkpoints[0].seq + 1, needed: this.from(), provenFrom: this.#provenFrom, borrowed };
  }
}

function borrowedIn({ slots }: CacheState): number[] | null {
  if (slots.pinned > BORROWED_MAX) return null;
  const borrowed: number[] = [];
  if (slots.pinned === 0) return borrowed;
  for (let slot = 0; slot < slots.frames; slot++) if (slots.pins[slot] > 0) borrowed.push(slots.block[slot]);
  return borrowed.sort((a, b) => a - b);
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
