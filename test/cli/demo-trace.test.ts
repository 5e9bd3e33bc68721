import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { openJournal } from '../../src/streams/journal/index.js';
import { projectSpans, type SpanData } from '../../src/telemetry/index.js';
import { OtlpReceiver } from '../telemetry/otlp/receiver.js';
import { type ReceivedSpan, relationsIn, spansIn } from '../telemetry/otlp/strict.js';
import { cachetrail } from './command.js';

const FEW = ['--files', '30'];
const QUIET = { OTEL_TRACES_EXPORTER: 'none' };

describe('the demo’s trace', () => {
  let directory: string;
  let env: NodeJS.ProcessEnv;
  let receiver: OtlpReceiver;

  beforeEach(async () => {
    directory = mkdtempSync(path.join(tmpdir(), 'cachetrail-test-'));
    const temporary = path.join(directory, 'tmp');
    mkdirSync(temporary);
    env = { ...process.env, TMPDIR: temporary };
    receiver = await OtlpReceiver.started();
  });
  afterEach(async () => {
    await receiver.stop();
    rmSync(directory, { recursive: true });
  });

  const demo = async (args: readonly string[], more: NodeJS.ProcessEnv) => {
    const { exitCode, stdout } = await cachetrail(['demo', '--json', ...FEW, ...args], { env: { ...env, ...more } });
    return { exitCode, report: JSON.parse(stdout) };
  };

  it('reaches a strict collector whole, and is what the journal gives', async () => {
    const { exitCode, report } = await demo(['--otlp', receiver.url], QUIET);
    expect(exitCode).to.equal(0);
    expect(receiver.findings()).to.deep.equal([]);
    const journal = await openJournal(report.journal);
    const projected: SpanData[] = [];
    for await (const span of projectSpans(journal.records(), { journalId: await journal.id() })) projected.push(span);
    const own = receiver.spans.filter(({ name }) => /^demo\b/.test(name));
    expect(receiver.spans.length - own.length).to.equal(projected.length);
    expect(idsOf(receiver.spans.filter((span) => !own.includes(span)))).to.deep.equal(idsOf(projected));
    expect(report.traceOutput.sent).to.include({ isSent: true, taken: receiver.spans.length, rejected: 0 });
    expect(spansOf(report.traceOutput.file)).to.have.deep.members(receiver.spans);
  });

  it('is one: what the demo asks for lies below one span, and the failing write’s whole path below one flush', async () => {
    const { report } = await demo(['--otlp', receiver.url], QUIET);
    const { spans } = receiver;
    const roots = spans.filter(({ traceId, parentSpanId }) => traceId === report.trace && parentSpanId === '');
    expect(roots.map(({ name }) => name)).to.deep.equal(['demo']);
    const byId = new Map(spans.map((span) => [span.spanId, span]));
    const above = (span: ReceivedSpan): string[] => {
      const parent = byId.get(span.parentSpanId);
      return parent === undefined ? [] : [parent.name, ...above(parent)];
    };
    // A collector takes its requests in any order; the second one is below the flush that was asked for again.
    const parks = spans.filter(({ name }) => name === 'cachetrail.park');
    const [park] = parks.sort((one, other) => Number(one.startNs - other.startNs));
    expect(park.status.code).to.equal(2);
    expect(new Set(above(park))).to.deep.equal(
      new Set(['cachetrail.writeback', 'cachetrail.flush', 'demo: flush', 'demo']),
    );
    const requests = spans.filter(({ attributes }) => 'cachetrail.actor' in attributes);
    expect(requests).to.not.be.empty;
    expect(requests.filter(({ traceId }) => traceId !== report.trace)).to.deep.equal([]);
  });

  it('goes where the environment says, and not where that says nowhere', async () => {
    const OTEL_EXPORTER_OTLP_ENDPOINT = receiver.url;
    const silenced = await demo([], { OTEL_EXPORTER_OTLP_ENDPOINT, ...QUIET });
    expect([receiver.requests, silenced.report.traceOutput.sent]).to.deep.equal([0, null]);
    const { report } = await demo([], { OTEL_EXPORTER_OTLP_ENDPOINT });
    expect(receiver.spans.length).to.equal(report.traceOutput.spans);
  });

  it('is in its file where no collector answers; that is a failure only with --otlp', async () => {
    const { url } = receiver;
    await receiver.stop();
    const asked = await demo(['--otlp', url], QUIET);
    expect([asked.exitCode, asked.report.ok]).to.deep.equal([3, true]);
    expect(asked.report.traceOutput.sent.failure.code).to.equal('CACHETRAIL_COLLECTOR_UNREACHABLE');
    expect(relationsIn(spansOf(asked.report.traceOutput.file))).to.deep.equal([]);
    const named = await demo([], { OTEL_EXPORTER_OTLP_ENDPOINT: url });
    expect([named.exitCode, named.report.traceOutput.sent.isSent]).to.deep.equal([0, false]);
    receiver = await OtlpReceiver.started();
  });

  it('is told to be rejected where the collector takes a part of it', async () => {
    const body = JSON.stringify({ partialSuccess: { rejectedSpans: 1, errorMessage: 'too old' } });
    await receiver.stop();
    receiver = await OtlpReceiver.started((request) => (request === 1 ? { status: 200, body } : null));
    const { exitCode, report } = await demo(['--otlp', receiver.url], QUIET);
    const { spans, sent } = report.traceOutput;
    expect([exitCode, sent.taken, sent.rejected]).to.deep.equal([3, spans - 1, 1]);
  });

  it('is not made with --no-trace', async () => {
    const journal = path.join(directory, 'journal');
    const { report } = await demo(['--no-trace', '--journal', journal], {});
    expect(report.trace).to.equal(null);
    expect(existsSync(path.join(journal, 'trace.jsonl'))).to.equal(false);
    expect((await cachetrail(['demo', '--no-trace', '--otlp', receiver.url])).exitCode).to.equal(2);
    expect((await cachetrail(['demo', '--no-journal', '--otlp', receiver.url])).exitCode).to.equal(2);
  });
});

function idsOf(spans: readonly { readonly traceId: string; readonly spanId: string }[]): string[] {
  return spans.map(({ traceId, spanId }) => `${traceId} ${spanId}`).sort();
}

function spansOf(file: string): ReceivedSpan[] {
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
  return lines.flatMap((line) => spansIn(JSON.parse(line), []));
}
