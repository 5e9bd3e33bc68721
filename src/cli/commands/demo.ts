import { parseArgs } from 'node:util';
import type { PolicyName } from '../../cache/limits.js';
import { BLOCK_SIZE_BYTES_DEFAULT } from '../../device/geometry.js';
import { checkCapacity } from '../../streams/options.js';
import { type Command, parsed, UsageError, wholeNumber } from '../command.js';
import { reportFailure } from '../failure.js';
import { type DemoOptions, runDemo } from '../demo/demo.js';
import { endpointAt } from '../otlp/endpoint.js';

export const demo: Command = {
  help: `cachetrail demo: a real ext4 file system on the cache

usage: cachetrail demo [IMAGE] [OPTIONS]

Mounts an ext4 image with libext2fs through the cache, copies a directory tree in, reads it back, renames and
deletes, while the device fails some writes; then compares every file by SHA-256 with the image opened without the
cache, asks e2fsck, does the same work without a cache, and shows both side by side. The journal of the run is verified, and
tells at the end what became of the block whose write failed.

  IMAGE              an ext2, ext3 or ext4 image or block device; a copy of it is used. Default: an image that ships
                     with the package

options:
  --in-place         work on IMAGE itself. What the demo adds is removed at the end
  --files N          files to generate for the tree, 10 to 10000 (default 240)
  --capacity BLOCKS  blocks in the cache (default: 16 MiB of them)
  --policy NAME      which block to evict: lru (default) or priority
  --keep DIR         leave the images in DIR: with-cache.ext4 and without-cache.ext4
  --journal DIR      keep the journal of the run with the cache in DIR, where there is none yet (default: a fresh folder
                     among the system's temporary files, named at the end)
  --no-journal       keep no journal, and make no trace
  --no-trace         make no trace. By default it is written beside the journal, trace.jsonl, and sent to the collector that
                     OTEL_EXPORTER_OTLP_ENDPOINT names, or that listens at http://localhost:4318 (OTEL_TRACES_EXPORTER=none:
                     to none)
  --otlp URL         send the trace there, and exit with 3 if that fails
  --json             print one JSON object and nothing else
  --events           print each event of the cache as a line of JSON; the report goes to stderr, or with --json becomes
                     the last line
  -h, --help         show this

exit codes: 0 all compared equal, 1 something differs or a check finds faults, 2 wrong usage, 3 failed otherwise
            (nothing to compare), 130 interrupted: the image was unmounted and closed
`,

  async run(args) {
    const options = optionsFrom(args);
    try {
      return await runDemo(options);
    } catch (error) {
      return reportFailure(error, options.json);
    }
  },
};

const OPTIONS = {
  'in-place': { type: 'boolean', default: false },
  files: { type: 'string', default: '240' },
  capacity: { type: 'string' },
  policy: { type: 'string', default: 'lru' },
  keep: { type: 'string' },
  journal: { type: 'string' },
  'no-journal': { type: 'boolean', default: false },
  'no-trace': { type: 'boolean', default: false },
  otlp: { type: 'string' },
  json: { type: 'boolean', default: false },
  events: { type: 'boolean', default: false },
} as const;

/** Enough for a file to fail in each half. */
const FILES_MIN = 10;
/** Their contents are made at the start: this many take about 160 MB. */
const FILES_MAX = 10_000;
const POLICIES: readonly PolicyName[] = ['lru', 'priority'];

function optionsFrom(args: readonly string[]): DemoOptions {
  const { values, positionals } = parsed(() =>
    parseArgs({ args: [...args], options: OPTIONS, strict: true, allowPositionals: true }),
  );
  if (positionals.length > 1) {
    throw new UsageError('CACHETRAIL_INVALID_ARGUMENT', `one IMAGE at most, not ${positionals.length}`);
  }
  const [image] = positionals;
  if (values['in-place'] && image === undefined) {
    throw new UsageError('CACHETRAIL_INVALID_ARGUMENT', '--in-place needs an IMAGE');
  }
  const traced = !values['no-trace'] && !values['no-journal'];
  if (values.otlp !== undefined && !traced) {
    throw new UsageError('CACHETRAIL_INVALID_ARGUMENT', '--otlp needs a journal and a trace');
  }
  return {
    image,
    inPlace: values['in-place'],
    files: wholeNumber('--files', values.files, FILES_MIN, FILES_MAX),
    capacity: capacityFrom(values.capacity),
    policy: policyFrom(values.policy),
    keep: values.keep,
    journal: journalFrom(values.journal, values['no-journal']),
    trace: traced,
    otlp: values.otlp === undefined ? null : endpointAt(values.otlp),
    json: values.json,
    events: values.events,
  };
}

function capacityFrom(value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const capacity = /^\d+$/.test(value) ? Number(value) : Number.NaN;
  checkCapacity(capacity, BLOCK_SIZE_BYTES_DEFAULT);
  return capacity;
}

function journalFrom(directory: string | undefined, none: boolean): DemoOptions['journal'] {
  if (!none) return { directory };
  if (directory === undefined) return null;
  throw new UsageError('CACHETRAIL_INVALID_ARGUMENT', 'either --journal DIR or --no-journal');
}

function policyFrom(value: string): PolicyName {
  const policy = POLICIES.find((name) => name === value);
  if (policy !== undefined) return policy;
  throw new UsageError('CACHETRAIL_INVALID_ARGUMENT', `--policy takes ${POLICIES.join(' or ')}, not '${value}'`);
}
