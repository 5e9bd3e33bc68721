import { expect } from 'chai';
import { page } from './markdown.js';

interface Locked {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly resolved?: string;
}

const { packages } = JSON.parse(page('package-lock.json')) as { readonly packages: Readonly<Record<string, Locked>> };

/** Where Node would look for `name` from the package at `place`. */
function isLocked(place: string, name: string): boolean {
  for (let at = place; ; at = at.slice(0, Math.max(0, at.lastIndexOf('node_modules/') - 1))) {
    if (`${at}${at === '' ? '' : '/'}node_modules/${name}` in packages) return true;
    if (at === '') return false;
  }
}

describe('the lock file', () => {
  it('holds every package that another needs, for other platforms too, or npm ci refuses it', () => {
    const missing = Object.entries(packages).flatMap(([place, { dependencies, optionalDependencies }]) =>
      Object.keys({ ...dependencies, ...optionalDependencies }).filter((name) => !isLocked(place, name)),
    );
    expect(missing).to.deep.equal([]);
  });

  it('ties nobody to one registry', () => {
    const hosts = Object.values(packages)
      .map(({ resolved }) => resolved)
      .filter((address) => address?.startsWith('http'));
    expect(hosts).to.deep.equal([]);
  });
});
