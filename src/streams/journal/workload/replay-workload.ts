/** Feeds the requests of a recording, and nothing else of it, to caches with other options: what it would have cost. */
import { evolve } from '../../../cache/evolve.js';
import type { CoreConfig } from '../../../cache/limits.js';
import type { CacheEvent } from '../../../cache/events.js';
import { CacheState } from '../../../cache/state.js';
import { JournalError } from '../errors.js';
import type { JournalProblem } from '../types.js';
import { BYTES_PER_BLOCK, checkWorkloadOptions } from './config.js';
import { deviceModel } from './device-model.js';
import { type EachEventOptions, eachEvent } from './each-event.js';
import { endedBy, requestIn } from './requests.js';
import { WorkloadReplay } from './run.js';
import { Survey } from './survey.js';
import { Tally } from './tally.js';
import type { ReplayWorkloadOptions, WorkloadOptions, WorkloadReport, WorkloadRun } from './types.js';

/** Replays that are fed together: more of them are fed by further readings. */
const MEMORY_BYTES_MAX = 2 ** 30;
const CAPACITY_UNKNOWN = 65_536;

/**
 * Replays the workload of a journal with each of `runs`. Rejects with ArgumentError for options that cannot be, with
 * JournalError CACHETRAIL_JOURNAL_RANGE if the journal does not hold the opening of a cache, or _NOT_FOUND, _NONE, _KEY.
 */
export async function replayWorkload(directory: string, options: ReplayWorkloadOptions = {}): Promise<WorkloadReport> {
  const { runs = [{}], device = 'modelled', onProgress = () => undefined } = options;
  for (const run of runs) checkWorkloadOptions(run);
  const groups = groupsOf(runs);
  const survey = new Survey(device === 'recorded');
  const passes = Math.max(1, groups.length) + 1;
  const first = { ...readingOf(options), onFrame: () => onProgress(survey.events, survey.events * passes) };
  await eachEvent(directory, first, (event) => survey.accept(event));
  const total = survey.events * passes;
  let done = survey.events;
  let recorded: Recorded | null = null;
  const results: WorkloadRun[] = [];
  for (const group of groups.length === 0 ? [[]] : groups) {
    const replays = group.map((run) => new WorkloadReplay(run, deviceModel(device, survey), survey.failedCloses));
    const folded = new Recorded(replays);
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
  return { events: survey.events, caches, skipped, recorded: { config: knownConfig(config), figures }, runs: results };
}

function readingOf({ key, signal, onProblem = warn }: ReplayWorkloadOptions): Omit<EachEventOptions, 'onFrame'> {
  return { key: key ?? null, signal: signal ?? null, onProblem };
}

function warn({ segment, message }: JournalProblem): void {
  process.emitWarning(`${segment}: ${message}`, { type: 'CachetrailWarning' });
}

/** The recording's own side, and the replays beside it. */
class Recorded {
  config: CoreConfig | null = null;
  caches = 0;
  skipped = 0;
  readonly tally = new Tally();
  readonly #replays: readonly WorkloadReplay[];
  #state: CacheState | null = null;
  #openedAt = 0;
  #lastAt = 0;

  constructor(replays: readonly WorkloadReplay[]) {
    this.#replays = replays;
  }

  accept(event: CacheEvent): void {
    if (event.type === 'opened') {
      this.#endCache();
      this.#state = new CacheState({ bytes: false });
      this.#state.seq = event.seq - 1;
      this.config = event.config;
      this.caches++;
      this.#openedAt = event.at;
      this.#lastAt = event.at;
    }
    const state = this.#state;
    if (state !== null && event.seq !== state.seq + 1) this.#endCache();
    if (state === null || this.#state === null) {
      this.skipped++;
      return;
    }
    if (this.#replays.length > 0) this.#feed(event, state);
    this.tally.accept(event, state);
    evolve(state, event);
    this.#lastAt = Math.max(this.#lastAt, event.at);
  }

  end(): void {
    this.#endCache();
  }

  #feed(event: CacheEvent, state: CacheState): void {
    if (event.type === 'opened') {
      for (const replay of this.#replays) replay.open(event);
      return;
    }
    const request = requestIn(event);
    const ended = endedBy(event);
    if (request === null && ended === null) return;
    for (const replay of this.#replays) replay.feed(event, request, ended, state);
  }

  #endCache(): void {
    if (this.#state === null) return;
    for (const replay of this.#replays) replay.endCache();
    this.tally.addCache(this.#state, this.#lastAt - this.#openedAt);
    this.#state = null;
  }
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
  const message = 'the journal does not hold the opening of a cache: where its workload began is not known';
  throw new JournalError('CACHETRAIL_JOURNAL_RANGE', message);
}
