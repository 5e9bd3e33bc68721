import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { verifyJournal } from '../../streams/journal/index.js';
import { type Command, EXIT, parsed } from '../command.js';
import { reportFailure } from '../failure.js';
import { directoryFrom, usage } from '../journal/arguments.js';
import { STATUS_EXIT, verificationLines } from '../journal/verification.js';
import { narrator } from '../narrator.js';

export const verify: Command = {
  help: `cachetrail verify: whether a journal is whole, unchanged, and what a cache would decide again

usage: cachetrail verify DIR [OPTIONS]

Checks every sum, that each frame follows the one before (with a key: that only who has it can have written them), and
feeds the recorded requests and answers to a new core, which must decide the same. Says what is wrong, and where.

  DIR                the folder that holds the journal

options:
  --expect DIGEST    a head digest that was noted earlier: it must be in the chain still, so that nothing before it can
                     have been changed since. Of a journal with a key it takes the key
  --key-file FILE    the journal's key, the bytes of the file as they are. Without it a key is taken, in hex, from the
                     environment's CACHETRAIL_JOURNAL_KEY
  --no-decisions     don't decide anything again
  --otlp URL         send the spans of the journal to a collector too; \`cachetrail trace\` says more
  --json             print one JSON object and nothing else
  -h, --help         show this

exit codes: 0 sound, 3 only its end is torn, 4 damaged, 5 altered (sums right, chain broken), 6 decisions diverge;
            2 wrong usage, no journal, or another key; 1 it could not be read to its end, or not
            everything could be sent
`,

  async run(args) {
    const { values, positionals } = parsed(() =>
      parseArgs({ args: [...args], options: OPTIONS, strict: true, allowPositionals: true }),
    );
    const directory = directoryFrom(positionals);
    const { json } = values;
    const expected = expectedFrom(values.expect);
    const tell = narrator({ lines: undefined, terminal: process.stderr });
    try {
      const key = keyFrom(values['key-file']);
      const decisions = !values['no-decisions'];
      const found = await verifyJournal(directory, {
        decisions,
        ...(expected === undefined ? {} : { expect: expected }),
        ...(key === undefined ? {} : { key }),
        onProgress: (done, total) => tell.progress(`verified ${percent(done, total)}`),
      });
      tell.quiet();
      const text = json ? JSON.stringify(found) : verificationLines(found, decisions).join('\n');
      process.stdout.write(`${text}\n`);
      return STATUS_EXIT[found.status];
    } catch (error) {
      tell.quiet();
      const exitCode = reportFailure(error, json);
      // 3 means something else here.
      return exitCode === EXIT.usage ? exitCode : EXIT.different;
    }
  },

  slice(args) {
    const { positionals } = parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
    return { directory: directoryFrom(positionals), filter: {} };
  },
};

const OPTIONS = {
  expect: { type: 'string' },
  'key-file': { type: 'string' },
  'no-decisions': { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
} as const;

function expectedFrom(value: string | undefined): string | undefined {
  if (value === undefined || /^[0-9a-f]{64}$/i.test(value)) return value?.toLowerCase();
  throw usage(`--expect takes a head digest of 64 hex digits, not '${value}'`);
}

function keyFrom(file: string | undefined): Uint8Array | undefined {
  if (file !== undefined) return bytesOf(file);
  const { CACHETRAIL_JOURNAL_KEY: hex } = process.env;
  if (hex === undefined || hex === '') return undefined;
  if (/^([0-9a-f]{2})+$/i.test(hex)) return Buffer.from(hex, 'hex');
  throw usage('CACHETRAIL_JOURNAL_KEY takes a key in hex');
}

function bytesOf(file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (error) {
    throw usage(`--key-file: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function percent(done: number, total: number): string {
  return total === 0 ? '' : `${Math.min(100, Math.floor((100 * done) / total))} %`;
}
