/** Lets a close wait for the operations in flight, and happen once. */
export class Lifetime {
  #inFlight = 0;
  #idle: (() => void) | undefined;
  #closing: Promise<void> | undefined;

  /** From the first call of `close` on. */
  get closed(): boolean {
    return this.#closing !== undefined;
  }

  /** Counts an operation as in flight until it is answered. Gives back the same promise. */
  track<T>(operation: Promise<T>): Promise<T> {
    this.#inFlight++;
    operation.then(this.#end, this.#end);
    return operation;
  }

  /** Calls `release` when nothing is in flight, the first time. Every call gives the same promise. */
  close(release: () => Promise<void>): Promise<void> {
    this.#closing ??= this.#whenIdle().then(release);
    return this.#closing;
  }

  #whenIdle(): Promise<void> {
    if (this.#inFlight === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#idle = resolve;
    });
  }

  /** One for all operations: a closure for each would cost more than the counting. */
  readonly #end = (): void => {
    this.#inFlight--;
    if (this.#inFlight === 0) this.#idle?.();
  };
}
