import type { BlockDevice } from '../../../src/index.js';
import { drain, VirtualClock } from '../../support/virtual-clock.js';
import { withParts } from './devices.js';

const STEPS_MAX = 20_000;

/** The virtual clock, told in milliseconds how far to go. It also waits for devices that take real time. */
export class TestClock extends VirtualClock {
  #busy = 0;

  /** No time passes while this device is at something, so that what it takes is nobody's timeout. */
  waitFor(device: BlockDevice): BlockDevice {
    return withParts(device, {
      read: (offset, buffers) => this.#count(device.read(offset, buffers)),
      write: (offset, buffers) => this.#count(device.write(offset, buffers)),
      barrier: () => this.#count(device.barrier()),
      discard: (offset, length) => this.#count(device.discard(offset, length)),
      zero: (offset, length) => this.#count(device.zero(offset, length)),
      close: () => this.#count(device.close()),
    });
  }

  /** Lets `ms` milliseconds pass, timer by timer, and everything run that is due. */
  async pass(ms: number): Promise<void> {
    let passed = false;
    this.after(ms, () => {
      passed = true;
    });
    await this.rest();
    while (!passed) {
      this.step();
      await this.rest();
    }
  }

  override async until<T>(done: Promise<T>): Promise<T> {
    let settled = false;
    const watch = () => {
      settled = true;
    };
    done.then(watch, watch);
    for (let steps = 0; steps < STEPS_MAX; steps++) {
      await this.rest();
      if (settled) return done;
      if (!this.step()) throw new Error('nothing is left to wait for: a promise is never settled');
    }
    throw new Error(`still waiting after ${STEPS_MAX} timers`);
  }

  /** Until everything waits for a time, or for nothing. */
  async rest(): Promise<void> {
    do await drain();
    while (this.#busy > 0);
  }

  #count<T>(operation: Promise<T>): Promise<T> {
    this.#busy++;
    const end = () => {
      this.#busy--;
    };
    operation.then(end, end);
    return operation;
  }
}
