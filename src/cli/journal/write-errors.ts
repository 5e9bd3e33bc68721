/** The paths of write errors, as commands show them. */
import { pathText, stepText, type WriteErrorPath } from './error-paths.js';
import { plural } from './text.js';

export function errorObject({ seq, block, count, code, steps, outcome }: WriteErrorPath): Record<string, unknown> {
  return { seq, block, count, code, path: steps.map(stepText), outcome };
}

/** A paragraph: where, what, how it ended, and the path. */
export function errorText({ block, count, code, steps, outcome }: WriteErrorPath): string {
  const where = count === 1 ? `block ${block}` : `blocks ${block} to ${block + count - 1}`;
  return `  ${where}, ${code}, now ${outcome}:\n${wrapped(pathText(steps))}`;
}

export function errorsText(errors: readonly WriteErrorPath[]): string {
  if (errors.length === 0) return 'no write has failed\n';
  const paragraphs = errors.map((error) => `#${error.seq}\n${errorText(error)}`);
  return `${plural(errors.length, 'write error')}, each with the number of its first failure, and the path that it took:\n${paragraphs.join('')}`;
}

const LINE_WIDTH = 110;

function wrapped(parts: readonly string[]): string {
  let text = '';
  let line = '   ';
  for (const [index, part] of parts.entries()) {
    const word = index === 0 ? ` ${part}` : ` → ${part}`;
    if (line.length + word.length > LINE_WIDTH) {
      text += `${line}\n`;
      line = '   ';
    }
    line += word;
  }
  return `${text}${line}\n`;
}
