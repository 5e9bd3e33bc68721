import { readFileSync, writeFileSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { expect } from 'chai';
import { COMMANDS } from '../../../src/cli/registry.js';
import { UNPROVED } from '../../../src/cli/journal/source.js';
import { OtlpReceiver } from '../../telemetry/otlp/receiver.js';
import { cachetrail } from '../command.js';
import { inProcess } from '../in-process.js';
import { BAD, journalFolder, lastSegment, recordTrouble } from './recorded.js';

const KEY = Buffer.from('a key of more than sixteen bytes');
const OTHER = Buffer.from(KEY).reverse();

/** How each command is asked; every one that reads a journal must be here. */
const ASKED: readonly (readonly [command: string, ...args: string[]])[] = [
  ['log', '--json'],
  ['explain', '--write-error', '--json'],
  ['verify', '--json'],
  ['replay', '--json', '--block', String(BAD)],
  ['replay', '--what-if', 'capacity=4', '--json'],
  ['stats', '--json'],
  ['trace', '--out', '-', '--json'],
  ['export', '--format', 'csv'],
];

describe('a journal with a key', () => {
  const folder = journalFolder();
  let keyed: string;
  let plain: string;
  let keyFile: string;
  let otherFile: string;

  before(async () => {
    [keyed, plain, keyFile, otherFile] = ['keyed', 'plain', 'key', 'other'].map(folder);
    await recordTrouble(keyed, { key: KEY });
    await recordTrouble(plain);
    writeFileSync(keyFile, KEY);
    writeFileSync(otherFile, OTHER);
  });

  it('is a matter of every command that reads one', async () => {
    const reading = COMMANDS.map(({ name }) => name).filter((name) => name !== 'demo');
    expect([...new Set(ASKED.map(([name]) => name))].sort()).to.deep.equal(reading.sort());
    for (const { name, load } of COMMANDS) {
      if (name !== 'demo')
        expect((await load()).help)
          .to.include('--key-file FILE')
          .and.include('CACHETRAIL_JOURNAL_KEY');
    }
  });

  const run = async (directory: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) => {
    const [command, ...rest] = args;
    Object.assign(process.env, env);
    const done = await inProcess([command, directory, ...rest]);
    for (const name of Object.keys(env)) delete process.env[name];
    return done;
  };

  for (const [command, ...args] of ASKED) {
    it(`is proved by ${command} ${args.join(' ')} with its key, said to be unproved without, and refused with another`, async () => {
      const proved = await run(keyed, [command, ...args, '--key-file', keyFile]);
      const unproved = await run(keyed, [command, ...args]);
      const refused = await run(keyed, [command, ...args, '--key-file', otherFile]);
      expect([proved.exitCode, unproved.exitCode]).to.deep.equal([0, 0]);
      expect(proved.stdout + proved.stderr).to.not.include(UNPROVED);
      if (command === 'verify') expect(JSON.parse(unproved.stdout).chainChecked).to.equal(false);
      else expect(unproved.stderr).to.include(`warning: ${UNPROVED}\n`);
      if (args.includes('--json') && command !== 'log' && command !== 'trace') {
        expect(JSON.parse(proved.stdout).chainChecked).to.equal(true);
        expect(JSON.parse(unproved.stdout).chainChecked).to.equal(false);
      }
      expect([refused.exitCode, /"(event|seq|events)"|seq,time/.test(refused.stdout)]).to.deep.equal([2, false]);
      expect(refused.stderr).to.match(/^error CACHETRAIL_JOURNAL_KEY: /);
    });
  }

  it('takes the key from the environment, in hex', async () => {
    const env = { CACHETRAIL_JOURNAL_KEY: KEY.toString('hex') };
    const { exitCode, stdout, stderr } = await run(keyed, ['stats', '--json'], env);
    expect([exitCode, stderr, JSON.parse(stdout).chainChecked]).to.deep.equal([0, '', true]);
  });

  it('is not another without one: a key for a journal that has none is refused', async () => {
    const { exitCode, stderr } = await run(plain, ['log', '--key-file', keyFile]);
    expect(exitCode).to.equal(2);
    expect(stderr).to.match(/^error CACHETRAIL_JOURNAL_KEY: the journal has no key/);
  });

  it('needs a key that can be one', async () => {
    const short = folder('short');
    writeFileSync(short, 'short');
    for (const [args, env] of [
      [['--key-file', folder('nothing')], {}],
      [['--key-file', short], {}],
      [[], { CACHETRAIL_JOURNAL_KEY: 'no hex' }],
    ] as const) {
      const { exitCode, stderr } = await run(keyed, ['stats', ...args], env);
      expect(exitCode).to.equal(2);
      expect(stderr).to.match(/^error CACHETRAIL_INVALID_ARGUMENT: /);
    }
  });

  it('is proved for what --otlp sends, too', async () => {
    const receiver = await OtlpReceiver.started();
    try {
      const args = ['stats', keyed, '--key-file', keyFile, '--otlp', receiver.url];
      const { exitCode, stderr } = await cachetrail(args);
      expect([exitCode, receiver.spans.length > 0]).to.deep.equal([0, true]);
      expect(stderr).to.not.include('warning');
    } finally {
      await receiver.stop();
    }
  });

  it('does not give what a forger has put in', async () => {
    const forged = folder('forged');
    await recordTrouble(forged, { key: KEY, bufferBytes: 256 });
    const file = lastSegment(forged);
    const bytes = readFileSync(file);
    // Whoever has no key can make sums right, not digests: here the digest is another and the sums are made to fit.
    const first = bytes.indexOf('CTJF');
    const digestAt = first + 72;
    bytes[digestAt] ^= 1;
    bytes.writeUInt32LE(crc32(bytes.subarray(first, first + 108)), first + 108);
    writeFileSync(file, bytes);
    const { stdout, stderr } = await cachetrail(['log', forged, '--json', '--key-file', keyFile]);
    expect(stderr).to.include('warning: altered: ');
    const unproved = await cachetrail(['log', forged, '--json']);
    expect(unproved.stdout.split('\n').length).to.be.above(stdout.split('\n').length);
  });
});
