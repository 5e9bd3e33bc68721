/** The journal of the demo's run: where it is kept, what `verify` says of it, and what it tells of the block that failed. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { codeOf } from '../../device/errors.js';
import { type JournalVerification, openJournal, verifyJournal } from '../../streams/journal/index.js';
import { UsageError } from '../command.js';
import type { WriteErrorPath } from '../journal/error-paths.js';
import { explainBlock } from '../journal/explain.js';

export interface DemoJournal {
  readonly directory: string;
  /** The demo ended early, and nobody will be told of the journal. One that the user named is left. */
  forget(): void;
}

/** What the journal shows when the run is over. */
export interface JournalReport {
  readonly directory: string;
  readonly verification: JournalVerification;
  /** The life of the block whose write failed for long; null where none did. */
  readonly explained: { readonly seq: number; readonly block: number; readonly lines: readonly string[] } | null;
}

/** Throws UsageError for a folder that has a journal already: the events of another image don't belong there. */
export function demoJournal(directory: string | undefined): DemoJournal {
  if (directory !== undefined) {
    if (holdsJournal(directory)) {
      throw new UsageError('CACHETRAIL_INVALID_ARGUMENT', `--journal: ${directory} holds a journal already`);
    }
    return { directory, forget: () => undefined };
  }
  const fresh = mkdtempSync(path.join(tmpdir(), 'cachetrail-demo-journal-'));
  return { directory: fresh, forget: () => rmSync(fresh, { recursive: true, force: true }) };
}

export async function journalReport(directory: string, writeErrors: readonly WriteErrorPath[]): Promise<JournalReport> {
  const verification = await verifyJournal(directory);
  // The one that took longest to mend has most to tell.
  const [worst] = [...writeErrors].sort((a, b) => b.steps.length - a.steps.length);
  if (worst === undefined) return { directory, verification, explained: null };
  const { block, seq } = worst;
  return { directory, verification, explained: { block, seq, lines: await linesOf(directory, block, seq) } };
}

async function linesOf(directory: string, block: number, aroundSeq: number): Promise<string[]> {
  const explanation = explainBlock(block, { keep: false, aroundSeq });
  const journal = await openJournal(directory);
  const lines: string[] = [];
  // What is wrong with the journal, `verifyJournal` has said.
  for await (const record of journal.records({ onProblem: () => undefined })) lines.push(...explanation.accept(record));
  return [...lines, ...explanation.end()];
}

function holdsJournal(directory: string): boolean {
  try {
    return readdirSync(directory).some((name) => name.endsWith('.ctj'));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw new UsageError('CACHETRAIL_INVALID_ARGUMENT', `--journal: ${directory} cannot be used: ${codeOf(error)}`);
  }
}
