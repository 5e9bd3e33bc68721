import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { packageRoot } from '../../src/cli/package-files.js';
import { MAIN } from './command.js';

describe('the package without ext2fs', () => {
  let directory: string;

  /** The package as it is installed where nobody asked for its optional peer. */
  before(() => {
    directory = mkdtempSync(path.join(tmpdir(), 'cachetrail-test-'));
    cpSync(path.join(MAIN, '..', '..'), path.join(directory, 'dist'), { recursive: true });
    for (const name of ['package.json', 'assets']) {
      cpSync(path.join(packageRoot(), name), path.join(directory, name), { recursive: true });
    }
    mkdirSync(path.join(directory, 'node_modules', '@opentelemetry'), { recursive: true });
    for (const name of ['rxjs', 'fs-native-extensions', '@opentelemetry/api']) {
      symlinkSync(path.join(packageRoot(), 'node_modules', name), path.join(directory, 'node_modules', name));
    }
  });

  after(() => rmSync(directory, { recursive: true }));

  const run = (...args: string[]) =>
    spawnSync(process.execPath, [path.join(directory, 'dist', 'cli', 'main.js'), ...args], { encoding: 'utf8' });

  it('says what to install where the demo needs it', () => {
    const { status, stderr } = run('demo');
    expect(status).to.equal(3);
    expect(stderr).to.match(/^error CACHETRAIL_MISSING_DEPENDENCY: .*npm install ext2fs@4\.2\.5/);
  });

  it('still has its help', () => {
    expect(run('demo', '--help').status).to.equal(0);
    expect(run('--version').status).to.equal(0);
  });
});
