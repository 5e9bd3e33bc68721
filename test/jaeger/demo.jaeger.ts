/** The demo's trace in a real Jaeger, asked through its query API. Run by `npm run test:jaeger`. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import type { CacheEvent, EventType } from '../../src/cache/events.js';
import { openJournal } from '../../src/streams/journal/index.js';
import { cachetrail } from '../cli/command.js';
import { type ReceivedSpan, relationsIn, spansIn } from '../telemetry/otlp/strict.js';
import { Jaeger } from './jaeger.js';

type EventOf<Type extends EventType> = Extract<CacheEvent, { type: Type }>;

/** Name of the span of an operation, by the type of the event that ends it. */
const OPERATIONS: Readonly<Partial<Record<EventType, string>>> = {
  fillFinished: 'cachetrail.device.read',
  fillFailed: 'cachetrail.device.read',
  writebackFinished: 'cachetrail.device.write',
  writebackFailed: 'cachetrail.device.write',
  barrierFinished: 'cachetrail.device.barrier',
  barrierFailed: 'cachetrail.device.barrier',
};
const ERROR = 2;
/** It may have to be built. */
const STARTING_MS_MAX = 3_600_000;

interface Run {
  readonly trace: string;
  readonly journal: string;
  readonly explained: { readonly block: number; readonly seq: number };
  readonly withCache: { readonly deviceReads: number; readonly deviceWrites: number; readonly barriers: number };
  readonly traceOutput: { readonly file: string; readonly spans: number; readonly sent: { readonly taken: number } };
}

describe('the demo in Jaeger', () => {
  let jaeger: Jaeger;
  let temporary: string;
  let run: Run;
  let events: CacheEvent[];
  let epochNs: bigint;
  /** The demo's trace, and all of its journal's traces. */
  let trace: ReceivedSpan[];
  let all: ReceivedSpan[];

  before(async function () {
    this.timeout(STARTING_MS_MAX);
    jaeger = await Jaeger.started();
    temporary = mkdtempSync(path.join(tmpdir(), 'cachetrail-test-'));
    run = await demo('--otlp', jaeger.otlp);
    events = [];
    for await (const { event, epochMs } of (await openJournal(run.journal)).records()) {
      events.push(event);
      epochNs = BigInt(Math.floor(epochMs)) * 1_000_000n + BigInt(Math.round((epochMs % 1) * 1e6));
    }
    trace = await jaeger.trace(run.trace);
    all = await jaeger.search('cachetrail');
  });
  after(async () => {
    rmSync(temporary, { recursive: true, force: true });
    await jaeger?.stop();
  });

  const demo = async (...args: string[]): Promise<Run> => {
    const env = { ...process.env, TMPDIR: temporary, OTEL_TRACES_EXPORTER: 'none' };
    const { exitCode, stdout, stderr } = await cachetrail(['demo', '--json', ...args], { env });
    expect([exitCode, stderr]).to.deep.equal([0, '']);
    return JSON.parse(stdout) as Run;
  };
  const ofType = <Type extends EventType>(type: Type) =>
    events.filter((event): event is EventOf<Type> => event.type === type);
  const named = (name: string, spans = trace) => spans.filter((span) => span.name === `cachetrail.${name}`);
  const attribute = (span: ReceivedSpan, name: string) => span.attributes[`cachetrail.${name}`];
  const parentOf = (span: ReceivedSpan) => trace.find(({ spanId }) => spanId === span.parentSpanId);
  const above = (span: ReceivedSpan): ReceivedSpan[] => {
    const parent = parentOf(span);
    return parent === undefined ? [] : [parent, ...above(parent)];
  };
  /** Those of the failed writes that had the block in them. */
  const failuresOf = (block: number) =>
    ofType('writebackFailed').filter((event) => event.block <= block && block < event.block + event.count);

  it('has all spans, each once, and no orphan', () => {
    expect(all.length).to.equal(run.traceOutput.spans);
    expect(run.traceOutput.sent.taken).to.equal(run.traceOutput.spans);
    expect(relationsIn(all)).to.deep.equal([]);
    expect(trace.filter(({ parentSpanId }) => parentSpanId === '').map(({ name }) => name)).to.deep.equal(['demo']);
  });

  it('shows each try of the failing write, with its error, its times and its place below the flush', () => {
    const failures = failuresOf(run.explained.block);
    expect(failures.length).to.be.greaterThan(10);
    for (const { io, seq, at, startedAt, code } of failures) {
      const tries = named('device.write').filter((span) => attribute(span, 'io') === io);
      expect(tries.length, `#${seq}`).to.equal(1);
      const [{ status, attributes, startNs, endNs }] = tries;
      expect([status.code, attributes['error.type']]).to.deep.equal([ERROR, code]);
      expect([Number(startNs - epochNs), Number(endNs - epochNs)]).to.deep.equal([startedAt, at]);
      const names = above(tries[0]).map(({ name }) => name);
      expect(names.slice(-3)).to.deep.equal(['cachetrail.flush', names.at(-2), 'demo']);
      expect(names.at(-2)).to.match(/^demo: flush/);
    }
  });

  it('shows the waits, the splits, the parking and the reports', () => {
    const seqsOf = (name: string) => named(name).map((span) => attribute(span, 'seq'));
    const isPart =
      ({ seq }: CacheEvent) =>
      (list: readonly unknown[]) =>
        list.includes(seq);
    for (const event of ofType('writebackRetryScheduled')) {
      expect(seqsOf('retry_wait')).to.satisfy(isPart(event));
    }
    for (const { seq, splitAt } of ofType('writebackSplit')) {
      const halves = named('writeback').filter((span) => attribute(span, 'seq') === seq);
      expect(halves.length, `#${seq}`).to.equal(2);
      expect(halves.map((span) => attribute(span, 'block'))).to.include(splitAt);
      for (const half of halves) expect(parentOf(half)?.name).to.equal('cachetrail.writeback');
    }
    for (const { seq, block } of ofType('blockParked')) {
      const [park] = named('park').filter((span) => attribute(span, 'seq') === seq);
      expect([attribute(park, 'block'), park.status.code]).to.deep.equal([block, ERROR]);
    }
    for (const { op, seq } of ofType('flushFailed')) {
      const [report] = named('report').filter((span) => attribute(span, 'seq') === seq);
      expect([attribute(report, 'op'), report.status.code]).to.deep.equal([op, ERROR]);
      const [flush] = named('flush').filter((span) => attribute(span, 'op') === op);
      expect(flush.status.code).to.equal(ERROR);
      expect(flush.links.map(({ attributes }) => attributes['cachetrail.relation'])).to.include('reports');
    }
    expect(ofType('flushFailed').length).to.be.greaterThan(0);
  });

  it('shows that a retry that succeeded is no error, and that the block became durable after all', () => {
    const passing = named('writeback').filter((span) => attribute(span, 'retries') === 1 && span.status.code === 0);
    expect(passing.map((span) => attribute(span, 'result'))).to.deep.equal(['written']);
    const tries = trace.filter(
      ({ parentSpanId, name }) => parentSpanId === passing[0].spanId && name.endsWith('.write'),
    );
    expect(tries.map(({ status }) => status.code).sort()).to.deep.equal([0, ERROR]);
    const { block } = run.explained;
    const durable = named('durable').filter((span) => {
      const first = Number(attribute(span, 'block'));
      return first <= block && block < first + Number(attribute(span, 'count'));
    });
    const lastFailure = failuresOf(block).at(-1)?.seq ?? 0;
    expect(durable.some((span) => Number(attribute(span, 'end_seq')) > lastFailure)).to.equal(true);
    expect(named('cured').length).to.be.greaterThan(0);
  });

  it('finds the target of every link, through the API', async () => {
    const targets = new Map<string, Set<string>>();
    for (const { traceId, spanId } of all.flatMap(({ links }) => links)) {
      targets.set(traceId, (targets.get(traceId) ?? new Set()).add(spanId));
    }
    expect(targets.size).to.be.greaterThan(0);
    for (const [traceId, spanIds] of targets) {
      const known = new Set((await jaeger.trace(traceId)).map(({ spanId }) => spanId));
      expect([...spanIds].filter((spanId) => !known.has(spanId))).to.deep.equal([]);
    }
  });

  it('links both ways: a write’s durable to its writeback and its barrier, these to what they carry and sync', () => {
    const byId = new Map(all.map((span) => [span.spanId, span]));
    /** A span has 128 links at most; more are on children of its own. */
    const linksOf = (span: ReceivedSpan, relation: string) =>
      [span, ...named('links', all).filter(({ parentSpanId }) => parentSpanId === span.spanId)]
        .flatMap(({ links }) => links)
        .filter(({ attributes }) => attributes['cachetrail.relation'] === relation);
    const durable = named('durable', all);
    expect(durable.length).to.be.greaterThan(100);
    const carried = new Map(named('writeback', all).map((span) => [span.spanId, linksOf(span, 'carries')]));
    const synced = new Map(named('device.barrier', all).map((span) => [span.spanId, linksOf(span, 'syncs')]));
    for (const span of durable) {
      const carriers = linksOf(span, 'carried_by').map(({ spanId }) => spanId);
      expect(carriers).to.not.be.empty;
      for (const spanId of carriers) {
        const back = carried.get(spanId)?.map((link) => link.spanId) ?? [];
        expect(back, `${byId.get(spanId)?.name} ${spanId}`).to.include(span.parentSpanId);
      }
      const barriers = linksOf(span, 'synced_by').map(({ spanId }) => synced.get(spanId) ?? []);
      expect(barriers.length).to.equal(1);
      expect(barriers[0].some(({ spanId }) => carriers.includes(spanId))).to.equal(true);
    }
  });

  it('has exactly one span for every operation of the device, as many as the device counted', () => {
    const expected = events.flatMap(({ type, seq }) =>
      OPERATIONS[type] === undefined ? [] : [`${OPERATIONS[type]} ${seq}`],
    );
    const found = all
      .filter(({ name }) => name.startsWith('cachetrail.device.'))
      .map((span) => `${span.name} ${attribute(span, 'end_seq')}`);
    expect(found.sort()).to.deep.equal(expected.sort());
    const { deviceReads, deviceWrites, barriers } = run.withCache;
    const counts = ['device.read', 'device.write', 'device.barrier'].map((name) => named(name, all).length);
    expect(counts).to.deep.equal([deviceReads, deviceWrites, barriers]);
  });

  it('shows the same when everything is sent again, from the file and from the journal', async () => {
    const idsOf = (spans: readonly ReceivedSpan[]) => spans.map(({ spanId }) => spanId).sort();
    for (const line of linesOf(run.traceOutput.file)) await post(line);
    expect((await cachetrail(['trace', run.journal, '--otlp', jaeger.otlp])).exitCode).to.equal(0);
    expect(idsOf(await jaeger.trace(run.trace))).to.deep.equal(idsOf(trace));
    expect(idsOf(await jaeger.search('cachetrail'))).to.deep.equal(idsOf(all));
  });

  it('takes the lines of a trace file as they are: the same spans', async () => {
    const other = await demo('--files', '30');
    const spans = linesOf(other.traceOutput.file).flatMap((line) => spansIn(JSON.parse(line), []));
    for (const line of linesOf(other.traceOutput.file)) await post(line);
    const wanted = spans.filter(({ traceId }) => traceId === other.trace);
    const found = await jaeger.trace(other.trace);
    expect(found.map(essence).sort()).to.deep.equal(wanted.map(essence).sort());
  });

  it('has a page for the trace where the demo links to', async () => {
    const response = await fetch(`${jaeger.query}/trace/${run.trace}`);
    expect(response.status).to.equal(200);
    expect(response.headers.get('content-type')).to.include('text/html');
  });

  const post = async (line: string) => {
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(`${jaeger.otlp}/v1/traces`, { method: 'POST', headers, body: line });
    expect(response.status).to.equal(200);
  };
});

function linesOf(file: string): string[] {
  return readFileSync(file, 'utf8').trimEnd().split('\n');
}

/** What Jaeger keeps of a span as it is: it sorts attributes, adds warnings, and gives a nanosecond to a span of no length. */
function essence({ spanId, parentSpanId, name, startNs, endNs, attributes, links, status }: ReceivedSpan): string {
  const { '@jaeger@warnings': _, ...kept } = attributes;
  const end = endNs === startNs ? endNs + 1n : endNs;
  const linked = links.map((link) => `${link.traceId} ${link.spanId}`);
  const sorted = Object.entries(kept).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([spanId, parentSpanId, name, String(startNs), String(end), sorted, linked, status]);
}
