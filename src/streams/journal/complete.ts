/**
 * A durable journal has a file beside its segments for as long as it holds everything that its device may have been given. It is
 * taken away before anything happens that the journal does not hold: a recovery would otherwise put older bytes that it has on top of newer
 * ones that it never had, or take the device for an older copy. To take a name away needs no room, and what is gone cannot come
 * back torn.
 */
import { closeSync, openSync, unlinkSync } from 'node:fs';
import { open, readdir, unlink } from 'node:fs/promises';
import path from 'node:path';
import { codeOf } from '../../device/errors.js';
import { syncDirectory } from './segment-file.js';

const NAME = 'complete';

/** Throws what the system says. */
export function markComplete(directory: string): void {
  try {
    closeSync(openSync(path.join(directory, NAME), 'wx'));
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return;
    throw error;
  }
  syncDirectory(directory);
}

/** Throws what the system says. In a directory that is gone there is nothing to recover from. */
export function markIncomplete(directory: string): void {
  try {
    unlinkSync(path.join(directory, NAME));
    syncDirectory(directory);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
}

/** The same for a disk that may never answer: beside everything else, as far as it comes. */
export async function tryMarkIncomplete(directory: string): Promise<void> {
  try {
    await unlink(path.join(directory, NAME));
    if (process.platform === 'win32') return;
    const folder = await open(directory, 'r');
    await folder.sync().finally(() => folder.close());
  } catch {
    // It says nothing then: the device may be taken for an older copy, which is refused and not guessed.
  }
}

export async function isMarkedComplete(directory: string): Promise<boolean> {
  return (await readdir(directory)).includes(NAME);
}
