/** Feeds the inputs that recorded events came from to a new core, and holds what it decides against what was recorded. */
import { decide } from '../../cache/decide.js';
import { isHit } from '../../cache/decide/reads.js';
import { hashState } from '../../cache/digest.js';
import type { CacheEvent, Read } from '../../cache/events.js';
import { evolve } from '../../cache/evolve.js';
import { inputOf } from '../../cache/inputs.js';
import { CacheState } from '../../cache/state.js';
import { Turn } from '../../cache/turn.js';
import { isSameEvent } from './same-event.js';
import type { JournalDivergence } from './types.js';

export class DecisionReplay {
  /** Events that the new core has decided as they were recorded. */
  replayed = 0;
  divergence: Omit<JournalDivergence, 'before'> | null = null;
  #state: CacheState | null = null;
  #turn: Turn | null = null;
  /** What the last decision gave, used again and again; `#met` of them have been met in the record. */
  readonly #decided: CacheEvent[] = [];
  #count = 0;
  #met = 0;
  /** The rest of a decision of which the beginning is not known. */
  #isInDecision = false;

  /** The state before this event is not known: it can be told, or what follows is not compared before a cache is opened anew. */
  needsState(seq: number): boolean {
    return this.divergence === null && (this.#state === null || seq !== this.#nextSeq(this.#state));
  }

  /** Goes on from a state that is known otherwise. A decision that was in the middle then is not decided again. */
  resume(state: CacheState): void {
    this.#begin(state);
    this.#isInDecision = true;
  }

  #begin(state: CacheState): void {
    this.#state = state;
    this.#turn = new Turn(state, (event) => {
      evolve(state, event);
      this.#decided[this.#count++] = event;
    });
    this.#count = 0;
    this.#met = 0;
    this.#isInDecision = false;
  }

  /** The next recorded event. After a gap, and after the first divergence, nothing is compared before a cache is opened anew. */
  feed(event: CacheEvent): void {
    // A cache that was killed in the middle of a decision leaves some of it unrecorded.
    if (event.type === 'opened') this.#open(event.seq);
    const state = this.#state;
    const turn = this.#turn;
    if (state === null || turn === null) return;
    if (event.seq !== this.#nextSeq(state)) {
      this.#state = null;
      return;
    }
    if (this.#isInDecision && event.cause !== 0) return evolve(state, event);
    this.#isInDecision = false;
    if (event.cause === 0 && this.#met === this.#count) {
      if (event.type === 'read' && isHit(state, event.block, event.count)) return this.#hit(state, event);
      const message = this.#decide(turn, event);
      if (message !== null) return this.#diverge(state, event, null, message);
    }
    const decided = this.#decided[this.#met];
    if (this.#met === this.#count) return this.#diverge(state, event, null, 'the core decides nothing more');
    if (!isSameEvent(decided, event)) return this.#diverge(state, event, decided, 'the core decides otherwise');
    this.#met++;
    this.replayed++;
  }

  /** Hot, guarded by `npm run bench:journal`. `readHit` gives its arguments and the next seq, and those are met. */
  #hit(state: CacheState, event: Read): void {
    evolve(state, event);
    this.replayed++;
  }

  #open(seq: number): void {
    const state = new CacheState({ bytes: false });
    state.seq = seq - 1;
    this.#begin(state);
  }

  /** Of what has been decided, some may be to be met yet. */
  #nextSeq({ seq }: CacheState): number {
    return seq + 1 - (this.#count - this.#met);
  }

  /** Why it cannot, or null. */
  #decide(turn: Turn, event: CacheEvent): string | null {
    this.#count = 0;
    this.#met = 0;
    try {
      decide(turn, inputOf(event));
      return null;
    } catch (error) {
      return `the core stops: ${error instanceof Error ? error.message : String(error)}`;
    }
  }

  #diverge(state: CacheState, recorded: CacheEvent, decided: CacheEvent | null, reason: string): void {
    const message = `at seq ${recorded.seq} ${reason}`;
    this.divergence ??= { seq: recorded.seq, recorded, decided, stateHash: hashState(state), message };
    this.#state = null;
  }
}
