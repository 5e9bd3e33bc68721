import { drain, VirtualClock } from '../../support/virtual-clock.js';

/** The virtual clock, told in milliseconds how far to go. */
export class TestClock extends VirtualClock {
  /** Lets `ms` milliseconds pass, timer by timer, and everything run that is due. */
  async pass(ms: number): Promise<void> {
    let passed = false;
    this.after(ms, () => {
      passed = true;
    });
    await drain();
    while (!passed) {
      this.step();
      await drain();
    }
  }
}
