import { expect } from 'chai';
import {
  type CacheEvent,
  type CacheOptions,
  faultDevice,
  latencyDevice,
  memoryDevice,
  type TraceRef,
} from '../../../src/index.js';
import { ATTRIBUTE, RELATION, SPAN, type SpanData } from '../../../src/telemetry/index.js';
import { SpanProjection } from '../../../src/telemetry/spans/projection.js';
import { pattern, testCaches } from '../../api/support/caches.js';
import { survivorsOf } from '../../api/support/faulty.js';
import { withParts } from '../../api/support/devices.js';
import { TestClock } from '../../api/support/virtual-clock.js';
import { randomRun } from './random-run.js';
import { callerTrace, linksOf, type Projected, projected, spansOf } from './support.js';

const BLOCK = 4096;
const DEVICE_SPANS: readonly string[] = Object.values(SPAN).filter((name) => name.startsWith('cachetrail.device.'));

/** The runs are the same for all tests. */
const runs = Promise.all([21, 22, 23, 24].map((seed) => randomRun(seed, { steps: 40 })));

describe('the projection of events to spans', () => {
  const open = testCaches();

  async function opened(options: CacheOptions = {}, blocks = 512) {
    const clock = new TestClock();
    const faults = faultDevice(memoryDevice({ sizeBytes: blocks * BLOCK }));
    const device = latencyDevice(faults, { readMs: 1, writeMs: 2, barrierMs: 3, setTimer: clock.after });
    const test = await open(device, { clock, capacity: 300, deviceTimeoutMs: 100, ...options });
    const write = (block: number, trace: TraceRef, count = 1) =>
      clock.until(test.cache.write(block, pattern(count * BLOCK, block), { trace }));
    return { ...test, clock, faults, write };
  }

  it('gives every device operation one span, with the times of the device', async () => {
    for (const run of await runs) {
      const events = run.events.map(sampled);
      const spans = projected({ ...run, events }).all.filter(({ attributes }) => ATTRIBUTE.io in attributes);
      const started = new Map<number, CacheEvent>();
      const answered = new Map<number, CacheEvent>();
      for (const event of events) {
        if (!('io' in event)) continue;
        if (/^(fill|writeback|barrier|clear)Started$/.test(event.type)) started.set(event.io, event);
        if ('startedAt' in event && event.type !== 'deviceAnsweredLate') answered.set(event.io, event);
      }
      const ios = spans.map(({ attributes }) => Number(attributes[ATTRIBUTE.io]));
      expect(ios.toSorted((a, b) => a - b)).to.deep.equal([...started.keys()]);
      for (const { name, startTime, endTime, attributes } of spans) {
        expect(DEVICE_SPANS).to.include(name);
        const event = answered.get(Number(attributes[ATTRIBUTE.io]));
        if (event === undefined || !('startedAt' in event)) continue;
        expect([startTime, endTime]).to.deep.equal([timeOf(event.startedAt), timeOf(event.at)]);
        expect(attributes[ATTRIBUTE.endSeq]).to.equal(event.seq);
      }
    }
  });

  it('makes well-formed spans of any run, whose links lead somewhere or to a caller', async () => {
    for (const run of await runs) {
      const spans = projected(run);
      spans.check();
      const callers = new Set(run.events.flatMap((event) => ('trace' in event ? [event.trace?.spanId] : [])));
      for (const span of spans.all) {
        if (span.parentSpanId !== null && spans.parentOf(span) === undefined) {
          expect(callers.has(span.parentSpanId), `parent of ${span.name}`).to.equal(true);
        }
        for (const link of span.links) {
          if (spans.behind(link) !== undefined) continue;
          expect(callers.has(link.to.spanId), `${span.name} ${link.attributes[ATTRIBUTE.relation]}`).to.equal(true);
        }
      }
    }
  });

  it('may begin anywhere: what it has not seen the beginning of it leaves out, and device operations keep their ids', async () => {
    for (const run of await runs) {
      const events = run.events.map(sampled);
      const whole = new Set(deviceSpans(projected({ ...run, events })).map(({ spanId }) => spanId));
      for (let cut = 1; cut < events.length; cut += 199) {
        const slice = projected({ ...run, events: events.slice(cut) });
        slice.check();
        const answers = events
          .slice(cut)
          .filter((event) => 'startedAt' in event && event.type !== 'deviceAnsweredLate');
        const found = deviceSpans(slice).filter(({ attributes }) => !(ATTRIBUTE.unfinished in attributes));
        expect(found.length).to.equal(answers.length);
        for (const { spanId } of found) expect(whole.has(spanId)).to.equal(true);
      }
    }
  });

  it('keeps nothing of a cache at rest, and little of one that writes the same blocks for ever', async () => {
    const projection = new SpanProjection({ start: () => callerTrace(1), end: () => {} });
    const { cache, events, clock } = await opened();
    for (let round = 0; round < 200; round++) {
      await clock.until(cache.write(round % 4, pattern(BLOCK, round), { trace: callerTrace(1 + (round % 3)) }));
    }
    for (const event of events) projection.apply(event);
    expect(projection.size).to.be.within(4, 12);
    const before = events.length;
    await clock.until(cache.flush());
    for (const event of events.slice(before)) projection.apply(event);
    expect(projection.size).to.equal(0);
  });

  it('links a writeback of 200 blocks to the 200 writes that it carries, 128 a span, and each write back', async () => {
    const { cache, clock, write, events } = await opened({ capacity: 512 });
    for (let block = 0; block < 200; block++) await write(block, callerTrace(1000 + block));
    await clock.until(cache.flush());
    const spans = spansOf(events);
    spans.check();
    const writeback = spans.the(SPAN.writeback);
    expect(writeback.attributes).to.include({ [ATTRIBUTE.count]: 200, [ATTRIBUTE.writes]: 200 });
    const carriers = [writeback, ...spans.childrenOf(writeback).filter(({ name }) => name === SPAN.links)];
    const links = carriers.flatMap((span) => linksOf(span, RELATION.carries));
    expect(links.length).to.equal(200);
    const contexts = new Set(Array.from({ length: 200 }, (_, block) => callerTrace(1000 + block).spanId));
    for (const link of links) {
      const own = spans.behind(link);
      expect(contexts.has(own === undefined ? link.to.spanId : String(own.parentSpanId))).to.equal(true);
    }
    const durable = spans.named(SPAN.durable);
    expect(durable.length).to.equal(200);
    for (const span of durable) {
      expect(linksOf(span, RELATION.carriedBy).map((link) => spans.behind(link))).to.deep.equal([writeback]);
      const [barrier] = linksOf(span, RELATION.syncedBy).map((link) => spans.behind(link));
      expect(barrier?.name).to.equal(SPAN.deviceBarrier);
      expect(span.endTime).to.deep.equal(barrier?.endTime);
    }
  });

  it('has a writeback below the flush that asked for it, and one that is due by age in a trace of its own', async () => {
    const { cache, clock, write, events } = await opened({ limits: { dirtyAgeNs: 50e6 } });
    await write(1, callerTrace(1));
    await clock.until(cache.flush(undefined, { trace: callerTrace(2) }));
    await write(2, callerTrace(3));
    await clock.pass(200);
    const spans = spansOf(events);
    const [flushed, aged] = spans.named(SPAN.writeback);
    expect(spans.parentOf(flushed)).to.equal(spans.the(SPAN.flush));
    expect(aged.attributes[ATTRIBUTE.reason]).to.equal('age');
    expect(aged.parentSpanId).to.equal(null);
    expect(linksOf(aged, RELATION.carries).map(({ to }) => to.traceId)).to.deep.equal([callerTrace(3).traceId]);
  });

  it('has the fill of a read below it, and links to it from a read that joins it', async () => {
    const { cache, clock, events } = await opened();
    await clock.until(
      Promise.all([
        cache.read(3, 4, undefined, { trace: callerTrace(1), actor: 'first' }),
        cache.read(5, 1, undefined, { trace: callerTrace(2), actor: 'second' }),
      ]),
    );
    const spans = spansOf(events);
    const fill = spans.the(SPAN.deviceRead);
    const byActor = (actor: string) =>
      spans.named(SPAN.read).find(({ attributes }) => attributes[ATTRIBUTE.actor] === actor);
    expect(spans.parentOf(fill)).to.equal(byActor('first'));
    const second = byActor('second');
    expect(second?.links.map((link) => spans.behind(link))).to.deep.equal([fill]);
    expect(second?.traceId).to.equal(callerTrace(2).traceId);
    expect(fill.attributes).to.include({ [ATTRIBUTE.direction]: 'read', [ATTRIBUTE.device]: cache.identity });
  });

  it('tells of a read that fails by the device’s code', async () => {
    const { cache, clock, faults, events } = await opened();
    faults.inject({ on: 'read', code: 'EIO' });
    await clock.until(cache.read(3).catch(() => {}));
    const spans = spansOf(events);
    for (const name of [SPAN.read, SPAN.deviceRead]) {
      expect(spans.the(name).status).to.deep.equal({ code: 2, message: 'EIO' });
      expect(spans.the(name).attributes[ATTRIBUTE.errorType]).to.equal('EIO');
    }
  });

  it('shows a barrier that fails, what is written again because of it, and the end of that', async () => {
    const { cache, clock, faults, write, events } = await opened();
    await write(7, callerTrace(1));
    faults.inject({ on: 'barrier', code: 'EIO', times: 1 });
    await clock.until(cache.flush());
    const spans = spansOf(events);
    spans.check();
    const [failed, good] = spans.named(SPAN.deviceBarrier);
    const [first, second] = spans.named(SPAN.writeback);
    expect(failed.status.code).to.equal(2);
    expect(linksOf(failed, RELATION.syncs).map((link) => spans.behind(link))).to.deep.equal([first]);
    expect(linksOf(second, RELATION.retries).map((link) => spans.behind(link))).to.deep.equal([failed]);
    expect(spans.childrenOf(failed).map(({ name }) => name)).to.deep.equal([SPAN.retried, SPAN.cured]);
    const carriedBy = linksOf(spans.the(SPAN.durable), RELATION.carriedBy).map((link) => spans.behind(link));
    expect(carriedBy, 'only what counts in the end').to.deep.equal([second]);
    expect(linksOf(spans.the(SPAN.durable), RELATION.syncedBy).map((link) => spans.behind(link))).to.deep.equal([good]);
  });

  it('shows a time-out, the late answer below it, and the report of a flush', async () => {
    const { cache, clock, faults, write, events } = await opened();
    await write(7, callerTrace(1));
    faults.inject({ on: 'write', hang: 'after', times: 1 });
    await survivorsOf(clock.until(cache.flush()));
    faults.release();
    await clock.rest();
    await clock.until(cache.flush());
    const spans = spansOf(events);
    spans.check();
    const [timedOut] = spans.named(SPAN.deviceWrite);
    expect(timedOut.status.message).to.equal('CACHETRAIL_DEVICE_TIMEOUT');
    expect(timedOut.attributes[ATTRIBUTE.outcome]).to.equal('unknown');
    expect(spans.childrenOf(timedOut).map(({ name }) => name)).to.deep.equal([SPAN.lateAnswer]);
    const [first] = spans.named(SPAN.writeback);
    expect(first.attributes[ATTRIBUTE.result]).to.equal('unanswered');
    expect(spans.childrenOf(first).map(({ name }) => name)).to.deep.equal([
      SPAN.deviceWrite,
      SPAN.report,
      SPAN.retried,
      SPAN.cured,
    ]);
  });

  it('links what is written to another device object to what the old one has not answered', async () => {
    const memory = memoryDevice({ sizeBytes: 64 * BLOCK });
    const faults = faultDevice(withParts(memory, { close: async () => {} }));
    const clock = new TestClock();
    const { cache, events } = await open(faults, { clock });
    await cache.write(7, pattern(BLOCK, 7), { trace: callerTrace(1) });
    faults.inject({ on: 'write', hang: 'before', times: 1 });
    const flushing = cache.flush();
    await clock.rest();
    await cache.replaceDevice(withParts(memory, {}));
    await flushing;
    const spans = spansOf(events);
    spans.check();
    const [first, second] = spans.named(SPAN.writeback);
    expect(first.attributes).to.include({
      [ATTRIBUTE.result]: 'unanswered',
      [ATTRIBUTE.errorType]: 'CACHETRAIL_DEVICE_REPLACED',
    });
    expect(linksOf(second, RELATION.retries).map((link) => spans.behind(link))).to.deep.equal([first]);
    expect(spans.the(SPAN.durable).traceId).to.equal(callerTrace(1).traceId);
  });

  it('shows dirty blocks that were given up, in the trace of who wrote them', async () => {
    const { cache, clock, write, events } = await opened();
    await write(7, callerTrace(1), 3);
    await clock.until(cache.invalidate({ block: 8, count: 1 }, { discardDirty: 'not needed', trace: callerTrace(2) }));
    await clock.until(cache.flush());
    const spans = spansOf(events);
    const lost = spans.the(SPAN.discarded);
    expect(lost.traceId).to.equal(callerTrace(1).traceId);
    expect(lost.attributes).to.include({ [ATTRIBUTE.reason]: 'not needed', [ATTRIBUTE.blocks]: 1 });
    expect(linksOf(lost, RELATION.discardedBy).map((link) => spans.behind(link))).to.deep.equal([
      spans.the(SPAN.clear),
    ]);
    expect(spans.the(SPAN.durable).parentSpanId).to.equal(lost.parentSpanId);
  });

  it('leaves out what belongs to a trace that is not sampled, and what would link to it', async () => {
    const { cache, clock, write, events } = await opened();
    await write(1, callerTrace(1, 0));
    await write(2, callerTrace(2));
    await clock.until(cache.read(9, 1, undefined, { trace: callerTrace(3, 0) }));
    await clock.until(cache.flush());
    const spans = spansOf(events);
    const traces = new Set(spans.all.flatMap(({ traceId, links }) => [traceId, ...links.map(({ to }) => to.traceId)]));
    for (const caller of [1, 3]) expect(traces.has(callerTrace(caller).traceId)).to.equal(false);
    expect(traces.has(callerTrace(2).traceId)).to.equal(true);
  });

  it('ends what a crash has left open, with the last event', async () => {
    const { cache, clock, events } = await opened();
    const reading = cache.read(3);
    const spans = spansOf(events.slice());
    await clock.until(reading);
    expect(spans.all.map(({ name, attributes }) => [name, attributes[ATTRIBUTE.unfinished]])).to.deep.equal([
      [SPAN.deviceRead, true],
      [SPAN.read, true],
    ]);
  });
});

/** As if every caller's trace were sampled. */
function sampled(event: CacheEvent): CacheEvent {
  return 'trace' in event && event.trace !== null ? { ...event, trace: { ...event.trace, flags: 1 } } : event;
}

function deviceSpans(spans: Projected): readonly SpanData[] {
  return spans.all.filter(({ attributes }) => ATTRIBUTE.io in attributes);
}

/** With the epoch of the virtual clock, which is 1970. */
function timeOf(at: number): [number, number] {
  return [Math.floor(at / 1e9), Math.round(at % 1e9)];
}
