/** Small journals, written by the real writer from the real core's events. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { CacheEvent } from '../../../../src/cache/events.js';
import type { JournalOptions, JournalProblem, JournalReadOptions } from '../../../../src/streams/journal/index.js';
import {
  type Journal,
  type JournalWriter,
  openJournal,
  openJournalWriter,
} from '../../../../src/streams/journal/index.js';
import { Core, open, type Step } from '../../../support/core.js';
import * as steps from '../../../support/steps.js';
import { VirtualClock } from '../../../support/virtual-clock.js';

const made: string[] = [];

export async function newDirectory(): Promise<string> {
  const directory = await mkdtemp(path.join(tmpdir(), 'cachetrail-journal-'));
  made.push(directory);
  return directory;
}

/** For `afterEach`. */
export async function removeDirectories(): Promise<void> {
  for (const directory of made.splice(0)) await rm(directory, { recursive: true, force: true });
}

/** A short life with reads, misses, writes, a failing block, a flush that fails and one that does not. */
export const LIFE: readonly Step[] = [
  steps.read(3),
  steps.done('fill'),
  steps.read(3),
  steps.write(3),
  steps.write(4, 2),
  steps.read(4, 2),
  steps.flush(),
  steps.fails('writeback'),
  (core) => steps.tickAt(core.state.retries[0].dueAt)(core),
  steps.settle,
  steps.write(9),
  steps.borrow(9),
  steps.flush(),
  steps.settle,
];

/** The events of a cache that goes through the steps. */
export function eventsOf(life: readonly Step[] = LIFE): readonly CacheEvent[] {
  const core = new Core();
  for (const step of [open(), ...life]) core.take(step);
  return core.events;
}

/** What a write brings: told by its seq, so that a test knows it again. */
export function payloadOf(event: CacheEvent): Uint8Array | undefined {
  if (event.type !== 'written') return undefined;
  return Uint8Array.from({ length: event.length }, (_, at) => (event.seq * 31 + at * 7) & 0xff);
}

export function appendAll(writer: JournalWriter, events: readonly CacheEvent[]): void {
  for (const event of events) writer.append(event, writer.wantsPayload ? payloadOf(event) : undefined);
}

/** Writes a journal, with a frame for every `perFrame` events. */
export async function writeJournal(
  directory: string,
  events: readonly CacheEvent[],
  options: Partial<JournalOptions> & { readonly perFrame?: number } = {},
): Promise<void> {
  const { perFrame = events.length, ...rest } = options;
  const writer = await openJournalWriter(directory, { clock: new VirtualClock(), ...rest });
  for (let at = 0; at < events.length; at += perFrame) {
    appendAll(writer, events.slice(at, at + perFrame));
    await writer.flush();
  }
  await writer.close();
}

export interface ReadBack {
  readonly events: readonly CacheEvent[];
  readonly problems: readonly JournalProblem[];
}

export async function readBack(
  directory: string,
  options: JournalReadOptions = {},
  key?: Uint8Array,
): Promise<ReadBack> {
  const journal: Journal = await openJournal(directory, key === undefined ? {} : { key });
  const problems: JournalProblem[] = [];
  const events: CacheEvent[] = [];
  for await (const event of journal.read({ onProblem: (problem) => problems.push(problem), ...options })) {
    events.push(event);
  }
  return { events, problems };
}
