import { parseArgs } from 'node:util';
import { eventTest } from '../../streams/journal/filter.js';
import { type Command, parsed } from '../command.js';
import { reportFailure } from '../failure.js';
import { directoryFrom, usage } from '../journal/arguments.js';
import { exporterOf, FORMATS, type Format } from '../journal/export/formats.js';
import { FILTER_HELP, FILTER_OPTIONS, filterFrom } from '../journal/filter.js';
import { readJournal } from '../journal/reading.js';
import { Lines } from '../output.js';

export const exporting: Command = {
  help: `cachetrail export: a journal as other programs read it

usage: cachetrail export DIR --format FORMAT [OPTIONS]

Writes to stdout.

  DIR                        the folder that holds the journal
  --format jsonl             each event as a line of JSON
  --format csv               a line for each event, with a header; what has no column of its own is JSON in the last
  --format fio               the operations of the device as fio's iolog, version 3, in the order in which they began:
                             \`fio --name=replay --read_iolog=FILE --replay_redirect=DEVICE\` does them again. Barriers are
                             datasyncs, discards and zeros are trims

options for fio:
  --requests                 what the cache was asked for, and not what it asked the device for
  --file NAME                what to call the device (default: device)

options, of which all that are given must hold:
${FILTER_HELP}
  -h, --help                 show this

exit codes: 0 done, 2 wrong usage or no journal, 3 failed otherwise, 130 interrupted
`,

  async run(args) {
    const { values, positionals } = parsed(() =>
      parseArgs({ args: [...args], options: OPTIONS, strict: true, allowPositionals: true }),
    );
    const directory = directoryFrom(positionals);
    const filter = filterFrom(values);
    const format = formatFrom(values.format);
    const exporter = exporterOf(format, { file: fileFrom(values.file), requests: values.requests });
    // fio's lines need the sizes that the openings tell, whatever is chosen of the rest.
    const [read, isWanted] = format === 'fio' ? [{}, eventTest(filter)] : [filter, () => true];
    const out = new Lines();
    try {
      let lines = exporter.header;
      const { exitCode } = await readJournal(directory, { filter: read }, async ({ event, epochMs }) => {
        for (const line of lines) await out.write(line);
        lines = [];
        const line = exporter.line(event, epochMs);
        if (line !== null && isWanted(event, epochMs)) await out.write(line);
      });
      for (const line of [...lines, ...exporter.footer]) await out.write(line);
      await out.flush();
      return exitCode;
    } catch (error) {
      await out.flush();
      return reportFailure(error, false);
    }
  },
};

const OPTIONS = {
  ...FILTER_OPTIONS,
  format: { type: 'string' },
  file: { type: 'string', default: 'device' },
  requests: { type: 'boolean', default: false },
} as const;

function formatFrom(value: string | undefined): Format {
  const format = FORMATS.find((name) => name === value);
  if (format !== undefined) return format;
  const given = value === undefined ? '' : `, not '${value}'`;
  throw usage(`--format takes ${FORMATS.join(', ')}${given}`);
}

/** fio splits its lines at spaces. */
function fileFrom(name: string): string {
  if (/^\S{1,255}$/.test(name)) return name;
  throw usage('--file takes a name of 1 to 255 characters without spaces');
}
