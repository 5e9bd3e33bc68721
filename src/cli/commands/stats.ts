import { parseArgs } from 'node:util';
import { type Command, parsed, wholeNumber } from '../command.js';
import { reportFailure } from '../failure.js';
import { filterFrom, RANGE_HELP, RANGE_OPTIONS } from '../journal/filter.js';
import { readJournal } from '../journal/reading.js';
import { shapeOf } from '../journal/shape.js';
import { KEY_HELP, KEY_OPTIONS, sourceFrom, tellIfUnproved } from '../journal/source.js';
import { spanFilterOf } from '../trace/send-slice.js';
import { statsText } from '../journal/stats/report.js';
import { StatsFold } from '../journal/stats/stats.js';

export const stats: Command = {
  help: `cachetrail stats: what a journal adds up to

usage: cachetrail stats DIR [OPTIONS]

Totals, the share of reads that the cache answered over time, how long callers waited and what the device took by
operation (percentiles, 1 % off at most), errors by kind, and the blocks and actors with most requests.

  DIR                        the folder that holds the journal

options:
${RANGE_HELP}
  --top N                    how many blocks and actors to list, 1 to 1000 (default 10)
${KEY_HELP}
  --otlp URL                 send the spans of what is asked for to a collector too; \`cachetrail trace\` says more
  --json                     print one JSON object and nothing else
  -h, --help                 show this

exit codes: 0 done, 1 not everything could be sent, 2 wrong usage or no journal, 3 failed otherwise, 130 interrupted
`,

  async run(args) {
    const { values, positionals } = parsed(() =>
      parseArgs({ args: [...args], options: OPTIONS, strict: true, allowPositionals: true }),
    );
    const source = sourceFrom(positionals, values);
    const filter = filterFrom(values);
    const top = wholeNumber('--top', values.top, 1, 1000);
    try {
      const chainChecked = await tellIfUnproved(source);
      const fold = new StatsFold(await shapeOf(source.directory));
      const { exitCode, problems } = await readJournal(source, { filter }, ({ event, epochMs }) => {
        fold.accept(event, epochMs);
      });
      const report = fold.report(top);
      process.stdout.write(
        values.json ? `${JSON.stringify({ ...report, chainChecked, problems })}\n` : statsText(report),
      );
      return exitCode;
    } catch (error) {
      return reportFailure(error, values.json);
    }
  },

  slice(args) {
    const { values, positionals } = parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
    return { ...sourceFrom(positionals, values), filter: spanFilterOf(filterFrom(values)) };
  },
};

const OPTIONS = {
  ...RANGE_OPTIONS,
  ...KEY_OPTIONS,
  top: { type: 'string', default: '10' },
  json: { type: 'boolean', default: false },
} as const;
