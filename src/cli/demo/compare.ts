/** What is in an image, and how it differs from what should be. */
import { openFileDevice } from '../../device/index.js';
import { bareDisk } from './bare-disk.js';
import type { EntryKind, ImageFiles } from './image-files.js';
import { mount } from './mount.js';

export interface Entry {
  readonly kind: EntryKind;
  /** SHA-256 of a file, target of a link; '' for the others. */
  readonly content: string;
}

/** By absolute path. */
export type Snapshot = ReadonlyMap<string, Entry>;

export interface Difference {
  readonly path: string;
  readonly problem: 'missing' | 'unexpected' | 'another kind' | 'other contents' | 'read back wrong';
}

export interface Watch {
  readonly signal: AbortSignal;
  progress(done: number): void;
}

/** Reads every file of the image file at `path`, without a cache and without changing anything. */
export async function snapshotOf(path: string, watch: Watch): Promise<Snapshot> {
  const device = await openFileDevice(path, { readOnly: true });
  try {
    const { files, unmount } = await mount(bareDisk(device));
    try {
      const entries = new Map<string, Entry>();
      await collect(files, '', entries, watch);
      return entries;
    } finally {
      await unmount();
    }
  } finally {
    await device.close();
  }
}

/** What is wrong with `found`, in order of path. */
export function differencesOf(expected: Snapshot, found: Snapshot): Difference[] {
  const differences: Difference[] = [];
  for (const path of [...new Set([...expected.keys(), ...found.keys()])].sort()) {
    const [wanted, got] = [expected.get(path), found.get(path)];
    if (got === undefined) differences.push({ path, problem: 'missing' });
    else if (wanted === undefined) differences.push({ path, problem: 'unexpected' });
    else if (wanted.kind !== got.kind) differences.push({ path, problem: 'another kind' });
    else if (wanted.content !== got.content) differences.push({ path, problem: 'other contents' });
  }
  return differences;
}

export function filesIn(snapshot: Snapshot): number {
  return [...snapshot.values()].filter(({ kind }) => kind === 'file').length;
}

async function collect(files: ImageFiles, directory: string, entries: Map<string, Entry>, watch: Watch): Promise<void> {
  for (const name of await files.list(directory === '' ? '/' : directory)) {
    watch.signal.throwIfAborted();
    watch.progress(entries.size);
    const path = `${directory}/${name}`;
    const kind = await files.kindOf(path);
    entries.set(path, { kind, content: await contentOf(files, path, kind) });
    if (kind === 'directory') await collect(files, path, entries, watch);
  }
}

async function contentOf(files: ImageFiles, path: string, kind: EntryKind): Promise<string> {
  if (kind === 'file') return await files.hash(path, true);
  return kind === 'link' ? await files.linkTarget(path) : '';
}
