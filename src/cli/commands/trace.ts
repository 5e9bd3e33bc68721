import { parseArgs } from 'node:util';
import { type Command, EXIT, parsed } from '../command.js';
import { reportFailure } from '../failure.js';
import { durationOf, usage } from '../journal/arguments.js';
import { FILTER_OPTIONS, filterFrom, RANGE_HELP, RANGE_OPTIONS } from '../journal/filter.js';
import { KEY_HELP, KEY_OPTIONS, sourceFrom, tellIfUnproved } from '../journal/source.js';
import { endpointAt, endpointFrom } from '../otlp/endpoint.js';
import { type JournalSlice, writeSpans } from '../trace/journal-spans.js';
import type { TracePlaces } from '../trace/output.js';
import { traceLines, traceObject, traceReport } from '../trace/report.js';

export const trace: Command = {
  help: `cachetrail trace: a journal as spans, for Jaeger and every other tool that takes OpenTelemetry's

usage: cachetrail trace DIR --out FILE [OPTIONS]
       cachetrail trace DIR --otlp URL [OPTIONS]

Makes of the events what tracing would have shown live: requests that waited, writebacks, each operation of the device, the
whole path of a write error. The same journal gives the same bytes, wherever and whenever it is read. Attributes lead back:
a span's cachetrail.block, cachetrail.op and cachetrail.seq are what \`cachetrail explain DIR --block\`, \`--op\` and
\`--write-error\` take.

  DIR                        the folder that holds the journal

where to, at least one of:
  --out FILE                 a file of OTLP, a line of JSON for some hundred spans, which Jaeger's UI opens by upload; - is
                             stdout
  --otlp URL                 a collector, such as http://localhost:4318. Default: what the environment's
                             OTEL_EXPORTER_OTLP_ENDPOINT names, unless --out is given. The environment's headers and timeout hold
                             for both. Sending again is harmless

options, of which all that are given must hold; what a span is part of, and what happened below it, comes with it:
${RANGE_HELP}
  --block N|N-M[,...]        spans that name one of these blocks
  --op N[,N...]              spans of these requests
  --actor NAME               spans of what this caller asked for; can be given several times
  --trace ID                 spans of this trace
  --errors-only              spans of what failed
  --slower-than TIME         spans longer than this: 50ms, 1.5s, 200us
${KEY_HELP}
  --json                     print one JSON object and nothing else
  -h, --help                 show this

Links of a slice may lead to spans that are not in it.

exit codes: 0 done, 1 the collector has rejected some spans, 2 wrong usage or no journal, 3 failed otherwise, 130 interrupted
`,

  async run(args) {
    const { slice, places, json } = optionsFrom(args);
    try {
      const chainChecked = await tellIfUnproved(slice);
      const { exitCode, events, problems, counts } = await writeSpans(slice, places);
      const report = await traceReport(counts, places.endpoint);
      const text = json
        ? JSON.stringify({ events, ...traceObject(report), chainChecked, problems })
        : traceLines(report).join('\n');
      (places.file === '-' ? process.stderr : process.stdout).write(`${text}\n`);
      return exitCode === EXIT.ok && (counts.collector?.rejected ?? 0) > 0 ? EXIT.different : exitCode;
    } catch (error) {
      return reportFailure(error, json);
    }
  },
};

const OPTIONS = {
  ...RANGE_OPTIONS,
  block: FILTER_OPTIONS.block,
  op: FILTER_OPTIONS.op,
  actor: FILTER_OPTIONS.actor,
  trace: FILTER_OPTIONS.trace,
  'errors-only': { type: 'boolean', default: false },
  'slower-than': { type: 'string' },
  ...KEY_OPTIONS,
  out: { type: 'string' },
  otlp: { type: 'string' },
  json: { type: 'boolean', default: false },
} as const;

function optionsFrom(args: readonly string[]): {
  readonly slice: JournalSlice;
  readonly places: TracePlaces;
  readonly json: boolean;
} {
  const { values, positionals } = parsed(() =>
    parseArgs({ args: [...args], options: OPTIONS, strict: true, allowPositionals: true }),
  );
  const source = sourceFrom(positionals, values);
  const slower = values['slower-than'];
  const filter = {
    ...filterFrom(values),
    ...(values['errors-only'] ? { errorsOnly: true } : {}),
    ...(slower === undefined ? {} : { slowerThanNs: durationOf('--slower-than', slower) }),
  };
  return { slice: { ...source, filter }, places: placesFrom(values.out, values.otlp), json: values.json };
}

function placesFrom(out: string | undefined, otlp: string | undefined): TracePlaces {
  if (out === '') throw usage('--out takes the name of a file, or -');
  const file = out ?? null;
  if (otlp !== undefined) return { file, endpoint: endpointAt(otlp) };
  const endpoint = file === null ? endpointFrom() : null;
  if (file === null && endpoint === null) {
    throw usage('where to? --out FILE, --otlp URL, or OTEL_EXPORTER_OTLP_ENDPOINT in the environment');
  }
  return { file, endpoint };
}
