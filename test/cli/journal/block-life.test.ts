import { expect } from 'chai';
import { BlockLife } from '../../../src/cli/journal/life/block-life.js';
import { entryLine, entryObject } from '../../../src/cli/journal/life/entry.js';
import type { CacheEvent } from '../../../src/cache/events.js';
import type { Core, Step } from '../../support/core.js';
import * as steps from '../../support/steps.js';
import { coreThrough, lifeOf, told } from './lives.js';

const retry = (core: Core) => steps.tickAt(core.state.retries[0].dueAt)(core);
/** A writeback fails, and all that is tried after it. */
const failsForGood: readonly Step[] = [
  steps.fails('writeback'),
  retry,
  steps.fails('writeback'),
  retry,
  steps.fails('writeback'),
  retry,
  steps.fails('writeback'),
];
const ROOM = { limits: { dirtyHardShare: 1, dirtyBackgroundShare: 1 } };
/** A write that finds frames in the cache. */
const WRITTEN_BACK = ['flush', 'planned', 'writing', 'at the device', 'barrier', 'durable', 'flushed'];

describe('the life of a block', () => {
  it('is empty for one that nothing happened to', () => {
    const life = lifeOf(3, [steps.write(4), steps.read(9), steps.settle, steps.flush(), steps.settle]);
    expect(life.entries).to.deep.equal([]);
    expect(life.standing).to.equal('not in the cache');
  });

  it('goes from the write to the device and to the barrier that made it durable', () => {
    const life = lifeOf(3, [steps.grown, steps.write(3), steps.flush(), steps.settle]);
    expect(life.kinds).to.deep.equal(['written', ...WRITTEN_BACK]);
    const [written, flush, , writing, at, barrier, durable] = life.entries.map(({ facts }) => facts);
    expect(written).to.include({ generation: 1 });
    expect(writing).to.include({ attempt: 1, reason: 'flush', generation: 1 });
    expect(at['io']).to.equal(writing['io']);
    expect(durable).to.deep.equal({ io: barrier['io'], generation: 1, safe: true });
    expect(flush['op']).to.equal(life.entries[7].facts['op']);
    expect(life.standing).to.include('clean').and.include('durable');
  });

  it('names who wrote it, and the trace', () => {
    const trace = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331', flags: 1 };
    const write: Step = (core) => {
      return { type: 'write', ...core.request(), actor: 'mapper', trace, offset: 512, length: 100, through: false };
    };
    const [entry] = lifeOf(1, [steps.cached(1), write], { ...ROOM }).entries.filter(({ kind }) => kind === 'written');
    expect(entry.facts['actor']).to.equal('mapper');
    expect(entry.traceId).to.equal(trace.traceId);
    expect(entryLine(entry)).to.include('by mapper').and.include('bytes 0-99').and.include(`trace ${trace.traceId}`);
    expect(entryLine(entry, trace.traceId)).to.not.include('trace');
    expect(entryObject(entry)).to.include({ kind: 'written', actor: 'mapper', traceId: trace.traceId });
  });

  it('tells a miss, its fill, and many reads as one', () => {
    const life = lifeOf(3, [steps.read(3, 2), steps.settle, ...Array.from({ length: 40 }, () => steps.read(3))]);
    expect(life.kinds).to.deep.equal(['missed', 'reading', 'read', 'used']);
    const used = life.entries[3];
    expect(used.facts['count']).to.equal(40);
    expect(used.lastSeq - used.seq).to.equal(39);
  });

  it('tells a fill that fails', () => {
    const life = lifeOf(3, [steps.read(3), steps.fails('fill')]);
    expect(life.kinds).to.deep.equal(['missed', 'reading', 'read failed']);
    expect(life.entries[2].facts['code']).to.equal('EIO');
    expect(life.standing).to.equal('not in the cache');
  });

  it('tells a write that overtakes the fill of its block, and that the write stays', () => {
    const life = lifeOf(3, [steps.grown, steps.read(3), steps.write(3), steps.settle]);
    expect(life.kinds.slice(0, 4)).to.deep.equal(['missed', 'reading', 'written', 'read']);
    expect(life.text).to.include('newer');
    expect(life.standing).to.include('generation 1');
  });

  it('tells writes over a dirty block together, and begins anew when it has left for the device', () => {
    const life = lifeOf(3, [
      ...[steps.grown, steps.write(3), steps.write(3), steps.write(3), steps.flush()],
      ...[steps.write(3), steps.write(3), steps.settle],
    ]);
    expect(life.kinds).to.deep.equal([
      ...['written', 'rewritten', 'flush', 'planned', 'writing', 'written', 'rewritten'],
      ...['at the device', 'barrier', 'durable', 'flushed'],
    ]);
    expect(life.entries[1].facts['count']).to.equal(2);
    expect(life.text).to.match(/durable: .* up to generation 3; what was written since is not/);
    expect(life.standing).to.include('dirty').and.include('generation 5 is not durable');
  });

  it('writes again what a failed barrier leaves in doubt', () => {
    const life = lifeOf(3, [
      ...[steps.grown, steps.write(3), steps.flush(), steps.done('writeback')],
      ...[steps.fails('barrier'), steps.settle],
    ]);
    expect(life.kinds).to.deep.equal([
      ...['written', 'flush', 'planned', 'writing', 'at the device', 'barrier', 'barrier failed'],
      ...['planned', 'writing', 'at the device', 'barrier', 'durable', 'flushed'],
    ]);
    const writings = life.entries.filter(({ kind }) => kind === 'writing').map(({ facts }) => facts['generation']);
    expect(writings).to.deep.equal([1, 1]);
  });

  it('writes again what a barrier that had timed out leaves in doubt when it fails late', () => {
    const life = lifeOf(3, [
      ...[steps.grown, steps.write(9), steps.flush(), steps.done('writeback'), steps.timesOut('barrier'), steps.settle],
      ...[steps.writeThrough(3), steps.done('writeback'), steps.fails(3, 'EIO'), steps.flush(), steps.settle],
    ]);
    expect(life.kinds.filter((kind) => /barrier|writing|durable|late/.test(kind))).to.deep.equal([
      ...['writing', 'barrier failed', 'writing', 'barrier', 'durable'],
    ]);
    const failed = life.entries.find(({ kind }) => kind === 'barrier failed');
    expect(failed?.facts).to.deep.equal({ io: 3, code: 'EIO' });
    expect(failed && entryLine(failed)).to.include('dirty again');
  });

  it('tells why a flush fails where a barrier has not been answered, and when another can begin', () => {
    const life = lifeOf(3, [
      ...[steps.grown, steps.write(9), steps.flush(), steps.done('writeback'), steps.timesOut('barrier'), steps.settle],
      ...[steps.write(3), steps.flush(), steps.settle, steps.done(3), steps.settle],
    ]);
    expect(life.kinds).to.deep.equal([
      ...['written', 'flush', 'planned', 'writing', 'at the device', 'reported', 'late', 'barrier', 'durable'],
    ]);
    expect(life.entries[5].facts).to.include({ code: 'CACHETRAIL_DEVICE_TIMEOUT', io: 3 });
    expect(entryLine(life.entries[5])).to.include('the barrier io 3 timed out');
    expect(entryLine(life.entries[6])).to.include('another can begin');
  });

  it('tells each handle that heard of a cured failure late, and how it was cured', () => {
    const core = coreThrough(
      [steps.openHandle, steps.grown, steps.write(3), steps.flush(), ...failsForGood, steps.settle],
      ROOM,
    );
    for (const step of [steps.flush(), steps.settle, steps.flush(0, 64, 1), steps.settle]) core.take(step);
    const life = told(new BlockLife(3), core.events);
    const reports = life.entries.filter(({ kind }) => kind === 'reported');
    expect(reports).to.have.length(2);
    expect(reports[1].facts).to.include({ code: 'EIO', op: core.op });
    const [, { io }] = steps.eventsOf(core, 'barrierFinished');
    expect(entryLine(reports[1])).to.include('is told that it had failed (EIO').and.include(`since barrier io ${io}`);
  });

  it('says when the device was replaced, and that what the old one had taken is written again', () => {
    const replace: Step = (core) => {
      const { deviceBytes } = core.state;
      return { type: 'replaceDevice', ...core.request(), identity: 'test', deviceBytes, writable: true };
    };
    const life = lifeOf(3, [
      steps.grown,
      steps.writeThrough(3),
      steps.done('writeback'),
      replace,
      steps.flush(),
      steps.settle,
    ]);
    expect(life.kinds.filter((kind) => /replaced|at the device|durable/.test(kind))).to.deep.equal([
      ...['at the device', 'replaced', 'at the device', 'durable'],
    ]);
    const replaced = life.entries.find(({ kind }) => kind === 'replaced');
    expect(replaced && entryLine(replaced)).to.include('written again');
  });

  it('does not count a write that was on its way when a barrier failed', () => {
    const core = coreThrough(
      [steps.grown, steps.write(9), steps.flush(9, 1), steps.done('writeback'), steps.write(3)],
      ROOM,
    );
    for (const step of [steps.flush(3, 1), steps.fails('barrier')]) core.take(step);
    const before = told(new BlockLife(3), core.events);
    expect(before.kinds.at(-1)).to.equal('barrier failed');
    core.take(steps.settle);
    const after = told(new BlockLife(3), core.events);
    expect(after.kinds.filter((kind) => kind === 'at the device')).to.have.length(2);
    expect(after.standing).to.include('durable since');
  });

  it('follows a run that is tried again, split, and parked at the block at fault', () => {
    const core = coreThrough([steps.grown, steps.write(2, 2), steps.flush(), ...failsForGood], ROOM);
    // The halves: the first is taken, the second fails.
    core.take(steps.done('writeback'));
    core.take(steps.fails('writeback'));
    core.take(steps.settle);
    const bad = told(new BlockLife(3), core.events);
    expect(bad.kinds.filter((kind) => kind === 'failed')).to.have.length(5);
    expect(bad.kinds.filter((kind) => kind === 'retry')).to.have.length(3);
    expect(bad.kinds).to.include.members(['split', 'parked', 'reported']);
    expect(bad.entries.find(({ kind }) => kind === 'reported')?.facts).to.include({ code: 'EIO' });
    expect(bad.standing).to.include('parked');
    const good = told(new BlockLife(2), core.events);
    expect(good.kinds).to.include('split').and.include('durable').and.not.include('parked');
    for (const step of [steps.flush(), steps.settle]) core.take(step);
    expect(told(new BlockLife(3), core.events).standing).to.include('durable since');
  });

  it('tells an unknown outcome, and the late answer', () => {
    const core = coreThrough([steps.grown, steps.write(3), steps.flush(), steps.timesOut('writeback')]);
    const { io } = steps.eventsOf(core, 'writebackFailed')[0];
    for (const step of [steps.done(io), steps.settle, steps.flush(), steps.settle]) core.take(step);
    const life = told(new BlockLife(3), core.events);
    expect(life.entries.find(({ kind }) => kind === 'failed')?.facts).to.include({ outcome: 'unknown', io });
    expect(life.kinds).to.include('late').and.include('durable');
  });

  it('says what a block was evicted for, and since when it had been durable', () => {
    const life = lifeOf(3, [steps.grown, steps.write(3), steps.flush(), steps.settle, steps.read(10, 8), steps.settle]);
    const evicted = life.entries.at(-1);
    expect(evicted?.kind).to.equal('evicted');
    const durable = life.entries.find(({ kind }) => kind === 'durable');
    expect(evicted?.text).to.include('for a read of blocks 10-17').and.include(`durable since #${durable?.seq}`);
  });

  it('names the waiting write that it was evicted for when the device answered', () => {
    const fill: Step = () => [steps.write(0), steps.write(1, 7), steps.write(20), steps.settle];
    const evicted = [0, 1, 2, 3, 4, 5, 6, 7].flatMap((block) =>
      lifeOf(block, [fill], ROOM).entries.filter(({ kind }) => kind === 'evicted'),
    );
    expect(evicted).to.have.length(1);
    expect(evicted[0].text).to.include('for a write to block 20');
  });

  it('ends a write that a discard overtakes, by the discard', () => {
    const life = lifeOf(3, [steps.grown, steps.write(3), steps.clear('discard', 0, 8), steps.settle]);
    expect(life.kinds).to.deep.equal(['written', 'clear', 'clear', 'clear', 'cleared']);
    expect(life.text).to.include('generation 1 was never durable');
    expect(life.standing).to.include('not in the cache');
  });

  it('keeps a dirty block whose discard fails', () => {
    const life = lifeOf(3, [steps.grown, steps.write(3), steps.clear('discard', 0, 8), steps.fails('clear')]);
    expect(life.kinds.at(-1)).to.equal('clear failed');
    expect(life.standing).to.include('dirty');
  });

  it('says loudly what was lost by name, and why', () => {
    const dropped = lifeOf(3, [steps.grown, steps.write(3), steps.clear('drop', 0, 8)]);
    expect(dropped.kinds).to.deep.equal(['written', 'clear', 'lost', 'cleared']);
    expect(dropped.entries[2].facts).to.include({ reason: 'test', generation: 1 });
    const abandoned = lifeOf(3, [steps.grown, steps.write(3), steps.close('no more'), ...failsForGood, steps.settle]);
    expect(abandoned.kinds.slice(-2)).to.deep.equal(['lost', 'closed']);
    expect(abandoned.standing).to.equal('not in the cache; its last write was given up');
  });

  it('tells an invalidation only of a block that was there', () => {
    const life = lifeOf(3, [steps.invalidate(), steps.cached(3), steps.invalidate()]);
    expect(life.kinds.filter((kind) => kind === 'invalidated')).to.have.length(1);
  });

  it('tells a borrow, the write through it, and its end', () => {
    const life = lifeOf(3, [steps.cached(3), steps.borrow(3), steps.markDirty(3)], ROOM);
    expect(life.kinds.slice(-2)).to.deep.equal(['borrowed', 'written']);
    expect(life.text).to.include('borrowed view');
  });

  it('tells the end of a wait', () => {
    const life = lifeOf(3, [steps.grown, steps.write(3), steps.flush(), steps.abort(4)], ROOM);
    const flush = life.entries.find(({ kind }) => kind === 'flush');
    expect(life.kinds.at(-1)).to.equal('ended');
    expect(life.entries.at(-1)?.facts).to.include({ op: flush?.facts['op'], code: 'CACHETRAIL_ABORTED' });
  });

  it('says that another cache begins, and what the one before had not finished', () => {
    const core = coreThrough([steps.grown, steps.write(3)], ROOM);
    const last = core.events.at(-1)?.seq ?? 0;
    const again = coreThrough([steps.read(3)]).events.map((event): CacheEvent => ({ ...event, seq: event.seq + last }));
    const life = told(new BlockLife(3), [...core.events, ...again]);
    expect(life.kinds).to.deep.equal(['written', 'opened', 'missed', 'reading']);
    expect(life.entries[1].facts).to.deep.equal({ unsafe: true });
  });

  it('says which bytes a block is after a change of the block size', () => {
    const life = lifeOf(3, [steps.grown, steps.write(3), steps.setBlockSize(1024), steps.settle, steps.write(3)]);
    const change = life.entries.findIndex(({ kind }) => kind === 'block size');
    expect(life.entries[change].text).to.include('3072-4095');
    expect(life.kinds.slice(change)).to.include('written');
    expect(life.kinds.slice(0, change)).to.include('durable');
  });
});
