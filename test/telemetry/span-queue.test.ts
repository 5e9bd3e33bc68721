import { diag } from '@opentelemetry/api';
import { expect } from 'chai';
import { type Exporter, SpanQueue, telemetryStats } from '../../src/telemetry/index.js';
import { advance } from '../support/clock.js';
import { drain, VirtualClock } from '../support/virtual-clock.js';

interface TestSpan {
  readonly number: number;
  spanContext(): { readonly traceFlags: number };
}

type Done = Parameters<Exporter<TestSpan>['export']>[1];

/** Keeps each export, and answers when it is told to. */
class TestExporter implements Exporter<TestSpan> {
  readonly batches: number[][] = [];
  readonly answers: Done[] = [];
  shutdowns = 0;
  /** What every export is answered with at once; null to wait. */
  code: number | null = 0;

  export(spans: TestSpan[], done: Done): void {
    this.batches.push(spans.map(({ number }) => number));
    if (this.code === null) this.answers.push(done);
    else done({ code: this.code });
  }

  async shutdown(): Promise<void> {
    this.shutdowns++;
  }
}

describe('SpanQueue', () => {
  let exporter: TestExporter;
  let clock: VirtualClock;
  let droppedBefore = 0;
  let number = 0;
  const dropped = () => telemetryStats().spansDropped - droppedBefore;

  beforeEach(() => {
    exporter = new TestExporter();
    clock = new VirtualClock();
    droppedBefore = telemetryStats().spansDropped;
    number = 0;
  });
  afterEach(() => diag.disable());

  const queueOf = (options = {}) => new SpanQueue<TestSpan>(exporter, { clock, batchMax: 3, spansMax: 10, ...options });
  const end = (queue: SpanQueue<TestSpan>, spans: number, traceFlags = 1) => {
    for (let at = 0; at < spans; at++) queue.onEnd({ number: ++number, spanContext: () => ({ traceFlags }) });
  };

  it('exports a full batch at once, and the rest when it has waited', async () => {
    const queue = queueOf();
    end(queue, 4);
    expect(exporter.batches).to.deep.equal([[1, 2, 3]]);
    await advance(clock, 999e6);
    expect(exporter.batches.length).to.equal(1);
    await advance(clock, 1e6);
    expect(exporter.batches).to.deep.equal([[1, 2, 3], [4]]);
    expect(clock.timers, 'timers of an empty queue').to.equal(0);
  });

  it('counts what does not fit, keeps what came first, and says so once', () => {
    const told: string[] = [];
    const tell = (text: string) => void told.push(text);
    diag.setLogger({ error: tell, warn: tell, info() {}, debug() {}, verbose() {} });
    exporter.code = null;
    const queue = queueOf();
    end(queue, 15);
    expect(dropped()).to.equal(2);
    expect(told.length).to.equal(1);
    exporter.code = 0;
    exporter.answers[0]({ code: 0 });
    expect(exporter.batches.flat()).to.deep.equal([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  });

  it('has one export under way at a time', () => {
    exporter.code = null;
    const queue = queueOf();
    end(queue, 9);
    expect(exporter.batches.length).to.equal(1);
    exporter.answers[0]({ code: 0 });
    expect(exporter.batches.length).to.equal(2);
    exporter.answers[0]({ code: 0 });
    expect(exporter.batches.length, 'a second answer to the first').to.equal(2);
  });

  it('counts what the exporter could not export: an error, a throw, no answer in time', async () => {
    const queue = queueOf({ timeoutMs: 50 });
    exporter.code = 1;
    end(queue, 3);
    expect(dropped()).to.equal(3);
    exporter.export = () => {
      throw new Error('broken');
    };
    end(queue, 3);
    expect(dropped()).to.equal(6);
    exporter.export = () => {};
    end(queue, 3);
    await advance(clock, 50e6);
    expect(dropped()).to.equal(9);
  });

  it('leaves out what is not sampled', async () => {
    const queue = queueOf();
    end(queue, 5, 0);
    await queue.forceFlush();
    expect(exporter.batches).to.deep.equal([]);
    expect(dropped()).to.equal(0);
  });

  it('is empty when a flush has resolved', async () => {
    exporter.code = null;
    const queue = queueOf();
    end(queue, 4);
    let flushed = false;
    const flushing = queue.forceFlush().then(() => {
      flushed = true;
    });
    await drain();
    expect(flushed).to.equal(false);
    exporter.answers[0]({ code: 0 });
    await drain();
    expect(flushed).to.equal(false);
    exporter.answers[1]({ code: 0 });
    await flushing;
    expect(exporter.batches).to.deep.equal([[1, 2, 3], [4]]);
  });

  it('shuts down once, with what is left exported, and counts what ends afterwards', async () => {
    const queue = queueOf();
    end(queue, 2);
    await Promise.all([queue.shutdown(), queue.shutdown()]);
    end(queue, 1);
    expect(exporter.batches).to.deep.equal([[1, 2]]);
    expect(exporter.shutdowns).to.equal(1);
    expect(dropped()).to.equal(1);
  });
});
