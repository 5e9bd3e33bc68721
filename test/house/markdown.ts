import { readFileSync } from 'node:fs';
import path from 'node:path';
import { root } from './sources.js';

export interface Section {
  /** Without the `#`s. */
  readonly heading: string;
  readonly level: number;
  /** What follows, up to the next heading of any level. */
  readonly body: string;
}

export function page(file: string): string {
  return readFileSync(path.join(root, file), 'utf8');
}

/** The sections of a page in order. A `#` within a fenced block is no heading. */
export function sectionsOf(markdown: string): Section[] {
  const sections: { heading: string; level: number; body: string }[] = [];
  let fenced = false;
  for (const line of markdown.split('\n')) {
    if (line.startsWith('```')) fenced = !fenced;
    const match = fenced ? null : /^(#+) +(.+?) *$/.exec(line);
    if (match !== null) sections.push({ heading: match[2], level: match[1].length, body: '' });
    else if (sections.length > 0) sections[sections.length - 1].body += `${line}\n`;
  }
  return sections;
}

/** The rows of every table, as trimmed cells, headings and rulers left out. A `\|` in a cell is a `|`. */
export function tableRows(markdown: string): string[][] {
  const rows = markdown.split('\n').map((line) => (line.startsWith('|') ? cellsOf(line) : undefined));
  return rows.filter((cells, at): cells is string[] => {
    return cells !== undefined && !isRuler(cells) && !isRuler(rows[at + 1]);
  });
}

/** The cells of the first table's first line. */
export function tableHeading(markdown: string): string[] {
  const line = markdown.split('\n').find((candidate) => candidate.startsWith('|'));
  return line === undefined ? [] : cellsOf(line);
}

/** The text between back-quotes when that is the whole cell, else undefined. */
export function codeIn(cell: string): string | undefined {
  return /^`([^`]+)`$/.exec(cell)?.[1];
}

/** The contents of the fenced blocks in a language, in order. */
export function fencedBlocks(markdown: string, language: string): string[] {
  return [...markdown.matchAll(/^```(\w*)[^\n]*\n(.*?)^```$/gms)]
    .filter((match) => match[1] === language)
    .map((match) => match[2]);
}

function cellsOf(line: string): string[] {
  return line
    .replace(/^\||\|\s*$/g, '')
    .split(/(?<!\\)\|/)
    .map((cell) => cell.replaceAll('\\|', '|').trim());
}

function isRuler(cells: string[] | undefined): boolean {
  return cells?.every((cell) => /^:?-+:?$/.test(cell)) ?? false;
}
