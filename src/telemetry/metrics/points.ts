/** What one cache has to say when somebody collects: each number under its metric, with its attributes. */
import type { CacheStats } from '../../streams/stats.js';
import { METRIC_ATTRIBUTE, type ObservedName } from '../metric-names.js';
import { telemetryStats } from '../telemetry-stats.js';
import type { PointAttributes } from './attribute-sets.js';
import type { Tally } from './tally.js';

export type Point = readonly [metric: ObservedName, value: number, attributes: PointAttributes];

const { operation, reason, state, outcome, direction, errorType } = METRIC_ATTRIBUTE;
const NONE: PointAttributes = {};
const S_PER_NS = 1e-9;

export function pointsOf(stats: CacheStats, tally: Tally): Point[] {
  return [
    ...requestPoints(stats, tally),
    ...blockPoints(stats, tally),
    ...devicePoints(stats, tally),
    ...journalPoints(stats),
  ];
}

/** What the process has to say, however many caches it has. */
export function processPoints(): Point[] {
  const { spansEnded, spansDropped } = telemetryStats();
  return [
    ['cachetrail.spans.ended', spansEnded, NONE],
    ['cachetrail.spans.dropped', spansDropped, NONE],
  ];
}

function requestPoints(stats: CacheStats, tally: Tally): Point[] {
  const { reads, writes, flushes, readaheads, borrows, invalidations, clearRequests } = stats;
  const byKind = {
    read: reads,
    write: writes,
    flush: flushes,
    readahead: readaheads,
    borrow: borrows,
    invalidate: invalidations,
    clear: clearRequests,
  };
  return [
    ...each('cachetrail.requests', operation, Object.entries(byKind)),
    ...each('cachetrail.request.errors', errorType, tally.requestErrors.entries()),
    ['cachetrail.request.waiting', stats.waitingRequests, NONE],
  ];
}

function blockPoints(stats: CacheStats, tally: Tally): Point[] {
  const { hits, misses, writeMisses, evictions, resizeEvictions, idleEvictions } = stats;
  const { residentBlocks, dirtyBlocks, writingBlocks, unsyncedBlocks } = stats;
  const byReason = { room: evictions - resizeEvictions - idleEvictions, resize: resizeEvictions, idle: idleEvictions };
  const byState = {
    clean: residentBlocks - dirtyBlocks - writingBlocks - unsyncedBlocks,
    dirty: dirtyBlocks,
    writing: writingBlocks,
    unsynced: unsyncedBlocks,
  };
  return [
    ['cachetrail.hits', hits, NONE],
    ...each('cachetrail.misses', operation, [
      ['read', misses - writeMisses],
      ['write', writeMisses],
    ]),
    ...each('cachetrail.fills', reason, Object.entries(tally.fills)),
    ...each('cachetrail.evictions', reason, Object.entries(byReason)),
    ...each('cachetrail.blocks', state, Object.entries(byState)),
    ['cachetrail.blocks_parked', stats.parkedBlocks, NONE],
    ['cachetrail.blocks_pinned', stats.pinnedBlocks, NONE],
    ['cachetrail.capacity', stats.capacityBlocks, NONE],
    ['cachetrail.memory', stats.memoryBytes, NONE],
    ['cachetrail.discards', stats.discardedBlocks, NONE],
  ];
}

function devicePoints(stats: CacheStats, tally: Tally): Point[] {
  const { errors, outcomes } = tally.writeErrors;
  const points = [
    ...each('cachetrail.device.io', direction, [
      ['read', stats.bytesRead],
      ['write', stats.bytesWritten],
    ]),
    ...each('cachetrail.write.errors', errorType, errors.entries()),
  ];
  for (const [became, counted] of outcomes) {
    for (const [type, blocks] of counted.entries()) {
      points.push(['cachetrail.write.error_outcomes', blocks, { [outcome]: became, [errorType]: type }]);
    }
  }
  return points;
}

function journalPoints({ journal }: CacheStats): Point[] {
  if (journal === null) return [];
  const states = { writing: 0, failed: 0, stopped: 0, [journal.state]: 1 };
  return [
    ...each('cachetrail.journals', state, Object.entries(states)),
    ['cachetrail.journal.buffered', journal.bufferedEvents, NONE],
    ['cachetrail.journal.buffered_size', journal.bufferedBytes, NONE],
    ['cachetrail.journal.buffered_age', journal.bufferedNs * S_PER_NS, NONE],
    ['cachetrail.journal.unsynced', journal.unsyncedEvents, NONE],
    ['cachetrail.journal.size', journal.bytes, NONE],
    ['cachetrail.journal.lost', journal.lost, NONE],
    ['cachetrail.journal.failures', journal.failures, NONE],
  ];
}

function each(metric: ObservedName, attribute: string, values: Iterable<readonly [string, number]>): Point[] {
  return [...values].map(([value, number]) => [metric, number, { [attribute]: value }]);
}
