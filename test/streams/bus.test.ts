import { expect } from 'chai';
import { filter, map, share, Subscription, take, tap } from 'rxjs';
import type { CacheEvent } from '../../src/cache/events.js';
import { EventBus, type SubscriberError } from '../../src/streams/bus.js';
import { drain } from '../support/virtual-clock.js';
import { warningsOf } from './warnings.js';

function tick(seq: number): CacheEvent {
  return { type: 'ticked', seq, at: 0, cause: 0 };
}

function publish(bus: EventBus, ...seqs: readonly number[]): void {
  for (const seq of seqs) bus.publish(tick(seq));
}

/** Who got what, in the order in which they did. */
function log() {
  const seen: string[] = [];
  return { seen, as: (name: string) => (event: CacheEvent) => seen.push(`${name}${event.seq}`) };
}

describe('the bus', () => {
  it('gives every event to every subscriber, in order of subscription', () => {
    const bus = new EventBus();
    const { seen, as } = log();
    bus.events$.subscribe(as('a'));
    bus.events$.subscribe({ next: as('b') });
    publish(bus, 1, 2);
    expect(seen).to.deep.equal(['a1', 'b1', 'a2', 'b2']);
  });

  it('keeps one order for all when a subscriber causes events in its handler', () => {
    const bus = new EventBus();
    const { seen, as } = log();
    bus.events$.subscribe((event) => {
      as('a')(event);
      if (event.seq === 1) publish(bus, 2, 3);
      if (event.seq === 2) publish(bus, 4);
    });
    bus.events$.subscribe(as('b'));
    publish(bus, 1);
    expect(seen).to.deep.equal(['a1', 'b1', 'a2', 'b2', 'a3', 'b3', 'a4', 'b4']);
  });

  it('delivers what was lined up before what a handler causes', () => {
    const bus = new EventBus();
    const { seen, as } = log();
    bus.events$.subscribe((event) => {
      if (event.seq === 1) publish(bus, 3);
    });
    bus.events$.subscribe(as('b'));
    bus.add(tick(1));
    bus.add(tick(2));
    bus.deliver();
    expect(seen).to.deep.equal(['b1', 'b2', 'b3']);
  });

  it('says whether it is delivering', () => {
    const bus = new EventBus();
    const during: boolean[] = [];
    bus.events$.subscribe(() => during.push(bus.isDelivering));
    publish(bus, 1);
    expect([...during, bus.isDelivering]).to.deep.equal([true, false]);
  });

  it('delivers with nobody there', () => {
    const bus = new EventBus();
    publish(bus, 1, 2);
    bus.add(tick(3));
    bus.deliver();
    expect(bus.isDelivering).to.equal(false);
  });

  it('gives the first event to whoever subscribes before there is a second', () => {
    const bus = new EventBus();
    const { seen, as } = log();
    bus.add(tick(1));
    bus.deliver();
    bus.events$.subscribe(as('a'));
    bus.events$.subscribe(as('b'));
    publish(bus, 2);
    bus.events$.subscribe(as('c'));
    publish(bus, 3);
    expect(seen).to.deep.equal(['a1', 'b1', 'a2', 'b2', 'a3', 'b3', 'c3']);
  });

  it('works with the operators of RxJS, which unsubscribe in the middle', () => {
    const bus = new EventBus();
    const seen: number[] = [];
    bus.events$
      .pipe(
        filter(({ seq }) => seq % 2 === 0),
        map(({ seq }) => seq),
        take(2),
      )
      .subscribe({ next: (seq) => seen.push(seq), complete: () => seen.push(-1) });
    publish(bus, 1, 2, 3, 4, 5, 6);
    expect(seen).to.deep.equal([2, 4, -1]);
  });
});

describe('a subscriber that comes or goes during a delivery', () => {
  it('gets the next event first, when it comes', () => {
    const bus = new EventBus();
    const { seen, as } = log();
    bus.events$.subscribe(({ seq }) => {
      if (seq === 1) bus.events$.subscribe(as('late'));
    });
    publish(bus, 1, 2);
    expect(seen).to.deep.equal(['late2']);
  });

  it('gets the event no more, when an earlier one removes it', () => {
    const bus = new EventBus();
    const { seen, as } = log();
    const later = new Subscription();
    bus.events$.subscribe(() => later.unsubscribe());
    later.add(bus.events$.subscribe(as('b')));
    bus.events$.subscribe(as('c'));
    publish(bus, 1, 2);
    expect(seen).to.deep.equal(['c1', 'c2']);
  });

  it('may remove itself; the others get the event all the same', () => {
    const bus = new EventBus();
    const { seen, as } = log();
    const own = bus.events$.subscribe((event) => {
      as('a')(event);
      own.unsubscribe();
    });
    bus.events$.subscribe(as('b'));
    publish(bus, 1, 2);
    expect(seen).to.deep.equal(['a1', 'b1', 'b2']);
  });

  it('may unsubscribe twice', () => {
    const bus = new EventBus();
    const { seen, as } = log();
    const subscription = bus.events$.subscribe(as('a'));
    subscription.unsubscribe();
    subscription.unsubscribe();
    publish(bus, 1);
    expect(seen).to.deep.equal([]);
    expect(subscription.closed).to.equal(true);
  });
});

describe('a subscriber that throws', () => {
  const error = new Error('not mine');
  const throwing = () => {
    throw error;
  };

  /** A bus whose errors are noted, and a subscriber after the one that throws. */
  function noted() {
    const bus = new EventBus();
    const { seen, as } = log();
    const errors: SubscriberError[] = [];
    bus.errors$.subscribe((reported) => errors.push(reported));
    return { bus, seen, as, errors };
  }

  it('is detached and reported, with the event; the others go on', () => {
    const { bus, seen, as, errors } = noted();
    bus.events$.subscribe(throwing);
    bus.events$.subscribe(as('b'));
    publish(bus, 1, 2);
    expect(seen).to.deep.equal(['b1', 'b2']);
    expect(errors).to.deep.equal([{ error, value: tick(1) }]);
  });

  it('in an operator is detached and reported; the others go on', async () => {
    const { bus, seen, as, errors } = noted();
    bus.events$.pipe(map(throwing)).subscribe(() => seen.push('never'));
    bus.events$.subscribe(as('b'));
    publish(bus, 1, 2);
    await drain();
    expect(seen).to.deep.equal(['b1', 'b2']);
    expect(errors.map((reported) => reported.error)).to.deep.equal([error]);
  });

  it('after operators is detached and reported with what it was given', async () => {
    const { bus, seen, as, errors } = noted();
    bus.events$.pipe(map(({ seq }) => seq * 10)).subscribe(throwing);
    bus.events$.pipe(tap(throwing)).subscribe();
    bus.events$.subscribe(as('b'));
    publish(bus, 1, 2);
    await drain();
    expect(seen).to.deep.equal(['b1', 'b2']);
    expect(errors).to.deep.equal([
      { error, value: 10 },
      { error, value: undefined },
    ]);
  });

  it('in its error handler is reported too', async () => {
    const { bus, errors } = noted();
    const second = new Error('nor this');
    bus.events$.pipe(map(throwing)).subscribe({
      error: () => {
        throw second;
      },
    });
    publish(bus, 1);
    await drain();
    expect(errors.map((reported) => reported.error)).to.deep.equal([second]);
  });

  it('hears of an error in its operators if it has a handler for it, and nobody else does', async () => {
    const { bus, errors } = noted();
    const heard: unknown[] = [];
    bus.events$.pipe(map(throwing)).subscribe({ error: (thrown) => heard.push(thrown) });
    publish(bus, 1);
    await drain();
    expect(heard).to.deep.equal([error]);
    expect(errors).to.deep.equal([]);
  });

  it('behind a shared chain takes down the chain’s others, never those of the bus', async () => {
    const { bus, seen, as, errors } = noted();
    const shared = bus.events$.pipe(share());
    shared.subscribe(throwing);
    shared.subscribe(as('s'));
    bus.events$.subscribe(as('b'));
    publish(bus, 1, 2);
    await drain();
    expect(seen).to.include.members(['b1', 'b2']);
    expect(errors.map((reported) => reported.error)).to.deep.equal([error]);
  });

  it('on the first event, while it subscribes, is detached and reported', () => {
    const { bus, seen, as, errors } = noted();
    bus.add(tick(1));
    bus.deliver();
    bus.events$.subscribe(throwing);
    bus.events$.subscribe(as('b'));
    publish(bus, 2);
    expect(seen).to.deep.equal(['b1', 'b2']);
    expect(errors.map((reported) => reported.error)).to.deep.equal([error]);
  });

  it('when it is told of the end is reported; the others are told all the same', () => {
    const { bus, seen, errors } = noted();
    bus.events$.subscribe({ complete: throwing });
    bus.events$.subscribe({ complete: () => seen.push('b') });
    bus.complete();
    expect(seen).to.deep.equal(['b']);
    expect(errors).to.deep.equal([{ error, value: undefined }]);
  });

  it('and has subscribed after the end does not throw at the one who subscribes', async () => {
    const bus = new EventBus();
    bus.complete();
    const warnings = await warningsOf(async () => {
      bus.events$.subscribe({ complete: throwing });
      await drain();
    });
    expect(warnings).to.have.length(1);
  });
});

describe('errors$', () => {
  const throwing = () => {
    throw new Error('not mine');
  };

  it('that nobody listens to becomes a warning of the process', async () => {
    const bus = new EventBus();
    bus.events$.subscribe(throwing);
    const warnings = await warningsOf(async () => {
      publish(bus, 1, 2);
      await drain();
    });
    expect(warnings.map(({ name }) => name)).to.deep.equal(['CachetrailWarning']);
    expect(warnings[0].message).to.include('not mine');
  });

  it('whose own subscriber throws becomes a warning too, and that one is detached', async () => {
    const bus = new EventBus();
    const seen: SubscriberError[] = [];
    bus.errors$.subscribe(throwing);
    bus.errors$.subscribe((reported) => seen.push(reported));
    bus.events$.subscribe(throwing);
    bus.events$.subscribe(throwing);
    const warnings = await warningsOf(async () => {
      publish(bus, 1, 2);
      await drain();
    });
    expect(warnings).to.have.length(1);
    expect(seen).to.have.length(2);
  });

  it('completes with the events', () => {
    const bus = new EventBus();
    const ends: string[] = [];
    bus.events$.subscribe({ complete: () => ends.push('events') });
    bus.errors$.subscribe({ complete: () => ends.push('errors') });
    bus.complete();
    expect(ends).to.deep.equal(['events', 'errors']);
  });
});

describe('the events that are no hits', () => {
  const hit = (seq: number): CacheEvent => {
    return { type: 'read', seq, at: 0, cause: 0, op: seq, actor: '', trace: null, block: 0, count: 1 };
  };
  const written = (seq: number, cause: number, flags?: number): CacheEvent => {
    const trace = flags === undefined ? null : { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), flags };
    const run = { block: 0, count: 1, offset: 0, length: 512 };
    const rest = { actor: '', trace, generation: 1, through: false, borrowed: false };
    return { type: 'written', seq, at: 0, cause, op: seq, ...run, ...rest };
  };

  it('leave out reads and writes that were answered at once, however they come', () => {
    const bus = new EventBus();
    const { seen, as } = log();
    bus.slowEvents$.subscribe(as('s'));
    bus.events$.subscribe(as('a'));
    bus.publish(hit(1));
    bus.publish(written(2, 0));
    for (const event of [tick(3), hit(4), written(5, 0), written(6, 3)]) bus.add(event);
    bus.deliver();
    expect(seen).to.deep.equal(['a1', 'a2', 's3', 'a3', 'a4', 'a5', 's6', 'a6']);
  });

  it('have of the writes that were taken at once those in a sampled trace', () => {
    const bus = new EventBus();
    const { seen, as } = log();
    bus.slowEvents$.subscribe(as('s'));
    bus.publish(written(1, 0, 0));
    bus.publish(written(2, 0, 1));
    for (const event of [written(3, 0, 2), written(4, 0, 3), written(5, 3, 0)]) bus.add(event);
    bus.deliver();
    expect(seen).to.deep.equal(['s2', 's4', 's5']);
  });

  it('are in one order with those of others, also when a handler causes more', () => {
    const bus = new EventBus();
    const { seen, as } = log();
    bus.slowEvents$.subscribe((event) => {
      as('s')(event);
      if (event.seq === 1) bus.publish(hit(2));
    });
    bus.events$.subscribe(as('a'));
    bus.add(tick(1));
    bus.deliver();
    expect(seen).to.deep.equal(['s1', 'a1', 'a2']);
  });

  it('end, and are guarded, like all', () => {
    const bus = new EventBus();
    const errors: SubscriberError[] = [];
    const seen: string[] = [];
    bus.errors$.subscribe((error) => errors.push(error));
    bus.slowEvents$.subscribe(() => {
      throw new Error('broken');
    });
    bus.slowEvents$.pipe(map(({ seq }) => seq)).subscribe({
      next: (seq) => seen.push(String(seq)),
      complete: () => seen.push('end'),
    });
    bus.add(tick(1));
    bus.deliver();
    bus.complete();
    expect(seen).to.deep.equal(['1', 'end']);
    expect(errors.length).to.equal(1);
  });
});

describe('the end of the events', () => {
  it('is told once, to each; nothing comes after it', () => {
    const bus = new EventBus();
    const { seen, as } = log();
    bus.events$.subscribe({ next: as('a'), complete: () => seen.push('end') });
    publish(bus, 1);
    bus.complete();
    bus.complete();
    publish(bus, 2);
    expect(seen).to.deep.equal(['a1', 'end']);
  });

  it('closes the subscriptions', () => {
    const bus = new EventBus();
    const plain = bus.events$.subscribe(() => {});
    const derived = bus.events$.pipe(map(({ seq }) => seq)).subscribe();
    bus.complete();
    expect([plain.closed, derived.closed]).to.deep.equal([true, true]);
  });

  it('is told at once to whoever comes later', () => {
    const bus = new EventBus();
    bus.complete();
    const seen: string[] = [];
    bus.events$.subscribe({ complete: () => seen.push('plain') });
    bus.events$.pipe(map(({ seq }) => seq)).subscribe({ complete: () => seen.push('derived') });
    expect(seen).to.deep.equal(['plain', 'derived']);
  });
});
