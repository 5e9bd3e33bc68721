/** Errors as the command prints them. */
import { ERROR_CODES, type ErrorCode } from '../device/error-codes.js';
import { CachetrailError, codeOf } from '../device/errors.js';
import { EXIT, UsageError } from './command.js';

export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
  readonly exitCode: number;
}

/** Errors of the system that a user of the command can meet, and what to do about them. */
const SYSTEM_REMEDIES: Readonly<Record<string, string>> = {
  ENOSPC: 'Make room, or ask for less.',
  EACCES: 'Check the permissions of the path.',
  EPERM: 'Check the permissions of the path.',
  EROFS: 'Name a place that can be written.',
  EEXIST: 'Name another place, or remove what is there.',
  ENOENT: 'Check the path.',
  ENOTDIR: 'Name a directory.',
  EISDIR: 'Name a file.',
};

/** What was named is no journal, or not one that can be understood: nothing could be done. */
const NO_JOURNAL_CODES: readonly string[] = [
  'CACHETRAIL_JOURNAL_NOT_FOUND',
  'CACHETRAIL_JOURNAL_NONE',
  'CACHETRAIL_JOURNAL_VERSION',
  'CACHETRAIL_JOURNAL_KEY',
  'CACHETRAIL_JOURNAL_NO_BYTES',
];

/** Wrong values of options reach the library before they are refused; they are usage errors all the same. */
const USAGE_CODES: readonly string[] = [
  'CACHETRAIL_INVALID_ARGUMENT',
  'CACHETRAIL_INVALID_CAPACITY',
  'CACHETRAIL_INVALID_BLOCK_SIZE',
  ...NO_JOURNAL_CODES,
];

export function failureOf(error: unknown): Failure {
  const code = error instanceof CachetrailError || codeOf(error) in SYSTEM_REMEDIES ? codeOf(error) : unexpected(error);
  return {
    code,
    message: messageOf(error),
    remedy: isErrorCode(code) ? ERROR_CODES[code].remedy : (SYSTEM_REMEDIES[code] ?? 'See the message.'),
    exitCode: error instanceof UsageError || USAGE_CODES.includes(code) ? EXIT.usage : EXIT.failed,
  };
}

/** Tells of an error on stderr, and with `json` as an object on stdout too. Gives the exit code. */
export function reportFailure(error: unknown, json: boolean): number {
  const failure = failureOf(error);
  const { code, message, remedy, exitCode } = failure;
  if (json) process.stdout.write(`${JSON.stringify({ error: { code, message, remedy } })}\n`);
  process.stderr.write(renderFailure(failure));
  return exitCode;
}

/** `error CODE: message` and the remedy below. */
export function renderFailure({ code, message, remedy }: Failure): string {
  return `error ${code}: ${message}\n  ${remedy}\n`;
}

function isErrorCode(code: string): code is ErrorCode {
  return code in ERROR_CODES;
}

/** A system error keeps its code; anything else that gets here is a bug of ours. */
function unexpected(error: unknown): string {
  const code = codeOf(error);
  return /^E[A-Z0-9]+$/.test(code) ? code : 'CACHETRAIL_INTERNAL';
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  return cause instanceof Error && !error.message.includes(cause.message)
    ? `${error.message} (${cause.message})`
    : error.message.replace(`${codeOf(error)}: `, '');
}
