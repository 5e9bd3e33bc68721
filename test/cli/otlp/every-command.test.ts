import { expect } from 'chai';
import { COMMANDS } from '../../../src/cli/registry.js';
import { writeSpans } from '../../../src/cli/trace/journal-spans.js';
import { OtlpReceiver } from '../../telemetry/otlp/receiver.js';
import { cachetrail } from '../command.js';
import { BAD, journalFolder, recordTrouble, TRACE } from '../journal/recorded.js';

const CALLER = new Set([`${TRACE} b7ad6b7169203331`]);

/** What each command is asked for; the spans of verify are those of the whole journal. */
const ASKED: Readonly<Record<string, readonly string[]>> = {
  log: ['--block', String(BAD), '--type', 'written'],
  explain: ['--block', String(BAD)],
  verify: [],
  replay: ['--at', '3'],
  stats: ['--to', '3'],
  trace: ['--errors-only'],
  export: ['--format', 'csv', '--block', String(BAD)],
};

describe('--otlp', () => {
  const folder = journalFolder();
  let directory: string;
  /** Spans of the whole journal. */
  let all: number;
  let receiver: OtlpReceiver;

  before(async () => {
    directory = folder('trouble');
    await recordTrouble(directory);
    const places = { file: folder('whole.jsonl'), endpoint: null };
    all = (await writeSpans({ directory, filter: {} }, places)).counts.spans;
  });
  beforeEach(async () => {
    receiver = await OtlpReceiver.started();
  });
  afterEach(() => receiver.stop());

  it('is an option of every command', async () => {
    for (const { name, load } of COMMANDS) expect((await load()).help, name).to.include('--otlp URL');
    const journalled = COMMANDS.filter(({ name }) => name !== 'demo').map(({ name }) => name);
    expect(Object.keys(ASKED).sort()).to.deep.equal(journalled.sort());
  });

  for (const [command, args] of Object.entries(ASKED)) {
    it(`of ${command} sends the spans of what was asked for`, async () => {
      const { exitCode } = await cachetrail([command, directory, ...args, '--otlp', receiver.url]);
      expect(exitCode).to.equal(0);
      if (args.length > 0) expect(receiver.spans.length).to.be.within(1, all - 1);
      else expect([receiver.spans.length, receiver.findings({ elsewhere: CALLER })]).to.deep.equal([all, []]);
    });
  }

  it('leaves stdout as it is, says on stderr what was sent, and exits 1 where that fails', async () => {
    const plain = await cachetrail(['stats', directory, '--json']);
    const sent = await cachetrail(['stats', '--json', `--otlp=${receiver.url}`, directory]);
    expect([sent.exitCode, sent.stdout]).to.deep.equal([0, plain.stdout]);
    expect(sent.stderr).to.match(/^\d+ spans in \d+ traces, .*\n {2}sent to http:.* \d+ taken\n$/);
    const { url } = receiver;
    await receiver.stop();
    const failed = await cachetrail(['stats', directory, '--json', '--otlp', url]);
    expect([failed.exitCode, failed.stdout]).to.deep.equal([1, plain.stdout]);
    expect(failed.stderr).to.match(/^error CACHETRAIL_COLLECTOR_UNREACHABLE/);
    receiver = await OtlpReceiver.started();
  });

  it('exits 2 for what is no address or no journal, and sends nothing', async () => {
    expect((await cachetrail(['log', directory, '--otlp'])).exitCode).to.equal(2);
    expect((await cachetrail(['log', directory, '--otlp', 'nowhere'])).exitCode).to.equal(2);
    expect((await cachetrail(['log', folder('nothing'), '--otlp', receiver.url])).exitCode).to.equal(2);
    expect(receiver.requests).to.equal(0);
  });
});
