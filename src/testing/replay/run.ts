/** A recorded run, replayed for tests. */
import {
  type JournalVerification,
  openJournal,
  replayWorkload,
  verifyJournal,
  type WorkloadDevice,
  type WorkloadFigures,
  type WorkloadOptions,
} from '../../streams/journal/index.js';
import type { CoreConfig } from '../../cache/limits.js';
import { RunHistory } from './history.js';

export interface ReplayOptions {
  /** Of a keyed journal: its chain is checked then. */
  readonly key?: Uint8Array;
}

/** What the workload of a run costs: as it was recorded, or with other options. */
export interface CostedRun {
  /** Names it in failures. */
  readonly name: string;
  readonly figures: WorkloadFigures;
  readonly config: CoreConfig;
}

/**
 * Reads the journal of a run, decides all of it again, and adds it up; `cachetrailAssertions` has what can be expected of
 * it. Rejects with JournalError for what is no journal or holds no opening of a cache; damage shows in the assertions.
 */
export async function replay(directory: string, options: ReplayOptions = {}): Promise<ReplayedRun> {
  const verification = await verifyJournal(directory, options);
  const history = new RunHistory();
  const journal = await openJournal(directory, options);
  const onProblem = () => undefined;
  for await (const event of journal.read({ onProblem })) history.accept(event);
  const { recorded } = await replayWorkload(directory, { runs: [], onProblem, ...options });
  return new ReplayedRun(directory, options, verification, history, recorded);
}

export class ReplayedRun implements CostedRun {
  /** The journal's folder. */
  readonly name: string;
  /** What `cachetrail verify` says: sums, chain, and whether a new core decides the same. */
  readonly verification: JournalVerification;
  /** What became of its blocks. */
  readonly history: RunHistory;
  /** What it cost as it was recorded. */
  readonly figures: WorkloadFigures;
  readonly config: CoreConfig;
  readonly #options: ReplayOptions;

  /** @internal Use `replay`. */
  constructor(
    directory: string,
    options: ReplayOptions,
    verification: JournalVerification,
    history: RunHistory,
    recorded: { readonly config: CoreConfig; readonly figures: WorkloadFigures },
  ) {
    this.name = directory;
    this.verification = verification;
    this.history = history;
    this.figures = recorded.figures;
    this.config = recorded.config;
    this.#options = options;
  }

  /** The same requests, made of a cache with other options: see `replayWorkload`. Rejects with ArgumentError. */
  async with(options: WorkloadOptions, device: WorkloadDevice = 'modelled'): Promise<CostedRun> {
    const { runs } = await replayWorkload(this.name, {
      runs: [options],
      device,
      onProblem: () => undefined,
      ...this.#options,
    });
    const [{ figures, config }] = runs;
    return { name: `${this.name} with ${JSON.stringify(options)}`, figures, config };
  }
}
