import { expect } from 'chai';
import { COMMANDS } from '../../src/cli/registry.js';
import { packageVersion } from '../../src/cli/package-files.js';
import { cachetrail } from './command.js';

describe('the command', () => {
  it('says its version', async () => {
    for (const option of ['--version', '-v']) {
      expect(await cachetrail([option])).to.deep.equal({ exitCode: 0, stdout: `${packageVersion()}\n`, stderr: '' });
    }
  });

  it('lists every subcommand in its help', async () => {
    for (const option of ['--help', '-h']) {
      const { exitCode, stdout, stderr } = await cachetrail([option]);
      expect([exitCode, stderr]).to.deep.equal([0, '']);
      for (const { name, summary } of COMMANDS) expect(stdout).to.include(name).and.include(summary);
    }
  });

  it('has a help for every subcommand, which lists exit codes', async () => {
    for (const { name } of COMMANDS) {
      const { exitCode, stdout } = await cachetrail([name, '--help']);
      expect(exitCode).to.equal(0);
      expect(stdout).to.include(`usage: cachetrail ${name}`).and.include('exit codes');
    }
  });

  it('shows its help on stderr and ends with 2 where it is asked for nothing', async () => {
    const { exitCode, stdout, stderr } = await cachetrail([]);
    expect([exitCode, stdout]).to.deep.equal([2, '']);
    expect(stderr).to.include('usage:');
  });

  const wrong: Record<string, [args: string[], code: string]> = {
    'an unknown subcommand': [['demmo'], 'CACHETRAIL_INVALID_ARGUMENT'],
    'an unknown option': [['--frobnicate'], 'CACHETRAIL_INVALID_ARGUMENT'],
    'an unknown option of a subcommand': [['demo', '--frobnicate'], 'CACHETRAIL_INVALID_ARGUMENT'],
    'a flag with a value': [['demo', '--json=yes'], 'CACHETRAIL_INVALID_ARGUMENT'],
    'an option without its value': [['demo', '--files'], 'CACHETRAIL_INVALID_ARGUMENT'],
    'a number of files that is none': [['demo', '--files', 'many'], 'CACHETRAIL_INVALID_ARGUMENT'],
    'too few files': [['demo', '--files', '9'], 'CACHETRAIL_INVALID_ARGUMENT'],
    'more files than a demo can take': [['demo', '--files', '10001'], 'CACHETRAIL_INVALID_ARGUMENT'],
    'a capacity of 0': [['demo', '--capacity', '0'], 'CACHETRAIL_INVALID_CAPACITY'],
    'a fractional capacity': [['demo', '--capacity', '1.5'], 'CACHETRAIL_INVALID_CAPACITY'],
    'a negative capacity': [['demo', '--capacity=-1'], 'CACHETRAIL_INVALID_CAPACITY'],
    'a capacity of more than memory': [['demo', '--capacity', '500000000'], 'CACHETRAIL_INVALID_CAPACITY'],
    'an unknown policy': [['demo', '--policy', 'fifo'], 'CACHETRAIL_INVALID_ARGUMENT'],
    'two images': [['demo', 'a', 'b'], 'CACHETRAIL_INVALID_ARGUMENT'],
    'a journal and none': [['demo', '--journal', 'a', '--no-journal'], 'CACHETRAIL_INVALID_ARGUMENT'],
    'no image to work on in place': [['demo', '--in-place'], 'CACHETRAIL_INVALID_ARGUMENT'],
  };
  for (const [what, [args, code]] of Object.entries(wrong)) {
    it(`refuses ${what} with exit code 2 and ${code}`, async () => {
      const { exitCode, stdout, stderr } = await cachetrail(args);
      expect([exitCode, stdout]).to.deep.equal([2, '']);
      const [first, second] = stderr.split('\n');
      expect(first).to.match(new RegExp(`^error ${code}: .`));
      expect(second).to.match(/^ {2}\S/);
    });
  }
});
