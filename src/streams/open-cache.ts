/** Opening a cache: with its journal, if it has one, and with what a crash has left in that. */
import type { BlockDevice } from '../device/block-device.js';
import { BlockCache } from './block-cache.js';
import { systemClock } from './clock.js';
import type { TimeLimit } from './in-time.js';
import { checkProven } from './journal/durable-sample.js';
import { JournalError } from './journal/errors.js';
import { NeededWrites } from './journal/needed-writes.js';
import { JournalNews } from './journal/news.js';
import { NOTHING_TO_RECOVER, type Recovery, recoverWrites } from './journal/recovery.js';
import type { JournalWriter } from './journal/writer.js';
import { openJournalWriter } from './journal/writer.js';
import { type CacheOptions, checkPositive, configOf, DEVICE_TIMEOUT_MS_DEFAULT, type JournalPlace } from './options.js';

/** What was found in the journal when the cache was opened. */
export interface JournalOpening {
  readonly directory: string;
  /** Bytes cut off behind the last whole frame: what a crash has left unfinished. */
  readonly tornBytes: number;
  /** Blocks whose acknowledged writes were not on the device, and are dirty in the cache now. */
  readonly recoveredBlocks: number;
}

/**
 * Opens a cache over a device, which belongs to the cache from then on and is closed with it. With a durable journal, every
 * write that was acknowledged before a crash and had not become durable is brought back, dirty.
 *
 * Rejects with ArgumentError for options that cannot be, with DeviceError for a device that cannot be cached and with
 * JournalError for a journal that cannot be opened, is another device's, or proves that this is an older copy of it, and leaves the device open then.
 */
export async function openCache(device: BlockDevice, options: CacheOptions = {}): Promise<BlockCache> {
  const clock = options.clock ?? systemClock();
  const { journal = null } = options;
  if (journal === null || !('directory' in journal)) {
    return new BlockCache(device, options, { clock, journal, commits: null, lastSeq: 0, opening: null });
  }
  configOf(device, options);
  const { deviceTimeoutMs = DEVICE_TIMEOUT_MS_DEFAULT } = options;
  checkPositive('deviceTimeoutMs', deviceTimeoutMs);
  const recovery = await recoveryFor(device, journal, { clock, ns: deviceTimeoutMs * 1e6 });
  const { directory, acceptChanged: _, ...rest } = journal;
  const isDurable = journal.mode === 'durable';
  const needed: Needed = { writes: null, isRecovering: true };
  const neededFrom = () => (isDurable || needed.isRecovering ? (needed.writes?.from() ?? 0) : Infinity);
  const recoveryPoint = () => needed.writes?.point() ?? null;
  const news = new JournalNews(clock);
  const writer = await openJournalWriter(directory, {
    ...rest,
    clock,
    onTrouble: (trouble) => {
      news.tell(trouble);
      journal.onTrouble?.(trouble);
    },
    ...(isDurable || recovery.hasPayloads ? { neededFrom, recoveryPoint } : {}),
  });
  try {
    return await openWith(device, { ...options, clock }, writer, directory, { recovery, needed, news });
  } catch (error) {
    await writer.close();
    throw error;
  }
}

async function openWith(
  device: BlockDevice,
  options: CacheOptions & Required<Pick<CacheOptions, 'clock'>>,
  writer: JournalWriter,
  directory: string,
  { recovery, needed, news }: { readonly recovery: Recovery; readonly needed: Needed; readonly news: JournalNews },
): Promise<BlockCache> {
  let halt = (_cause: unknown) => {};
  const cache = new BlockCache(device, options, {
    clock: options.clock,
    journal: writer,
    commits: writer.stats().mode === 'durable' ? writer : null,
    gate: writer,
    lastSeq: writer.tail.seq,
    opening: { directory, tornBytes: writer.tail.tornBytes, recoveredBlocks: recovery.blocks },
    journalStats: () => writer.stats(),
    started: (running) => {
      news.submit = (input) => running.submit(input);
      needed.writes = new NeededWrites(running.state, recovery.neededFrom, recovery.provenFrom);
      writer.snapshotsOf(running.state);
      halt = (cause) => running.halt(cause);
    },
    released: () => writer.close(),
  });
  try {
    for (const { offset, bytes } of recovery.writes) await cache.writeBytes(offset, bytes, { actor: RECOVERY_ACTOR });
    if (recovery.hasPayloads && writer.stats().mode === 'audit') await settle(cache, writer, recovery);
  } catch (error) {
    halt(error);
    throw error;
  }
  needed.writes?.recovered();
  needed.isRecovering = false;
  return cache;
}

/**
 * What was brought back is in no journal any more: it is made durable, and stated, else a later recovery would put it on top of
 * what is written from here on. That an audit journal follows is stated in any case: by the bytes of the durable one the device cannot be known any more.
 */
async function settle(cache: BlockCache, writer: JournalWriter, { blocks }: Recovery): Promise<void> {
  if (blocks > 0) await cache.flush(undefined, { actor: RECOVERY_ACTOR });
  await writer.flush();
}

/** What a recovery needs of the journal; null while there is no cache yet. */
interface Needed {
  writes: NeededWrites | null;
  isRecovering: boolean;
}

/** Who stands in the events of writes that were brought back. */
export const RECOVERY_ACTOR = 'recovery';

async function recoveryFor(
  device: BlockDevice,
  { directory, key, mode, acceptChanged = false }: JournalPlace,
  limit: TimeLimit,
): Promise<Recovery> {
  try {
    const recovery = await recoverWrites(directory, device, key);
    // A crash of an audit journal can have taken writes that the device has; but what is brought back is brought to this device only.
    const isToFit = mode === 'durable' || recovery.blocks > 0;
    if (isToFit && !acceptChanged) await checkProven(device, recovery.proven, limit);
    return recovery;
  } catch (error) {
    if (error instanceof JournalError && isNoJournalYet(error)) return NOTHING_TO_RECOVER;
    throw error;
  }
}

function isNoJournalYet(error: JournalError): boolean {
  return error.code === 'CACHETRAIL_JOURNAL_NOT_FOUND' || error.code === 'CACHETRAIL_JOURNAL_NONE';
}
