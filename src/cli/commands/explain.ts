import { parseArgs } from 'node:util';
import type { CacheEvent } from '../../cache/events.js';
import { type Command, parsed } from '../command.js';
import { reportFailure } from '../failure.js';
import { numberOf, usage } from '../journal/arguments.js';
import { ErrorFinder, type Explanation, explainBlock, explainErrors, explainOp } from '../journal/explain.js';
import { readJournal } from '../journal/reading.js';
import { shapeOf } from '../journal/shape.js';
import { type JournalSource, KEY_HELP, KEY_OPTIONS, sourceFrom, tellIfUnproved } from '../journal/source.js';
import type { SpanFilter } from '../trace/span-filter.js';
import { Lines } from '../output.js';
import { firstHeader } from '../../streams/journal/seek.js';

export const explain: Command = {
  help: `cachetrail explain: the life of a block, of a request, or of a write error, from a journal

usage: cachetrail explain DIR --block N
       cachetrail explain DIR --op N
       cachetrail explain DIR --write-error [SEQ]

  DIR                  the folder that holds the journal

what to explain:
  --block N            who wrote the block, when it reached the device (which operation, try and batch), when it became
                       durable (which barrier), each error and its path, why it left the cache
  --op N               what was asked for, what it waited for, and what became of what it wrote
  --write-error        every write error, with the path that it took
  --write-error SEQ    the block whose write failed at event SEQ, from the write until it was durable again

options:
${KEY_HELP}
  --otlp URL                 send the spans of what is asked for to a collector too; \`cachetrail trace\` says more:
                             those that name the block, of the request, or of what failed
  --json                     print one JSON object and nothing else
  -h, --help                 show this

exit codes: 0 done, 1 not everything could be sent, 2 wrong usage or no journal, 3 failed otherwise, 130 interrupted
`,

  async run(args) {
    const { source, subject, json } = optionsFrom(args);
    try {
      const chainChecked = await tellIfUnproved(source);
      return await tell(source, await explanationOf(source, subject, json), { json, chainChecked });
    } catch (error) {
      return reportFailure(error, json);
    }
  },

  slice(args) {
    const { source, subject } = optionsFrom(args);
    return { ...source, filter: spansOf(subject) };
  },
};

function spansOf({ kind, number }: Subject): SpanFilter {
  switch (kind) {
    case 'block':
      return { blocks: [number] };
    case 'op':
      return { ops: [number] };
    case 'error':
      return { from: number, to: number };
    case 'errors':
      return { errorsOnly: true };
  }
}

type Subject =
  | { readonly kind: 'block' | 'op' | 'error'; readonly number: number }
  | { readonly kind: 'errors'; readonly number: null };

const OPTIONS = {
  block: { type: 'string' },
  op: { type: 'string' },
  'write-error': { type: 'string' },
  ...KEY_OPTIONS,
  json: { type: 'boolean', default: false },
} as const;

function optionsFrom(args: readonly string[]) {
  const { values, positionals } = parsed(() =>
    parseArgs({ args: withValues(args), options: OPTIONS, strict: true, allowPositionals: true }),
  );
  const source = sourceFrom(positionals, values);
  const { block, op, 'write-error': error, json } = values;
  const subjects: Subject[] = [];
  if (block !== undefined) subjects.push({ kind: 'block', number: numberOf('--block', block) });
  if (op !== undefined) subjects.push({ kind: 'op', number: numberOf('--op', op, 1) });
  if (error === '') subjects.push({ kind: 'errors', number: null });
  else if (error !== undefined) subjects.push({ kind: 'error', number: numberOf('--write-error', error, 1) });
  if (subjects.length !== 1) throw usage('explain what? one of --block N, --op N, --write-error [SEQ]');
  return { source, subject: subjects[0], json };
}

/** `--write-error` may stand alone, which parseArgs does not know. */
function withValues(args: readonly string[]): string[] {
  const given: string[] = [];
  for (let at = 0; at < args.length; at++) {
    const next = args[at + 1] ?? '';
    if (args[at] !== '--write-error') given.push(args[at]);
    else if (/^#?\d+$/.test(next)) given.push(`--write-error=${args[++at]}`);
    else given.push('--write-error=');
  }
  return given;
}

async function explanationOf(source: JournalSource, subject: Subject, json: boolean): Promise<Explanation> {
  const { blockSize } = await shapeOf(source.directory);
  switch (subject.kind) {
    case 'block':
      return explainBlock(subject.number, { keep: json, blockSize });
    case 'op':
      return explainOp(subject.number, { keep: json, blockSize });
    case 'errors':
      return explainErrors();
    case 'error': {
      const finder = new ErrorFinder(subject.number);
      const where = (event: CacheEvent) => event.type !== 'read' || event.seq === subject.number;
      await readJournal(source, { where }, ({ event }) => finder.accept(event));
      return explainBlock(finder.block(), { keep: json, aroundSeq: subject.number, blockSize });
    }
  }
}

async function tell(
  source: JournalSource,
  explanation: Explanation,
  { json, chainChecked }: { readonly json: boolean; readonly chainChecked: boolean },
): Promise<number> {
  const out = new Lines();
  const first = await firstHeader(source.directory);
  const write = async (lines: readonly string[]) => {
    if (!json) for (const line of lines) await out.write(line);
  };
  if (first !== null && first.number > 1) {
    await write([`the journal begins with #${first.firstSeq}: what was before it has been deleted, and is not told`]);
  }
  const { exitCode, interrupted, problems } = await readJournal(source, { where: explanation.wants }, (record) => {
    const lines = explanation.accept(record);
    return lines.length === 0 ? undefined : write(lines);
  });
  if (!interrupted) await write(explanation.end());
  if (json) await out.write(JSON.stringify({ ...explanation.object(), chainChecked, problems }));
  await out.flush();
  return exitCode;
}
