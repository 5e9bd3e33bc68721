import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import { page, tableRows } from './markdown.js';
import { root } from './sources.js';

describe('docs/ORDERING.md', () => {
  const rows = () => tableRows(page('docs/ORDERING.md'));

  it('names a test for every statement', () => {
    for (const [statement, held] of rows()) expect(testsIn(held), statement).to.not.be.empty;
    expect(rows().length).to.be.above(30);
  });

  it('names only tests that exist', () => {
    for (const [file, title] of rows().flatMap(([, held]) => testsIn(held))) {
      const at = path.join(root, file);
      expect(existsSync(at), file).to.equal(true);
      const titles = [...readFileSync(at, 'utf8').matchAll(/\bit\((['`])(.*?)\1,/g)].map((match) => match[2]);
      expect(
        titles.some((one) => one.startsWith(title)),
        `${file}: ${title}`,
      ).to.equal(true);
    }
  });

  it('is found from the pages that one begins with', () => {
    for (const from of ['README.md', 'docs/ARCHITECTURE.md', 'docs/ERRORS.md']) {
      expect(page(from), from).to.match(/\((docs\/)?ORDERING\.md\)/);
    }
  });
});

/** A test's title may go on with what is different each time. */
function testsIn(cell: string): [file: string, title: string][] {
  return [...cell.matchAll(/`(test\/[\w./-]+) › ([^`]+)`/g)].map((match) => [match[1], match[2]]);
}
