import { expect } from 'chai';
import { differencesOf, type Entry } from '../../src/cli/demo/compare.js';

describe('comparing what is in an image with what should be', () => {
  const file = (content: string): Entry => ({ kind: 'file', content });
  const expected = new Map<string, Entry>([
    ['/a', file('1')],
    ['/b', file('2')],
    ['/d', { kind: 'directory', content: '' }],
  ]);

  it('finds nothing where all is equal', () => {
    expect(differencesOf(expected, new Map(expected))).to.deep.equal([]);
  });

  it('names what is missing, unexpected, of another kind and of other contents', () => {
    const found = new Map<string, Entry>([
      ['/b', file('3')],
      ['/c', file('4')],
      ['/d', file('')],
    ]);
    expect(differencesOf(expected, found)).to.deep.equal([
      { path: '/a', problem: 'missing' },
      { path: '/b', problem: 'other contents' },
      { path: '/c', problem: 'unexpected' },
      { path: '/d', problem: 'another kind' },
    ]);
  });
});
