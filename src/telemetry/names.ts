/**
 * Every name that the spans use. `docs/TELEMETRY.md` lists them, and is held against this file by a test. What
 * OpenTelemetry has a name for is called so; the rest is cachetrail's own.
 */

/** Who makes the spans. The version is the package's; a test holds it. */
export const SCOPE = {
  name: 'cachetrail',
  version: '0.1.0',
  schemaUrl: 'https://opentelemetry.io/schemas/1.37.0',
} as const;

export const SPAN = {
  read: 'cachetrail.read',
  write: 'cachetrail.write',
  flush: 'cachetrail.flush',
  clear: 'cachetrail.clear',
  borrow: 'cachetrail.borrow',
  setBlockSize: 'cachetrail.set_block_size',
  close: 'cachetrail.close',
  refused: 'cachetrail.refused',
  deviceRead: 'cachetrail.device.read',
  deviceWrite: 'cachetrail.device.write',
  deviceBarrier: 'cachetrail.device.barrier',
  deviceDiscard: 'cachetrail.device.discard',
  deviceZero: 'cachetrail.device.zero',
  lateAnswer: 'cachetrail.late_answer',
  writeback: 'cachetrail.writeback',
  retryWait: 'cachetrail.retry_wait',
  park: 'cachetrail.park',
  report: 'cachetrail.report',
  retried: 'cachetrail.retried',
  cured: 'cachetrail.cured',
  durable: 'cachetrail.durable',
  discarded: 'cachetrail.discarded',
  links: 'cachetrail.links',
} as const;

export type SpanName = (typeof SPAN)[keyof typeof SPAN];

export const ATTRIBUTE = {
  errorType: 'error.type',
  direction: 'disk.io.direction',
  device: 'system.device',
  seq: 'cachetrail.seq',
  endSeq: 'cachetrail.end_seq',
  op: 'cachetrail.op',
  actor: 'cachetrail.actor',
  io: 'cachetrail.io',
  block: 'cachetrail.block',
  count: 'cachetrail.count',
  offset: 'cachetrail.offset',
  length: 'cachetrail.length',
  hits: 'cachetrail.hits',
  pending: 'cachetrail.pending',
  generation: 'cachetrail.generation',
  writes: 'cachetrail.writes',
  through: 'cachetrail.through',
  request: 'cachetrail.request',
  kind: 'cachetrail.kind',
  reason: 'cachetrail.reason',
  batch: 'cachetrail.batch',
  attempt: 'cachetrail.attempt',
  attempts: 'cachetrail.attempts',
  retries: 'cachetrail.retries',
  result: 'cachetrail.result',
  outcome: 'cachetrail.outcome',
  cached: 'cachetrail.cached',
  queueWait: 'cachetrail.queue_wait',
  blocks: 'cachetrail.blocks',
  codes: 'cachetrail.codes',
  blockSize: 'cachetrail.block_size',
  relation: 'cachetrail.relation',
  unfinished: 'cachetrail.unfinished',
} as const;

/** Why one span links to another: the value of `cachetrail.relation`. */
export const RELATION = {
  /** A writeback to a write that it carries. */
  carries: 'carries',
  /** A write's `durable` to the writeback that took it to the device. */
  carriedBy: 'carried_by',
  /** A write's `durable` to the barrier that it ends with. */
  syncedBy: 'synced_by',
  /** A barrier to a writeback that it makes durable. */
  syncs: 'syncs',
  /** A request to the fill that another had started. */
  joins: 'joins',
  /** A writeback to what had failed for the same blocks before. */
  retries: 'retries',
  /** The other way. */
  retriedBy: 'retried_by',
  /** A request to what made it fail. */
  reports: 'reports',
  /** The other way. */
  reportedBy: 'reported_by',
  /** What had failed to the barrier that made its blocks durable after all. */
  curedBy: 'cured_by',
  /** What is lost to the request that said so. */
  discardedBy: 'discarded_by',
} as const;

export type Relation = (typeof RELATION)[keyof typeof RELATION];
