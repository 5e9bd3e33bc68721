import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as wait } from 'node:timers/promises';
import {
  type Context,
  type ContextManager,
  context,
  createContextKey,
  INVALID_SPAN_CONTEXT,
  ROOT_CONTEXT,
  type SpanContext,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import { expect } from 'chai';
import { type CacheEvent, type CacheOptions, latencyDevice, memoryDevice } from '../../src/index.js';
import { activeTrace } from '../../src/telemetry/index.js';
import { pattern, testCaches } from '../api/support/caches.js';

/** The least that a context manager of an SDK does: carries the context across awaits. */
class AsyncContextManager implements ContextManager {
  readonly #storage = new AsyncLocalStorage<Context>();

  active(): Context {
    return this.#storage.getStore() ?? ROOT_CONTEXT;
  }

  with<A extends unknown[], F extends (...args: A) => ReturnType<F>>(
    active: Context,
    work: F,
    thisArg?: ThisParameterType<F>,
    ...args: A
  ): ReturnType<F> {
    return this.#storage.run(active, () => work.apply(thisArg, args));
  }

  bind<T>(_context: Context, target: T): T {
    return target;
  }

  enable(): this {
    return this;
  }

  disable(): this {
    this.#storage.disable();
    return this;
  }
}

const A = spanContext('a');
const B = spanContext('b');

function spanContext(digit: string, traceFlags = TraceFlags.SAMPLED): SpanContext {
  return { traceId: digit.repeat(32), spanId: digit.repeat(16), traceFlags };
}

function within<T>(span: SpanContext, work: () => T): T {
  return context.with(trace.setSpan(context.active(), trace.wrapSpanContext(span)), work);
}

function ref({ traceId, spanId, traceFlags: flags }: SpanContext) {
  return { traceId, spanId, flags };
}

describe('activeTrace', () => {
  it('is null without an SDK', () => {
    expect(activeTrace()).to.equal(null);
    expect(within(A, activeTrace), 'nobody carries the context').to.equal(null);
  });

  describe('with a context manager', () => {
    beforeEach(() => {
      context.setGlobalContextManager(new AsyncContextManager());
    });
    afterEach(() => context.disable());

    it('has the ids and flags of the active span, and is null outside of one', async () => {
      const unsampled = spanContext('c', TraceFlags.NONE);
      expect(activeTrace()).to.equal(null);
      expect(within(A, activeTrace)).to.deep.equal(ref(A));
      expect(within(unsampled, activeTrace)).to.deep.equal({ ...ref(unsampled), flags: 0 });
      expect(within(A, () => within(B, activeTrace))).to.deep.equal(ref(B));
      const later = within(A, async () => {
        await wait(1);
        return activeTrace();
      });
      expect(activeTrace()).to.equal(null);
      expect(await later).to.deep.equal(ref(A));
    });

    it('is one object for all requests of a span', () => {
      within(A, () => expect(activeTrace()).to.equal(activeTrace()));
    });

    it('is the same object in another context of the span, and none where the span is taken out of it', () => {
      within(A, () => {
        const found = activeTrace();
        const other = context.active().setValue(createContextKey('other'), true);
        expect(context.with(other, activeTrace)).to.equal(found);
        expect(context.with(trace.deleteSpan(other), activeTrace)).to.equal(null);
        expect(activeTrace()).to.equal(found);
      });
    });

    for (const [what, invalid] of Object.entries({
      'that is not valid': INVALID_SPAN_CONTEXT,
      'with a short trace id': { ...A, traceId: 'abc' },
      'with a span id of zeros': { ...A, spanId: '0'.repeat(16) },
    })) {
      it(`is null in a span ${what}`, () => {
        expect(within(invalid, activeTrace)).to.equal(null);
        expect(within(A, () => within(invalid, activeTrace))).to.equal(null);
      });
    }

    describe('as the traceSource of a cache', () => {
      const open = testCaches();
      const opened = (options: CacheOptions = {}) => {
        const device = latencyDevice(memoryDevice({ sizeBytes: 64 * 4096 }), { readMs: 2, writeMs: 2, barrierMs: 1 });
        return open(device, { ...options, traceSource: activeTrace });
      };
      const traceOf = (events: readonly CacheEvent[], actor: string) =>
        events
          .filter((event) => 'actor' in event && event.actor === actor)
          .map((event) => ('trace' in event ? event.trace : 0));

      it('puts the ids of the span into the events of the requests made in it, and null into the others', async () => {
        const { cache, events } = await opened();
        await within(A, async () => {
          await cache.write(3, pattern(4096, 1), { actor: 'a' });
          await cache.read(3, 1, undefined, { actor: 'a' });
          await wait(1);
          await cache.read(8, 4, undefined, { actor: 'a' });
          await cache.flush(undefined, { actor: 'a' });
        });
        await cache.read(3, 1, undefined, { actor: 'none' });
        await cache.write(4, pattern(4096, 1), { actor: 'none' });
        await within(B, () => cache.zero({ block: 3, count: 1 }, { actor: 'b' }));
        expect(traceOf(events, 'a').length, 'a waiting write has two events').to.be.within(4, 5);
        for (const ids of traceOf(events, 'a')) expect(ids).to.deep.equal(ref(A));
        expect(new Set(traceOf(events, 'none'))).to.deep.equal(new Set([null]));
        expect(traceOf(events, 'b')).to.deep.equal([ref(B)]);
      });

      it('keeps a waiting write in its own trace, whatever lets it in', async () => {
        const { cache, of } = await opened({ capacity: 2 });
        await within(A, () => cache.write(0, pattern(4096, 0), { actor: 'a' }));
        const waiting = within(B, () => cache.write(1, pattern(4096, 1), { actor: 'b' }));
        const partial = cache.writeBytes(9000, pattern(10, 2), { actor: 'none' });
        await within(A, () => Promise.all([waiting, partial, cache.flush()]));
        const written = of('written').map(({ actor, trace: ids }) => [actor, ids]);
        expect(of('writeQueued').map(({ actor, trace: ids }) => [actor, ids])).to.deep.equal(written);
        expect(written).to.deep.equal([
          ['a', ref(A)],
          ['b', ref(B)],
          ['none', null],
        ]);
      });

      it('takes the trace of the handler for what a handler asks for, queued behind what it sees', async () => {
        const { cache, events } = await opened();
        const asked: Promise<unknown>[] = [];
        cache.events$.subscribe((event) => {
          if (event.type !== 'flushStarted' || event.actor === 'handler') return;
          asked.push(within(B, () => cache.read(20, 2, undefined, { actor: 'handler' })));
        });
        await within(A, () => cache.flush(undefined, { actor: 'outer' }));
        await Promise.all(asked);
        expect(traceOf(events, 'outer')).to.deep.equal([ref(A)]);
        expect(traceOf(events, 'handler')).to.deep.equal([ref(B)]);
      });

      it('gives way to the trace that a request is given', async () => {
        const { cache, events } = await opened();
        await within(A, () => cache.read(1, 1, undefined, { actor: 'told', trace: ref(B) }));
        expect(traceOf(events, 'told')).to.deep.equal([ref(B)]);
      });
    });
  });
});
