/** Replays of a workload on whatever device was asked for. */
import type { CacheEvent } from '../../../cache/events.js';
import {
  JournalError,
  openJournal,
  replayWorkload,
  type WorkloadOptions,
  type WorkloadReport,
} from '../../../streams/journal/index.js';
import type { ReplayWorkloadOptions } from '../../../streams/journal/workload/types.js';
import { firstHeader } from '../../../streams/journal/seek.js';
import type { JournalSource } from '../source.js';
import type { DeviceOption, RealOption } from './device-option.js';
import { KindLatencies, type LatenciesByKind, RealDevice } from './real-device.js';
import { openScratch } from './scratch.js';

/** What the device of the replays was. */
export interface ReplayedOn {
  /** In words, for a table. */
  readonly words: string;
  /** What takes how long is of interest. */
  readonly times: boolean;
  /** Of a real device: what its operations took, by run, the recorded options first, and what the recorded ones took. */
  readonly latencies: { readonly recorded: LatenciesByKind; readonly runs: readonly LatenciesByKind[] } | null;
}

export interface WhatIfRunOptions {
  readonly device: DeviceOption;
  readonly runs: readonly WorkloadOptions[];
  readonly signal: AbortSignal;
  /** What is done, and how much of it, 0 to 1. */
  readonly onProgress: (what: string, share: number) => void;
  readonly onProblem: NonNullable<ReplayWorkloadOptions['onProblem']>;
}

/** The recorded options come first: what the replay itself changes shows there. Rejects as `replayWorkload` and `openScratch` do. */
export async function runWhatIf(
  source: JournalSource,
  options: WhatIfRunOptions,
): Promise<WorkloadReport & { readonly on: ReplayedOn }> {
  const runs = [{}, ...options.runs];
  const { device, signal, onProgress, onProblem } = options;
  if (device.kind === 'real') return runReally(source, device, { ...options, runs });
  const report = await replayWorkload(source.directory, {
    ...source,
    runs,
    device: device.device,
    signal,
    onProgress: (done, total) => onProgress('replayed', done / Math.max(1, total)),
    onProblem,
  });
  return { ...report, on: { words: device.words, times: device.times, latencies: null } };
}

/** One run after the other, so that none waits for the operations of another. */
async function runReally(
  source: JournalSource,
  device: RealOption,
  { runs, signal, onProgress, onProblem }: WhatIfRunOptions,
): Promise<WorkloadReport & { readonly on: ReplayedOn }> {
  const { identity, deviceBytes } = await recordedDevice(source.directory);
  const scratch = await openScratch(
    device,
    { identity, deviceBytes },
    { signal, onProgress: share(onProgress, 'copied') },
  );
  try {
    const reports: WorkloadReport[] = [];
    const latencies: LatenciesByKind[] = [];
    for (const [at, run] of runs.entries()) {
      const real = new RealDevice(scratch.device.fd ?? -1);
      const report = await replayWorkload(source.directory, {
        ...source,
        runs: [run],
        device: real.run,
        signal,
        onProgress: (done, total) => onProgress('replayed', (at + done / Math.max(1, total)) / runs.length),
        onProblem: at === 0 ? onProblem : () => undefined,
      });
      reports.push(report);
      latencies.push(real.latencies.summaries());
    }
    const recorded = await recordedLatencies(source, signal);
    const on = { words: scratch.words, times: true, latencies: { recorded, runs: latencies } };
    return { ...reports[0], runs: reports.flatMap((report) => report.runs), on };
  } finally {
    await scratch.close();
  }
}

function share(onProgress: WhatIfRunOptions['onProgress'], what: string): (done: number, total: number) => void {
  return (done, total) => onProgress(what, done / Math.max(1, total));
}

async function recordedDevice(directory: string): Promise<{ readonly identity: string; readonly deviceBytes: number }> {
  const header = await firstHeader(directory);
  if (header !== null) return { identity: header.identity, deviceBytes: header.config.deviceBytes };
  const message = 'no segment has a whole header, so it is not known how large the device was';
  throw new JournalError('CACHETRAIL_JOURNAL_DAMAGED', message);
}

async function recordedLatencies(
  { directory, ...options }: JournalSource,
  signal: AbortSignal,
): Promise<LatenciesByKind> {
  const latencies = new KindLatencies();
  const types = ['fillFinished', 'writebackFinished', 'barrierFinished', 'clearAnswered'] as const;
  const journal = await openJournal(directory, options);
  for await (const batch of journal.batches({ types, signal, onProblem: () => undefined })) {
    for (const { event } of batch) noteLatency(latencies, event);
  }
  return latencies.summaries();
}

function noteLatency(latencies: KindLatencies, event: CacheEvent): void {
  switch (event.type) {
    case 'fillFinished':
      return latencies.add('read', event.at - event.startedAt);
    case 'writebackFinished':
      return latencies.add('write', event.at - event.startedAt);
    case 'barrierFinished':
      return latencies.add('barrier', event.at - event.startedAt);
    case 'clearAnswered':
      if (event.code === '' && event.kind !== 'drop') latencies.add(event.kind, event.at - event.startedAt);
      return;
  }
}
