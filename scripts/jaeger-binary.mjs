// Where the Jaeger binary is: given, installed, kept from an earlier build, or built now. Progress goes to stderr.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { waitForLock } from 'fs-native-extensions';

const MODULE = 'github.com/jaegertracing/jaeger';
/** v2.20.0. Its module path has no `/v2`, so Go knows it by its commit only. */
const COMMIT = '798e4b0fcf22609e381df764a01461affd813e1e';
/** The same commit as v2.13.0: the newest that has a version as a module, for where a proxy does not serve the commit. */
const VERSION = 'v1.76.0';
const BUILD_MS_MAX = 60 * 60 * 1000;
const SIGN_MS = 20_000;

/** In order of preference. */
const BUILDS = [
  { name: 'v2.20.0', build: buildCommit },
  { name: `v2.13.0 (${VERSION} as a module)`, build: buildVersion },
];

/** `{ file, origin }`. Rejects with an Error that says what to do where there is none. */
export async function jaegerBinary({ build = true } = {}) {
  const given = process.env['JAEGER_BIN'];
  if (given !== undefined && given !== '') {
    if (!isExecutable(given)) throw new Error(`JAEGER_BIN names ${given}, which is no program`);
    return { file: given, origin: 'JAEGER_BIN' };
  }
  const found = onPath('jaeger') ?? kept();
  if (found !== undefined) return found;
  if (!build) throw new Error('no jaeger: not in JAEGER_BIN, not on the path, none built yet');
  return await builtOnce();
}

function onPath(name) {
  const folders = (process.env['PATH'] ?? '').split(path.delimiter);
  const file = folders.map((folder) => path.join(folder, name)).find(isExecutable);
  return file === undefined ? undefined : { file, origin: 'found on the path' };
}

function kept() {
  const found = BUILDS.map(({ name }) => ({ file: fileOf(name), origin: `${name}, built earlier` }));
  return found.find(({ file }) => isExecutable(file));
}

/** One name for each build and platform: a folder that was moved from another machine is not taken for this one's. */
function fileOf(name) {
  return path.join(cacheFolder(), `jaeger-${name.split(' ')[0]}-${process.platform}-${process.arch}`);
}

function cacheFolder() {
  const { XDG_CACHE_HOME: cache } = process.env;
  return path.join(cache === undefined || cache === '' ? path.join(homedir(), '.cache') : cache, 'cachetrail');
}

/** Two at once: the second waits, and finds what the first has built. The kernel lets go of the lock of a process that dies. */
async function builtOnce() {
  const folder = cacheFolder();
  fs.mkdirSync(folder, { recursive: true });
  const lock = fs.openSync(path.join(folder, 'jaeger.lock'), 'a+');
  try {
    await waitForLock(lock);
    return kept() ?? (await built(folder));
  } finally {
    fs.closeSync(lock);
  }
}

async function built(folder) {
  const go = ['go', '/usr/local/go/bin/go'].find((name) => (name === 'go' ? onPath('go') : isExecutable(name)));
  if (go === undefined) {
    throw new Error('no jaeger: set JAEGER_BIN, put one on the path, or install Go 1.26, which builds it');
  }
  // What an interrupted build has left; nobody else builds while we have the lock.
  for (const name of fs.readdirSync(folder)) if (name.startsWith('building-')) removeTree(path.join(folder, name));
  const work = fs.mkdtempSync(path.join(folder, 'building-'));
  try {
    for (const { name, build } of BUILDS) {
      say(`building Jaeger ${name}; this takes some minutes, once`);
      const made = path.join(work, 'jaeger');
      const problem = await build({ go, work, made });
      if (problem === undefined) {
        // Under its name only when it is whole, and it runs.
        await run(made, ['version'], {});
        fs.renameSync(made, fileOf(name));
        return { file: fileOf(name), origin: `${name}, built now` };
      }
      say(`Jaeger ${name} cannot be built here: ${problem}`);
    }
  } finally {
    removeTree(work);
  }
  throw new Error('no jaeger: it could not be built; set JAEGER_BIN or put one on the path');
}

async function buildCommit({ go, work, made }) {
  const bin = path.join(work, 'bin');
  const env = { CGO_ENABLED: '0', GOBIN: bin };
  const { problem } = await run(go, ['install', '-trimpath', `${MODULE}/cmd/jaeger@${COMMIT}`], { env });
  if (problem === undefined) fs.renameSync(path.join(bin, 'jaeger'), made);
  return problem;
}

/** `go install` refuses a module that replaces others, so it is built in a copy of its folder, with the sums that it ships. */
async function buildVersion({ go, made }) {
  const { problem, output } = await run(go, ['mod', 'download', '-json', `${MODULE}@${VERSION}`], {});
  if (problem !== undefined) return problem;
  const source = fs.mkdtempSync(path.join(tmpdir(), 'cachetrail-jaeger-'));
  try {
    fs.cpSync(JSON.parse(output).Dir, source, { recursive: true });
    makeWritable(source);
    const args = ['build', '-trimpath', '-buildvcs=false', '-o', made, './cmd/jaeger'];
    return (await run(go, args, { cwd: source, env: { CGO_ENABLED: '0' } })).problem;
  } finally {
    removeTree(source);
  }
}

/** `{ problem, output }`: problem is undefined where the command ended well, else the end of what it said. */
async function run(command, args, { cwd, env }) {
  const child = spawn(command, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: BUILD_MS_MAX,
  });
  const started = performance.now();
  const signs = setInterval(() => say(`… ${Math.round((performance.now() - started) / 1000)} s`), SIGN_MS);
  const code = new Promise((resolve) => child.on('error', (error) => resolve(error.message)).on('close', resolve));
  const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const ended = await code;
  clearInterval(signs);
  if (ended === 0) return { problem: undefined, output };
  const last = errors.trim().split('\n').slice(-3).join(' ').slice(-300);
  return { problem: last === '' ? `it ended with ${ended}` : last, output };
}

/** The module cache is read-only, and a copy keeps that. */
function makeWritable(folder) {
  fs.chmodSync(folder, 0o755);
  for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
    const file = path.join(folder, entry.name);
    if (entry.isDirectory()) makeWritable(file);
    else if (entry.isFile()) fs.chmodSync(file, 0o644);
  }
}

function removeTree(folder) {
  fs.rmSync(folder, { recursive: true, force: true });
}

function isExecutable(file) {
  try {
    fs.accessSync(file, fs.constants.X_OK);
    return fs.statSync(file).isFile();
  } catch {
    return false;
  }
}

function say(line) {
  process.stderr.write(`${line}\n`);
}
