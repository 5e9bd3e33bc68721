/** How a block comes into the cache, and who uses it there. */
import { durationText, runText } from '../text.js';
import { FILL_WHY, QUEUE_WHY } from '../words.js';
import { byText } from './requests.js';
import { failureText, type Tales } from './teller.js';

export const READING: Tales = {
  read: (life, event) => life.accesses.read(event, life.epochMs),

  readMissed(life, event) {
    if (life.standing.isCached) return life.accesses.read(event, life.epochMs);
    const { op, actor } = event;
    life.tell(event, 'missed', `read${byText(event)} (op ${op}), and not in the cache`, { op, actor });
  },

  fillStarted(life, event) {
    const { op, io, block, count, cached, reason } = event;
    if (cached) life.standing.loading = io;
    const kept = cached ? '' : '; it will not be kept, as no frame is free';
    const text = `the device is asked for it: io ${io}, ${runText(block, count)}, ${FILL_WHY[reason]} (op ${op})${kept}`;
    life.tell(event, 'reading', text, { io, op });
  },

  fillFinished(life, event) {
    const { io, at, startedAt } = event;
    const newer = life.standing.filled(io) === 'newer' ? '; the write since is newer and stays' : '';
    life.tell(event, 'read', `read from the device: io ${io}, ${durationText(at - startedAt)}${newer}`, { io });
  },

  fillFailed(life, event) {
    const { io, code } = event;
    if (life.standing.loading === io) life.standing.loading = 0;
    life.tell(event, 'read failed', `reading failed: ${failureText(event)}`, { io, code });
  },

  borrowQueued(life, event) {
    const { op, actor, reason } = event;
    life.waiting.add(op);
    life.tell(event, 'waits', `a borrow${byText(event)} (op ${op}) waits for ${QUEUE_WHY[reason]}`, { op, actor });
  },

  borrowed(life, event) {
    const { op, actor } = event;
    life.waiting.delete(op);
    life.tell(event, 'borrowed', `borrowed${byText(event)} (op ${op})`, { op, actor });
  },

  released(life, event) {
    const { op } = event;
    life.tell(event, 'released', `given back (op ${op})`, { op });
  },

  readFailed(life, event) {
    const { op, code } = event;
    if (!life.waiting.delete(op)) return;
    life.tell(event, 'ended', `what waited${life.requests.by(op)} has failed: ${code}`, { op, code });
  },

  requestAborted(life, event) {
    const { op, code } = event;
    if (!life.waiting.delete(op)) return;
    life.tell(event, 'ended', `what waited${life.requests.by(op)} has ended: ${code}`, { op, code });
  },

  requestRefused(life, event) {
    const { op, request, code } = event;
    // Their numbers are no range of blocks.
    if (request === 'resize' || request === 'close' || request === 'setBlockSize') return;
    life.tell(event, 'refused', `${request} refused${byText(event)} (op ${op}): ${code}`, { op, request, code });
  },
};
