import type { Command } from './command.js';

export interface RegisteredCommand {
  readonly name: string;
  /** One line of `cachetrail --help`. */
  readonly summary: string;
  /** Loads the command only when it is asked for. */
  readonly load: () => Promise<Command>;
}

export const COMMANDS: readonly RegisteredCommand[] = [
  {
    name: 'demo',
    summary: 'run a real ext4 file system on the cache, compare every file, show the gain',
    load: async () => (await import('./commands/demo.js')).demo,
  },
  {
    name: 'log',
    summary: 'print the events of a journal, filtered, or as they come',
    load: async () => (await import('./commands/log.js')).log,
  },
  {
    name: 'explain',
    summary: 'tell the life of a block, a request or a write error from a journal',
    load: async () => (await import('./commands/explain.js')).explain,
  },
  {
    name: 'verify',
    summary: 'check that a journal is whole, unchanged, and what a cache would decide again',
    load: async () => (await import('./commands/verify.js')).verify,
  },
  {
    name: 'replay',
    summary: 'show the state at any event or time of a journal, or what other options would have cost',
    load: async () => (await import('./commands/replay.js')).replay,
  },
  {
    name: 'stats',
    summary: 'add up a journal: totals, hit ratio over time, latencies, errors, the busiest',
    load: async () => (await import('./commands/stats.js')).stats,
  },
  {
    name: 'trace',
    summary: "turn a journal into OpenTelemetry's spans: a file for Jaeger, or sent to a collector",
    load: async () => (await import('./commands/trace.js')).trace,
  },
  {
    name: 'export',
    summary: 'write a journal as other programs read it: JSON lines, CSV, fio, blktrace, dm-log-writes',
    load: async () => (await import('./commands/export.js')).exporting,
  },
];
