// Compiles the package to dist/, and with --with-tests the sources, tests and benchmarks to build/.
import { spawnSync } from 'node:child_process';
import { chmodSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const tsc = path.join(path.dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc');
const root = path.dirname(import.meta.dirname);

function compile(project, outDir) {
  rmSync(path.join(root, outDir), { recursive: true, force: true });
  const { status } = spawnSync(process.execPath, [tsc, '-p', project], { cwd: root, stdio: ['ignore', 2, 2] });
  if (status !== 0) process.exit(status ?? 1);
}

compile('tsconfig.json', 'dist');
chmodSync(path.join(root, 'dist/cli/main.js'), 0o755);
if (process.argv.includes('--with-tests')) compile('tsconfig.test.json', 'build');
