/** Reads the event types out of their source, inherited fields included. */
import { type Source, sourceOf } from './sources.js';

export interface Field {
  readonly name: string;
  /** As it is written in the source: `number`, `readonly number[]`, `FillReason`. */
  readonly type: string;
}

interface Declaration {
  readonly fields: Field[];
  readonly bases: string[];
}

/** The fields of each member of the union `CacheEvent` by its `type`, in order of declaration. */
export function eventTypesIn(source: Source): Map<string, Field[]> {
  const declarations = declarationsIn(source);
  const members = unionIn(source, 'CacheEvent');
  return new Map(
    members.map((name) => {
      const fields = fieldsOf(name, declarations);
      const literal = /'(\w+)'/.exec(fields.find((field) => field.name === 'type')?.type ?? '')?.[1];
      if (literal === undefined) throw new Error(`${name} has no literal type`);
      return [literal, fields.filter((field) => field.name !== 'type')];
    }),
  );
}

/** The members of a union, names or string literals, as they are written. */
export function unionIn(source: Source, name: string): string[] {
  const start = source.code.search(new RegExp(`\\btype ${name} =`));
  if (start === -1) throw new Error(`${source.path} has no type ${name}`);
  const text = source.text.slice(source.text.indexOf('=', start) + 1, source.code.indexOf(';', start));
  return text
    .split('|')
    .map((member) => member.trim())
    .filter((member) => member !== '');
}

function declarationsIn(source: Source): Map<string, Declaration> {
  const found = matchesIn(source, /\binterface (\w+)(?:<Type extends string>)?(?: extends ([^{]+?))? \{([^}]*)\}/dg);
  return new Map(
    found.map(([, name, bases, body]) => {
      return [name, { bases: bases === '' ? [] : bases.split(/,\s*/), fields: fieldsIn(sourceOf(source.path, body)) }];
    }),
  );
}

function fieldsIn(body: Source): Field[] {
  return matchesIn(body, /\breadonly (\w+): ([^;]+);/dg).map(([, name, type]) => ({ name, type }));
}

/** Groups as they are in the text, found where comments and the insides of strings are blank. */
function matchesIn({ code, text }: Source, pattern: RegExp): string[][] {
  return [...code.matchAll(pattern)].map((match) =>
    Array.from(match.indices ?? [], (span) => (span === undefined ? '' : text.slice(...span))),
  );
}

/** Inherited fields first. `base` may carry the literal that the base's `Type` stands for. */
function fieldsOf(base: string, declarations: Map<string, Declaration>): Field[] {
  const [, name, argument] = /^(\w+)(?:<(.+)>)?$/.exec(base) ?? [];
  const declaration = declarations.get(name);
  if (declaration === undefined) throw new Error(`no interface ${base}`);
  const bound = (text: string): string => text.replace(/\bType\b/, argument ?? 'Type');
  const inherited = declaration.bases.flatMap((parent) => fieldsOf(bound(parent), declarations));
  const own = declaration.fields.map((field) => ({ name: field.name, type: bound(field.type) }));
  return [...inherited, ...own];
}
