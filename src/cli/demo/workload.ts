/** The file work of the demo, the same with a cache and without one. */
import { createHash } from 'node:crypto';
import type { Entry, Snapshot } from './compare.js';
import type { ImageFiles } from './image-files.js';
import type { Tree, TreeFile } from './tree.js';

/** Half of the files are copied in, all are, all have been read back. */
export type Phase = 'half' | 'copied' | 'read';

export interface WorkloadHooks {
  /** What begins now. */
  phase(name: string): void;
  /** Aborts between two file operations. */
  readonly signal: AbortSignal;
  beforeFile(file: TreeFile): void;
  /** What a program does with `sync`: all that was done so far shall be durable. */
  sync(phase: Phase): Promise<void>;
  progress(what: string, done: number, total: number): void;
  said(line: string): void;
}

export interface WorkloadResult {
  /** What must be in the image below `directory`, itself included; paths are absolute. */
  readonly expected: Snapshot;
  /** Files that did not read back as they were written. */
  readonly readBackDifferences: readonly string[];
}

/** Of the files and directories, every nth is renamed or deleted. */
const RENAME_EVERY = 12;
const DELETE_EVERY = 5;
const RENAME_DIRECTORY_EVERY = 9;

/** `directory` must not exist; it is made. */
export async function runWorkload(
  files: ImageFiles,
  tree: Tree,
  directory: string,
  hooks: WorkloadHooks,
): Promise<WorkloadResult> {
  const work = new Workload(files, tree, directory, hooks);
  const [first, second] = halvesOf(tree);
  hooks.phase('make directories');
  await work.makeDirectories();
  hooks.phase('copy in, first half');
  await work.copyIn(first);
  hooks.phase('flush');
  await hooks.sync('half');
  hooks.phase('copy in, second half');
  await work.copyIn(second);
  hooks.phase('flush');
  await hooks.sync('copied');
  hooks.phase('read back');
  await work.readBack();
  hooks.phase('flush again');
  await hooks.sync('read');
  hooks.phase('rename');
  await work.rename();
  hooks.phase('delete');
  await work.remove();
  return { expected: work.expected, readBackDifferences: work.readBackDifferences };
}

class Workload {
  readonly expected = new Map<string, Entry>();
  readonly readBackDifferences: string[] = [];
  readonly #files: ImageFiles;
  readonly #tree: Tree;
  readonly #directory: string;
  readonly #hooks: WorkloadHooks;

  constructor(files: ImageFiles, tree: Tree, directory: string, hooks: WorkloadHooks) {
    this.#files = files;
    this.#tree = tree;
    this.#directory = directory;
    this.#hooks = hooks;
  }

  async makeDirectories(): Promise<void> {
    await this.#makeDirectory(this.#directory);
    for (const directory of this.#tree.directories) await this.#makeDirectory(`${this.#directory}/${directory}`);
    this.#hooks.said(`made ${counted(this.#tree.directories.length + 1, 'directory')}`);
  }

  async copyIn(files: readonly TreeFile[]): Promise<void> {
    await this.#each('copying in', files, async (file) => {
      const path = `${this.#directory}/${file.path}`;
      this.#hooks.beforeFile(file);
      await this.#files.write(path, file.contents, file.executable ? 0o755 : 0o644);
      this.expected.set(path, { kind: 'file', content: createHash('sha256').update(file.contents).digest('hex') });
    });
    const bytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    this.#hooks.said(`copied in ${counted(files.length, 'file')}, ${(bytes / 1e6).toFixed(1)} MB`);
  }

  async readBack(): Promise<void> {
    const paths = this.#paths('file');
    await this.#each('reading back', paths, async (path) => {
      if ((await this.#files.hash(path)) !== this.expected.get(path)?.content) this.readBackDifferences.push(path);
    });
    const differing = this.readBackDifferences.length;
    const verdict = differing === 0 ? 'all as written' : `${differing} DIFFERENT`;
    this.#hooks.said(`read back ${counted(paths.length, 'file')}: ${verdict}`);
  }

  async rename(): Promise<void> {
    const files = this.#paths('file').filter((_, index) => index % RENAME_EVERY === 1);
    const directories = this.#leaves().filter((_, index) => index % RENAME_DIRECTORY_EVERY === 0);
    // Files first: their paths change with the directories'.
    await this.#each('renaming', [...files, ...directories], async (path) => {
      const target = `${path}.renamed`;
      await this.#files.rename(path, target);
      for (const [known, entry] of [...this.expected]) {
        if (known !== path && !known.startsWith(`${path}/`)) continue;
        this.expected.delete(known);
        this.expected.set(target + known.slice(path.length), entry);
      }
    });
    this.#hooks.said(`renamed ${counted(files.length, 'file')} and ${counted(directories.length, 'directory')}`);
  }

  async remove(): Promise<void> {
    const doomed = this.#leaves().at(-1);
    const inDoomed = (path: string) => doomed !== undefined && path.startsWith(`${doomed}/`);
    const files = this.#paths('file').filter((path, index) => index % DELETE_EVERY === 2 || inDoomed(path));
    await this.#each('deleting', files, async (path) => {
      await this.#files.remove(path);
      this.expected.delete(path);
    });
    if (doomed !== undefined) {
      await this.#files.removeDirectory(doomed);
      this.expected.delete(doomed);
    }
    this.#hooks.said(
      `deleted ${counted(files.length, 'file')} and ${counted(doomed === undefined ? 0 : 1, 'directory')}`,
    );
  }

  async #makeDirectory(path: string): Promise<void> {
    this.#hooks.signal.throwIfAborted();
    await this.#files.makeDirectory(path);
    this.expected.set(path, { kind: 'directory', content: '' });
  }

  async #each<T>(what: string, items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
    for (const [index, item] of items.entries()) {
      this.#hooks.signal.throwIfAborted();
      this.#hooks.progress(what, index, items.length);
      await work(item);
    }
  }

  #paths(kind: Entry['kind']): string[] {
    return [...this.expected].filter(([, entry]) => entry.kind === kind).map(([path]) => path);
  }

  /** Directories of the tree without directories in them. */
  #leaves(): string[] {
    const directories = this.#paths('directory').filter((path) => path !== this.#directory);
    return directories.filter((path) => !directories.some((other) => other.startsWith(`${path}/`)));
  }
}

/** The files that are copied before the first sync, and those after it. */
export function halvesOf(tree: Tree): [first: readonly TreeFile[], second: readonly TreeFile[]] {
  const half = Math.ceil(tree.files.length / 2);
  return [tree.files.slice(0, half), tree.files.slice(half)];
}

function counted(count: number, what: 'file' | 'directory'): string {
  if (count === 1) return `1 ${what}`;
  return `${count} ${what === 'file' ? 'files' : 'directories'}`;
}

/** Removes a directory and all in it. */
export async function removeTree(files: ImageFiles, directory: string): Promise<void> {
  for (const name of await files.list(directory)) {
    const path = `${directory}/${name}`;
    if ((await files.kindOf(path)) === 'directory') await removeTree(files, path);
    else await files.remove(path);
  }
  await files.removeDirectory(directory);
}
