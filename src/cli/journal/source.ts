/** Which journal a command line names, and with which key: the same for every command. */
import { readFileSync } from 'node:fs';
import { digesterFor } from '../../streams/journal/chain.js';
import { firstHeader } from '../../streams/journal/seek.js';
import { checkKey } from '../../streams/journal/tail.js';
import { directoryFrom, usage } from './arguments.js';

/** A journal that is to be read. */
export interface JournalSource {
  readonly directory: string;
  /** Of its chain. */
  readonly key?: Uint8Array;
}

export const KEY_OPTIONS = { 'key-file': { type: 'string' } } as const;

export const KEY_HELP = `  --key-file FILE            the journal's key, the bytes of the file as they are. Without it a key is taken, in hex,
                             from the environment's CACHETRAIL_JOURNAL_KEY. Without any, a journal that has a key is
                             read all the same: nothing proves then that nobody has changed it`;

/** Throws ArgumentError. */
export function sourceFrom(
  positionals: readonly string[],
  { 'key-file': file }: { readonly 'key-file'?: string | undefined },
): JournalSource {
  const directory = directoryFrom(positionals);
  const key = keyFrom(file);
  if (key === undefined) return { directory };
  // Throws for what is too short to be one.
  digesterFor(key);
  return { directory, key };
}

export const UNPROVED =
  'the journal has a key and none was given, so its chain is not proved: anyone may have changed it';

/**
 * Whether its chain can be checked; stderr says so where it cannot. Rejects with JournalError CACHETRAIL_JOURNAL_KEY for
 * another key, and for what is no journal.
 */
export async function tellIfUnproved(source: JournalSource): Promise<boolean> {
  const isProvable = await canBeProved(source);
  if (!isProvable) process.stderr.write(`warning: ${UNPROVED}\n`);
  return isProvable;
}

async function canBeProved({ directory, key }: JournalSource): Promise<boolean> {
  const header = await firstHeader(directory);
  // Where no header is whole, the reading tells.
  if (header === null) return true;
  if (key === undefined) return header.keyCheck === null;
  checkKey(header, key);
  return true;
}

function keyFrom(file: string | undefined): Uint8Array | undefined {
  if (file !== undefined) return bytesOf(file);
  const { CACHETRAIL_JOURNAL_KEY: hex } = process.env;
  if (hex === undefined || hex === '') return undefined;
  if (/^([0-9a-f]{2})+$/i.test(hex)) return Buffer.from(hex, 'hex');
  throw usage('CACHETRAIL_JOURNAL_KEY takes a key in hex');
}

function bytesOf(file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (error) {
    throw usage(`--key-file: ${error instanceof Error ? error.message : String(error)}`);
  }
}
