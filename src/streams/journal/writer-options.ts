/** What a journal is opened with, checked, and completed with defaults. */
import { checkPositive, invalid } from '../options.js';
import { digesterFor } from './chain.js';
import type { JournalOptions, JournalRetention } from './types.js';

const BUFFER_BYTES_DEFAULT = 64 * 1024;
const BUFFER_MS_DEFAULT = 1000;
/** As for the device. */
const SYNC_TIMEOUT_MS_DEFAULT = 30_000;
/** An opening reads one of them or two. */
const SEGMENT_BYTES_DEFAULT = 16 * 1024 * 1024;
/** Read again in a few tenths of a second. */
const SNAPSHOT_EVENTS_DEFAULT = 1e6;
const NS_PER_MS = 1e6;
/** A slip in the name of one would keep everything for ever. */
const BOUNDS: readonly string[] = ['bytes', 'segments', 'ageMs'] satisfies readonly (keyof JournalRetention)[];

/** Throws ArgumentError. */
export function settingsOf(options: JournalOptions) {
  const { mode = 'audit', bufferBytes = BUFFER_BYTES_DEFAULT, bufferMs = BUFFER_MS_DEFAULT } = options;
  const { segmentBytes = SEGMENT_BYTES_DEFAULT, retention = {}, key = null } = options;
  const { syncTimeoutMs = SYNC_TIMEOUT_MS_DEFAULT } = options;
  const onFailure = options.onFailure ?? (mode === 'durable' ? 'stop' : 'continue');
  if (mode !== 'audit' && mode !== 'durable') throw invalid(`mode is audit or durable, not ${String(mode)}`);
  if (onFailure !== 'stop' && onFailure !== 'continue') {
    throw invalid(`onFailure is stop or continue, not ${String(onFailure)}`);
  }
  for (const [name, value] of Object.entries({ bufferBytes, bufferMs, segmentBytes, syncTimeoutMs }))
    checkPositive(name, value);
  for (const [name, value] of Object.entries(retention)) {
    if (!BOUNDS.includes(name)) throw invalid(`retention has ${BOUNDS.join(', ')}, and no ${name}`);
    checkPositive(`retention.${name}`, value);
  }
  const { snapshotEvents = SNAPSHOT_EVENTS_DEFAULT } = options;
  if (snapshotEvents !== Infinity) checkPositive('snapshotEvents', snapshotEvents);
  return {
    mode,
    onFailure,
    bufferBytes,
    bufferNs: bufferMs * NS_PER_MS,
    segmentBytes,
    syncTimeoutNs: syncTimeoutMs * NS_PER_MS,
    retention,
    key,
    digester: digesterFor(key),
    contentDigests: options.contentDigests ?? false,
    snapshotEvents,
    neededFrom: options.neededFrom ?? (() => Infinity),
    recoveryPoint: options.recoveryPoint ?? (() => null),
    onTrouble: options.onTrouble ?? (() => {}),
    clock: options.clock,
  } as const;
}

export type JournalSettings = ReturnType<typeof settingsOf>;
