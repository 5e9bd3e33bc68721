/** What the spans say of durability, held against the core's own state. */
import { expect } from 'chai';
import { evolve } from '../../../src/cache/evolve.js';
import { CacheState } from '../../../src/cache/state.js';
import type { CacheEvent } from '../../../src/index.js';
import { ATTRIBUTE, RELATION, SPAN, type SpanData, SpanProjector } from '../../../src/telemetry/index.js';
import { randomRun } from './random-run.js';
import { JOURNAL_ID, linksOf } from './support.js';

const SEEDS = Array.from({ length: Number(process.env['CACHETRAIL_SPAN_RUNS'] ?? 6) }, (_, index) => 41 + index);

describe('a write’s `durable`', () => {
  const runs = Promise.all(SEEDS.map((seed) => randomRun(seed, { steps: 50 })));

  it('comes not before the write is durable', async () => {
    let looked = 0;
    for (const { events } of await runs) {
      fold(events, (span, state, event) => {
        if (span.name !== SPAN.durable || ATTRIBUTE.unfinished in span.attributes) return;
        expect(event.type).to.equal('barrierFinished');
        for (const bases of unsafeIn(state, span)) {
          looked++;
          expect(
            bases.every((base) => base > numberOf(span, ATTRIBUTE.generation)),
            `${JSON.stringify(span.attributes)} at ${event.seq}`,
          ).to.equal(true);
        }
      });
    }
    expect(looked).to.be.above(100);
  });

  it('or its `discarded` comes for every traced write whose blocks its caller does not write again', async () => {
    for (const { events } of await runs) {
      const told = new Set<number>();
      fold(events, (span) => {
        if (span.name === SPAN.durable || span.name === SPAN.discarded) told.add(numberOf(span, ATTRIBUTE.seq));
      });
      const later = new Set<number>();
      for (const event of events.toReversed()) {
        if (event.type === 'blockSizeChanged') later.clear();
        if (event.type !== 'written') continue;
        const blocks = Array.from({ length: event.count }, (_, index) => event.block + index);
        if (event.trace?.flags === 1 && !blocks.some((block) => later.has(block))) {
          expect(told.has(event.seq), JSON.stringify(event)).to.equal(true);
        }
        for (const block of blocks) later.add(block);
      }
    }
  });

  it('names the writebacks that took it to the device since the last barrier that failed, and no others', async () => {
    for (const { events } of await runs) {
      const spans = new Map<string, SpanData>();
      fold(events, (span) => spans.set(span.spanId, span));
      for (const span of spans.values()) {
        if (span.name !== SPAN.durable) continue;
        // None where the barrier belongs to a trace that is not sampled.
        expect(linksOf(span, RELATION.syncedBy).length).to.be.at.most(1);
        for (const { to } of linksOf(span, RELATION.carriedBy)) {
          const writeback = spans.get(to.spanId);
          if (writeback === undefined) continue;
          const [first, count] = [ATTRIBUTE.block, ATTRIBUTE.count].map((name) => numberOf(writeback, name));
          const [block, blocks] = [ATTRIBUTE.block, ATTRIBUTE.count].map((name) => numberOf(span, name));
          expect(first < block + blocks && block < first + count, 'they have a block in common').to.equal(true);
        }
      }
    }
  });
});

/** Tells of each span with the state of the core right after the event that ends it. */
function fold(
  events: readonly CacheEvent[],
  tell: (span: SpanData, state: CacheState, event: CacheEvent) => void,
): void {
  const projector = new SpanProjector({ journalId: JOURNAL_ID });
  const state = new CacheState({ bytes: false });
  for (const event of events) {
    evolve(state, event);
    for (const span of projector.take(event, 0)) tell(span, state, event);
  }
}

/**
 * Of each block of the write, the generations that are not safe yet. A block of several that its caller has written again is
 * left out: the newer write speaks for it.
 */
function unsafeIn(state: CacheState, span: SpanData): number[][] {
  const { slots } = state;
  const [block, count, generation] = [ATTRIBUTE.block, ATTRIBUTE.count, ATTRIBUTE.generation].map((name) =>
    numberOf(span, name),
  );
  return Array.from({ length: count }, (_, index) => slots.find(block + index))
    .filter((slot) => slot !== -1 && (count === 1 || slots.generation[slot] === generation))
    .map((slot) =>
      [slots.dirtyBase[slot], slots.carriedBase[slot], slots.writtenBase[slot]].filter((base) => base !== 0),
    );
}

function numberOf({ attributes }: SpanData, name: string): number {
  return Number(attributes[name]);
}
