/**
 * Every metric: its name, what it is, its unit and what it is of. `docs/TELEMETRY.md` lists them, and is held against this
 * file by a test. Names are cachetrail's own, attributes OpenTelemetry's where it has one.
 */
import { ATTRIBUTE } from './names.js';

export const METRIC_ATTRIBUTE = {
  /** What is asked of the cache, or of the device. */
  operation: 'cachetrail.operation',
  reason: ATTRIBUTE.reason,
  /** The state of blocks. */
  state: 'cachetrail.state',
  /** What became of blocks that a device write had failed for. */
  outcome: ATTRIBUTE.outcome,
  direction: ATTRIBUTE.direction,
  errorType: ATTRIBUTE.errorType,
} as const;

const { operation, reason, state, outcome, direction, errorType } = METRIC_ATTRIBUTE;

/** Of caches with the same attributes counters are added up, and of gauges the largest counts. */
export type MetricKind = 'counter' | 'up-down counter' | 'gauge' | 'histogram';

export interface MetricSpec {
  readonly kind: MetricKind;
  readonly unit: string;
  readonly attributes: readonly string[];
  readonly meaning: string;
}

export const METRICS = {
  'cachetrail.requests': {
    kind: 'counter',
    unit: '{request}',
    attributes: [operation],
    meaning: 'Requests, by kind: read, write (once it is admitted), flush, readahead, borrow, invalidate, clear.',
  },
  'cachetrail.request.errors': {
    kind: 'counter',
    unit: '{request}',
    attributes: [errorType],
    meaning: 'Requests that were refused, aborted or failed, by the code that the caller is told.',
  },
  'cachetrail.request.waiting': {
    kind: 'up-down counter',
    unit: '{request}',
    attributes: [],
    meaning: 'Requests that wait: for the device, for room, for durability.',
  },
  'cachetrail.hits': {
    kind: 'counter',
    unit: '{block}',
    attributes: [],
    meaning: 'Blocks that reads and writes found in the cache.',
  },
  'cachetrail.misses': {
    kind: 'counter',
    unit: '{block}',
    attributes: [operation],
    meaning: 'Blocks that they did not find, by kind of request: read, write.',
  },
  'cachetrail.fills': {
    kind: 'counter',
    unit: '{block}',
    attributes: [reason],
    meaning:
      'Blocks that the device was asked to read: for a read, a readahead, a borrow, a write of a part of a block.',
  },
  'cachetrail.evictions': {
    kind: 'counter',
    unit: '{block}',
    attributes: [reason],
    meaning: 'Clean blocks that left: for the room of others, a smaller capacity (resize), or unused (idle).',
  },
  'cachetrail.blocks': {
    kind: 'up-down counter',
    unit: '{block}',
    attributes: [state],
    meaning: 'Blocks in the cache, by state: clean (those being read included), dirty, writing, unsynced.',
  },
  'cachetrail.blocks_parked': {
    kind: 'up-down counter',
    unit: '{block}',
    attributes: [],
    meaning: 'Dirty blocks that keep failing, or that the device has not answered for.',
  },
  'cachetrail.blocks_pinned': {
    kind: 'up-down counter',
    unit: '{block}',
    attributes: [],
    meaning: 'Blocks that are lent.',
  },
  'cachetrail.capacity': {
    kind: 'up-down counter',
    unit: '{block}',
    attributes: [],
    meaning: 'Most blocks that the cache may hold.',
  },
  'cachetrail.memory': {
    kind: 'up-down counter',
    unit: 'By',
    attributes: [],
    meaning: 'Memory of the blocks, and between them and the device.',
  },
  'cachetrail.admission.duration': {
    kind: 'histogram',
    unit: 's',
    attributes: [reason],
    meaning: 'How long writes and borrows waited that could not be admitted at once, by what they waited for at first.',
  },
  'cachetrail.device.operation.duration': {
    kind: 'histogram',
    unit: 's',
    attributes: [operation, errorType],
    meaning:
      'Device operations from start to end: read, write, barrier, discard, zero; with the error’s code if one failed.',
  },
  'cachetrail.device.queue.duration': {
    kind: 'histogram',
    unit: 's',
    attributes: [operation],
    meaning: 'How long device operations waited for their turn at the device.',
  },
  'cachetrail.device.io': {
    kind: 'counter',
    unit: 'By',
    attributes: [direction],
    meaning: 'Bytes that the device has read and written.',
  },
  'cachetrail.batch.size': {
    kind: 'histogram',
    unit: '{block}',
    attributes: [reason],
    meaning: 'Blocks of a writeback batch, by what asked for it.',
  },
  'cachetrail.write.errors': {
    kind: 'counter',
    unit: '{operation}',
    attributes: [errorType],
    meaning: 'Device writes that failed, each try counted.',
  },
  'cachetrail.write.error_outcomes': {
    kind: 'counter',
    unit: '{block}',
    attributes: [outcome, errorType],
    meaning:
      'What became of the blocks of failed device writes: retried, split, parked, held (by a device that does not answer), durable after all, discarded, cleared.',
  },
  'cachetrail.discards': {
    kind: 'counter',
    unit: '{block}',
    attributes: [],
    meaning: 'Dirty blocks that were lost because the caller said so.',
  },
  'cachetrail.journals': {
    kind: 'up-down counter',
    unit: '{journal}',
    attributes: [state],
    meaning:
      'Journals by state: writing, failed (events are being lost), stopped (for good: the cache takes no more writes).',
  },
  'cachetrail.journal.buffered': {
    kind: 'up-down counter',
    unit: '{event}',
    attributes: [],
    meaning: 'Events that the journal has not written yet.',
  },
  'cachetrail.journal.buffered_size': {
    kind: 'up-down counter',
    unit: 'By',
    attributes: [],
    meaning: 'The same in bytes.',
  },
  'cachetrail.journal.buffered_age': {
    kind: 'gauge',
    unit: 's',
    attributes: [],
    meaning: 'For how long the oldest of them has waited.',
  },
  'cachetrail.journal.unsynced': {
    kind: 'up-down counter',
    unit: '{event}',
    attributes: [],
    meaning: 'Events that are not known to be on stable storage.',
  },
  'cachetrail.journal.size': {
    kind: 'counter',
    unit: 'By',
    attributes: [],
    meaning: 'Bytes that the journal has written.',
  },
  'cachetrail.journal.lost': {
    kind: 'counter',
    unit: '{event}',
    attributes: [],
    meaning: 'Events that the journal could not write.',
  },
  'cachetrail.journal.failures': {
    kind: 'counter',
    unit: '{failure}',
    attributes: [],
    meaning: 'How often the journal has failed.',
  },
  'cachetrail.spans.ended': {
    kind: 'counter',
    unit: '{span}',
    attributes: [],
    meaning: 'Spans that were made and ended, of all instrumented caches of the process.',
  },
  'cachetrail.spans.dropped': {
    kind: 'counter',
    unit: '{span}',
    attributes: [],
    meaning: 'Spans among them that `cachetrail/telemetry/sdk` could not export; 0 with an SDK of one’s own.',
  },
} as const satisfies Record<string, MetricSpec>;

export type MetricName = keyof typeof METRICS;

type NameOf<Kind extends MetricKind> = {
  [Name in MetricName]: (typeof METRICS)[Name]['kind'] extends Kind ? Name : never;
}[MetricName];

export type HistogramName = NameOf<'histogram'>;
/** Read when somebody collects. */
export type ObservedName = NameOf<'counter' | 'up-down counter' | 'gauge'>;

/** Seconds: 10 µs to 10 s. */
const DURATIONS = [1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10];

/** Blocks. */
const BLOCKS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096];

export const METRIC_BUCKETS: { readonly [Name in HistogramName]: readonly number[] } = {
  'cachetrail.admission.duration': DURATIONS,
  'cachetrail.device.operation.duration': DURATIONS,
  'cachetrail.device.queue.duration': DURATIONS,
  'cachetrail.batch.size': BLOCKS,
};
