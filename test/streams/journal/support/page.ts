/** The tables of docs/JOURNAL.md that follow from the code. */
import { type Field, LAYOUTS, LAYOUTS_BY_CODE } from '../../../../src/streams/journal/codec/layouts.js';
import { OLD_SCHEMAS } from '../../../../src/streams/journal/codec/old-schemas.js';

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

/** What is read and not written any more, with what its events are given that they do not have. */
export function oldEventRows(): string[] {
  return OLD_SCHEMAS.map(({ code, type, since }) => {
    const listed = LAYOUTS_BY_CODE[code]?.fields.map((field) => `${field.name} \`${notationOf(field)}\``) ?? [];
    const given = Object.entries(since).map(([name, value]) => `${name} \`v ${JSON.stringify(value)}\``);
    return `| ${code} | \`${type}\` | ${[...listed, ...given].join(', ')} |`;
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
