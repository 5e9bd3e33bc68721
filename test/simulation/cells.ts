/**
 * The unit in which the simulator looks at bytes. Every write fills each of its cells with a tag of its own, so that what a
 * cell holds says which write it came from, and a cell that holds two is torn where nothing may tear.
 */
import { SimulationFailure } from './failure.js';

export const CELL_BYTES = 128;
const WORD_BYTES = 4;
const CELL_WORDS = CELL_BYTES / WORD_BYTES;

export function cellCountOf(bytes: number): number {
  return Math.ceil(bytes / CELL_BYTES);
}

/** Bytes with the tags from `first` on, one a cell. */
export function tagged(length: number, first: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  const words = wordsOf(bytes);
  let tag = first;
  for (let at = 0; at < words.length; at += CELL_WORDS) words.fill(tag++, at, at + CELL_WORDS);
  return bytes;
}

/** Fills the cells of `bytes`, which start on a cell, with tags. */
export function putTags(bytes: Uint8Array, tags: Int32Array, cell: number, count: number): void {
  const words = wordsOf(bytes);
  for (let at = 0; at < count; at++) words.fill(tags[cell + at], at * CELL_WORDS, (at + 1) * CELL_WORDS);
  // What writes have there, who write whole words.
  if (words.byteLength < bytes.length && count * CELL_BYTES >= bytes.length) bytes.fill(0, words.byteLength);
}

/** The tags of bytes that start on a cell. */
export function tagsOf(bytes: Uint8Array, count: number): Int32Array {
  const words = wordsOf(bytes);
  const tags = new Int32Array(count);
  for (let at = 0; at < count; at++) {
    const from = at * CELL_WORDS;
    const end = Math.min(from + CELL_WORDS, words.length);
    const tag = words[from];
    for (let word = from + 1; word < end; word++) {
      if (words[word] !== tag) throw new SimulationFailure(`a cell is torn: it holds ${tag} and ${words[word]}`);
    }
    tags[at] = tag;
  }
  return tags;
}

/** Calls back with each cell of which `bytes`, read at a multiple of four, hold a part, and its tag. */
export function eachTag(bytes: Uint8Array, offset: number, visit: (cell: number, tag: number) => void): void {
  const words = wordsOf(bytes);
  let cell = Math.floor(offset / CELL_BYTES);
  let end = ((cell + 1) * CELL_BYTES - offset) / WORD_BYTES;
  for (let from = 0; from < words.length; cell++, from = end, end += CELL_WORDS) {
    const tag = words[from];
    const stop = Math.min(end, words.length);
    for (let word = from + 1; word < stop; word++) {
      if (words[word] !== tag) throw new SimulationFailure(`cell ${cell} is torn: it holds ${tag} and ${words[word]}`);
    }
    visit(cell, tag);
  }
}

/** The last bytes of a device whose size is no multiple of four are not looked at. */
function wordsOf(bytes: Uint8Array): Int32Array {
  return new Int32Array(bytes.buffer, bytes.byteOffset, Math.floor(bytes.length / WORD_BYTES));
}
