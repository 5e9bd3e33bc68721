import { expect } from 'chai';
import { MUTATIONS } from './mutations/catalogue.js';
import { edited, editedFiles } from './mutations/edits.js';

describe('The mutations of the core', () => {
  it('are at least 24, each with a name of its own', () => {
    expect(new Set(MUTATIONS.map(({ name }) => name)).size).to.equal(MUTATIONS.length);
    expect(MUTATIONS.length).to.be.at.least(24);
  });

  for (const mutation of MUTATIONS) {
    it(`can still be made: one ${mutation.name}`, () => {
      expect(editedFiles(mutation).size).to.be.above(0);
    });
  }

  it('cannot be made where what they replace is gone, or is there twice', () => {
    const edit = { file: 'cache/x', from: 'if (a) return;', to: '' };
    expect(edited('b; if (a)\n  return; c', edit)).to.equal('b;  c');
    expect(() => edited('if (b) return;', edit)).to.throw('0 times');
    expect(() => edited('if (a) return; if (a) return;', edit)).to.throw('2 times');
  });
});
