/** The files of a journal: `NUMBER-FIRSTSEQ.ctj` in one directory, in the order of their names. */
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { codeOf } from '../../device/errors.js';
import { JournalError } from './errors.js';

export interface Segment {
  readonly name: string;
  readonly path: string;
  /** From 1. */
  readonly number: number;
  /** The seq of the first event that it can hold. */
  readonly firstSeq: number;
  readonly bytes: number;
  /** When it was last written, milliseconds since 1970. */
  readonly writtenMs: number;
}

const NAME = /^(\d{8,})-(\d{16})\.ctj$/;

export function segmentName(number: number, firstSeq: number): string {
  return `${String(number).padStart(8, '0')}-${String(firstSeq).padStart(16, '0')}.ctj`;
}

/** In order; other files are passed over. Rejects with JournalError CACHETRAIL_JOURNAL_NOT_FOUND. */
export async function segmentsIn(directory: string): Promise<Segment[]> {
  const segments: Segment[] = [];
  for (const name of await namesIn(directory)) {
    const match = NAME.exec(name);
    if (match === null) continue;
    const file = path.join(directory, name);
    const facts = await stat(file).catch(forgetMissing);
    // Retention may delete a segment while they are listed.
    if (facts === null || !facts.isFile()) continue;
    const [number, firstSeq] = [Number(match[1]), Number(match[2])];
    segments.push({ name, path: file, number, firstSeq, bytes: facts.size, writtenMs: facts.mtimeMs });
  }
  return segments.sort((a, b) => a.number - b.number);
}

/** The same, for who needs some. Rejects with JournalError CACHETRAIL_JOURNAL_NONE if there are none. */
export async function segmentsOf(directory: string): Promise<Segment[]> {
  const segments = await segmentsIn(directory);
  if (segments.length === 0) throw new JournalError('CACHETRAIL_JOURNAL_NONE', `${directory} holds no journal`);
  return segments;
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (cause) {
    const code = codeOf(cause);
    if (code === 'ENOTDIR') {
      throw new JournalError('CACHETRAIL_JOURNAL_NONE', `${directory} is no directory, so no journal`, { cause });
    }
    const message = code === 'ENOENT' ? `there is no directory ${directory}` : `${directory} cannot be read`;
    throw new JournalError('CACHETRAIL_JOURNAL_NOT_FOUND', message, { cause });
  }
}

export function forgetMissing(cause: unknown): null {
  if (codeOf(cause) === 'ENOENT') return null;
  throw cause;
}
