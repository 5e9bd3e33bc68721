import { createHash } from 'node:crypto';
import { expect } from 'chai';
import { packageRoot } from '../../src/cli/package-files.js';
import { demoTree, type Tree } from '../../src/cli/demo/tree.js';

describe('the tree that the demo copies in', () => {
  const digest = (tree: Tree) =>
    tree.files.map(({ path, contents }) => `${path} ${createHash('sha256').update(contents).digest('hex')}`);

  it('is the same at every call', () => {
    expect(digest(demoTree(60, packageRoot()))).to.deep.equal(digest(demoTree(60, packageRoot())));
  });

  it('has more than 200 files by default, with an empty one, small ones and large ones, in nested directories', () => {
    const { files, directories } = demoTree(240, packageRoot());
    expect(files.length).to.be.greaterThan(240);
    expect(new Set(files.map(({ path }) => path)).size).to.equal(files.length);
    expect(files.some(({ sizeBytes }) => sizeBytes === 0)).to.equal(true);
    expect(files.some(({ sizeBytes }) => sizeBytes > 100_000)).to.equal(true);
    expect(directories.some((path) => path.split('/').length === 4)).to.equal(true);
  });

  it('names every directory after the one that it is in, and every file in one of them', () => {
    const { files, directories } = demoTree(100, packageRoot());
    for (const [index, path] of directories.entries()) {
      const parent = path.split('/').slice(0, -1).join('/');
      if (parent !== '') expect(directories.slice(0, index)).to.include(parent);
    }
    for (const { path } of files) expect(directories).to.include(path.split('/').slice(0, -1).join('/'));
  });

  it('says the size of each file as it is', () => {
    for (const { sizeBytes, contents } of demoTree(40, packageRoot()).files) {
      expect(contents.length).to.equal(sizeBytes);
    }
  });
});
