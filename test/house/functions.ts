import { lineAt, type Source } from './sources.js';

export interface Block {
  /** What stands before the brace. */
  readonly header: string;
  /** First and last line, the header's and the closing brace's. */
  readonly from: number;
  readonly to: number;
}

/**
 * The brace blocks that can be the body of a function, in code formatted by Biome. Told by what stands before the brace:
 * a parameter list, an arrow, or the end of a return type. Literals, classes and `describe` groups are none. Blocks of
 * `if` and loops are in the list too, which is harmless to a limit on length: they lie within a function.
 */
export function functionBlocks(source: Source): Block[] {
  const { code } = source;
  const open: { readonly at: number; readonly start: number }[] = [];
  const blocks: Block[] = [];
  // Where the statement that is being read began.
  let start = 0;
  for (let at = 0; at < code.length; at++) {
    if (code[at] === '{') {
      open.push({ at, start });
      start = at + 1;
    } else if (code[at] === '}') {
      const opened = open.pop();
      if (opened === undefined) throw new Error(`${source.path}:${lineAt(code, at)}: a brace closes that none opened`);
      const header = code.slice(opened.start, opened.at);
      if (opensFunction(header)) blocks.push(blockOf(source, header, opened.start, at));
      // A literal within a header (a return type, a default value) does not end it.
      start = opensLiteral(header) ? opened.start : at + 1;
    } else if (code[at] === ';') {
      start = at + 1;
    }
  }
  if (open.length > 0) throw new Error(`${source.path}: ${open.length} braces are left open`);
  return blocks.sort((a, b) => a.from - b.from);
}

function blockOf(source: Source, header: string, start: number, end: number): Block {
  const indent = header.length - header.trimStart().length;
  return {
    header: source.text.slice(start, start + header.length).trim(),
    from: lineAt(source.code, start + indent),
    to: lineAt(source.code, end),
  };
}

function opensFunction(header: string): boolean {
  if (opensLiteral(header)) return false;
  if (/(^|\s)(class|interface|enum|namespace)\s/.test(header)) return false;
  if (/^\s*(import|export)(\s+type)?(\s+[\w$]+,)?\s*$/.test(header)) return false;
  return !/\bdescribe\([^()]*\(\) =>\s*$/.test(header);
}

function opensLiteral(header: string): boolean {
  return /(?:[=(,:[?<|&]|\b(?:return|default|satisfies|as))\s*$/.test(header);
}
