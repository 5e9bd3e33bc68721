/** What a replay's device owes: answers, in the order in which they are due. */
import type { FailureOutcome } from '../../../cache/events.js';

export interface DueAnswer {
  /** Nanoseconds of the replay's time. */
  readonly dueAt: number;
  readonly io: number;
  readonly startedAt: number;
  readonly code: string;
  readonly outcome: FailureOutcome;
}

export class Agenda {
  /** By time, the last first, so that the next is taken from the end. */
  readonly #due: DueAnswer[] = [];

  /** Of answers due at one time the one that was added first comes first. */
  add(answer: DueAnswer): void {
    let at = this.#due.length;
    while (at > 0 && this.#due[at - 1].dueAt <= answer.dueAt) at--;
    this.#due.splice(at, 0, answer);
  }

  get nextAt(): number {
    return this.#due.at(-1)?.dueAt ?? Number.POSITIVE_INFINITY;
  }

  take(): DueAnswer | undefined {
    return this.#due.pop();
  }

  clear(): void {
    this.#due.length = 0;
  }
}
