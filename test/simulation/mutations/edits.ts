/** Applies the edits of a mutation to compiled sources. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Edit, Mutation } from './catalogue.js';

/** The compiled checkout: `build`. */
const built = path.resolve(import.meta.dirname, '../../..');

export function pathOf({ file }: Edit): string {
  return path.join(built, 'src', `${file}.js`);
}

/** Throws if what is to be replaced does not stand there exactly once. */
export function edited(source: string, { file, from, to }: Edit): string {
  const pattern = from.trim().split(/\s+/).map(escaped).join('\\s+');
  const found = [...source.matchAll(new RegExp(pattern, 'g'))];
  if (found.length !== 1) throw new Error(`in src/${file}.ts, ${found.length} times and not once: ${from}`);
  const [{ index, 0: text }] = found;
  return source.slice(0, index) + to + source.slice(index + text.length);
}

/** The mutation's edits, by the path of the file that they are for; throws if one cannot be made. */
export function editedFiles({ edits }: Mutation): Map<string, string> {
  const files = new Map<string, string>();
  for (const edit of edits) {
    const file = pathOf(edit);
    files.set(file, edited(files.get(file) ?? readFileSync(file, 'utf8'), edit));
  }
  return files;
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
