/** The pages that list things without a test of their own are held against what they list. */
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import { eventTypesIn } from './event-types.js';
import { manifest } from './installed.js';
import { page, sectionsOf, tableRows } from './markdown.js';
import { root, sourceOf } from './sources.js';

const bodyOf = (file: string, heading: string): string => {
  return sectionsOf(page(file)).find((section) => section.heading === heading)?.body ?? '';
};

describe('README.md', () => {
  it('lists every type of event once', () => {
    const listed = tableRows(bodyOf('README.md', 'Events')).flatMap(([, types]) => types.split(', '));
    const types = eventTypesIn(sourceOf('src/cache/events.ts', page('src/cache/events.ts'))).keys();
    expect(listed.sort()).to.deep.equal([...types].map((type) => `\`${type}\``).sort());
  });

  it('names every entry of the package', () => {
    const entries = Object.keys(manifest.exports).filter((entry) => entry !== './package.json');
    for (const entry of entries) expect(page('README.md')).to.include(`\`cachetrail${entry.slice(1)}\``);
  });
});

describe('docs/ARCHITECTURE.md', () => {
  it('names every folder of the source', () => {
    const folders = readdirSync(path.join(root, 'src'), { withFileTypes: true }).filter((entry) => entry.isDirectory());
    for (const { name } of folders) expect(bodyOf('docs/ARCHITECTURE.md', 'Layers')).to.include(`\`src/${name}\``);
  });

  it('names only files that exist', () => {
    const named = [...page('docs/ARCHITECTURE.md').matchAll(/`((?:src|test)\/[\w./-]+\.ts)`/g)].map(
      (match) => match[1],
    );
    for (const file of named) expect(existsSync(path.join(root, file)), file).to.equal(true);
  });
});

describe('docs/DECISIONS.md', () => {
  it('names every package that is depended on, but for type declarations', () => {
    const { dependencies, peerDependencies, devDependencies } = manifest;
    const packages = Object.keys({ ...dependencies, ...peerDependencies, ...devDependencies });
    for (const name of packages.filter((one) => !one.startsWith('@types/'))) {
      expect(page('docs/DECISIONS.md')).to.include(`\`${name}\``);
    }
  });
});
