/** Feeds the requests of a recording, and nothing else of it, to caches with other options: what it would have cost. */
import type { CoreConfig } from '../../../cache/limits.js';
import { JournalError } from '../errors.js';
import type { JournalProblem } from '../types.js';
import { BYTES_PER_BLOCK, checkWorkloadOptions } from './config.js';
import { deviceModel } from './device-model.js';
import { type EachEventOptions, eachEvent } from './each-event.js';
import { Recorded } from './recorded.js';
import { WorkloadReplay } from './run.js';
import { startOf } from './start.js';
import { Survey } from './survey.js';
import { Tally } from './tally.js';
import type { ReplayWorkloadOptions, WorkloadOptions, WorkloadReport, WorkloadRun } from './types.js';

/** Replays that are fed together: more of them are fed by further readings. */
const MEMORY_BYTES_MAX = 2 ** 30;
const CAPACITY_UNKNOWN = 65_536;

/**
 * Replays the workload of a journal with each of `runs`. Rejects with ArgumentError for options that cannot be, with
 * JournalError CACHETRAIL_JOURNAL_RANGE if the journal holds neither the opening of a cache nor a snapshot, or _NOT_FOUND,
 * _NONE, _KEY.
 */
export async function replayWorkload(directory: string, options: ReplayWorkloadOptions = {}): Promise<WorkloadReport> {
  const { runs = [{}], device = 'modelled', onProgress = () => undefined } = options;
  for (const run of runs) checkWorkloadOptions(run);
  const groups = groupsOf(runs);
  const start = await startOf(directory, options.key);
  const survey = new Survey(device === 'recorded', start);
  const passes = Math.max(1, groups.length) + 1;
  const first = { ...readingOf(options), onFrame: () => onProgress(survey.events, survey.events * passes) };
  await eachEvent(directory, first, (event) => survey.accept(event));
  const total = survey.events * passes;
  let done = survey.events;
  let recorded: Recorded | null = null;
  const results: WorkloadRun[] = [];
  for (const group of groups.length === 0 ? [[]] : groups) {
    const replays = group.map((run) => new WorkloadReplay(run, deviceModel(device, survey), survey.failedCloses));
    // Each reading folds on from a state of its own.
    const folded = new Recorded(replays, await startOf(directory, options.key));
    // What is wrong has been told by the survey.
    const again = { ...readingOf(options), onProblem: () => undefined, onFrame: () => onProgress(done, total) };
    await eachEvent(directory, again, (event) => {
      folded.accept(event);
      done++;
    });
    folded.end();
    recorded ??= folded;
    for (const replay of replays) {
      const result = replay.result();
      results.push({ ...result, config: knownConfig(result.config) });
    }
  }
  const { config = null, caches = 0, skipped = 0 } = recorded ?? {};
  const figures = (recorded?.tally ?? new Tally()).figures();
  const coldFrom = start === null ? null : start.seq + 1;
  return {
    events: survey.events,
    caches,
    skipped,
    coldFrom,
    recorded: { config: knownConfig(config), figures },
    runs: results,
  };
}

function readingOf({ key, signal, onProblem = warn }: ReplayWorkloadOptions): Omit<EachEventOptions, 'onFrame'> {
  return { key: key ?? null, signal: signal ?? null, onProblem };
}

function warn({ segment, message }: JournalProblem): void {
  process.emitWarning(`${segment}: ${message}`, { type: 'CachetrailWarning' });
}

function groupsOf(runs: readonly WorkloadOptions[]): WorkloadOptions[][] {
  const groups: WorkloadOptions[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const run of runs) {
    const needed = (run.capacity ?? CAPACITY_UNKNOWN) * BYTES_PER_BLOCK;
    if (bytes + needed > MEMORY_BYTES_MAX) {
      groups.push([]);
      bytes = 0;
    }
    groups[groups.length - 1].push(run);
    bytes += needed;
  }
  return groups;
}

function knownConfig(config: CoreConfig | null): CoreConfig {
  if (config !== null) return config;
  const message =
    'the journal holds neither the opening of a cache nor a snapshot of its state: what it asked of which cache is not known';
  throw new JournalError('CACHETRAIL_JOURNAL_RANGE', message);
}
