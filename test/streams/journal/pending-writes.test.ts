/** What a recovery makes of events: held against the core that stated them. */
import { expect } from 'chai';
import { evolve } from '../../../src/cache/evolve.js';
import type { CacheEvent } from '../../../src/cache/events.js';
import { CacheState } from '../../../src/cache/state.js';
import { PendingWrites } from '../../../src/streams/journal/pending-writes.js';
import { BLOCK, Core, open, type Step } from '../../support/core.js';
import { BLOCKS, randomCore } from '../../support/random-core.js';
import * as steps from '../../support/steps.js';
import { payloadOf } from './support/recorded.js';

const RUNS = 24;
const SIZE = { identity: 'test', sizeBytes: BLOCKS * BLOCK };

const record = (event: CacheEvent, withBytes = true) => {
  const payload = (withBytes ? payloadOf(event) : undefined) ?? null;
  return { event, epochMs: 0, payload, digests: null };
};

/** By block: the bytes that would be written again. */
function contentOf(pending: PendingWrites): Map<number, Uint8Array> {
  const blocks = new Map<number, Uint8Array>();
  for (const { offset, bytes } of pending.writes) {
    for (let at = 0; at < bytes.length; at += BLOCK) blocks.set((offset + at) / BLOCK, bytes.subarray(at, at + BLOCK));
  }
  return blocks;
}

/** By block: what was last written since an event, less what was given up or cleared. */
class LastWritten {
  readonly blocks = new Map<number, Uint8Array>();

  add(event: CacheEvent): void {
    if (event.type !== 'written') return;
    const bytes = payloadOf(event) ?? new Uint8Array(0);
    for (let at = 0; at < event.count; at++)
      this.blocks.set(event.block + at, bytes.subarray(at * BLOCK, (at + 1) * BLOCK));
  }
}

function isKept({ slots }: CacheState, block: number): boolean {
  const slot = slots.find(block);
  return slot !== -1 && slots.chains.chainOf(slot) !== -1;
}

/** Steps of a core, as a journal has them. */
function events(...life: readonly Step[]): readonly CacheEvent[] {
  const core = new Core();
  for (const step of [open({ blocks: BLOCKS }), ...life]) core.take(step);
  return core.events;
}

function folded(all: readonly CacheEvent[], withBytes = true): PendingWrites {
  const pending = new PendingWrites('a journal', SIZE);
  for (const event of all) pending.add(record(event, withBytes));
  return pending;
}

/** What a second cache has stated, as if it continued the journal of the first. */
const later = (before: readonly CacheEvent[], ...life: readonly Step[]) => [...before, ...events(...life)];

describe('the writes that a recovery brings back', () => {
  it('are at each event those of the blocks that the core keeps, with the bytes written last, wherever the reading began', () => {
    let [kept, superfluous] = [0, 0];
    for (let seed = 1; seed <= RUNS; seed++) {
      const { events: all } = randomCore(seed);
      const from = seed % 3 === 0 ? 0 : Math.floor((all.length * (seed % 7)) / 8);
      const pending = new PendingWrites('a journal', SIZE);
      const { config } = all[0] as Extract<CacheEvent, { type: 'opened' }>;
      if (from > 0) pending.begin({ identity: 'test', config, borrowed: [] });
      const state = new CacheState({ bytes: false });
      const last = new LastWritten();
      for (const [index, event] of all.entries()) {
        evolve(state, event);
        if (index < from) continue;
        pending.add(record(event));
        last.add(event);
        if (index % 3 > 0) continue;
        const found = contentOf(pending);
        for (const [block, bytes] of last.blocks) {
          const held = found.get(block);
          if (!isKept(state, block)) {
            superfluous += held === undefined ? 0 : 1;
            continue;
          }
          kept++;
          expect(held, `seed ${seed}, block ${block} at ${event.seq}`).to.deep.equal(bytes);
        }
      }
    }
    expect(kept).to.be.above(2000);
    // After a late answer with an error it keeps what it need not.
    expect(superfluous / kept).to.be.below(0.1);
  });

  it('stay until all of a block is durable that a crash has left, although a part of it has been written again', () => {
    const at = (offset: number, length: number): Step => steps.writeBytes(offset, length);
    const crashed = events(at(0, 100), steps.done('fill'), at(300, 100));
    const durable = [steps.done('fill'), steps.flush(), steps.settle];
    const again = later(crashed, at(0, 100), ...durable);
    const { writes } = folded(again);
    expect(writes.map(({ offset, bytes }) => [offset, bytes.length])).to.deep.equal([[300, 100]]);
    expect(folded(later(again, at(300, 100), ...durable)).writes).to.deep.equal([]);
  });

  it('are let go of when an audit journal says that they are durable, and not before', () => {
    const crashed = folded(events(steps.write(3)));
    const bytes = crashed.writes[0].bytes.slice();
    const audit = events(steps.write(3), steps.write(3), steps.flush(), steps.settle);
    for (const event of audit.slice(0, -4)) crashed.add(record(event, false));
    expect(crashed.writes).to.deep.equal([{ offset: 3 * BLOCK, bytes }]);
    for (const event of audit.slice(-4)) crashed.add(record(event, false));
    expect(crashed.writes).to.deep.equal([]);
    expect(crashed.proven, 'nobody knows what was written over it').to.deep.equal([]);
  });

  it('prove nothing of what was borrowed before the reading began', () => {
    const all = events(steps.write(1), steps.write(2), steps.settle, steps.borrow(2));
    const more = events(steps.write(1), steps.write(2), steps.flush(), steps.settle).slice(1);
    const { config } = all[0] as Extract<CacheEvent, { type: 'opened' }>;
    for (const [borrowed, proven] of [
      [[], [1, 2]],
      [[2], [1]],
      [null, []],
    ] as const) {
      const pending = new PendingWrites('a journal', SIZE);
      pending.begin({ identity: 'test', config, borrowed });
      for (const event of more) pending.add(record(event));
      expect(pending.proven.map(({ offset }) => offset / BLOCK)).to.deep.equal(proven);
    }
  });
});
