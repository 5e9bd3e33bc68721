import { Observable, type Observer, type Operator, Subscriber, Subscription } from 'rxjs';

/** Tells of an error that a subscriber threw, with the value that it was given. */
export type ReportError = (error: unknown, value: unknown) => void;

/**
 * An Observable that survives its subscribers: one that throws is detached and reported, and the others go on. RxJS
 * itself would rethrow in a timer, and end the process. What is derived from it with `pipe` is guarded as well.
 */
export class GuardedObservable<T> extends Observable<T> {
  readonly #report: ReportError;

  constructor(report: ReportError, subscribe?: (subscriber: Subscriber<T>) => () => void) {
    super(subscribe);
    this.#report = report;
  }

  /** RxJS derives every operator's result through this. */
  override lift<R>(operator?: Operator<T, R>): Observable<R> {
    const derived = new GuardedObservable<R>(this.#report);
    derived.source = this;
    derived.operator = operator;
    return derived;
  }

  override subscribe(
    observerOrNext?: Partial<Observer<T>> | ((value: T) => void) | null,
    error?: ((error: unknown) => void) | null,
    complete?: (() => void) | null,
  ): Subscription {
    // Operators subscribe with a Subscriber, and hand what goes wrong in them on to the end of the chain, which is guarded.
    if (observerOrNext instanceof Subscriber) return super.subscribe(observerOrNext);
    const observer = toObserver(observerOrNext, error, complete);
    const subscription = new Subscription();
    const guard = <A>(call: ((argument: A) => void) | undefined) => {
      return (argument: A) => {
        try {
          call?.call(observer, argument);
        } catch (thrown) {
          subscription.unsubscribe();
          this.#report(thrown, argument);
        }
      };
    };
    const failed = guard(observer.error ?? ((thrown: unknown) => this.#report(thrown, undefined)));
    const completed = guard(observer.complete);
    const guarded: Observer<T> = {
      next: guard(observer.next),
      error: (thrown) => {
        failed(thrown);
        subscription.unsubscribe();
      },
      complete: () => {
        completed(undefined);
        subscription.unsubscribe();
      },
    };
    subscription.add(super.subscribe(guarded));
    return subscription;
  }
}

export function toObserver<T>(
  observerOrNext?: Partial<Observer<T>> | ((value: T) => void) | null,
  error?: ((error: unknown) => void) | null,
  complete?: (() => void) | null,
): Partial<Observer<T>> {
  if (typeof observerOrNext !== 'function' && observerOrNext) return observerOrNext;
  return {
    ...(observerOrNext ? { next: observerOrNext } : {}),
    ...(error ? { error } : {}),
    ...(complete ? { complete } : {}),
  };
}
