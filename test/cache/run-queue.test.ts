import { expect } from 'chai';
import { type PlannedRun, RunQueue } from '../../src/cache/run-queue.js';

const run = (block: number, count: number): PlannedRun => ({ block, count, batch: 1, reason: 'flush', attempt: 1 });
const left = (queue: RunQueue) => [...queue].map(({ block, count }) => [block, count]);

function queueOf(...runs: PlannedRun[]): RunQueue {
  const queue = new RunQueue();
  queue.replace(runs);
  return queue;
}

describe('RunQueue', () => {
  it('takes whole runs from the front', () => {
    const queue = queueOf(run(0, 2), run(5, 1));
    queue.take(0, 2);
    expect(left(queue)).to.deep.equal([[5, 1]]);
    queue.take(5, 1);
    expect(left(queue)).to.deep.equal([]);
    expect(queue.length).to.equal(0);
  });

  it('keeps what of a run lies behind the part that was taken, and drops what lies before', () => {
    const queue = queueOf(run(0, 8));
    queue.take(2, 3);
    expect(left(queue)).to.deep.equal([[5, 3]]);
  });

  it('drops the runs before the one that was taken', () => {
    const queue = queueOf(run(0, 1), run(3, 1), run(5, 4));
    queue.take(6, 1);
    expect(left(queue)).to.deep.equal([[7, 2]]);
  });

  it('puts runs before what is left, in their order', () => {
    const queue = queueOf(run(0, 1), run(3, 1));
    queue.take(0, 1);
    queue.addFirst([run(20, 1), run(10, 1)]);
    expect(left(queue)).to.deep.equal([
      [20, 1],
      [10, 1],
      [3, 1],
    ]);
  });

  it('forgets what is left when a new batch comes', () => {
    const queue = queueOf(run(0, 1), run(3, 1));
    queue.take(0, 1);
    queue.replace([run(9, 1)]);
    expect(left(queue)).to.deep.equal([[9, 1]]);
    queue.clear();
    expect(queue.length).to.equal(0);
  });
});
