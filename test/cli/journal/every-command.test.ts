/** What every command that reads a journal does with what is none, and with an output that cannot be written. */
import {
  chmodSync,
  closeSync,
  cpSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { spawn } from 'node:child_process';
import path from 'node:path';
import { crc32 } from 'node:zlib';
import { expect } from 'chai';
import { COMMANDS } from '../../../src/cli/registry.js';
import { ended, MAIN, started } from '../command.js';
import { inProcess } from '../in-process.js';
import { journalFolder, lastSegment, recordTrouble } from './recorded.js';

const NOBODY = 65_534;

/** How each command is asked; `--json` is added where it prints an object. */
const ASKED: readonly (readonly [command: string, ...args: string[]])[] = [
  ['log'],
  ['explain', '--block', '1'],
  ['explain', '--op', '1'],
  ['explain', '--write-error'],
  ['explain', '--write-error', '3'],
  ['verify'],
  ['replay'],
  ['replay', '--at', '3', '--block', '1'],
  ['replay', '--what-if', 'capacity=4'],
  ['stats'],
  ['trace', '--out', '-'],
  ['export', '--format', 'jsonl'],
  ['export', '--format', 'dm-log-writes', '--output', 'OUTPUT'],
];

describe('every command that reads a journal', () => {
  const folder = journalFolder();
  let sound: string;
  let output: string;

  before(async () => {
    sound = folder('sound');
    output = folder('output');
    await recordTrouble(sound);
  });

  const run = async (place: string, [command, ...args]: readonly string[], ...more: string[]) => {
    return inProcess([command, place, ...args.map((arg) => (arg === 'OUTPUT' ? output : arg)), ...more]);
  };

  it('is asked here', () => {
    const reading = COMMANDS.map(({ name }) => name).filter((name) => name !== 'demo');
    expect([...new Set(ASKED.map(([name]) => name))].sort()).to.deep.equal(reading.sort());
  });

  const places: Record<string, [code: string, make: (place: string) => void]> = {
    missing: ['CACHETRAIL_JOURNAL_NOT_FOUND', () => undefined],
    empty: ['CACHETRAIL_JOURNAL_NONE', (place) => mkdirSync(place)],
    'a file': ['CACHETRAIL_JOURNAL_NONE', (place) => writeFileSync(place, 'text')],
    'one with other files': ['CACHETRAIL_JOURNAL_NONE', (place) => otherFiles(place)],
    'of a newer format': ['CACHETRAIL_JOURNAL_VERSION', (place) => newer(sound, place)],
  };
  for (const [what, [code, make]] of Object.entries(places)) {
    it(`says ${code} of a folder that is ${what}, with and without --json, and leaves no file`, async () => {
      const place = folder(`place ${what}`);
      make(place);
      for (const args of ASKED) {
        const { exitCode, stdout, stderr } = await run(place, args);
        expect([exitCode, stdout], args.join(' ')).to.deep.equal([2, '']);
        expect(stderr, args.join(' ')).to.match(new RegExp(`^error ${code}: .*\n {2}\\S.*\n$`));
        if (args[0] === 'export') continue;
        const json = await run(place, args, '--json');
        expect(JSON.parse(json.stdout).error, args.join(' ')).to.include({ code });
        expect(json.exitCode).to.equal(exitCode);
      }
      expect(existsSync(output)).to.equal(false);
    });
  }

  it('says CACHETRAIL_JOURNAL_NOT_FOUND of a folder or a file that may not be read', async function () {
    if (process.platform === 'win32') return this.skip();
    const [closed, files] = [folder('closed'), folder('files')];
    for (const place of [closed, files]) cpSync(sound, place, { recursive: true });
    for (const name of readdirSync(files)) chmodSync(path.join(files, name), 0);
    chmodSync(closed, 0);
    for (const [name] of ASKED) await COMMANDS.find((command) => command.name === name)?.load();
    const isRoot = process.geteuid?.() === 0;
    if (isRoot) chmodSync(path.dirname(files), 0o755);
    if (isRoot) process.seteuid?.(NOBODY);
    try {
      for (const args of ASKED) {
        for (const place of [closed, files]) {
          const { exitCode, stderr } = await run(place, args);
          expect(exitCode, args.join(' ')).to.equal(2);
          expect(stderr, args.join(' ')).to.match(/^error CACHETRAIL_JOURNAL_NOT_FOUND: .*EACCES/);
        }
      }
    } finally {
      if (isRoot) process.seteuid?.(0);
      chmodSync(closed, 0o700);
    }
  });

  it('prints one object that is JSON with --json, or a line of it for each event', async () => {
    for (const args of ASKED) {
      if (args[0] === 'export' || args[0] === 'trace') continue;
      const seq = JSON.parse((await run(sound, ['explain', '--write-error'], '--json')).stdout).writeErrors[0].seq;
      const real = args.map((arg, at) => (args[at - 1] === '--write-error' ? String(seq) : arg));
      const { exitCode, stdout, stderr } = await run(sound, real, '--json');
      expect([exitCode, stderr], real.join(' ')).to.deep.equal([0, '']);
      const lines = stdout.split('\n').slice(0, -1);
      if (args[0] !== 'log') expect(lines, real.join(' ')).to.have.length(1);
      for (const line of lines) expect(JSON.parse(line)).to.be.an('object');
    }
  });

  it('says what the system says of an output that cannot be written, and exits 3', async () => {
    const nowhere = path.join(folder('nowhere'), 'file');
    for (const [args, place, code] of [
      [['export', '--format', 'csv', '--output'], nowhere, 'ENOENT'],
      [['export', '--format', 'csv', '--output'], sound, 'EEXIST'],
      [['export', '--format', 'dm-log-writes', '--output'], nowhere, 'ENOENT'],
      [['trace', '--out'], nowhere, 'ENOENT'],
      [['trace', '--out'], sound, 'EISDIR'],
      [['replay', '--what-if', 'capacity=4,8', '--svg'], nowhere, 'ENOENT'],
      [['replay', '--what-if', 'capacity=4,8', '--svg'], sound, 'EISDIR'],
    ] as const) {
      const { exitCode, stdout, stderr } = await run(sound, [...args, place]);
      expect([exitCode, stdout], args.join(' ')).to.deep.equal([3, '']);
      expect(stderr).to.match(new RegExp(`^error ${code}: (?!${code}).*\n {2}\\S.*\n$`));
    }
  });

  it('writes an export to stdout where it is told no file, or -, and the same into a file', async () => {
    const asked = ['export', '--format', 'csv'];
    const { stdout } = await run(sound, asked);
    expect((await run(sound, asked, '--out', '-')).stdout).to.equal(stdout);
    const file = folder('events.csv');
    const told = await run(sound, asked, '--output', file, '--json');
    expect(readFileSync(file, 'utf8')).to.equal(stdout);
    expect(JSON.parse(told.stdout)).to.include({ output: file, bytes: Buffer.byteLength(stdout) });
    expect((await run(sound, asked, '--out', file)).stderr).to.match(/^error EEXIST: /);
    expect(readFileSync(file, 'utf8')).to.equal(stdout);
  });

  it('ends quietly when the reader of its output has gone', async () => {
    const long = folder('long');
    await recordTrouble(long);
    for (const args of [['log'], ['export', '--format', 'jsonl'], ['trace', '--out', '-']]) {
      const child = started([args[0], long, ...args.slice(1)]);
      child.stdout?.destroy();
      const { exitCode, stderr } = await ended(child);
      expect([args[0], exitCode]).to.deep.equal([args[0], 0]);
      expect(stderr).to.not.match(/EPIPE|^ +at /m);
    }
  });

  it('does not pass over that its output cannot be written', async function () {
    if (!existsSync('/dev/full')) return this.skip();
    for (const args of [
      ['log', sound],
      ['stats', sound, '--json'],
    ]) {
      const full = openSync('/dev/full', 'w');
      const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', full, 'pipe'] });
      const { exitCode, stderr } = await ended(child);
      closeSync(full);
      expect([args[0], exitCode]).to.deep.equal([args[0], 3]);
      expect(stderr).to.match(/^error ENOSPC: /);
    }
  });
});

function otherFiles(place: string): void {
  mkdirSync(place);
  writeFileSync(path.join(place, 'notes.txt'), 'text');
  writeFileSync(path.join(place, '1.ctj'), 'no name of a segment');
  mkdirSync(path.join(place, '00000001-0000000000000001.ctj'));
}

/** Byte 8 is the version, and the header's last four bytes its sum, in every format to come. */
function newer(sound: string, place: string): void {
  cpSync(sound, place, { recursive: true });
  const file = lastSegment(place);
  const bytes = readFileSync(file);
  bytes.writeUInt16LE(2, 8);
  const length = bytes.readUInt32LE(12);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, length - 4)), length - 4);
  writeFileSync(file, bytes);
}
