import { parseArgs } from 'node:util';
import { eventTest } from '../../streams/journal/filter.js';
import { type JournalFilter, openJournal } from '../../streams/journal/index.js';
import { type Command, EXIT, parsed } from '../command.js';
import { reportFailure } from '../failure.js';
import { usage } from '../journal/arguments.js';
import { type Exporter, exporterOf, FORMATS, type Format } from '../journal/export/formats.js';
import { exportLogWrites } from '../journal/export/log-writes.js';
import { ExportOutput } from '../journal/export/output.js';
import { FILTER_HELP, FILTER_OPTIONS, filterFrom } from '../journal/filter.js';
import { readJournal } from '../journal/reading.js';
import { spanFilterOf } from '../trace/send-slice.js';
import { shapeOf } from '../journal/shape.js';
import { type JournalSource, KEY_HELP, KEY_OPTIONS, sourceFrom, tellIfUnproved } from '../journal/source.js';
import { plural, wholeText } from '../journal/text.js';

export const exporting: Command = {
  help: `cachetrail export: a journal as other programs read it

usage: cachetrail export DIR --format FORMAT [OPTIONS]

Writes to stdout, or to a file.

  DIR                        the folder that holds the journal
  --format jsonl             each event as a line of JSON
  --format csv               a line for each event, with a header; what has no column of its own is JSON in the last
  --format fio               the operations of the device as fio's iolog, version 3, in the order in which they began:
                             \`fio --name=replay --read_iolog=FILE --replay_redirect=DEVICE\` does them again. Barriers are
                             datasyncs, discards and zeros are trims
  --format blktrace          the operations of the device as the kernel's block trace: queued when the cache decided on
                             one, issued when the device was asked, completed when it answered, with its error.
                             \`blkparse -i NAME\` and \`btt\` read it. Callers are processes, a barrier is an empty flush
  --format dm-log-writes     the bytes that the device was given, as the kernel's log of writes, in its order, with a mark
                             \`barrier-SEQ\` behind each flush: \`replay-log --log FILE --replay IMAGE --end-mark MARK\`
                             gives the image of that moment. Only of a journal with the bytes of its writes (durable)
  --output FILE, --out FILE  write to a new file; of a block trace, the NAME in NAME.blktrace.0; - is stdout
  --json                     with --output: print what was written as one JSON object

options for fio:
  --requests                 what the cache was asked for, and not what it asked the device for
  --file NAME                what to call the device (default: device)

options for dm-log-writes:
  --base IMAGE               the device as it was when the journal began: for blocks that were written in part, and whose
                             other bytes only the device knew. Without it such a journal is refused

options, of which all that are given must hold; an operation of the device is exported if the event that began it is chosen:
${FILTER_HELP}
${KEY_HELP}
  --otlp URL                 send the spans of what is asked for to a collector too; \`cachetrail trace\` says more.
                             Types choose no spans
  -h, --help                 show this

exit codes: 0 done, 1 not everything could be sent, 2 wrong usage or no journal, 3 failed otherwise, 130 interrupted
`,

  async run(args) {
    const { values, positionals } = parsed(() =>
      parseArgs({ args: [...args], options: OPTIONS, strict: true, allowPositionals: true }),
    );
    const source = sourceFrom(positionals, values);
    const filter = filterFrom(values);
    const format = formatFrom(values.format);
    const { json, requests } = values;
    const path = pathFrom(format, values.output ?? values.out);
    if (json && path === null) throw usage('--json tells what was written to a file: it needs --output');
    if (values.base !== undefined && format !== 'dm-log-writes') throw usage('--base is for dm-log-writes');
    const file = fileFrom(values.file);
    try {
      await tellIfUnproved(source);
      if (format === 'dm-log-writes') return await writeLog(source, filter, path, values.base ?? null, json);
      if (format === 'blktrace' && path === null && process.stdout.isTTY) {
        throw usage('a block trace is nothing for a terminal: give --output, or pipe it on');
      }
      // Operations need the sizes that the openings tell, whatever is chosen of the rest.
      const read = format === 'fio' || format === 'blktrace' ? {} : filter;
      const shape = await shapeOf(source.directory);
      const exporter = exporterOf(format, { file, requests, isWanted: eventTest(filter), shape });
      return await write(exporter, source, read, path, json);
    } catch (error) {
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
  format: { type: 'string' },
  file: { type: 'string', default: 'device' },
  requests: { type: 'boolean', default: false },
  output: { type: 'string' },
  out: { type: 'string' },
  base: { type: 'string' },
  json: { type: 'boolean', default: false },
} as const;

async function write(
  exporter: Exporter,
  source: JournalSource,
  filter: JournalFilter,
  path: string | null,
  json: boolean,
): Promise<number> {
  // What is no journal leaves no file behind.
  await openJournal(source.directory);
  const out = path === null ? ExportOutput.stdout() : await ExportOutput.file(path);
  let events = 0;
  try {
    for (const piece of exporter.begin()) await out.write(piece);
    const { exitCode } = await readJournal(source, { filter }, ({ event, epochMs }) => {
      events++;
      let writing: Promise<void> | undefined;
      // At most a few pieces an event: what they wait for is one flush.
      for (const piece of exporter.take(event, epochMs)) writing = out.write(piece) ?? writing;
      return writing;
    });
    for (const piece of exporter.end()) await out.write(piece);
    await out.end();
    if (exitCode !== EXIT.ok) out.discard();
    else if (path !== null) tellWritten({ output: path, events, bytes: out.bytes }, json);
    return exitCode;
  } catch (error) {
    out.discard();
    throw error;
  }
}

/** The log needs all of the journal, and a file in which it can go back. */
async function writeLog(
  source: JournalSource,
  filter: JournalFilter,
  path: string | null,
  base: string | null,
  json: boolean,
): Promise<number> {
  if (path === null) throw usage('dm-log-writes needs --output FILE');
  if (Object.keys(filter).length > 0) throw usage('dm-log-writes takes the whole journal: no events can be chosen');
  const written = await exportLogWrites(source, { output: path, base });
  if (written === null) return EXIT.interrupted;
  const { writes, discards, flushes, unknown, borrowed } = written;
  tellWritten(written, json, [
    `${plural(writes, 'write')}, ${plural(discards, 'discard')}, ${plural(flushes, 'flush', 'flushes')}, each with a mark`,
  ]);
  const of = 'of which nobody knows what the device has done: marked `unknown-SEQ`';
  if (unknown > 0) process.stderr.write(`warning: ${plural(unknown, 'operation')} ${of}\n`);
  const more = 'which may have carried changes that were told only later';
  if (borrowed > 0) process.stderr.write(`warning: ${plural(borrowed, 'block')} written while borrowed, ${more}\n`);
  return EXIT.ok;
}

interface Written {
  readonly output: string;
  readonly events: number;
  readonly bytes: number;
}

function tellWritten(written: Written, json: boolean, more: readonly string[] = []): void {
  const { output, events, bytes } = written;
  const text = [`${output}: ${wholeText(bytes)} bytes, from ${plural(events, 'event')}`, ...more].join('; ');
  process.stdout.write(`${json ? JSON.stringify(written) : text}\n`);
}

function formatFrom(value: string | undefined): Format {
  const format = FORMATS.find((name) => name === value);
  if (format !== undefined) return format;
  const given = value === undefined ? '' : `, not '${value}'`;
  throw usage(`--format takes ${FORMATS.join(', ')}${given}`);
}

/** blkparse finds the files of a trace, one for each processor, by its name. */
function pathFrom(format: Format, output: string | undefined): string | null {
  if (output === undefined || output === '-') return null;
  if (output === '') throw usage('--output takes the name of a file');
  return format === 'blktrace' && !output.endsWith('.blktrace.0') ? `${output}.blktrace.0` : output;
}

/** fio splits its lines at spaces. */
function fileFrom(name: string): string {
  if (/^\S{1,255}$/.test(name)) return name;
  throw usage('--file takes a name of 1 to 255 characters without spaces');
}
