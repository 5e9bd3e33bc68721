/**
 * The disk that a journal lies on, simulated beneath Node's own calls: the journal's code runs as it is, and whatever it does
 * to a path below a disk's `directory` happens here. What was not synced may be lost, by whole writes and by sectors, when the
 * power goes; so may names that were made, or removed, since the directory was synced.
 */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { lossesOf } from './losses.js';
import type { Random } from './random.js';

export const SECTOR_BYTES = 512;

/** Bytes written at a place; null: cut off, or made longer, there. */
export interface FileChange {
  readonly at: number;
  readonly bytes: Uint8Array | null;
}

/** A file as it is, and as it was when it was last synced. */
export interface SimFile {
  readonly name: string;
  synced: Uint8Array;
  /** Since it was synced, oldest first. */
  changes: FileChange[];
  /** The directory was synced since it has its name. */
  isNamed: boolean;
  links: number;
}

/** When a sync that was asked for is done: calls back later, or never. */
export type SyncTimer = (done: () => void) => void;

/** Not to be met by accident among real ones. */
const ROOT = path.join(os.tmpdir(), 'cachetrail-simulated');
const FIRST_FD = 2 ** 30;

const disks = new Map<string, SimFiles>();
const opened = new Map<number, { readonly disk: SimFiles; readonly file: SimFile | null }>();
/** Real files. */
const locks = new Map<number, SimFiles>();
let numbers = 0;

export class SimFiles {
  readonly #number = ++numbers;
  files = new Map<string, SimFile>();
  syncs = 0;
  #removed: SimFile[] = [];
  #timer: SyncTimer;
  /** Raised by a loss of power: what was begun before it never ends. */
  #life = 0;

  constructor(timer: SyncTimer) {
    this.#timer = timer;
    disks.set(String(this.#number), this);
    this.#live();
  }

  #live(): void {
    this.directory = path.join(ROOT, String(this.#number), String(++this.#life));
  }

  /** Another after each loss of power: who still uses the last one is a machine that is off. */
  directory = '';

  boot(timer: SyncTimer): void {
    this.#timer = timer;
  }

  /** Nothing under way ends any more. */
  powerOff(): void {
    this.#live();
    for (const [fd, disk] of locks) if (disk === this) fs.closeSync(fd);
    for (const [fd, { disk }] of opened) if (disk === this) opened.delete(fd);
  }

  /** What is left, by chance. */
  powerLoss(random: Random): void {
    const share = random.pick([0, 0.1, 0.5, 1]);
    for (const file of this.#removed)
      if (random.chance(0.5) && !this.files.has(file.name)) this.files.set(file.name, file);
    this.#removed = [];
    for (const [name, file] of this.files) {
      if (!file.isNamed && random.chance(0.3)) this.files.delete(name);
      const written = file.changes.slice(0, random.between(0, file.changes.length));
      settle(file, tornBy(file.synced, contentOf(file.synced, written), random, share));
    }
  }

  /**
   * What may be left if the power goes now, each once: of each file that is not synced what `cutsOf` gives, with the others as they
   * were synced; each file without its name, while the directory is not synced, and each that was removed since, back again.
   */
  *cuts(): Generator<readonly (readonly [name: string, content: Uint8Array])[]> {
    // Snapshots are derived from the rest, and passed over where they are not whole.
    const files = [...this.files.values()].filter(({ name }) => !name.endsWith('.cts'));
    const synced = files.map((file) => [file.name, file.synced] as const);
    const unsynced = files.filter(({ changes, isNamed }) => changes.length > 0 || !isNamed);
    yield synced.filter(([name]) => this.files.get(name)?.isNamed);
    for (const file of unsynced) {
      const others = synced.filter(([name]) => name !== file.name);
      for (const content of cutsOf(file)) yield [...others, [file.name, content]];
    }
    for (const { name, synced: content } of this.#removed)
      if (!this.files.has(name)) yield [...synced, [name, content]];
  }

  /** Names that were removed, and that a loss of power may bring back. */
  get removed(): string[] {
    return this.#removed.map(({ name }) => name);
  }

  /** A disk with these files, all of them synced. */
  static holding(files: readonly (readonly [name: string, content: Uint8Array])[], timer: SyncTimer): SimFiles {
    const disk = new SimFiles(timer);
    for (const [name, content] of files) {
      disk.files.set(name, { name, synced: content, changes: [], isNamed: true, links: 1 });
    }
    return disk;
  }

  /** Lets go of it: its paths are not simulated any more. */
  end(): void {
    this.powerOff();
    disks.delete(String(this.#number));
  }

  openSync(name: string, flags: string): number {
    if (name === '') return this.#handle(null);
    if (name === 'lock') return this.#lock();
    if (this.files.has(name)) throw errno('EEXIST', name);
    if (flags !== 'wx') throw errno('EINVAL', name);
    const file = { name, synced: new Uint8Array(0), changes: [], isNamed: false, links: 1 };
    this.files.set(name, file);
    return this.#handle(file);
  }

  /** Makes a file, or one anew, that nobody syncs. */
  put(name: string, bytes: Uint8Array): void {
    const { synced = new Uint8Array(0), changes = [], isNamed = false } = this.files.get(name) ?? {};
    const written = [
      { at: 0, bytes: null },
      { at: 0, bytes: bytes.slice() },
    ];
    this.files.set(name, { name, synced, changes: [...changes, ...written], isNamed, links: 1 });
  }

  find(name: string): SimFile {
    const file = this.files.get(name);
    if (file === undefined) throw errno('ENOENT', name);
    return file;
  }

  unlink(name: string): void {
    const file = this.find(name);
    this.files.delete(name);
    file.links = 0;
    if (file.isNamed) this.#removed.push(file);
  }

  /** Of the directory, where there is no file. */
  syncNow(file: SimFile | null): void {
    this.syncs++;
    if (file !== null) return settle(file, contentOf(file.synced, file.changes), file.isNamed);
    for (const one of this.files.values()) one.isNamed = true;
    this.#removed = [];
  }

  sync(file: SimFile, done: () => void): void {
    const life = this.#life;
    const covered = file.changes.length;
    this.#timer(() => {
      if (life !== this.#life) return;
      this.syncs++;
      file.synced = contentOf(file.synced, file.changes.splice(0, covered));
      done();
    });
  }

  #handle(file: SimFile | null): number {
    const fd = FIRST_FD + ++numbers;
    opened.set(fd, { disk: this, file });
    return fd;
  }

  /** The kernel locks real files only. */
  #lock(): number {
    const file = path.join(os.tmpdir(), `cachetrail-simulated-lock-${process.pid}-${++numbers}`);
    const fd = fs.openSync(file, 'w');
    fs.unlinkSync(file);
    locks.set(fd, this);
    return fd;
  }
}

/** What a file holds after some changes. */
export function contentOf(before: Uint8Array, changes: readonly FileChange[]): Uint8Array {
  let size = before.length;
  for (const { at, bytes } of changes) size = bytes === null ? at : Math.max(size, at + bytes.length);
  const most = changes.reduce((sum, { at, bytes }) => Math.max(sum, at + (bytes?.length ?? 0)), before.length);
  const content = new Uint8Array(Math.max(size, most));
  content.set(before);
  for (const { at, bytes } of changes) bytes === null ? content.fill(0, at) : content.set(bytes, at);
  return content.subarray(0, size);
}

/**
 * What a file may hold, each once: at each write and each sector of what is not synced its end, with nothing behind it or with
 * zeros up to the length; and with sectors of that missing, see `lossesOf`.
 */
function cutsOf({ synced, changes }: SimFile): Iterable<Uint8Array> {
  const all = contentOf(synced, changes);
  if (all.length <= synced.length) return [synced, all];
  const ends = new Set([synced.length, ...changes.map(({ at, bytes }) => at + (bytes?.length ?? 0))]);
  const sectors: number[] = [];
  for (let at = synced.length - (synced.length % SECTOR_BYTES); at < all.length; at += SECTOR_BYTES) {
    sectors.push(at);
    ends.add(at + SECTOR_BYTES);
  }
  const unique = new Map<string, Uint8Array>();
  const add = (content: Uint8Array) => unique.set(Buffer.from(content).toString('latin1'), content);
  for (const end of ends) {
    if (end > all.length || end < synced.length) continue;
    add(all.slice(0, end));
    add(all.slice().fill(0, end));
  }
  for (const isKept of lossesOf(sectors)) {
    const holed = all.slice();
    for (const [index, at] of sectors.entries()) {
      if (isKept[index]) continue;
      holed.fill(0, at, at + SECTOR_BYTES).set(synced.subarray(at, at + SECTOR_BYTES), at);
    }
    add(holed);
  }
  return unique.values();
}

/** The file is this, and no loss of power can change it. */
export function settle(file: SimFile, content: Uint8Array, isNamed = true): void {
  file.synced = content;
  file.changes = [];
  file.isNamed = isNamed;
}

/** Each sector that was written is new or as before; the length may lag behind, or the bytes behind the length. */
function tornBy(before: Uint8Array, after: Uint8Array, random: Random, share: number): Uint8Array {
  if (after.length < before.length) return random.chance(0.5) ? before : after;
  const content = after.slice();
  for (let at = before.length - (before.length % SECTOR_BYTES); at < after.length; at += SECTOR_BYTES) {
    if (!random.chance(share)) continue;
    content.fill(0, at, at + SECTOR_BYTES);
    content.set(before.subarray(at, at + SECTOR_BYTES), at);
  }
  if (!random.chance(0.3)) return content;
  return content.subarray(0, random.between(before.length, after.length));
}

function errno(code: string, name: string): Error {
  return Object.assign(new Error(`${code}: simulated, ${name}`), { code });
}

function placeOf(at: unknown): { readonly disk: SimFiles; readonly directory: string; readonly name: string } | null {
  if (typeof at !== 'string' || !at.startsWith(ROOT)) return null;
  const [number, life, name = ''] = at.slice(ROOT.length + 1).split(path.sep);
  const disk = disks.get(number);
  return disk === undefined ? null : { disk, directory: `${ROOT}${path.sep}${number}${path.sep}${life}`, name };
}

type Place = NonNullable<ReturnType<typeof placeOf>>;
type Handle = { readonly disk: SimFiles; readonly file: SimFile | null };

/** Sends a call that is about a simulated path there, and all others where they went before. */
function atPaths(target: object, name: string, simulated: (place: Place, ...rest: never[]) => unknown): void {
  replace(target, name, (args) => {
    const place = placeOf(args[0]);
    if (place === null) return null;
    const isOff = place.directory !== place.disk.directory;
    if (isOff) return () => new Promise(() => {});
    return () => Reflect.apply(simulated, undefined, [place, ...args.slice(1)]);
  });
}

function atHandles(name: string, simulated: (handle: Handle, ...rest: never[]) => unknown): void {
  replace(fs, name, (args) => {
    const handle = opened.get(Number(args[0]));
    return handle === undefined ? null : () => Reflect.apply(simulated, undefined, [handle, ...args.slice(1)]);
  });
}

function replace(target: object, name: string, of: (args: readonly unknown[]) => (() => unknown) | null): void {
  const real: unknown = Reflect.get(target, name);
  if (typeof real !== 'function') throw new TypeError(`there is a call ${name}`);
  Reflect.set(target, name, (...args: unknown[]) => {
    const simulated = of(args);
    return simulated === null ? Reflect.apply(real, target, args) : simulated();
  });
}

function written({ file }: Handle): SimFile {
  if (file === null) throw errno('EISDIR', 'the directory');
  return file;
}

function sizeOf({ synced, changes }: SimFile): number {
  return changes.reduce(
    (size, { at, bytes }) => (bytes === null ? at : Math.max(size, at + bytes.length)),
    synced.length,
  );
}

atPaths(fs, 'openSync', ({ disk, name }, flags: string) => disk.openSync(name, flags));
atPaths(fs, 'unlinkSync', ({ disk, name }) => disk.unlink(name));
replace(fs, 'closeSync', ([fd]) => {
  const number = Number(fd);
  locks.delete(number);
  return number < FIRST_FD ? null : () => opened.delete(number);
});
atHandles('fstatSync', (handle) => ({ nlink: written(handle).links, size: sizeOf(written(handle)) }));
atHandles('fdatasyncSync', ({ disk, file }) => disk.syncNow(file));
atHandles('fsyncSync', ({ disk, file }) => disk.syncNow(file));
atHandles('fdatasync', (handle, done: (error: null) => void) => handle.disk.sync(written(handle), () => done(null)));
atHandles('ftruncateSync', (handle, at: number) => written(handle).changes.push({ at, bytes: null }));
atHandles('writeSync', (handle, bytes: Uint8Array, offset: number, length: number, at: number) => {
  written(handle).changes.push({ at, bytes: bytes.slice(offset, offset + length) });
  return length;
});
atPaths(fs.promises, 'mkdir', () => Promise.resolve(undefined));
atPaths(fs.promises, 'readdir', async ({ disk }, options?: { readonly withFileTypes?: boolean }) => {
  const names = [...disk.files.keys()].sort();
  return options?.withFileTypes ? names.map((name) => ({ name, isDirectory: () => false })) : names;
});
atPaths(fs.promises, 'stat', async ({ disk, name }) => ({
  size: sizeOf(disk.find(name)),
  mtimeMs: 0,
  isFile: () => true,
}));
atPaths(fs.promises, 'unlink', async ({ disk, name }) => disk.unlink(name));
atPaths(fs.promises, 'writeFile', async ({ disk, name }, bytes: Uint8Array) => disk.put(name, bytes));
atPaths(fs.promises, 'readFile', async ({ disk, name }) => {
  const { synced, changes } = disk.find(name);
  return contentOf(synced, changes);
});
atPaths(fs.promises, 'truncate', async ({ disk, name }, at: number) => {
  disk.find(name).changes.push({ at, bytes: null });
});
atPaths(fs.promises, 'open', async ({ disk, name }) => {
  const file = disk.find(name);
  return {
    stat: async () => ({ size: sizeOf(file) }),
    datasync: async () => disk.syncNow(file),
    truncate: async (at: number) => {
      file.changes.push({ at, bytes: null });
    },
    read: async (into: Uint8Array, offset: number, length: number, at: number) => {
      const bytes = contentOf(file.synced, file.changes).subarray(at, at + length);
      into.set(bytes, offset);
      return { bytesRead: bytes.length, buffer: into };
    },
    close: async () => undefined,
  };
});
syncBuiltinESMExports();
