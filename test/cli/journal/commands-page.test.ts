/** `docs/COMMANDS.md` names every field that a command prints, and no other. */
import { expect } from 'chai';
import { COMMANDS } from '../../../src/cli/registry.js';
import { page } from '../../house/markdown.js';
import { inProcess } from '../in-process.js';
import { BAD, journalFolder, recordTrouble } from './recorded.js';

const ASKED: readonly (readonly [command: string, ...args: string[]])[] = [
  ['explain', '--block', String(BAD)],
  ['explain', '--op', '1'],
  ['explain', '--write-error'],
  ['verify'],
  ['replay', '--block', '1'],
  ['replay', '--what-if', 'capacity=4'],
  ['stats'],
  ['trace', '--out', 'OUTPUT'],
  ['export', '--format', 'csv', '--output', 'OUTPUT'],
  ['export', '--format', 'dm-log-writes', '--output', 'OUTPUT'],
];

describe('docs/COMMANDS.md', () => {
  const folder = journalFolder();
  let directory: string;
  before(async () => {
    directory = folder('trouble');
    await recordTrouble(directory, { mode: 'durable' });
  });

  const sections = new Map(
    page('docs/COMMANDS.md')
      .split(/^## /m)
      .slice(1)
      .map((text): [string, string] => [text.slice(0, text.indexOf('\n')), text]),
  );
  /** Those of the first column. */
  const fieldsIn = (section: string): Set<string> => {
    const cells = [...section.matchAll(/^\| (`[^|]+`) \|/gm)].map(([, cell]) => cell);
    return new Set(cells.flatMap((cell) => [...cell.matchAll(/`(\w+)`/g)].map(([, name]) => name)));
  };

  it('has a section for every command that reads a journal', () => {
    const reading = COMMANDS.map(({ name }) => name).filter((name) => name !== 'demo');
    expect([...sections.keys()].sort()).to.deep.equal(reading.sort());
  });

  it('names just the fields that are printed', async () => {
    const printed = new Map<string, Set<string>>();
    for (const [index, [command, ...args]] of ASKED.entries()) {
      const real = args.map((arg) => (arg === 'OUTPUT' ? folder(`output-${index}`) : arg));
      const { exitCode, stdout } = await inProcess([command, directory, ...real, '--json']);
      expect(exitCode, command).to.equal(0);
      const fields = printed.get(command) ?? new Set();
      printed.set(command, new Set([...fields, ...Object.keys(JSON.parse(stdout))]));
    }
    for (const [command, fields] of printed) {
      expect([...fieldsIn(sections.get(command) ?? '')].sort(), command).to.deep.equal([...fields].sort());
    }
  });
});
