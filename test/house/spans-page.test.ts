import { expect } from 'chai';
import { ATTRIBUTE, RELATION, SCOPE, SPAN } from '../../src/telemetry/names.js';
import { randomRun } from '../telemetry/spans/random-run.js';
import { projected } from '../telemetry/spans/support.js';
import { codeIn, page, sectionsOf, tableHeading, tableRows } from './markdown.js';
import { manifest } from './installed.js';

/** What any span can have, whatever its row says. */
const COMMON: readonly string[] = [ATTRIBUTE.seq, ATTRIBUTE.errorType, ATTRIBUTE.unfinished];

describe('the spans in docs/TELEMETRY.md', () => {
  const body = (name: string): string => {
    const found = sectionsOf(page('docs/TELEMETRY.md')).find(({ heading }) => heading === name);
    if (found === undefined) throw new Error(`docs/TELEMETRY.md has no section "${name}"`);
    return found.body;
  };
  const codesIn = (cell: string) => (cell === '' ? [] : cell.split(', ').map((code) => codeIn(code)));
  const spans = () => tableRows(body('Which spans there are'));

  it('are those of the code, each once, with when, below what, and which attributes', () => {
    expect(tableHeading(body('Which spans there are')).length).to.equal(5);
    expect(spans().map(([name]) => codeIn(name))).to.have.members(Object.values(SPAN));
    expect(spans().length).to.equal(Object.values(SPAN).length);
    for (const [name, when, parent, attributes] of spans()) {
      expect(when, name).to.not.equal('');
      expect(parent, name).to.not.equal('');
      expect(Object.values(ATTRIBUTE), name).to.include.members(codesIn(attributes));
    }
  });

  it('have the attributes that the page gives them, and no others', async () => {
    const listed = new Map(spans().map(([name, , , attributes]) => [codeIn(name), codesIn(attributes)]));
    const seen = new Set<string>();
    for (const seed of [31, 32, 33]) {
      for (const { name, attributes } of projected(await randomRun(seed, { steps: 40 })).all) {
        for (const attribute of Object.keys(attributes)) {
          if (COMMON.includes(attribute)) continue;
          expect(listed.get(name), name).to.include(attribute);
          seen.add(attribute);
        }
      }
    }
    expect(seen.size, 'attributes that were looked at').to.be.above(20);
  });

  it('have attributes that are listed, each once, with a type and a meaning', () => {
    const rows = tableRows(body('Attributes'));
    expect(rows.map(([name]) => codeIn(name))).to.have.members(Object.values(ATTRIBUTE));
    expect(rows.length).to.equal(Object.values(ATTRIBUTE).length);
    for (const [name, type, meaning] of rows) {
      expect(['int', 'double', 'string', 'boolean', 'string[]'], name).to.include(type);
      expect(meaning, name).to.match(/^[A-Z`].*\.$|see below\.$/);
    }
  });

  it('have links for the reasons that are listed', () => {
    expect(tableRows(body('Links')).map(([relation]) => codeIn(relation))).to.have.members(Object.values(RELATION));
  });

  it('say the package’s version', () => {
    expect(SCOPE.version).to.equal(manifest.version);
  });
});
