import { expect } from 'chai';
import type { CacheEvent } from '../../../src/cache/events.js';
import { pathText, stepText, type WriteErrorPath, WriteErrorPaths } from '../../../src/cli/journal/error-paths.js';

/** Events without their numbers: those are given in order. */
type Told = CacheEvent extends infer E ? (E extends CacheEvent ? Omit<E, 'seq' | 'at' | 'cause'> : never) : never;

function pathsOf(...told: Told[]): WriteErrorPath[] {
  const paths = new WriteErrorPaths();
  for (const [index, event] of told.entries()) paths.accept(numbered(event, index + 1));
  return paths.list();
}

function numbered<E extends Told>(event: E, seq: number): E & { seq: number; at: number; cause: number } {
  return { ...event, seq, at: seq * 1e6, cause: 0 };
}

const failed = (block: number, count: number, attempt: number, code = 'EIO') =>
  ({ type: 'writebackFailed', io: 1, block, count, attempt, code, outcome: 'failed', startedAt: 0 }) as const;
const retry = (block: number, count: number, attempt: number) =>
  ({ type: 'writebackRetryScheduled', block, count, batch: 1, reason: 'flush', attempt, dueAt: 0 }) as const;
const split = (block: number, count: number, splitAt: number) =>
  ({ type: 'writebackSplit', block, count, batch: 1, reason: 'flush', splitAt }) as const;
const parked = (block: number, code = 'EIO') => ({ type: 'blockParked', block, io: 1, code }) as const;
const finished = (block: number, count: number) =>
  ({ type: 'writebackFinished', io: 1, block, count, startedAt: 0 }) as const;
const flushFailed = (...blocks: number[]) =>
  ({
    type: 'flushFailed',
    op: 1,
    blocks,
    codes: blocks.map(() => 'EIO'),
    ios: blocks.map(() => 1),
    barrierIo: 0,
  }) as const;
const barrier = (io: number): Told[] => [
  { type: 'barrierStarted', io, reason: 'flush' },
  { type: 'barrierFinished', io, startedAt: 0 },
];

const steps = (path: WriteErrorPath | undefined) => path?.steps.map(({ step }) => step);

describe('the paths of write errors', () => {
  it('are none where no write fails', () => {
    expect(pathsOf(finished(1, 8), ...barrier(1))).to.deep.equal([]);
  });

  it('tell a passing error from the failed attempt to the barrier', () => {
    const paths = pathsOf(failed(8, 4, 1, 'EAGAIN'), retry(8, 4, 2), finished(8, 4), ...barrier(1));
    expect(paths).to.have.length(1);
    expect(paths[0]).to.include({ block: 8, count: 4, code: 'EAGAIN', outcome: 'durable' });
    expect(steps(paths[0])).to.deep.equal(['failed', 'retry', 'rewritten', 'durable']);
  });

  it('follow a run through its halves to the one block at fault, and tell nothing of its good neighbours', () => {
    const paths = pathsOf(
      failed(8, 4, 1),
      split(8, 4, 10),
      finished(8, 2),
      failed(10, 2, 1),
      split(10, 2, 11),
      failed(10, 1, 1),
      parked(10),
      finished(11, 1),
      flushFailed(10),
    );
    expect(paths).to.have.length(1);
    expect(paths[0]).to.include({ block: 10, count: 1, outcome: 'parked' });
    expect(steps(paths[0])).to.deep.equal(['failed', 'split', 'failed', 'split', 'failed', 'parked', 'reported']);
  });

  it('follow a run that is split many times without telling any part of it twice', () => {
    const paths = pathsOf(
      failed(0, 8, 1),
      split(0, 8, 4),
      failed(0, 4, 1),
      split(0, 4, 2),
      finished(4, 4),
      failed(0, 2, 1),
      split(0, 2, 1),
      finished(2, 2),
      finished(0, 1),
      failed(1, 1, 1),
      parked(1),
    );
    expect(paths.map(({ block, count }) => [block, count])).to.deep.equal([[1, 1]]);
    expect(steps(paths[0])?.filter((step) => step === 'split')).to.have.length(3);
  });

  it('tell two bad blocks of one run apart', () => {
    const paths = pathsOf(failed(0, 2, 1), split(0, 2, 1), failed(0, 1, 1), parked(0), failed(1, 1, 1), parked(1));
    expect(paths.map(({ block, outcome }) => [block, outcome])).to.deep.equal([
      [0, 'parked'],
      [1, 'parked'],
    ]);
  });

  it('go on for a parked block that a later flush tries again within a larger run', () => {
    const [path, ...others] = pathsOf(
      failed(10, 1, 1),
      parked(10),
      flushFailed(10),
      failed(9, 3, 1),
      split(9, 3, 10),
      finished(9, 1),
      failed(10, 2, 1),
      split(10, 2, 11),
      failed(10, 1, 1),
      parked(10),
      finished(11, 1),
      flushFailed(10),
      finished(10, 1),
      ...barrier(1),
    );
    expect(others).to.deep.equal([]);
    expect(path.outcome).to.equal('durable');
    expect(steps(path)?.slice(-3)).to.deep.equal(['reported', 'rewritten', 'durable']);
    expect(steps(path)?.filter((step) => step === 'reported')).to.have.length(2);
  });

  it('say durable only of a barrier that started after the write', () => {
    const early = pathsOf(failed(1, 1, 1), { type: 'barrierStarted', io: 9, reason: 'flush' }, finished(1, 1), {
      type: 'barrierFinished',
      io: 9,
      startedAt: 0,
    });
    expect(early[0].outcome).to.equal('written');
  });

  it('go back to failing when the barrier fails, until a later one holds', () => {
    const told: Told[] = [
      failed(1, 1, 1),
      finished(1, 1),
      { type: 'barrierStarted', io: 9, reason: 'flush' },
      { type: 'barrierFailed', io: 9, startedAt: 0, code: 'EIO', outcome: 'failed' },
    ];
    expect(pathsOf(...told)[0].outcome).to.equal('failing');
    const [path] = pathsOf(...told, finished(1, 1), ...barrier(10));
    expect(steps(path)).to.deep.equal(['failed', 'rewritten', 'barrier failed', 'rewritten', 'durable']);
  });

  it('go back to failing when a barrier that had timed out fails late, whatever was written since', () => {
    const owed: Told[] = [
      { type: 'barrierStarted', io: 9, reason: 'flush' },
      { type: 'barrierFailed', io: 9, startedAt: 0, code: 'CACHETRAIL_DEVICE_TIMEOUT', outcome: 'unknown' },
      failed(1, 1, 1),
      finished(1, 1),
    ];
    const late = (code: string) => ({ type: 'deviceAnsweredLate', io: 9, startedAt: 0, code }) as const;
    expect(pathsOf(...owed, late(''))[0].outcome).to.equal('written');
    expect(pathsOf(...owed, late('EIO'))[0].outcome).to.equal('failing');
    expect(pathsOf(...owed, ...barrier(10), late('EIO'))[0].outcome).to.equal('durable');
  });

  it('begin anew when the device is replaced: nothing that the old one had taken counts', () => {
    const replaced = {
      type: 'deviceReplaced',
      op: 9,
      actor: '',
      trace: null,
      identity: 'test',
      deviceBytes: 512,
    } as const;
    const [written, parkedPath] = pathsOf(failed(1, 1, 1), finished(1, 1), failed(5, 1, 1), parked(5), replaced);
    expect(written).to.include({ outcome: 'failing' });
    expect(steps(written)?.at(-1)).to.equal('device replaced');
    expect(parkedPath).to.include({ outcome: 'failing' });
  });

  it('end where the caller gives the block up by name', () => {
    const [path] = pathsOf(failed(1, 1, 1), parked(1), { type: 'dirtyDiscarded', op: 3, blocks: [1], reason: 'gone' });
    expect(path.outcome).to.equal('discarded');
  });

  it('are in words for machines step by step, and for people with the attempts of a run together', () => {
    const [path] = pathsOf(failed(8, 4, 1), retry(8, 4, 2), failed(8, 4, 2), split(8, 4, 10), failed(8, 2, 1));
    expect(path.steps.map(stepText).slice(0, 1)).to.deep.equal(['attempt 1 failed: EIO, blocks 8-11']);
    expect(pathText(path.steps)).to.deep.equal([
      '2 attempts failed (EIO, blocks 8-11)',
      'split at 10',
      'attempt failed (EIO, blocks 8-9)',
    ]);
  });
});
