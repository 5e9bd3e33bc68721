import { expect } from 'chai';
import { type CutsResult, cutEverywhere } from './cuts.js';
import { type FileChange, SimFiles, settle } from './sim-files.js';

const RUNS = 2;
const STEPS = 15;

describe('A power loss at any moment', () => {
  it(`is recovered from at every cut of journal and device, in ${RUNS} short runs`, async () => {
    const results: CutsResult[] = [];
    for (let seed = 900; results.length < RUNS; seed++) {
      const result = await cutEverywhere(seed, STEPS);
      if (result === null) continue;
      if (result.failure !== null) throw result.failure;
      results.push(result);
    }
    expect(results.reduce((sum, { cuts }) => sum + cuts, 0)).to.be.above(50);
  });

  it('leaves of a file any end at a write or a sector, and any of its sectors missing', () => {
    const disk = new SimFiles(() => {});
    const changes: FileChange[] = [];
    const file = { name: 'a', synced: new Uint8Array(0), changes, isNamed: true, links: 1 };
    disk.files.set('a', file);
    settle(file, new Uint8Array(100).fill(1));
    file.changes.push({ at: 100, bytes: new Uint8Array(1000).fill(2) });
    const ends = [...disk.cuts()].map(([[, content]]) => content);
    expect(new Set(ends.map(({ length }) => length))).to.deep.equal(new Set([100, 512, 1024, 1100]));
    const holes = ends.filter((content) => content.length === 1100 && content[1099] === 2 && content[600] === 0);
    const starts = holes.map((content) => [content[0], content[511]]);
    expect(starts, 'alone, or with the one before').to.have.deep.members([
      [1, 2],
      [1, 0],
    ]);
    disk.end();
  });
});
