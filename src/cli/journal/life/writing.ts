/** How what was written reaches the device, or does not. */
import { durationText, plural, runText } from '../text.js';
import { QUEUE_WHY, WRITEBACK_WHY } from '../words.js';
import { barrierAnsweredLate } from './durability.js';
import { byText } from './requests.js';
import { type EventOf, failureText, type Tales, type Teller } from './teller.js';

export const WRITING: Tales = {
  writeQueued(life, event) {
    const { op, actor, reason, offset, length } = event;
    const first = Math.floor(offset / life.blockSize);
    const count = Math.ceil((offset + length) / life.blockSize) - first;
    if (!life.isIn({ block: first, count })) return;
    life.waiting.add(op);
    life.tell(event, 'waits', `a write${byText(event)} (op ${op}) waits for ${QUEUE_WHY[reason]}`, { op, actor });
  },

  written(life, event) {
    life.waiting.delete(event.op);
    if (life.standing.written(event)) return life.accesses.rewritten(event, life.epochMs);
    const { op, actor, generation, borrowed, through } = event;
    const how = borrowed ? ' through a borrowed view' : '';
    const waits = through ? ', and its writer waits for the device' : '';
    const io = life.standing.carried?.io ?? 0;
    const meanwhile = io === 0 ? '' : `; io ${io} is under way with what was there before`;
    const text = `written${byText(event)}${how}: generation ${generation}, ${extentText(life, event)} (op ${op})`;
    life.tell(event, 'written', text + waits + meanwhile, { op, actor, generation });
  },

  batchPlanned(life, event) {
    const { batch, blocks, runs, reason } = event;
    if (!runs.some((block, at) => at % 2 === 0 && life.isIn({ block, count: runs[at + 1] }))) return;
    const size = `${plural(blocks, 'block')} in ${plural(runs.length / 2, 'run')}`;
    const text = `chosen for writeback ${WRITEBACK_WHY[reason]}: batch ${batch}, ${size}`;
    life.tell(event, 'planned', text, { batch, reason });
  },

  writebackStarted(life, event) {
    const { io, batch, attempt, reason, block, count } = event;
    const generation = life.standing.writing(event);
    const run = `${runText(block, count)}, try ${attempt}, batch ${batch} (${reason})`;
    const text = `on its way to the device: io ${io}, ${run}, with generation ${generation}`;
    life.tell(event, 'writing', text, { io, batch, attempt, reason, generation });
  },

  writebackFinished(life, event) {
    const { io, at, startedAt } = event;
    const { tainted, generation, stale } = life.standing.atDevice(io);
    let then = 'to be durable with the next barrier';
    if (tainted) then = 'but a barrier failed meanwhile, so it is written again';
    else if (stale) then = `with generation ${generation}; what was written since is still to come`;
    const text = `the device has taken it: io ${io}, ${durationText(at - startedAt)}, ${then}`;
    life.tell(event, 'at the device', text, { io, generation });
  },

  writebackFailed(life, event) {
    const { io, code, attempt, outcome } = event;
    life.standing.failed(event);
    const text = `the device did not take it: ${failureText(event)}, try ${attempt}; the block stays dirty`;
    life.tell(event, 'failed', text, { io, code, attempt, outcome });
  },

  writebackRetryScheduled(life, event) {
    const { attempt, at, dueAt, block, count } = event;
    const text = `to be tried again in ${durationText(dueAt - at)}: ${runText(block, count)}, try ${attempt}`;
    life.tell(event, 'retry', text, { attempt, waitNs: dueAt - at });
  },

  writebackSplit(life, event) {
    const { block, count, splitAt } = event;
    const [start, end] = life.block < splitAt ? [block, splitAt] : [splitAt, block + count];
    const text = `${runText(block, count)} split at ${splitAt}; this one goes on with ${runText(start, end - start)}`;
    life.tell(event, 'split', text, { splitAt });
  },

  blockParked(life, event) {
    const { io, code } = event;
    life.standing.parked = true;
    life.tell(event, 'parked', `parked: it keeps failing by itself (${code}, io ${io}); kept, dirty`, { io, code });
  },

  parkedRetried(life, event) {
    if (!event.blocks.includes(life.block)) return;
    life.standing.parked = false;
    life.tell(event, 'unparked', 'to be tried again, as a request waits for room');
  },

  deviceAnsweredLate(life, event) {
    const { io, code } = event;
    if (barrierAnsweredLate(life, event) || !life.standing.stuck.delete(io)) return;
    const how = code === '' ? 'it was done after all' : code;
    life.tell(event, 'late', `io ${io}, which had timed out, was answered now: ${how}`, { io, code });
  },
};

function extentText(life: Teller, { offset, length }: EventOf<'written'>): string {
  const start = life.block * life.blockSize;
  const from = Math.max(0, offset - start);
  const to = Math.min(life.blockSize, offset + length - start);
  return to - from === life.blockSize ? 'the whole block' : `its bytes ${from}-${to - 1}`;
}
