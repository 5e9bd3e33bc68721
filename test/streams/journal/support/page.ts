/** The tables of docs/JOURNAL.md that follow from the code. */
import { type Field, LAYOUTS } from '../../../../src/streams/journal/codec/layouts.js';

export function wordRows(): string[] {
  const rows = new Map<string, string>();
  for (const { fields } of LAYOUTS.values()) {
    for (const { kind, words } of fields) {
      if (kind.kind === 'word') rows.set(kind.register, `| \`${kind.register}\` | ${words.join(', ')} |`);
    }
  }
  return [...rows.values()].sort();
}

export function eventRows(): string[] {
  return [...LAYOUTS.values()].map(({ code, type, fields }) => {
    const listed = fields.map((field) => `${field.name} \`${notationOf(field)}\``);
    return `| ${code} | \`${type}\` | ${listed.join(', ')} |`;
  });
}

function notationOf({ kind }: Field): string {
  switch (kind.kind) {
    case 'number':
      if (kind.prediction !== 'register') return `n =${kind.prediction}`;
      return `n ${kind.register}${kind.step === 0 ? '' : `+${kind.step}`}`;
    case 'cause':
      return 'c';
    case 'flag':
      return 'f';
    case 'text':
      return `t ${kind.register}`;
    case 'word':
      return `w ${kind.register}`;
    case 'trace':
      return 'x';
    case 'numbers':
      return 'ln';
    case 'texts':
      return 'lt';
    case 'config':
      return 'j';
  }
}
