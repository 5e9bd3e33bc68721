import { parseArgs } from 'node:util';
import { stateAt } from '../../streams/journal/index.js';
import { openedBefore } from '../../streams/journal/seek.js';
import { momentOf, seqAt } from '../../streams/journal/seq-at.js';
import { inspectBlock } from '../../streams/stats.js';
import { type Command, EXIT, parsed } from '../command.js';
import { reportFailure } from '../failure.js';
import { directoryFrom, numberOf, timeOf, usage } from '../journal/arguments.js';
import { lastWriteOf } from '../journal/replay/last-write.js';
import { stateReport } from '../journal/replay/state-report.js';
import { blockText, stateText } from '../journal/replay/state-text.js';
import { narrator } from '../narrator.js';

export const replay: Command = {
  help: `cachetrail replay: a journal played again

usage: cachetrail replay DIR [--at SEQ|TIME] [OPTIONS]

Shows the state of the cache at any event of its journal: how many blocks are in which state, which must be kept, what is
under way, and the state's hash.

  DIR                the folder that holds the journal
  --at SEQ|TIME      right after this event, or after the last event at or before this time: ISO 8601, such as
                     2026-03-04T05:06:07.123Z (default: after the last event)

options:
  --block N          this block's state too, and who wrote it last
  --json             print one JSON object and nothing else
  -h, --help         show this

exit codes: 0 done, 2 wrong usage or no journal, 3 failed otherwise: the journal is not whole up to there, or does not hold it
`,

  async run(args) {
    const { values, positionals } = parsed(() =>
      parseArgs({ args: [...args], options: OPTIONS, strict: true, allowPositionals: true }),
    );
    const directory = directoryFrom(positionals);
    const at = momentFrom(values.at);
    const block = values.block === undefined ? null : numberOf('--block', values.block);
    try {
      return await showState(directory, at, block, values.json);
    } catch (error) {
      return reportFailure(error, values.json);
    }
  },
};

const OPTIONS = {
  at: { type: 'string' },
  block: { type: 'string' },
  json: { type: 'boolean', default: false },
} as const;

/** By its number or by a time, milliseconds since 1970; the last event where neither is given. */
type WantedMoment = { readonly seq: number } | { readonly ms: number };

function momentFrom(value: string | undefined): WantedMoment {
  if (value === undefined) return { ms: Infinity };
  if (/^\d+$/.test(value)) return { seq: numberOf('--at', value, 1) };
  if (/^\d{4}-/.test(value)) return { ms: timeOf('--at', value) };
  throw usage(`--at takes the number of an event or a time such as 2026-03-04T05:06:07.123Z, not '${value}'`);
}

async function showState(directory: string, at: WantedMoment, block: number | null, json: boolean): Promise<number> {
  const tell = narrator({ lines: undefined, terminal: process.stderr });
  try {
    tell.progress('looking for the event');
    const { seq, ms } = 'seq' in at ? await momentOf(directory, at.seq) : await seqAt(directory, at.ms);
    tell.progress(`replaying up to #${seq}`);
    const { state } = await stateAt(directory, seq);
    if (block !== null && block >= state.blockCount) {
      throw usage(`--block: the device has ${state.blockCount} blocks, from 0`);
    }
    tell.progress(`looking for who wrote block ${block}`);
    const write = block === null ? null : await lastWriteOf(directory, block, await openedBefore(directory, seq), seq);
    tell.quiet();
    const report = stateReport(state, ms);
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
