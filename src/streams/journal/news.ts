/** What becomes of a cache's journal, as events of the cache. */
import type { Input } from '../../cache/inputs.js';
import { codeOf } from '../../device/errors.js';
import type { Clock } from '../clock.js';
import type { JournalTrouble } from './types.js';

export class JournalNews {
  submit: (input: Input) => void = () => {};
  readonly #clock: Clock;
  /** Told once, though it is tried again and again. */
  #isFailing = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Later, since the journal fails while an event is being decided. */
  tell({ kind, error, lost, policy }: JournalTrouble): void {
    if (kind === 'failed' && this.#isFailing) return;
    if (kind !== 'retention') this.#isFailing = kind === 'failed';
    queueMicrotask(() => {
      const at = this.#clock.now();
      if (kind === 'resumed') return this.submit({ type: 'journalResumed', at, lost });
      const task = kind === 'retention' ? 'retention' : 'writing';
      this.submit({ type: 'journalFailed', at, task, policy, code: codeOf(error?.cause), lost });
    });
  }
}
