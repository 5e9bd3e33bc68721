import type { CacheEvent } from '../../../cache/events.js';
import type { Journal } from '../../../streams/journal/index.js';

type BarrierEnd = Extract<CacheEvent, { type: 'barrierFinished' | 'barrierFailed' }>;

/** How barriers end, asked for in order when they begin: reads ahead in the journal, and remembers nothing. */
export class BarrierEnds {
  readonly #events: AsyncGenerator<CacheEvent, void, undefined>;
  #next: CacheEvent | null = null;
  #isAtEnd = false;

  constructor(journal: Journal) {
    const types = ['opened', 'barrierFinished', 'barrierFailed'] as const;
    this.#events = journal.read({ types, onProblem: () => undefined });
  }

  /** Null if the journal does not tell, as when the cache did not live to see it. */
  async endOf(seq: number, io: number): Promise<BarrierEnd | null> {
    while (!this.#isAtEnd && (this.#next === null || this.#next.seq <= seq)) {
      const { value, done } = await this.#events.next();
      if (done === true) this.#isAtEnd = true;
      else this.#next = value;
    }
    const next = this.#next;
    if (next === null || next.seq <= seq || next.type === 'opened' || !('io' in next) || next.io !== io) return null;
    return next.type === 'barrierFinished' || next.type === 'barrierFailed' ? next : null;
  }

  async close(): Promise<void> {
    await this.#events.return();
  }
}
