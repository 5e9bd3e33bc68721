import { expect } from 'chai';
import { ERROR_CODES } from '../../src/device/error-codes.js';
import { codeIn, page, tableRows } from './markdown.js';

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
});
