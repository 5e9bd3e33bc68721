/** Feeds the requests of a recording, and nothing else of it, to caches with other options: what it would have cost. */
import { evolve } from '../../../cache/evolve.js';
import type { CoreConfig } from '../../../cache/limits.js';
import type { CacheEvent } from '../../../cache/events.js';
import { CacheState } from '../../../cache/state.js';
import { JournalError } from '../errors.js';
import { type Journal, openJournal } from '../reader.js';
import { BYTES_PER_BLOCK, checkWorkloadOptions } from './config.js';
import { deviceModel } from './device-model.js';
import { WorkloadReplay } from './run.js';
import { Survey } from './survey.js';
import { Tally } from './tally.js';
import type { ReplayWorkloadOptions, WorkloadOptions, WorkloadReport, WorkloadRun } from './types.js';

const EVENTS_PER_SIGN = 16_384;
/** Replays that are fed together: more of them are fed by further readings. */
const MEMORY_BYTES_MAX = 2 ** 30;
const CAPACITY_UNKNOWN = 65_536;

/**
 * Replays the workload of a journal with each of `runs`. Rejects with ArgumentError for options that cannot be, with
 * JournalError CACHETRAIL_JOURNAL_RANGE if the journal does not hold the opening of a cache, or _NOT_FOUND, _NONE, _KEY.
 */
export async function replayWorkload(directory: string, options: ReplayWorkloadOptions = {}): Promise<WorkloadReport> {
  const { runs = [{}], device = 'modelled', key, onProgress = () => undefined } = options;
  for (const run of runs) checkWorkloadOptions(run);
  const journal = await openJournal(directory, key === undefined ? {} : { key });
  const groups = groupsOf(runs);
  const survey = new Survey(device === 'recorded');
  const passes = groups.length + 1;
  for await (const event of eventsOf(journal, options)) {
    survey.accept(event);
    if (survey.events % EVENTS_PER_SIGN === 0) onProgress(survey.events, survey.events * passes);
  }
  options.signal?.throwIfAborted();
  const total = survey.events * passes;
  let done = survey.events;
  let recorded: Recorded | null = null;
  const results: WorkloadRun[] = [];
  for (const group of groups) {
    const replays = group.map((run) => new WorkloadReplay(run, deviceModel(device, survey), survey.failedCloses));
    const folded = new Recorded(replays);
    for await (const event of eventsOf(journal, { ...options, onProblem: () => undefined })) {
      folded.accept(event);
      if (++done % EVENTS_PER_SIGN === 0) onProgress(done, total);
    }
    options.signal?.throwIfAborted();
    folded.end();
    recorded ??= folded;
    for (const replay of replays) results.push({ ...replay.result(), config: knownConfig(replay.result().config) });
  }
  recorded ??= await recordedAlone(journal, options);
  onProgress(total, total);
  const { config, caches, skipped, tally } = recorded;
  const figures = tally.figures();
  return { events: survey.events, caches, skipped, recorded: { config: knownConfig(config), figures }, runs: results };
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
    for (const replay of this.#replays) replay.feed(event, state);
    this.tally.accept(event, state);
    evolve(state, event);
    this.#lastAt = Math.max(this.#lastAt, event.at);
  }

  end(): void {
    this.#endCache();
  }

  #endCache(): void {
    if (this.#state === null) return;
    for (const replay of this.#replays) replay.endCache();
    this.tally.addCache(this.#state, this.#lastAt - this.#openedAt);
    this.#state = null;
  }
}

async function recordedAlone(journal: Journal, options: ReplayWorkloadOptions): Promise<Recorded> {
  const folded = new Recorded([]);
  for await (const event of eventsOf(journal, { ...options, onProblem: () => undefined })) folded.accept(event);
  folded.end();
  return folded;
}

function eventsOf(journal: Journal, { signal, onProblem }: ReplayWorkloadOptions) {
  return journal.read({
    ...(signal === undefined ? {} : { signal }),
    ...(onProblem === undefined ? {} : { onProblem }),
  });
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
