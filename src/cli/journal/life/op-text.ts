/** The events of a request, and of what it met, as a person would tell them; those that are rare as they are in the log. */
import type { CacheEvent, EventType } from '../../../cache/events.js';
import { detailsOf } from '../event-line.js';
import { durationText, plural, runText, wholeText } from '../text.js';
import { BARRIER_WHY, FILL_WHY, QUEUE_WHY, WRITEBACK_WHY } from '../words.js';
import { byText } from './requests.js';
import { failureText } from './teller.js';

type Texts = { readonly [T in EventType]?: (event: Extract<CacheEvent, { type: T }>) => string };

export function opText(event: CacheEvent): string {
  return textOf(event.type, event) ?? `${event.type}: ${detailsOf(event).replace(/, trace [0-9a-f]+/, '')}`;
}

function textOf<T extends EventType>(type: T, event: Extract<CacheEvent, { type: T }>): string | undefined {
  return TEXTS[type]?.(event);
}

const TEXTS: Texts = {
  read: (event) => `a read of ${runText(event.block, event.count)}${byText(event)}: all from the cache`,
  readMissed: (event) => {
    const { block, count, hits } = event;
    const found = hits === 0 ? 'not in the cache' : `${hits} of ${count} in the cache`;
    return `a read of ${runText(block, count)}${byText(event)}: ${found}`;
  },
  readBlocked: () => 'the read waits for a clear of its range',
  readResumed: () => 'the read goes on',
  readFinished: () => 'the read is done',
  readFailed: ({ code, io }) => `the read is rejected: ${code}${io === 0 ? '' : ` (io ${io})`}`,
  fillJoined: ({ io }) => `it waits for io ${io}, which another request has begun`,
  fillStarted: ({ io, block, count, reason }) =>
    `the device is asked: io ${io}, ${runText(block, count)}, ${FILL_WHY[reason]}`,
  fillFinished: ({ io, at, startedAt }) => `the device has answered: io ${io}, ${durationText(at - startedAt)}`,
  fillFailed: (event) => `the device could not: ${failureText(event)}`,
  writeQueued: (event) => {
    const { offset, length, reason } = event;
    return `a write of ${wholeText(length)} bytes at ${offset}${byText(event)} waits for ${QUEUE_WHY[reason]}`;
  },
  written: (event) => {
    const { block, count, length, generation, through } = event;
    const then = through ? '; it waits for the device' : '';
    return `a write of ${wholeText(length)} bytes in ${runText(block, count)}${byText(event)}: taken, generation ${generation}${then}`;
  },
  writeFinished: () => 'the device has it: the write is done',
  writeFailed: (event) => `the write is rejected: ${blocksText(event)}`,
  flushStarted: (event) => {
    const { block, count, pending } = event;
    const what = pending === 0 ? 'nothing is to be written' : `${plural(pending, 'block')} not durable yet`;
    return `a flush of ${runText(block, count)}${byText(event)}: ${what}`;
  },
  flushFinished: () => 'the flush is done',
  flushFailed: (event) => `the flush is rejected: ${blocksText(event)}`,
  batchPlanned: ({ batch, blocks, runs, reason }) =>
    `${plural(blocks, 'block')} in ${plural(runs.length / 2, 'run')} chosen for writeback ${WRITEBACK_WHY[reason]}: batch ${batch}`,
  writebackFailed: (event) =>
    `a write to ${runText(event.block, event.count)} failed: ${failureText(event)}, try ${event.attempt}`,
  writebackRetryScheduled: ({ block, count, attempt, at, dueAt }) =>
    `${runText(block, count)} to be tried again in ${durationText(dueAt - at)}, try ${attempt}`,
  writebackSplit: ({ block, count, splitAt }) => `${runText(block, count)} split at ${splitAt}`,
  blockParked: ({ block, code, io }) =>
    `block ${block} is parked: it keeps failing by itself (${code}, io ${io}); kept, dirty`,
  barrierStarted: ({ io, reason }) => `a barrier has begun ${BARRIER_WHY[reason]}: io ${io}`,
  barrierFinished: ({ io, at, startedAt }) => `the barrier is done: io ${io}, ${durationText(at - startedAt)}`,
  barrierFailed: (event) => `the barrier failed: ${failureText(event)}`,
  closeStarted: (event) => `a close${byText(event)}`,
  closed: () => 'the cache is closed',
  closeFailed: (event) => `the close is rejected, and the cache stays open: ${blocksText(event)}`,
};

const BLOCKS_TOLD_MAX = 8;

/** Each block with what the device said of it. */
function blocksText({
  blocks,
  codes,
  ios,
  barrierIo,
}: Extract<CacheEvent, { type: 'flushFailed' | 'closeFailed' | 'writeFailed' }>): string {
  const told = blocks.slice(0, BLOCKS_TOLD_MAX).map((block, at) => {
    const io = codes[at] === '' ? barrierIo : ios[at];
    return `block ${block} (${codes[at] === '' ? 'the barrier failed' : codes[at]}${io === 0 ? '' : `, io ${io}`})`;
  });
  const more = blocks.length > BLOCKS_TOLD_MAX ? ` and ${plural(blocks.length - BLOCKS_TOLD_MAX, 'other')}` : '';
  if (told.length > 0) return `not safe: ${told.join(', ')}${more}`;
  return barrierIo === 0 ? 'see the events before' : `the barrier io ${barrierIo} failed`;
}
