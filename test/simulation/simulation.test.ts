import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import { root } from '../house/sources.js';
import { campaign, faultsOf } from './campaign.js';
import { type RunOptions, simulate } from './run.js';
import { reproduce, shrink } from './shrink.js';

const SHORT_RUNS = 300;
const SHORT_STEPS = 200;

interface Seed {
  readonly run: RunOptions;
  readonly found: string;
}

const seeds: Seed[] = readFileSync(path.join(root, 'test/simulation/seeds.txt'), 'utf8')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'))
  .map((line) => {
    const [seed, steps, without, ...found] = line.split(' ');
    const leftOut = new Set(without === '-' ? [] : without.split(','));
    return { run: { seed: Number(seed), steps: Number(steps), leftOut, replay: true }, found: found.join(' ') };
  });

describe('A simulated machine', function () {
  this.timeout(300_000);

  it(`keeps every promise in ${SHORT_RUNS} short runs`, async () => {
    const more = (begun: number) => SHORT_RUNS - begun;
    const options = { seed: 500_000, steps: SHORT_STEPS, leftOut: [], replayEvery: 1 };
    const { found, faults, crashes } = await campaign({ ...options, more });
    for (const { run, failure } of found) throw new Error(`${failure.message}: ${reproduce(await shrink(run))}`);
    expect(faultsOf(faults)).to.be.above(SHORT_RUNS);
    expect(crashes).to.be.above(SHORT_RUNS / 4);
    expect(Object.entries(faults).filter(([, count]) => count === 0)).to.deep.equal([]);
  });

  for (const { run, found } of seeds) {
    it(`keeps its promises with seed ${run.seed}, which once found that ${found}`, async () => {
      const { failure, steps } = await simulate(run);
      if (failure !== null) throw failure;
      expect(steps).to.equal(run.steps);
    });
  }

  it('sums up the same, however many processes share the work', async () => {
    const more = (begun: number) => Math.min(3, 12 - begun);
    const options = { seed: 600_000, steps: 50, leftOut: [], replayEvery: 4, more };
    const alone = await campaign(options);
    expect(alone).to.include({ runs: 12, steps: 600 });
    expect(await campaign(options, 2)).to.deep.equal(alone);
  });

  it('does the same again for the same seed, event by event', async () => {
    const run = { seed: 77, steps: 300, leftOut: new Set<string>(), replay: false };
    const [one, other] = [await simulate(run), await simulate(run)];
    expect(one.failure).to.equal(null);
    expect(other).to.deep.equal(one);
    expect(one.hash).to.match(/^[0-9a-f]{16}$/);
  });
});
