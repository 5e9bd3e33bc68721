import { parseArgs } from 'node:util';
import { verifyJournal } from '../../streams/journal/index.js';
import { type Command, EXIT, parsed } from '../command.js';
import { reportFailure } from '../failure.js';
import { usage } from '../journal/arguments.js';
import { KEY_HELP, KEY_OPTIONS, sourceFrom } from '../journal/source.js';
import { STATUS_EXIT, verificationLines } from '../journal/verification.js';
import { narrator } from '../narrator.js';

export const verify: Command = {
  help: `cachetrail verify: whether a journal is whole, unchanged, and what a cache would decide again

usage: cachetrail verify DIR [OPTIONS]

Checks every sum, that each frame follows the one before (with a key: that only who has it can have written them), and
feeds the recorded requests and answers to a new core, which must decide the same. Says what is wrong, and where.

  DIR                        the folder that holds the journal

options:
  --expect DIGEST            a head digest that was noted earlier: it must be in the chain still, so that nothing before
                             it can have been changed since. Of a journal with a key it takes the key
${KEY_HELP}
  --no-decisions             don't decide anything again
  --otlp URL                 send the spans of the journal to a collector too; \`cachetrail trace\` says more
  --json                     print one JSON object and nothing else
  -h, --help                 show this

exit codes: 0 sound, 3 only its end is torn, 4 damaged, 5 altered (sums right, chain broken), 6 decisions diverge;
            2 wrong usage, no journal, or another key; 1 it could not be read to its end, or not
            everything could be sent
`,

  async run(args) {
    const { values, positionals } = parsed(() =>
      parseArgs({ args: [...args], options: OPTIONS, strict: true, allowPositionals: true }),
    );
    const { directory, ...key } = sourceFrom(positionals, values);
    const { json } = values;
    const expected = expectedFrom(values.expect);
    const tell = narrator({ lines: undefined, terminal: process.stderr });
    try {
      const decisions = !values['no-decisions'];
      const found = await verifyJournal(directory, {
        decisions,
        ...(expected === undefined ? {} : { expect: expected }),
        ...key,
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
    const { values, positionals } = parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
    return { ...sourceFrom(positionals, values), filter: {} };
  },
};

const OPTIONS = {
  expect: { type: 'string' },
  ...KEY_OPTIONS,
  'no-decisions': { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
} as const;

function expectedFrom(value: string | undefined): string | undefined {
  if (value === undefined || /^[0-9a-f]{64}$/i.test(value)) return value?.toLowerCase();
  throw usage(`--expect takes a head digest of 64 hex digits, not '${value}'`);
}

function percent(done: number, total: number): string {
  return total === 0 ? '' : `${Math.min(100, Math.floor((100 * done) / total))} %`;
}
