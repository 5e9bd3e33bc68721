/** A cache that is being opened. */
import type { BlockCache } from '../../src/streams/block-cache.js';
import { type Agenda, drain } from './agenda.js';
import { demand } from './failure.js';

/** Things that may happen before a cache is open over a device that goes wrong: what is brought back is tried again until its wait for room is over. */
const OPENING_STEPS_MAX = 400_000;

/** An opening waits for the journal and the device, where something is recovered. */
export async function openedOn(agenda: Agenda, opening: Promise<BlockCache>): Promise<BlockCache> {
  let isOver = false;
  const end = () => {
    isOver = true;
  };
  opening.then(end, end);
  for (let steps = 0; ; steps++) {
    await drain();
    if (isOver) return opening;
    demand(steps < OPENING_STEPS_MAX, 'an opening takes for ever');
    demand(agenda.step(), 'nothing is left that could happen, and a cache was never opened');
  }
}
