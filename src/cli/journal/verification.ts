/** What was found in a journal, for people. */
import type { CacheEvent } from '../../cache/events.js';
import type {
  JournalDivergence,
  JournalStatus,
  JournalVerification,
  StateBefore,
} from '../../streams/journal/index.js';
import type { BlockInfo } from '../../streams/stats.js';
import { detailsOf } from './event-line.js';
import { problemText } from './reading.js';
import { plural, wholeText } from './text.js';

/** Exit codes of `verify`. */
export const STATUS_EXIT: Readonly<Record<JournalStatus, number>> = {
  sound: 0,
  torn: 3,
  damaged: 4,
  altered: 5,
  diverged: 6,
};

const VERDICTS: Readonly<Record<JournalStatus, string>> = {
  sound: 'sound',
  torn: 'TORN: sound up to its end, which is not whole, as after a crash; the next cache that uses it cuts that off',
  damaged: 'DAMAGED: a part of it cannot be read; the rest can',
  altered: 'ALTERED: somebody has changed it since it was written',
  diverged: 'DIVERGED: it is whole, but a cache would have decided otherwise',
};

export function verificationLines(found: JournalVerification, withDecisions: boolean): string[] {
  const { journalId, segments, frames, bytes, events, firstSeq, lastSeq, head, problems, divergence } = found;
  const range = events === 0 ? 'no events' : `${plural(events, 'event')}, #${firstSeq} to #${lastSeq}`;
  return [
    `journal ${journalId}`,
    `  holds      ${range}, in ${plural(frames, 'frame')} and ${plural(segments, 'segment')}, ${wholeText(bytes)} bytes`,
    `  chain      ${chainText(found)}`,
    `  decisions  ${decisionsText(found, withDecisions)}`,
    `  head       ${head}`,
    ...problems.map((problem) => `  ${problemText(problem)}`),
    ...(divergence === null ? [] : divergenceLines(divergence)),
    verdictText(found),
  ];
}

function verdictText({ status, chainChecked }: JournalVerification): string {
  const verdict = VERDICTS[status];
  return status === 'sound' && !chainChecked ? `${verdict}, as far as can be told without the key` : verdict;
}

function chainText({ keyed, chainChecked, problems }: JournalVerification): string {
  if (!chainChecked) return 'NOT PROVED, as the journal has a key and none was given';
  const broken = problems.filter(({ kind }) => kind === 'altered').length;
  if (broken > 0) return `broken: ${plural(broken, 'finding')}`;
  return keyed ? 'unbroken, by the key' : 'unbroken';
}

function decisionsText({ replayed, events, divergence }: JournalVerification, withDecisions: boolean): string {
  if (!withDecisions) return 'not checked';
  if (replayed === 0 && events > 0)
    return 'none: neither the opening that they follow from nor a snapshot since is in the journal';
  const again = `${wholeText(replayed)} of ${plural(events, 'event')} decided again`;
  if (divergence !== null) return `${again}, then another: see below`;
  return `${again}, all the same${replayed < events ? '; what the others follow from is not in the journal' : ''}`;
}

function divergenceLines({ seq, recorded, decided, stateHash, message, before }: JournalDivergence): string[] {
  return [
    `  first divergence at #${seq}: ${message}`,
    `    recorded  ${sideText(recorded)}`,
    `    decided   ${sideText(decided)}`,
    ...(before === null ? [] : beforeLines(before)),
    `    state after the decision: ${stateHash}`,
  ];
}

function beforeLines({ seq, hash, phase, blocks, stats }: StateBefore): string[] {
  const { residentBlocks, capacityBlocks, dirtyBlocks, writingBlocks, unsyncedBlocks, waitingRequests } = stats;
  const held = `${residentBlocks} of ${plural(capacityBlocks, 'block')} cached: ${dirtyBlocks} dirty, ${writingBlocks} being written, ${unsyncedBlocks} without a barrier`;
  return [
    `    state before it, at #${seq}: ${hash}, ${phase}; ${held}; ${plural(waitingRequests, 'request')} waiting`,
    ...blocks.map((info) => `      block ${info.block}: ${blockText(info)}`),
  ];
}

function blockText({ state, generation, pins, parked, lastError }: BlockInfo): string {
  const words = [
    state,
    ...(generation > 0 ? [`generation ${generation}`] : []),
    ...(pins > 0 ? [plural(pins, 'pin')] : []),
    ...(parked ? ['parked'] : []),
    ...(lastError === null ? [] : [`last error ${lastError}`]),
  ];
  return words.join(', ');
}

function sideText(event: CacheEvent | null): string {
  return event === null ? 'nothing' : `#${event.seq} ${event.type}: ${detailsOf(event)}`;
}
