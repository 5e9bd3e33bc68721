import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import { packageRoot } from '../../src/cli/package-files.js';

describe('a real Jaeger', () => {
  it('is asked by a run of its own, which is there', () => {
    console.log(
      '      left out here: the demo in a real Jaeger, which `npm run test:jaeger` asks (and builds, where there is none)',
    );
    const { scripts } = JSON.parse(readFileSync(path.join(packageRoot(), 'package.json'), 'utf8'));
    const file = /\bbuild\/\S+\.js\b/.exec(scripts['test:jaeger'])?.[0] ?? '';
    expect(existsSync(path.join(packageRoot(), file)), file).to.equal(true);
  });
});
