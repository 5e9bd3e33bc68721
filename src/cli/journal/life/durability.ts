/** When it is durable, and who is told that it is not. */
import { durationText } from '../text.js';
import { BARRIER_WHY } from '../words.js';
import { byText } from './requests.js';
import { type EventOf, failureText, type Tales, type Teller, TIMEOUT } from './teller.js';

export const DURABILITY: Tales = {
  flushStarted(life, event) {
    const { standing } = life;
    if (standing.isSafe) return;
    const again = standing.parked ? ', and it gets another chance' : '';
    standing.parked = false;
    const { op, actor } = event;
    life.waiting.add(op);
    life.tell(event, 'flush', `a flush${byText(event)} (op ${op}) asks for it${again}`, { op, actor });
  },

  closeStarted(life, event) {
    if (life.standing.isSafe) return;
    life.standing.parked = false;
    const { op, actor } = event;
    life.tell(event, 'flush', `a close${byText(event)} (op ${op}) asks for it`, { op, actor });
  },

  flushFinished(life, event) {
    const { op } = event;
    if (life.waiting.delete(op)) life.tell(event, 'flushed', `the flush${life.requests.by(op)} is done`, { op });
  },

  deviceReplaced(life, event) {
    const { op, identity } = event;
    const again = life.standing.parked ? ', and it gets another chance' : '';
    life.standing.parked = false;
    const hit = life.standing.barrierFailed();
    if (hit !== 'unsynced' && again === '') return;
    const then = hit === 'unsynced' ? '; what the old one had taken is written again' : '';
    life.tell(event, 'replaced', `the device was replaced by ${identity}${byText(event)} (op ${op})${then}${again}`, {
      op,
    });
  },

  resolvedTold(life, event) {
    const { op, blocks, codes, ios, ends, resolvedIos } = event;
    const at = blocks.indexOf(life.block);
    if (at === -1) return;
    const end = ends[at] === 'durable' ? `is durable since barrier io ${resolvedIos[at]}` : 'was given up or replaced';
    const text = `${life.requests.by(op).trim() || `op ${op}`} is told that it had failed (${codes[at]}, io ${ios[at]}) and ${end}`;
    life.tell(event, 'reported', text, { op, code: codes[at], io: ios[at] });
  },

  flushFailed: (life, event) => reported(life, event, 'a flush'),
  closeFailed: (life, event) => reported(life, event, 'a close'),
  writeFailed: (life, event) => reported(life, event, 'a write'),
  blockSizeFailed: (life, event) => reported(life, event, 'a change of the block size'),

  barrierStarted(life, event) {
    const { io, reason } = event;
    if (!life.standing.barrierStarted(io)) return;
    life.tell(event, 'barrier', `a barrier has begun ${BARRIER_WHY[reason]}: io ${io}`, { io, reason });
  },

  barrierFinished(life, event) {
    const { io, at, startedAt } = event;
    const generation = life.standing.barrierFinished(event);
    if (generation === 0) return;
    const since = life.standing.isSafe ? '' : '; what was written since is not';
    const text = `durable: barrier io ${io}, ${durationText(at - startedAt)}, up to generation ${generation}${since}`;
    life.tell(event, 'durable', text, { io, generation, safe: life.standing.isSafe });
  },

  barrierFailed(life, event) {
    const { io, code } = event;
    if (code === TIMEOUT) life.barriersOwed.add(io);
    const then = doubted(life);
    if (then === '') return;
    life.tell(event, 'barrier failed', `a barrier failed: ${failureText(event)}; ${then}`, { io, code });
  },
};

/** Another can begin now. One that has failed may have been told of what was written since. False if it was no barrier. */
export function barrierAnsweredLate(life: Teller, event: EventOf<'deviceAnsweredLate'>): boolean {
  const { io, code } = event;
  if (!life.barriersOwed.delete(io)) return false;
  if (code === '') {
    const text = `io ${io}, the barrier that had timed out, was answered now: another can begin`;
    if (!life.standing.isSafe) life.tell(event, 'late', text, { io, code });
    return true;
  }
  const then = doubted(life);
  if (then === '') return true;
  const text = `a barrier that had timed out failed: ${code} (io ${io}); ${then}`;
  life.tell(event, 'barrier failed', text, { io, code });
  return true;
}

/** What the failure of a barrier does to the block, in words; '' for nothing. */
function doubted(life: Teller): string {
  const hit = life.standing.barrierFailed();
  if (hit === 'none') return '';
  return hit === 'unsynced'
    ? 'what the device had taken may not be there, so the block is dirty again'
    : 'the write under way will not count';
}

type Report = EventOf<'flushFailed' | 'closeFailed' | 'writeFailed' | 'blockSizeFailed'>;

function reported(life: Teller, event: Report, reporter: string): void {
  const { op, blocks, codes, ios, barrierIo } = event;
  life.waiting.delete(op);
  const at = blocks.indexOf(life.block);
  if (at === -1) return;
  const [code, io] = codes[at] === '' ? ['', barrierIo] : [codes[at], ios[at]];
  let why = '';
  if (life.barriersOwed.has(io)) why = `: the barrier io ${io} timed out, and none can begin before it is answered`;
  else if (code !== '') why = `: ${code}, io ${io}`;
  else if (io !== 0) why = `: the barrier io ${io} failed`;
  const text = `${reporter}${life.requests.by(op)} is told that it is not safe${why}`;
  life.tell(event, 'reported', text, { op, code, io });
}
