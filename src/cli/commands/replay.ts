import { parseArgs } from 'node:util';
import { stateAt } from '../../streams/journal/index.js';
import { openedBefore } from '../../streams/journal/seek.js';
import { momentOf, seqAt } from '../../streams/journal/seq-at.js';
import { inspectBlock } from '../../streams/stats.js';
import { type Command, EXIT, parsed } from '../command.js';
import { reportFailure } from '../failure.js';
import { numberOf, timeOf, usage } from '../journal/arguments.js';
import { lastWriteOf } from '../journal/replay/last-write.js';
import { stateReport } from '../journal/replay/state-report.js';
import { blockText, stateText } from '../journal/replay/state-text.js';
import { DEVICE_HELP, deviceFrom } from '../journal/replay/device-option.js';
import { WHAT_IF_HELP, whatIfFrom } from '../journal/replay/what-if.js';
import { showWhatIf } from '../journal/replay/what-if-command.js';
import { type JournalSource, KEY_HELP, KEY_OPTIONS, sourceFrom, tellIfUnproved } from '../journal/source.js';
import { narrator } from '../narrator.js';

export const replay: Command = {
  help: `cachetrail replay: a journal played again

usage: cachetrail replay DIR [--at SEQ|TIME] [--block N] [--json]
       cachetrail replay DIR [--what-if KEY=VALUES[,KEY=VALUES...]] [--device DEVICE] [--svg FILE] [--json]

The first shows the state of the cache at any event of its journal: how many blocks are in which state, which must be
kept, what is under way, and the state's hash. The second makes the recorded requests of caches with other options, or
on another device, and shows what they would have cost beside what was recorded, as a table and as a curve of misses by
capacity.

  DIR                the folder that holds the journal
  --at SEQ|TIME      right after this event, or after the last event in or before this time: ISO 8601 as it is printed,
                     such as 2026-03-04T05:06:07.123456Z, or less of it; UTC, unless it has an offset
                     (default: after the last event)
  --block N          this block's state too, and who wrote it last

  --what-if ...      ${WHAT_IF_HELP}
  --device DEVICE    ${DEVICE_HELP}
  --svg FILE         write the curve to FILE as well

options:
${KEY_HELP}
  --otlp URL                 send the spans up to that moment, as they were recorded, to a collector too; \`cachetrail trace\`
                             says more
  --json                     print one JSON object and nothing else
  -h, --help                 show this

In a replay, callers wait for answers and pause as they did: what was asked after an answer is asked after it again.
Colors are left out where NO_COLOR is set.

exit codes: 0 done, 1 not everything could be sent, 2 wrong usage or no journal, 3 failed otherwise: the journal is not whole up to there, or does not
            hold it, 130 interrupted
`,

  async run(args) {
    const { values, positionals } = parsed(() =>
      parseArgs({ args: [...args], options: OPTIONS, strict: true, allowPositionals: true }),
    );
    const source = sourceFrom(positionals, values);
    const { json } = values;
    const work =
      values['what-if'] === undefined && values.device === undefined
        ? stateWork(source, values)
        : whatIfWork(source, values);
    try {
      return await work();
    } catch (error) {
      return reportFailure(error, json);
    }
  },

  slice(args) {
    const { values, positionals } = parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
    const at = momentFrom(values.at);
    const filter = 'seq' in at ? { to: at.seq } : Number.isFinite(at.ms) ? { until: at.ms } : {};
    return { ...sourceFrom(positionals, values), filter };
  },
};

const OPTIONS = {
  at: { type: 'string' },
  block: { type: 'string' },
  ...KEY_OPTIONS,
  'what-if': { type: 'string', multiple: true },
  device: { type: 'string' },
  overwrite: { type: 'boolean', default: false },
  svg: { type: 'string' },
  json: { type: 'boolean', default: false },
} as const;

interface Values {
  readonly at?: string | undefined;
  readonly block?: string | undefined;
  readonly 'what-if'?: string[] | undefined;
  readonly device?: string | undefined;
  readonly overwrite: boolean;
  readonly svg?: string | undefined;
  readonly json: boolean;
}

/** Checks the options at once, and gives what is to be done. */
function stateWork(source: JournalSource, values: Values): () => Promise<number> {
  if (values.svg !== undefined) throw usage('--svg is for --what-if');
  if (values.overwrite) throw usage('--overwrite is for --device PATH');
  const at = momentFrom(values.at);
  const block = values.block === undefined ? null : numberOf('--block', values.block);
  return () => showState(source, at, block, values.json);
}

function whatIfWork(source: JournalSource, values: Values): () => Promise<number> {
  for (const name of ['at', 'block'] as const) {
    if (values[name] !== undefined)
      throw usage(`--${name} asks for a state, not for a replay with --what-if or --device`);
  }
  const { svg = null, json } = values;
  if (svg === '') throw usage('--svg takes the name of a file');
  const runs = values['what-if'] === undefined ? [] : whatIfFrom(values['what-if']);
  const device = deviceFrom(values.device, values.overwrite);
  return () => showWhatIf(source, { runs, device, svg, json });
}

/** By its number or by a time, milliseconds since 1970; the last event where neither is given. */
type WantedMoment = { readonly seq: number } | { readonly ms: number };

function momentFrom(value: string | undefined): WantedMoment {
  if (value === undefined) return { ms: Infinity };
  if (/^#?\d+$/.test(value)) return { seq: numberOf('--at', value, 1) };
  if (/^\d{4}-/.test(value)) return { ms: timeOf('--at', value).last };
  throw usage(`--at takes the number of an event or a time such as 2026-03-04T05:06:07.123Z, not '${value}'`);
}

async function showState(
  source: JournalSource,
  at: WantedMoment,
  block: number | null,
  json: boolean,
): Promise<number> {
  const { directory } = source;
  const tell = narrator({ lines: undefined, terminal: process.stderr });
  try {
    const chainChecked = await tellIfUnproved(source);
    tell.progress('looking for the event');
    const { seq, ms } = 'seq' in at ? await momentOf(directory, at.seq) : await seqAt(directory, at.ms);
    tell.progress(`replaying up to #${seq}`);
    const { state } = await stateAt(directory, seq, source);
    if (block !== null && block >= state.blockCount) {
      throw usage(`--block: the device has ${state.blockCount} blocks, from 0`);
    }
    tell.progress(`looking for who wrote block ${block}`);
    const write = block === null ? null : await lastWriteOf(source, block, await openedBefore(directory, seq), seq);
    tell.quiet();
    const report = { ...stateReport(state, ms), chainChecked };
    const info = block === null ? null : inspectBlock(state, block);
    const text = json
      ? `${JSON.stringify(info === null ? report : { ...report, block: { ...info, lastWrite: write } })}\n`
      : stateText(report) + (info === null ? '' : `\n${blockText(info, write)}`);
    process.stdout.write(text);
    return EXIT.ok;
  } finally {
    tell.quiet();
  }
}
