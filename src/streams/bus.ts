/**
 * Delivers every event to every subscriber, in one order for all. What subscribers cause while an event is being
 * delivered is delivered after it.
 *
 * Hot: a plain array of functions, several times faster than a Subject. Guarded by the `hit.readNow` benchmark.
 */
import { type Observable, Subject, Subscriber, Subscription, type Observer } from 'rxjs';
import type { CacheEvent } from '../cache/events.js';
import { GuardedObservable, toObserver } from './guarded.js';
import { isSampled } from './sampled.js';

/** A subscriber threw on an event, and has been detached. */
export interface SubscriberError {
  readonly error: unknown;
  /** What it was given, or undefined where its complete or error handler threw. */
  readonly value: unknown;
}

interface Listener {
  /** Gets hits as well. */
  readonly hits: boolean;
  readonly next: (event: CacheEvent) => void;
  readonly complete: () => void;
}

export class EventBus {
  readonly events$: Observable<CacheEvent> = new EventStream(this, true);
  /** The events that are no hits. */
  readonly slowEvents$: Observable<CacheEvent> = new EventStream(this, false);
  readonly errors$: Observable<SubscriberError>;
  #listeners: readonly Listener[] = [];
  /** Those that want hits too. A hit looks at no other. */
  #hitListeners: readonly Listener[] = [];
  /** Lined up in the order of `seq`; used again and again, so that lining up allocates nothing. */
  readonly #pending: (CacheEvent | null)[] = [];
  #pendingCount = 0;
  /** The first event, until there is a second. */
  #first: CacheEvent | null = null;
  #begun = false;
  #delivering = false;
  #completed = false;
  readonly #errors = new Subject<SubscriberError>();

  constructor() {
    // A subscriber of the errors that throws is detached; there is nobody left to tell but the process.
    const errors = this.#errors;
    this.errors$ = new GuardedObservable(warn, (subscriber) => {
      const subscription = errors.subscribe(subscriber);
      return () => subscription.unsubscribe();
    });
  }

  get isDelivering(): boolean {
    return this.#delivering;
  }

  /** Lines an event up; `deliver` sends it. */
  add(event: CacheEvent): void {
    this.#first = this.#begun ? null : event;
    this.#begun = true;
    this.#pending[this.#pendingCount++] = event;
  }

  /** Sends what is lined up. Does nothing inside a delivery, which sends it itself when its event is through. */
  deliver(): void {
    if (this.#delivering || this.#pendingCount === 0) return;
    this.#delivering = true;
    for (let at = 0; at < this.#pendingCount; at++) {
      const event = this.#pending[at];
      this.#pending[at] = null;
      if (event !== null) this.#send(event);
    }
    this.#pendingCount = 0;
    this.#delivering = false;
  }

  /** The same for one event, as a rule a hit, when nothing else is lined up. */
  publish(event: CacheEvent): void {
    if (this.#delivering || this.#pendingCount > 0) {
      this.add(event);
      return this.deliver();
    }
    this.#first = null;
    if (this.#listeners.length === 0 || (this.#hitListeners.length === 0 && isHit(event))) return;
    this.#delivering = true;
    this.#send(event);
    this.#delivering = false;
    if (this.#pendingCount > 0) this.deliver();
  }

  complete(): void {
    this.#completed = true;
    const listeners = this.#listeners;
    this.#setListeners([]);
    for (const listener of listeners) this.#guard(listener, () => listener.complete());
    this.#errors.complete();
  }

  /** Whoever listens before anything has been asked for gets the first event, `opened`, as well. */
  listen(listener: Listener): () => void {
    if (this.#completed) {
      this.#guard(listener, () => listener.complete());
      return () => {};
    }
    this.#setListeners([...this.#listeners, listener]);
    const first = this.#first;
    if (first !== null) this.#guard(listener, () => listener.next(first));
    return () => this.#detach(listener);
  }

  report(error: unknown, value: unknown): void {
    if (this.#errors.observed) this.#errors.next({ error, value });
    else warn(error);
  }

  #send(event: CacheEvent): void {
    const all = this.#listeners;
    const listeners = isHit(event) ? this.#hitListeners : all;
    for (let at = 0; at < listeners.length; at++) {
      const listener = listeners[at];
      // Whoever was detached by an earlier subscriber of this same event gets it no more.
      if (all !== this.#listeners && !this.#listeners.includes(listener)) continue;
      try {
        listener.next(event);
      } catch (error) {
        this.#detach(listener);
        this.report(error, event);
      }
    }
  }

  #guard(listener: Listener, call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#detach(listener);
      this.report(error, undefined);
    }
  }

  #detach(listener: Listener): void {
    this.#setListeners(this.#listeners.filter((other) => other !== listener));
  }

  #setListeners(listeners: readonly Listener[]): void {
    this.#listeners = listeners;
    this.#hitListeners = listeners.filter(({ hits }) => hits);
  }
}

/** A request that the cache answered at once, from memory. Of a write that was made in a sampled trace there is more to tell. */
function isHit(event: CacheEvent): boolean {
  if (event.type === 'read') return true;
  if (event.type !== 'written' || event.cause !== 0 || event.through) return false;
  return event.trace === null || !isSampled(event.trace);
}

/** Subscribes plain functions to the bus directly, without the layers that RxJS would put between. */
class EventStream extends GuardedObservable<CacheEvent> {
  readonly #bus: EventBus;
  readonly #hits: boolean;

  constructor(bus: EventBus, hits: boolean) {
    const report = (error: unknown, value: unknown) => bus.report(error, value);
    super(report, (subscriber) =>
      bus.listen({ hits, next: (event) => subscriber.next(event), complete: () => subscriber.complete() }),
    );
    this.#bus = bus;
    this.#hits = hits;
  }

  override subscribe(
    observerOrNext?: Partial<Observer<CacheEvent>> | ((value: CacheEvent) => void) | null,
    error?: ((error: unknown) => void) | null,
    complete?: (() => void) | null,
  ): Subscription {
    if (observerOrNext instanceof Subscriber) return super.subscribe(observerOrNext);
    const observer = toObserver(observerOrNext, error, complete);
    const next = nextOf(observerOrNext, observer);
    const subscription = new Subscription();
    const detach = this.#bus.listen({
      hits: this.#hits,
      next,
      complete: () => {
        observer.complete?.();
        subscription.unsubscribe();
      },
    });
    subscription.add(detach);
    return subscription;
  }
}

/** A plain function is called as it is: binding it would cost as much as calling it. */
function nextOf(
  observerOrNext: Partial<Observer<CacheEvent>> | ((value: CacheEvent) => void) | null | undefined,
  observer: Partial<Observer<CacheEvent>>,
): (event: CacheEvent) => void {
  if (typeof observerOrNext === 'function') return observerOrNext;
  return observer.next === undefined ? () => {} : observer.next.bind(observer);
}

/** Nobody listens to `errors$`: the error must not pass unseen, and must not end the process either. */
function warn(error: unknown): void {
  const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.emitWarning(`A subscriber threw and was detached: ${what}`, { type: 'CachetrailWarning' });
}
