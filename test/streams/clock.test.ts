import { expect } from 'chai';
import { systemClock } from '../../src/streams/clock.js';

describe('the clock of the system', () => {
  it('never calls back before the time asked for, though timers of Node can be early', async () => {
    const clock = systemClock();
    for (let round = 0; round < 300; round++) {
      // Odd fractions of a millisecond: about one in a hundred such timers of Node fires early.
      const at = clock.now() + ((round * 377_777) % 3_000_000);
      const calledAt = await new Promise<number>((resolve) => clock.setTimer(at, true, () => resolve(clock.now())));
      expect(calledAt).to.be.at.least(at);
    }
  });
});
