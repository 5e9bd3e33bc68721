// Compiles the package to dist/, and with --with-tests the sources, tests and benchmarks to build/. A compile that fails
// leaves the last good output in place. Says nothing when all is well; tsc's findings go to stderr.
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const tsc = path.join(path.dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc');
const root = path.dirname(import.meta.dirname);

compile('tsconfig.json', 'dist');
if (process.argv.includes('--with-tests')) compile('tsconfig.test.json', 'build');

function compile(project, name) {
  const outDir = path.join(root, name);
  // Beside the output, so that the source maps' relative paths stay true after the rename.
  const fresh = path.join(root, `${name}.${process.pid}`);
  const args = [tsc, '-p', project, '--outDir', fresh, '--noEmitOnError'];
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: ['ignore', 2, 2] });
  if (status !== 0) {
    rmSync(fresh, { recursive: true, force: true });
    process.exit(status ?? 1);
  }
  const command = path.join(fresh, 'cli/main.js');
  if (existsSync(command)) chmodSync(command, 0o755);
  rmSync(outDir, { recursive: true, force: true });
  renameSync(fresh, outDir);
}
