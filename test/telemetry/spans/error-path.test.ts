import { expect } from 'chai';
import { type FaultDevice, faultDevice, memoryDevice } from '../../../src/index.js';
import { ATTRIBUTE, RELATION, SPAN } from '../../../src/telemetry/index.js';
import { pattern, testCaches } from '../../api/support/caches.js';
import { survivorsOf } from '../../api/support/faulty.js';
import { TestClock } from '../../api/support/virtual-clock.js';
import { callerTrace, linksOf, spansOf } from './support.js';

const BLOCK = 4096;

describe('the spans of a failing write', () => {
  const open = testCaches();

  async function opened() {
    const clock = new TestClock();
    const device = faultDevice(memoryDevice({ sizeBytes: 64 * BLOCK }));
    const test = await open(device, { clock });
    const write = (block: number, count = 1) => {
      return test.cache.write(block, pattern(count * BLOCK, block), { trace: callerTrace(block + 1) });
    };
    const flush = (trace: number) => clock.until(test.cache.flush(undefined, { trace: callerTrace(trace) }));
    return { ...test, clock, device, write, flush };
  }

  function fail(device: FaultDevice, block: number, times = 1000) {
    return device.inject({ on: 'write', code: 'EIO', times, range: { offset: block * BLOCK, length: BLOCK } });
  }

  it('are errors for the tries that failed, and none for the writeback that then succeeds', async () => {
    const { device, write, flush, events } = await opened();
    await write(3);
    fail(device, 3, 2);
    await flush(99);
    const spans = spansOf(events);
    spans.check();
    const writeback = spans.the(SPAN.writeback);
    expect(writeback.status).to.deep.equal({ code: 0 });
    expect(writeback.attributes).to.include({ [ATTRIBUTE.attempts]: 3, [ATTRIBUTE.retries]: 2 });
    const tries = spans.named(SPAN.deviceWrite);
    expect(tries.map(({ status }) => status)).to.deep.equal([
      { code: 2, message: 'EIO' },
      { code: 2, message: 'EIO' },
      { code: 0 },
    ]);
    expect(tries.map(({ attributes }) => attributes[ATTRIBUTE.attempt])).to.deep.equal([1, 2, 3]);
    expect(spans.the(SPAN.flush).status.code).to.equal(0);
  });

  it('tell the whole path in one trace: tries, waits, halves, the parked block, the report', async () => {
    const { device, write, flush, events } = await opened();
    for (let block = 0; block < 4; block++) await write(block);
    fail(device, 2);
    await survivorsOf(flush(99));
    const spans = spansOf(events);
    spans.check();
    const flushed = spans.the(SPAN.flush);
    expect(flushed.attributes).to.include({ [ATTRIBUTE.errorType]: 'CACHETRAIL_FLUSH_FAILED', [ATTRIBUTE.blocks]: 1 });
    expect(flushed.attributes[ATTRIBUTE.codes]).to.deep.equal(['EIO']);
    const inTrace = spans.all.filter(({ traceId }) => traceId === flushed.traceId).map(({ name }) => name);
    const writes = 4 + 2 + 2;
    expect(inTrace.sort()).to.deep.equal(
      [
        SPAN.flush,
        ...Array(5).fill(SPAN.writeback),
        ...Array(writes).fill(SPAN.deviceWrite),
        ...Array(3).fill(SPAN.retryWait),
        SPAN.park,
        SPAN.report,
        SPAN.deviceBarrier,
      ].sort(),
    );
    const blamed = spans.named(SPAN.writeback).filter(({ status }) => status.code === 2);
    expect(blamed.map(({ attributes }) => [attributes[ATTRIBUTE.block], attributes[ATTRIBUTE.count]])).to.deep.equal([
      [2, 1],
      [2, 2],
      [0, 4],
    ]);
    expect(blamed.map((span) => spans.parentOf(span))).to.deep.equal([blamed[1], blamed[2], flushed]);
  });

  it('link a report and the flush that reports, and a cure in another trace and what it cures', async () => {
    const { device, write, flush, events } = await opened();
    await write(5);
    fail(device, 5);
    await survivorsOf(flush(90));
    await survivorsOf(flush(91));
    device.cure();
    await flush(92);
    const spans = spansOf(events);
    spans.check();
    const [first, second, third] = spans.named(SPAN.writeback);
    const [told, toldAgain, cured] = spans.named(SPAN.flush);
    expect(spans.childrenOf(first).map(({ name }) => name)).to.include.members([SPAN.park, SPAN.report, SPAN.retried]);
    expect(spans.childrenOf(second).map(({ name }) => name)).to.include.members([
      SPAN.report,
      SPAN.retried,
      SPAN.cured,
    ]);
    expect(linksOf(told, RELATION.reports).map((link) => spans.behind(link))).to.deep.equal([first]);
    expect(linksOf(toldAgain, RELATION.reports).map((link) => spans.behind(link))).to.deep.equal([second]);
    expect(linksOf(second, RELATION.retries).map((link) => spans.behind(link))).to.deep.equal([first]);
    expect(linksOf(third, RELATION.retries).map((link) => spans.behind(link))).to.deep.equal([second]);
    expect(spans.parentOf(third)).to.equal(cured);
    const reports = spans.named(SPAN.report).flatMap((span) => linksOf(span, RELATION.reportedBy));
    expect(reports.map((link) => spans.behind(link))).to.deep.equal([told, toldAgain]);
    const retried = spans.named(SPAN.retried).flatMap((span) => linksOf(span, RELATION.retriedBy));
    expect(retried.map((link) => spans.behind(link))).to.deep.equal([second, third]);
    const curedBy = linksOf(spans.the(SPAN.cured), RELATION.curedBy).map((link) => spans.behind(link)?.name);
    expect(curedBy).to.deep.equal([SPAN.deviceBarrier]);
  });
});
