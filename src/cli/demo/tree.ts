/** The directory tree that the demo copies in: the same files with the same bytes for the same number. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

export interface TreeFile {
  /** From the tree's top, with `/`. */
  readonly path: string;
  readonly sizeBytes: number;
  readonly executable: boolean;
  readonly contents: Buffer;
}

export interface Tree {
  /** Every directory after the one that it is in; the top is not in the list. */
  readonly directories: readonly string[];
  readonly files: readonly TreeFile[];
  readonly totalBytes: number;
}

const FILES_PER_DIRECTORY = 9;
const DEPTH_MAX = 4;
const WORDS = ['alder', 'basalt', 'cedar', 'delta', 'ember', 'fjord', 'grüne Insel', 'harbour', 'islet', 'juniper'];
/** Of 20 files: sizes from `min` to `max` bytes, so that most files are small and most bytes are in large ones. */
const SIZE_CLASSES = [
  { share: 1, min: 0, max: 0 },
  { share: 4, min: 1, max: 400 },
  { share: 9, min: 400, max: 8_192 },
  { share: 5, min: 8_192, max: 60_000 },
  { share: 1, min: 60_000, max: 240_000 },
];
/** The package's own documents that go into the tree beside the generated files. */
const DOCUMENTS = ['package.json', 'LICENSE', 'README.md', 'CHANGELOG.md'];

/** `fileCount` generated files, and the documents of the package in `packageRoot`. */
export function demoTree(fileCount: number, packageRoot: string): Tree {
  const draw = generator(0x0ddba11);
  const directories = directoryNames(Math.ceil(fileCount / FILES_PER_DIRECTORY), draw);
  const files = documents(packageRoot);
  if (files.length > 0) directories.push('cachetrail');
  for (let index = 0; index < fileCount; index++) {
    const directory = directories[draw(Math.ceil(fileCount / FILES_PER_DIRECTORY))];
    files.push(generatedFile(`${directory}/${WORDS[draw(WORDS.length)]}-${index}`, index, draw));
  }
  return { directories, files, totalBytes: files.reduce((sum, file) => sum + file.sizeBytes, 0) };
}

function directoryNames(count: number, draw: Draw): string[] {
  const names: string[] = [];
  for (let index = 0; index < count; index++) {
    const name = `${WORDS[draw(WORDS.length)]} ${index}`;
    const parent = index === 0 ? undefined : names[draw(index)];
    names.push(parent === undefined || parent.split('/').length >= DEPTH_MAX ? name : `${parent}/${name}`);
  }
  return names;
}

function generatedFile(name: string, index: number, draw: Draw): TreeFile {
  const sizeBytes = drawSize(draw);
  const text = draw(2) === 0;
  const seed = 0x5eed + index;
  return {
    path: `${name}.${text ? 'txt' : 'bin'}`,
    sizeBytes,
    executable: draw(10) === 0,
    contents: text ? textOf(sizeBytes, seed) : noiseOf(sizeBytes, seed),
  };
}

function documents(packageRoot: string): TreeFile[] {
  const docs = path.join(packageRoot, 'docs');
  const pages = existsSync(docs) ? readdirSync(docs).filter((name) => name.endsWith('.md')) : [];
  return [...DOCUMENTS, ...pages.sort().map((name) => `docs/${name}`)]
    .map((name) => path.join(packageRoot, name))
    .filter((file) => existsSync(file))
    .map((file) => {
      const contents = readFileSync(file);
      return {
        path: `cachetrail/${path.basename(file)}`,
        sizeBytes: contents.length,
        executable: false,
        contents,
      };
    });
}

/** A whole number from 0 to below `limit`. */
type Draw = (limit: number) => number;

/** Marsaglia's xorshift on 32 bits: small, and the same on every machine. */
function generator(seed: number): Draw {
  let state = seed;
  return (limit) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % limit;
  };
}

function drawSize(draw: Draw): number {
  let ticket = draw(SIZE_CLASSES.reduce((sum, { share }) => sum + share, 0));
  for (const { share, min, max } of SIZE_CLASSES) {
    if (ticket < share) return min + draw(max - min + 1);
    ticket -= share;
  }
  return 0;
}

function noiseOf(sizeBytes: number, seed: number): Buffer {
  const draw = generator(seed);
  const words = new Uint32Array(Math.ceil(sizeBytes / 4));
  for (let index = 0; index < words.length; index++) words[index] = draw(2 ** 32);
  return Buffer.from(words.buffer, 0, sizeBytes);
}

function textOf(sizeBytes: number, seed: number): Buffer {
  const draw = generator(seed);
  const bytes = Buffer.alloc(sizeBytes);
  for (let at = 0; at < sizeBytes; )
    at += bytes.write(`${WORDS[draw(WORDS.length)]}${draw(8) === 0 ? '\n' : ' '}`, at) || 1;
  return bytes;
}
