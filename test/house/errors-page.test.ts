import { existsSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import { ERROR_CODES } from '../../src/device/error-codes.js';
import { codeIn, page, sectionsOf, tableRows } from './markdown.js';
import { root } from './sources.js';

describe('docs/ERRORS.md', () => {
  const documented = (): string[][] => tableRows(page('docs/ERRORS.md')).filter(([code]) => /^`CACHETRAIL_/.test(code));

  it('lists each code once', () => {
    const listed = documented().map(([code]) => codeIn(code));
    expect(listed.sort()).to.deep.equal(Object.keys(ERROR_CODES).sort());
  });

  it('gives each code the meaning and the remedy that the command prints', () => {
    const given = documented().map(([code, meaning, remedy]) => [codeIn(code), { meaning, remedy }]);
    expect(Object.fromEntries(given)).to.deep.equal(ERROR_CODES);
  });

  it('tells of each fault in codes that exist, and names tests that do', () => {
    const faults = sectionsOf(page('docs/ERRORS.md')).find(({ heading }) => heading.startsWith('What goes wrong'));
    const rows = tableRows(faults?.body ?? '');
    expect(rows.length).to.be.above(20);
    for (const [fault, ...cells] of rows) {
      const codes = cells.slice(0, -1).flatMap((cell) => cell.match(/\b[A-Z]+_[A-Z_]+\b/g) ?? []);
      expect(Object.keys(ERROR_CODES), fault).to.include.members(codes.map((code) => `CACHETRAIL_${code}`));
      const files = [...cells[cells.length - 1].matchAll(/`([^`]+)`/g)].map(([, file]) => file);
      expect(files, fault).to.not.be.empty;
      for (const file of files) expect(existsSync(path.join(root, file)), file).to.equal(true);
    }
  });
});
