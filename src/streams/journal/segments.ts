/** The files of a journal: `NUMBER-FIRSTSEQ.ctj` in one directory, in the order of their names. */
import type { Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { codeOf } from '../../device/errors.js';
import { JournalError } from './errors.js';

/** A segment as its directory tells of it. */
export interface NamedSegment {
  readonly name: string;
  readonly path: string;
  /** From 1. */
  readonly number: number;
  /** The seq of the first event that it can hold. */
  readonly firstSeq: number;
}

export interface Segment extends NamedSegment {
  readonly bytes: number;
  /** When it was last written, milliseconds since 1970. */
  readonly writtenMs: number;
}

const NAME = /^(\d{8,})-(\d{16})\.ctj$/;

export function segmentName(number: number, firstSeq: number): string {
  return `${String(number).padStart(8, '0')}-${String(firstSeq).padStart(16, '0')}.ctj`;
}

/** In order; other files are passed over, and none is looked into. Rejects with JournalError CACHETRAIL_JOURNAL_NOT_FOUND. */
async function namedSegmentsIn(directory: string): Promise<NamedSegment[]> {
  const segments: NamedSegment[] = [];
  for (const entry of await entriesIn(directory)) {
    const match = NAME.exec(entry.name);
    if (match === null || entry.isDirectory()) continue;
    const [number, firstSeq] = [Number(match[1]), Number(match[2])];
    segments.push({ name: entry.name, path: path.join(directory, entry.name), number, firstSeq });
  }
  return segments.sort((a, b) => a.number - b.number);
}

/** The same, for who needs some. Rejects with JournalError CACHETRAIL_JOURNAL_NONE if there are none. */
export async function namedSegmentsOf(directory: string): Promise<NamedSegment[]> {
  return some(directory, await namedSegmentsIn(directory));
}

/** With what the system knows of each file. Rejects with JournalError CACHETRAIL_JOURNAL_NOT_FOUND. */
export async function segmentsIn(directory: string): Promise<Segment[]> {
  const segments: Segment[] = [];
  for (const named of await namedSegmentsIn(directory)) {
    const facts = await stat(named.path).catch(forgetMissing);
    // Retention may delete a segment while they are listed.
    if (facts?.isFile()) segments.push({ ...named, bytes: facts.size, writtenMs: facts.mtimeMs });
  }
  return segments;
}

/** The same, for who needs some. Rejects with JournalError CACHETRAIL_JOURNAL_NONE if there are none. */
export async function segmentsOf(directory: string): Promise<Segment[]> {
  return some(directory, await segmentsIn(directory));
}

function some<T extends NamedSegment>(directory: string, segments: T[]): T[] {
  if (segments.length > 0) return segments;
  throw new JournalError('CACHETRAIL_JOURNAL_NONE', `${directory} holds no journal`);
}

async function entriesIn(directory: string): Promise<Dirent[]> {
  try {
    return await readdir(directory, { withFileTypes: true });
  } catch (cause) {
    const code = codeOf(cause);
    if (code === 'ENOTDIR') {
      throw new JournalError('CACHETRAIL_JOURNAL_NONE', `${directory} is no directory, so no journal`, { cause });
    }
    const message = code === 'ENOENT' ? `there is no directory ${directory}` : `${directory} cannot be read`;
    throw new JournalError('CACHETRAIL_JOURNAL_NOT_FOUND', message, { cause });
  }
}

function forgetMissing(cause: unknown): null {
  if (codeOf(cause) === 'ENOENT') return null;
  throw cause;
}
