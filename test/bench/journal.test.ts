import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { spawnSync } from 'node:child_process';
import { expect } from 'chai';

const BENCH = path.join(import.meta.dirname, '..', '..', 'bench', 'journal.js');
const run = (...args: string[]) => spawnSync(process.execPath, [BENCH, ...args], { encoding: 'utf8' });

describe('npm run bench:journal', () => {
  it('has a help that names every option', () => {
    const { status, stdout } = run('--help');
    expect(status).to.equal(0);
    for (const option of ['--events', '--writes', '--directory', '--json']) expect(stdout).to.include(option);
  });

  for (const args of [['--frob'], ['more'], ['--events', '5'], ['--writes', '101'], ['--directory', '/none']]) {
    it(`refuses ${args.join(' ')} with exit code 2 and without a stack`, () => {
      const { status, stdout, stderr } = run(...args);
      expect([status, stdout]).to.deep.equal([2, '']);
      expect(stderr).to.match(/^error: .+\n {2}--help lists the options\n$/);
    });
  }

  it('records as many writes as it is told, and leaves nothing behind', () => {
    const directory = mkdtempSync(path.join(tmpdir(), 'cachetrail-test-'));
    try {
      const shortly = ['--json', '--sync-seconds', '0.05'];
      const { status, stdout } = run('--events', '41000', '--writes', '25', ...shortly, '--directory', directory);
      expect(status).to.equal(0);
      const { writes, recorded, verified } = JSON.parse(stdout);
      expect(writes).to.equal(25);
      expect(verified).to.include({ status: 'sound', replayed: verified.events });
      expect(recorded.events).to.be.at.least(41_000);
      expect(recorded.writes / (recorded.reads + recorded.writes)).to.be.within(0.2, 0.25);
      expect(readdirSync(directory)).to.deep.equal([]);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
