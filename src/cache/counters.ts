/** Running totals, raised by `evolve` and by nothing else: what `stats()` and metrics read. */
export class Counters {
  requests = 0;
  reads = 0;
  writes = 0;
  flushes = 0;
  readaheads = 0;
  /** Blocks that were lent. */
  borrows = 0;
  invalidations = 0;
  /** Discards, zeros and drops that were asked for; `clears` has those that the device was asked for. */
  clearRequests = 0;
  /** Blocks that reads and writes found in the cache. */
  hits = 0;
  /** Blocks that reads and writes did not find. */
  misses = 0;
  /** Those of writes among them. */
  writeMisses = 0;
  deviceReads = 0;
  deviceWrites = 0;
  barriers = 0;
  clears = 0;
  bytesRead = 0;
  bytesWritten = 0;
  batches = 0;
  writebackBlocks = 0;
  evictions = 0;
  /** Those among them for a smaller capacity, and those for frames that nobody used. */
  resizeEvictions = 0;
  idleEvictions = 0;
  readErrors = 0;
  writeErrors = 0;
  barrierErrors = 0;
  clearErrors = 0;
  retries = 0;
  splits = 0;
  parks = 0;
  refusals = 0;
  aborts = 0;
  /** Dirty blocks lost because the caller said so. */
  discardedBlocks = 0;
}
