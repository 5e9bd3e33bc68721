/**
 * The seam for what survives a power loss beside the device. A durable journal plugs in here: it gets every event of a boot,
 * keeps what its own storage kept, and puts what was acknowledged back on the device before the next boot.
 */
import type { EventSink } from '../../src/streams/pipeline.js';

export interface Recovery {
  /** Every acknowledged write must be there after a power loss, not only what a flush has covered. */
  readonly keepsAcknowledged: boolean;
  /** Called at each boot: the journal of the cache that is opened, behind the checker, or null. */
  journal(): EventSink | null;
  /** The power was lost: called before the next boot. */
  recover(): void;
}

/** Only what the device kept. */
export const DEVICE_ALONE: Recovery = {
  keepsAcknowledged: false,
  journal: () => null,
  recover: () => {},
};
