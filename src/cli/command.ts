/** What a subcommand is. A new one is a file in `commands/` and a line in `registry.ts`. */
import { ArgumentError } from '../device/errors.js';
import type { JournalSlice } from './trace/journal-spans.js';

export interface Command {
  /** The whole text of `--help`. */
  readonly help: string;
  /** Takes the arguments after the subcommand's name; resolves with the exit code. */
  run(args: readonly string[]): Promise<number>;
  /**
   * Of the arguments of a command that reads a journal: the part that it is asked about, whose spans `--otlp URL` sends when it has
   * run. `run` does not see that option. Without it, the command has an option `--otlp` of its own.
   */
  slice?(args: readonly string[]): JournalSlice;
}

/** Exit codes of the command, as `--help` lists them. */
export const EXIT = {
  ok: 0,
  /** The work was done and something compared unequal. */
  different: 1,
  usage: 2,
  failed: 3,
  /** 128 + SIGINT. */
  interrupted: 130,
} as const;

/** The command line is wrong: nothing was done. Ends with exit code 2. */
export class UsageError extends ArgumentError {}

/** `value` as a whole number from `min` to `max`. */
export function wholeNumber(option: string, value: string, min: number, max: number): number {
  const number = /^\d+$/.test(value) ? Number(value) : Number.NaN;
  if (number >= min && number <= max) return number;
  throw new UsageError(
    'CACHETRAIL_INVALID_ARGUMENT',
    `${option} takes a whole number from ${min} to ${max}, not '${value}'`,
  );
}

/** Runs `parseArgs`; what it finds wrong is a usage error. */
export function parsed<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    // Node goes on to explain how to pass an argument that starts with a dash.
    throw new UsageError('CACHETRAIL_INVALID_ARGUMENT', message.split('. To specify')[0]);
  }
}
