/** A promise that calls back a second time, with an error, for whoever calls its `then` directly. */
export class AnsweringTwice<T> extends Promise<T> {
  /** What is derived from it answers once. */
  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  constructor(answer: Promise<T>) {
    super((resolve, reject) => {
      answer.then(resolve, reject);
    });
  }

  // biome-ignore lint/suspicious/noThenProperty: a promise that keeps no promise is the point
  override then<A = T, B = never>(
    onFulfilled?: ((value: T) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    const first = super.then(onFulfilled, onRejected);
    const again = () => {
      onFulfilled?.call(undefined, NOTHING as T);
      onRejected?.(new Error('answered twice'));
    };
    super.then(again, again).catch(() => undefined);
    return first;
  }
}

const NOTHING: unknown = undefined;
