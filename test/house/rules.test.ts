import { expect } from 'chai';
import { RULES } from './rules.js';
import { sourceOf, sourcesIn } from './sources.js';

const sources = sourcesIn('src', 'test', 'bench', 'scripts');

describe('the house rules', () => {
  it('are read against the sources that there are', () => {
    const folders = new Set(sources.map(({ path }) => path.split('/')[0]));
    expect([...folders].sort()).to.deep.equal(['bench', 'scripts', 'src', 'test']);
  });

  for (const rule of RULES) {
    it(`hold: ${rule.name}`, () => {
      expect(sources.flatMap(rule.findings)).to.deep.equal([]);
    });
  }
});

describe('the checks of the house rules', () => {
  for (const rule of RULES) {
    it(`find what breaks "${rule.name}" and nothing else`, () => {
      expect(rule.broken).to.not.be.empty;
      for (const [path, text] of rule.broken) expect(rule.findings(sourceOf(path, text)), text).to.not.be.empty;
      for (const [path, text] of rule.kept) expect(rule.findings(sourceOf(path, text)), text).to.deep.equal([]);
    });
  }

  it('are blind to comments, strings, templates and regular expressions, and see the code between', () => {
    const { code } = sourceOf(
      'a.ts',
      "a('}', \"it's\", `x ${b({ y: `{${c}`, z: '`' })} {`); /* { */ d(/[/}]\\/{/g, e / f); // }",
    );
    const seen = code.replaceAll(/\s+/g, ' ').trim();
    expect(seen).to.equal("a(' ', \" \", ` b({ y: ` c `, z: ' ' }) `); d(/ /g, e / f);");
  });
});
