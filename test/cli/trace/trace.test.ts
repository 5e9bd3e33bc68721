import { existsSync, readFileSync } from 'node:fs';
import { expect } from 'chai';
import { writeSpans } from '../../../src/cli/trace/journal-spans.js';
import type { SpanFilter } from '../../../src/cli/trace/span-filter.js';
import { openJournal } from '../../../src/streams/journal/index.js';
import { OtlpReceiver } from '../../telemetry/otlp/receiver.js';
import { type ReceivedSpan, relationsIn, spansIn } from '../../telemetry/otlp/strict.js';
import { cachetrail } from '../command.js';
import { BAD, journalFolder, recordTrouble, TRACE } from '../journal/recorded.js';

/** The span that the recorded writes were made in: the caller's, which the journal only refers to. */
const CALLER = new Set([`${TRACE} b7ad6b7169203331`]);
const ANSWERS = [
  'fillFinished',
  'fillFailed',
  'writebackFinished',
  'writebackFailed',
  'barrierFinished',
  'barrierFailed',
  'clearAnswered',
];

describe('cachetrail trace', () => {
  const folder = journalFolder();
  let directory: string;
  let whole: ReceivedSpan[];

  before(async () => {
    directory = folder('trouble');
    await recordTrouble(directory);
    whole = await traced();
  });

  const traced = async (filter: SpanFilter = {}): Promise<ReceivedSpan[]> => {
    const file = folder('trace.jsonl');
    const { counts, problems } = await writeSpans({ directory, filter }, { file, endpoint: null });
    const text = readFileSync(file, 'utf8');
    expect([problems, counts.file]).to.deep.equal([[], { path: file, bytes: Buffer.byteLength(text) }]);
    return spansOf(text);
  };
  const idsOf = (spans: readonly ReceivedSpan[]) => spans.map(({ spanId }) => spanId).sort();
  /** Those that match, with all above and all below them. */
  const storiesOf = (matches: (span: ReceivedSpan) => boolean, comesAlong: (span: ReceivedSpan) => boolean) => {
    const byId = new Map(whole.map((span) => [span.spanId, span]));
    const kept = new Set<string>();
    const below = (span: ReceivedSpan) => {
      kept.add(span.spanId);
      for (const child of whole) if (child.parentSpanId === span.spanId && comesAlong(child)) below(child);
    };
    for (const span of whole.filter(matches)) {
      below(span);
      for (let up = byId.get(span.parentSpanId); up !== undefined; up = byId.get(up.parentSpanId)) kept.add(up.spanId);
    }
    return [...kept].sort();
  };
  const all = () => true;

  it('writes spans that a strict collector takes, of a whole error path', () => {
    expect(relationsIn(whole, { elsewhere: CALLER })).to.deep.equal([]);
    const names = new Set(whole.map(({ name }) => name));
    const path = ['flush', 'writeback', 'device.write', 'retry_wait', 'park', 'report', 'durable', 'device.barrier'];
    expect([...names]).to.include.members(path.map((name) => `cachetrail.${name}`));
  });

  it('gives the same bytes in every process', async () => {
    const files = [folder('one.jsonl'), folder('other.jsonl')];
    for (const file of files) await cachetrail(['trace', directory, '--out', file]);
    expect(readFileSync(files[0])).to.deep.equal(readFileSync(files[1]));
    expect((await cachetrail(['trace', directory, '--out', '-'])).stdout).to.equal(readFileSync(files[0], 'utf8'));
  });

  it('has one span for every operation of the device', async () => {
    const answered: number[] = [];
    for await (const event of (await openJournal(directory)).read())
      if (ANSWERS.includes(event.type)) answered.push(event.seq);
    const operations = whole.filter(({ name }) => name.startsWith('cachetrail.device.'));
    const seqs = operations.map(({ attributes }) => Number(attributes['cachetrail.end_seq']));
    expect(seqs.sort((a, b) => a - b)).to.deep.equal(answered);
  });

  it('keeps of errors only what failed, what that is part of, and what happened below it', async () => {
    const failed = (span: ReceivedSpan) => span.status.code === 2;
    const slice = await traced({ errorsOnly: true });
    expect(slice.filter(failed)).to.not.be.empty;
    expect(idsOf(slice)).to.deep.equal(storiesOf(failed, all));
    expect(slice.length).to.be.below(whole.length);
  });

  it('keeps of what is slower than a limit what took longer, with its story', async () => {
    const lengths = whole.map(({ startNs, endNs }) => endNs - startNs).sort((a, b) => Number(a - b));
    const limit = lengths[Math.floor(lengths.length * 0.8)];
    const slice = await traced({ slowerThanNs: Number(limit) });
    expect(idsOf(slice)).to.deep.equal(storiesOf(({ startNs, endNs }) => endNs - startNs > limit, all));
    expect(slice.length).to.be.within(1, whole.length - 1);
  });

  it('keeps of a block what names it, and below that nothing that names others only', async () => {
    const names = ({ attributes }: ReceivedSpan) => {
      const block = attributes['cachetrail.block'];
      return typeof block === 'number' && block <= BAD && BAD < block + Number(attributes['cachetrail.count'] ?? 1);
    };
    const slice = await traced({ blocks: [BAD] });
    const comesAlong = (span: ReceivedSpan) => names(span) || !('cachetrail.block' in span.attributes);
    expect(idsOf(slice)).to.deep.equal(storiesOf(names, comesAlong));
    expect(slice.length).to.be.within(1, whole.length - 1);
  });

  it('keeps of a part what was under way between those events', async () => {
    const seqsOf = ({ attributes }: ReceivedSpan) => {
      const end = Number(attributes['cachetrail.end_seq'] ?? attributes['cachetrail.seq']);
      return [Number(attributes['cachetrail.seq'] ?? end), end];
    };
    const seqs = whole.flatMap(seqsOf).sort((a, b) => a - b);
    const [from, to] = [seqs[Math.floor(seqs.length * 0.4)], seqs[Math.floor(seqs.length * 0.5)]];
    const slice = await traced({ from, to });
    const between = (span: ReceivedSpan) => seqsOf(span)[0] <= to && seqsOf(span)[1] >= from;
    expect(idsOf(slice)).to.deep.equal(storiesOf(between, all));
    expect(slice.length).to.be.within(1, whole.length - 1);
  });

  it('keeps what has all that is asked for', async () => {
    const optionsOf = [
      ['--errors-only', '--slower-than', '10s'],
      [
        '--trace',
        TRACE,
        '--block',
        `0-${BAD}`,
        '--from',
        '1',
        '--to',
        '10000',
        '--since',
        '2020-01-01',
        '--slower-than',
        '0ns',
      ],
    ];
    const counts: number[] = [];
    for (const options of optionsOf) {
      const { stdout } = await cachetrail(['trace', directory, '--out', folder('slice.jsonl'), '--json', ...options]);
      counts.push(JSON.parse(stdout).spans);
    }
    expect(counts[0]).to.equal(0);
    expect(counts[1]).to.be.within(1, whole.length - 1);
  });

  it('sends the same to a collector', async () => {
    const receiver = await OtlpReceiver.started();
    const { exitCode, stdout } = await cachetrail(['trace', directory, '--otlp', receiver.url, '--json']);
    const told = JSON.parse(stdout);
    expect([exitCode, told.spans, told.collector.sent]).to.deep.equal([0, whole.length, whole.length]);
    expect(receiver.spans).to.deep.equal(whole);
    expect(receiver.findings({ elsewhere: CALLER })).to.deep.equal([]);
    const env = { ...process.env, OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url };
    expect((await cachetrail(['trace', directory], { env })).exitCode).to.equal(0);
    expect(receiver.bodies[1]).to.deep.equal(receiver.bodies[0]);
    await receiver.stop();
  });

  it('exits 1 where the collector rejects some, and says how many', async () => {
    const body = JSON.stringify({ partialSuccess: { rejectedSpans: '3', errorMessage: 'no room' } });
    const receiver = await OtlpReceiver.started(() => ({ status: 200, body }));
    const { exitCode, stdout } = await cachetrail(['trace', directory, '--otlp', receiver.url]);
    expect(exitCode).to.equal(1);
    expect(stdout).to.include(`${whole.length - 3} taken, 3 REJECTED (no room)`);
    await receiver.stop();
  });

  it('exits 3 where no collector answers, or it refuses', async () => {
    const receiver = await OtlpReceiver.started(() => ({ status: 400, body: 'go away' }));
    const { url } = receiver;
    const refused = await cachetrail(['trace', directory, '--otlp', receiver.url, '--json']);
    expect([refused.exitCode, JSON.parse(refused.stdout).error.code]).to.deep.equal([
      3,
      'CACHETRAIL_COLLECTOR_REFUSED',
    ]);
    await receiver.stop();
    const { exitCode, stderr } = await cachetrail(['trace', directory, '--otlp', url]);
    expect(exitCode).to.equal(3);
    expect(stderr).to.match(/^error CACHETRAIL_COLLECTOR_UNREACHABLE: no answer from .*ECONNREFUSED/);
  });

  for (const [what, args] of [
    ['nowhere to write to', []],
    ['no address', ['--otlp', 'localhost']],
    ['no time', ['--out', '-', '--slower-than', 'long']],
  ] as const) {
    it(`exits 2 for ${what}`, async () => {
      const env = { ...process.env, OTEL_EXPORTER_OTLP_ENDPOINT: '' };
      expect((await cachetrail(['trace', directory, ...args], { env })).exitCode).to.equal(2);
    });
  }

  it('exits 2 for what is no journal, and writes nothing', async () => {
    const out = folder('none.jsonl');
    const { exitCode, stderr } = await cachetrail(['trace', folder('nothing'), '--out', out]);
    expect(exitCode).to.equal(2);
    expect(stderr).to.match(/^error CACHETRAIL_JOURNAL_NOT_FOUND: /);
    expect(existsSync(out)).to.equal(false);
  });
});

/** Of a trace file. Throws where its form is wrong. */
function spansOf(text: string): ReceivedSpan[] {
  const findings: string[] = [];
  const lines = text.split('\n').filter((line) => line !== '');
  const spans = lines.flatMap((line) => spansIn(JSON.parse(line), findings));
  expect(findings).to.deep.equal([]);
  return spans;
}
