import { parseArgs } from 'node:util';
import { type Command, parsed } from '../command.js';
import { reportFailure } from '../failure.js';
import { eventLine, eventObject } from '../journal/event-line.js';
import { FILTER_HELP, FILTER_OPTIONS, filterFrom } from '../journal/filter.js';
import { readJournal } from '../journal/reading.js';
import { KEY_HELP, KEY_OPTIONS, sourceFrom, tellIfUnproved } from '../journal/source.js';
import { spanFilterOf } from '../trace/send-slice.js';
import { Lines } from '../output.js';

export const log: Command = {
  help: `cachetrail log: the events of a journal

usage: cachetrail log DIR [OPTIONS]

Prints the events, one a line, oldest first: time (UTC), number, type, and what matters of it. What is wrong with the
journal goes to stderr, and the rest is read all the same.

  DIR                        the folder that holds the journal

options, of which all that are given must hold:
${FILTER_HELP}
  --follow                   go on with what is written from now on, until interrupted
${KEY_HELP}
  --otlp URL                 send the spans of what is asked for to a collector too; \`cachetrail trace\` says more.
                             Types choose no spans
  --json                     each event as a line of JSON, with all its fields
  -h, --help                 show this

exit codes: 0 done, 1 not everything could be sent, 2 wrong usage or no journal, 3 failed otherwise, 130 interrupted
`,

  async run(args) {
    const { values, positionals } = parsed(() =>
      parseArgs({ args: [...args], options: OPTIONS, strict: true, allowPositionals: true }),
    );
    const source = sourceFrom(positionals, values);
    const filter = filterFrom(values);
    const { json, follow } = values;
    const out = new Lines();
    try {
      await tellIfUnproved(source);
      const { exitCode } = await readJournal(source, { filter, follow }, ({ event, epochMs }) => {
        const line = json ? JSON.stringify(eventObject(event, epochMs)) : eventLine(event, epochMs);
        return follow ? out.write(line).then(() => out.flush()) : out.write(line);
      });
      await out.flush();
      return exitCode;
    } catch (error) {
      await out.flush();
      return reportFailure(error, json);
    }
  },

  slice(args) {
    const { values, positionals } = parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
    return { ...sourceFrom(positionals, values), filter: spanFilterOf(filterFrom(values)) };
  },
};

const OPTIONS = {
  ...FILTER_OPTIONS,
  ...KEY_OPTIONS,
  follow: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
} as const;
