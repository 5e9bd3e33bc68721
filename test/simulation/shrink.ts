/** Makes a failing run smaller, as far as is cheap: fewer faults, clients and power losses, then fewer steps. */
import { draw, partsOf } from './drawn.js';
import { type RunOptions, simulate } from './run.js';

/** Runs tried, at most. */
const TRIES_MAX = 80;

export async function shrink(failing: RunOptions): Promise<RunOptions> {
  let best = failing;
  let tries = 0;
  // The steps that a run has are part of what is drawn, so one that is cut where it failed may not fail, and what fails late in a
  // short run may be another failure: as good.
  const attempt = async (smaller: RunOptions): Promise<void> => {
    if (tries++ >= TRIES_MAX) return;
    const { failure, steps } = await simulate(smaller);
    if (failure === null) return;
    best = smaller;
    if (steps + 1 < smaller.steps) await attempt({ ...smaller, steps: steps + 1 });
  };
  for (const part of partsOf(draw(failing.seed, failing.steps, failing.leftOut))) {
    await attempt({ ...best, leftOut: new Set([...best.leftOut, part]) });
  }
  for (let cut = best.steps >> 1; cut > 0 && tries < TRIES_MAX; cut >>= 1) {
    while (best.steps > cut && tries < TRIES_MAX) {
      const before = best;
      await attempt({ ...best, steps: best.steps - cut });
      if (best === before) break;
    }
  }
  return best;
}

/** The one line that does it again. */
export function reproduce({ seed, steps, leftOut }: RunOptions): string {
  const without = leftOut.size === 0 ? '' : ` --without ${[...leftOut].join(',')}`;
  return `npm run sim -- --seed ${seed} --steps ${steps}${without}`;
}
