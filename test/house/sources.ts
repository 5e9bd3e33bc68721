import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** The checkout; the tests run compiled, from `build/test/house`. */
export const root = path.resolve(import.meta.dirname, '../../..');

export interface Source {
  /** From the checkout, with `/`: `src/cache/decide.ts`. */
  readonly path: string;
  readonly text: string;
  /** `text` with the insides of comments, strings and regular expressions blanked: same length, same lines. */
  readonly code: string;
}

/** Every TypeScript and script file in the folders, in order of path. */
export function sourcesIn(...folders: string[]): Source[] {
  return folders
    .flatMap((folder) => filesIn(folder))
    .filter((file) => /\.(ts|mjs)$/.test(file))
    .sort()
    .map((file) => sourceOf(file, readFileSync(path.join(root, file), 'utf8')));
}

export function sourceOf(file: string, text: string): Source {
  return { path: file, text, code: blanked(text) };
}

/** The modules that a source imports, statically or not, with where they are named. */
export function importsOf(source: Source): { readonly module: string; readonly index: number }[] {
  const found = [...source.code.matchAll(/\b(?:from|import)\b\s*\(?\s*(['"])/g)];
  return found.map((match) => {
    const start = match.index + match[0].length;
    return { module: source.text.slice(start, source.text.indexOf(match[1], start)), index: match.index };
  });
}

export function lineAt(text: string, index: number): number {
  return text.slice(0, index).split('\n').length;
}

function filesIn(folder: string): string[] {
  const entries = readdirSync(path.join(root, folder), { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)).replaceAll(path.sep, '/'));
}

// What can start where code is expected. A `/` after a value divides; anywhere else it opens a regular expression.
const OPENERS = /\/\/|\/\*|['"`]|\/|[{}]/y;
const REGEX_MAY_FOLLOW = /(?:^|[=(,:;!&|?{}[+\-*%~^<>]|\b(?:return|typeof|case|in|of|await|yield|void))\s*$/;

function blanked(text: string): string {
  const out = text.split('');
  const blank = (from: number, to: number): void => {
    for (let at = from; at < to; at++) if (out[at] !== '\n') out[at] = ' ';
  };
  // For each open `${`, how many braces are open inside it.
  const templates: number[] = [];
  let at = 0;
  while (at < text.length) {
    OPENERS.lastIndex = at;
    const token = OPENERS.exec(text)?.[0];
    if (token === undefined) {
      at++;
      continue;
    }
    const inTemplates = templates.length;
    const end = endOf(token, text, at, out, templates);
    if (token === '//' || token === '/*') blank(at, end);
    else if (token === '}' && end > at + 1) blank(at, templates.length === inTemplates ? end : end - 1);
    else if (token === '`' && templates.length > inTemplates) blank(at + 1, end);
    else if (token !== '{') blank(at + 1, end - 1);
    at = end;
  }
  return out.join('');
}

/** Where the thing that `token` opens at `at` ends (exclusive). A template ends at its next `${`, and goes on after the `}`. */
function endOf(token: string, text: string, at: number, out: string[], templates: number[]): number {
  switch (token) {
    case '//':
      return orEnd(text, text.indexOf('\n', at));
    case '/*':
      return orEnd(text, text.indexOf('*/', at)) + 2;
    case '/': {
      const before = out.slice(Math.max(0, at - 200), at).join('');
      return REGEX_MAY_FOLLOW.test(before)
        ? matchEnd(/\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])+\//y, text, at)
        : at + 1;
    }
    case '`':
      return templateEnd(text, at + 1, templates);
    case '{':
      if (templates.length > 0) templates[templates.length - 1]++;
      return at + 1;
    case '}':
      if (templates.length === 0) return at + 1;
      if (templates[templates.length - 1]-- > 0) return at + 1;
      templates.pop();
      return templateEnd(text, at + 1, templates);
    default:
      return matchEnd(token === "'" ? /'(?:\\.|[^'\\])*'/sy : /"(?:\\.|[^"\\])*"/sy, text, at);
  }
}

function templateEnd(text: string, from: number, templates: number[]): number {
  for (let at = from; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === '`') return at + 1;
    else if (text.startsWith('${', at)) {
      templates.push(0);
      return at + 2;
    }
  }
  return text.length;
}

function matchEnd(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  const match = pattern.exec(text);
  return at + (match?.[0].length ?? 1);
}

function orEnd(text: string, index: number): number {
  return index === -1 ? text.length : index;
}
