import { expect } from 'chai';
import { eventTypesIn, unionIn } from './event-types.js';
import { codeIn, page, type Section, sectionsOf, tableRows } from './markdown.js';
import { sourceOf } from './sources.js';

const COMMON = ['seq', 'at', 'cause'];

const events = sourceOf('src/cache/events.ts', page('src/cache/events.ts'));
const types = eventTypesIn(events);

describe('docs/EVENTS.md', () => {
  const sections = (): Section[] => sectionsOf(page('docs/EVENTS.md'));
  const bodyOf = (heading: string): string => {
    const found = sections().find((section) => section.heading === heading);
    if (found === undefined) throw new Error(`docs/EVENTS.md has no section "${heading}"`);
    return found.body;
  };
  const documented = (): Section[] => sections().filter((section) => section.level === 3 && codeIn(section.heading));

  it('describes each type once', () => {
    const headings = documented().map(({ heading }) => codeIn(heading));
    expect(headings.sort()).to.deep.equal([...types.keys()].sort());
  });

  for (const [type, fields] of types) {
    it(`lists every field of ${type} with its type`, () => {
      const listed = tableRows(bodyOf(`\`${type}\``)).map(([field, text]) => `${codeIn(field)}: ${codeIn(text)}`);
      const own = fields.filter(({ name }) => !COMMON.includes(name)).map((field) => `${field.name}: ${field.type}`);
      expect(listed.sort()).to.deep.equal(own.sort());
    });
  }

  it('gives every event a sentence, and every field a unit that the page explains and a meaning', () => {
    const units = tableRows(bodyOf('Units')).map(([unit]) => unit);
    for (const { heading, body } of documented()) {
      expect(body.trim(), heading).to.match(/^[A-Z][^|]+\./);
      for (const [field, , unit, meaning] of tableRows(body)) {
        expect(units, `${heading} ${field}`).to.include.members(unit.split(', '));
        expect(meaning, `${heading} ${field}`).to.match(/^\S.*\.$/);
      }
    }
  });

  it('says what every event has', () => {
    const listed = tableRows(bodyOf('Every event has')).map(([field]) => codeIn(field));
    expect(listed).to.deep.equal(['type', ...COMMON]);
    for (const [type, fields] of types)
      expect(
        fields.map(({ name }) => name),
        type,
      ).to.include.members(COMMON);
  });

  it('explains every word that an event can have', () => {
    const used = new Set([...types.values()].flatMap((fields) => fields.map((field) => field.type)));
    const unions = [...used].filter((type) => new RegExp(`type ${type} =`).test(events.code));
    expect(unions).to.not.be.empty;
    for (const name of unions) {
      const section = sections().find(({ heading }) => heading.endsWith(`: \`${name}\``));
      const words = tableRows(section?.body ?? '').map(([word]) => `'${codeIn(word)}'`);
      expect(words, name).to.deep.equal(unionIn(events, name));
    }
  });
});

describe('the reader of event types', () => {
  const sample = sourceOf(
    'sample.ts',
    `interface Fact<Type extends string> {
       readonly type: Type;
       /** Not a field: readonly at: number; */
       readonly seq: number;
     }
     interface Run { readonly block: number; }
     export interface Read extends Fact<'read'>, Run {
       readonly who: 'me' | null;
     }
     interface Deeper<Type extends string> extends Fact<Type> {}
     export interface Closed extends Deeper<'closed'> {}
     export type CacheEvent = | Read | Closed;`,
  );

  it('finds inherited fields, in order, and what type they have', () => {
    const block = { name: 'block', type: 'number' };
    const seq = { name: 'seq', type: 'number' };
    expect([...eventTypesIn(sample)]).to.deep.equal([
      ['read', [seq, block, { name: 'who', type: "'me' | null" }]],
      ['closed', [seq]],
    ]);
  });

  it('finds every event that the source declares', () => {
    const declared = [...events.code.matchAll(/\bexport interface (\w+)/g)].filter(([, name]) => name !== 'TraceRef');
    expect(types.size).to.equal(declared.length);
  });
});
