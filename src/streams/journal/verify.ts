/** Whether a journal is whole, unchanged, and what a core would decide again. */
import { hashState } from '../../cache/digest.js';
import type { CacheEvent } from '../../cache/events.js';
import { invalid } from '../options.js';
import { inspectBlock, statsOf } from '../stats.js';
import { EventDecoder } from './codec/decoder.js';
import { digesterFor, NO_DIGEST } from './chain.js';
import { isMarkedComplete } from './complete.js';
import { DecisionReplay } from './decision-replay.js';
import { JournalError } from './errors.js';
import { hexOf, isSame } from './frame.js';
import { Links } from './link.js';
import { readFrames } from './read-frames.js';
import { visitEvents } from './reader.js';
import { isKeyed, newestHeaderWith } from './seek.js';
import type { SegmentHeader } from './segment-header.js';
import { segmentsOf } from './segments.js';
import { findSnapshot, snapshotSeqs } from './snapshots.js';
import { stateAt } from './state-at.js';
import { checkKey } from './tail.js';
import type { JournalDivergence, JournalProblem, JournalStatus, JournalVerification, StateBefore } from './types.js';

export interface VerifyOptions {
  /** A head digest noted earlier, hex: it must still be in the chain. Of a keyed journal it tells nothing without the key. */
  readonly expect?: string;
  /** Of a keyed journal; without it the chain is not checked. */
  readonly key?: Uint8Array;
  /** Decides everything again, too, from the openings of caches on, and from snapshots where an opening is gone. Default true. */
  readonly decisions?: boolean;
  /** Nobody writes it now, so an end that is not whole is not looked at again. Default false. */
  readonly isAtRest?: boolean;
  /** Called now and then with the bytes looked at so far, of how many. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** Of the blocks that a divergence is about. */
const BLOCKS_SHOWN = 8;
/** Problems that are kept; all are counted. */
const PROBLEMS_MAX = 1000;

const HEAD = /^[0-9a-f]{64}$/;

/**
 * Rejects with ArgumentError for an `expect` that is no digest, and with JournalError CACHETRAIL_JOURNAL_NOT_FOUND, _NONE, _KEY
 * or _VERSION; whatever is wrong otherwise is in the result.
 */
export async function verifyJournal(directory: string, options: VerifyOptions = {}): Promise<JournalVerification> {
  const { key = null, decisions = true, isAtRest = false } = options;
  const expect = options.expect?.toLowerCase();
  if (expect !== undefined && !HEAD.test(expect)) throw invalid(`expect is 64 hex digits, not '${expect}'`);
  const digester = digesterFor(key);
  const segments = await segmentsOf(directory);
  const keyed = await isKeyed(directory);
  const chainChecked = !keyed || key !== null;
  if (expect !== undefined && !chainChecked) throw unprovable();
  const found = new Findings();
  const report = (problem: JournalProblem) => found.add(problem);
  const links = new Links(chainChecked ? digester : null, report);
  const replay = new DecisionReplay();
  const decoder = new EventDecoder();
  const totalBytes = segments.reduce((sum, segment) => sum + segment.bytes, 0);
  const total = { firstSeq: 0, lastSeq: 0, events: 0, frames: 0, bytes: 0, head: '', journalId: '' };
  let last: CacheEvent | null = null;
  const feed = (event: CacheEvent) => {
    last = event;
    if (decisions) replay.feed(event);
  };
  const snapshots = new Set(decisions ? await snapshotSeqs(directory) : []);
  let isExpectedSeen = expect === undefined;
  const checkHeader = (header: SegmentHeader) => {
    if (key !== null) checkKey(header, key);
    total.journalId ||= hexOf(header.journalId);
    // Noted before anything was written.
    isExpectedSeen ||= header.number === 1 && isSame(header.before, NO_DIGEST) && expect === hexOf(NO_DIGEST);
  };
  for await (const part of readFrames({ directory, links, report, wants: () => true, isAtRest, key: checkHeader })) {
    const { header, start, end } = part.frame;
    const { firstSeq, count } = header;
    total.frames++;
    total.bytes += end - start;
    total.head = hexOf(header.digest);
    isExpectedSeen ||= total.head === expect;
    if (snapshots.has(firstSeq - 1) && replay.needsState(firstSeq)) {
      // Where retention has deleted the opening, or events are missing.
      const known = await findSnapshot(directory, firstSeq - 1, firstSeq - 1, chainChecked ? digester : null);
      if (known !== null) replay.resume(known.state);
    }
    if (visitEvents(part, decoder, report, feed)) {
      total.firstSeq ||= firstSeq;
      total.lastSeq = firstSeq + count - 1;
      total.events += count;
    }
    options.onProgress?.(total.bytes, totalBytes);
  }
  if (await lacksEnd(directory, last)) report(missingEnd(total.lastSeq));
  // Noted where a crash had left a segment without a frame.
  isExpectedSeen ||= links.digest !== null && hexOf(links.digest) === expect;
  if (!isExpectedSeen) report(missingHead(expect ?? '', found.problems));
  const { divergence: first, replayed } = replay;
  const divergence = first === null ? null : { ...first, before: await stateBefore(directory, first, key) };
  const isWhole = found.status === 'sound' || found.status === 'torn';
  return {
    status: isWhole && divergence !== null ? 'diverged' : found.status,
    problems: found.problems,
    divergence,
    keyed,
    chainChecked,
    replayed,
    segments: segments.length,
    ...total,
    bytes: totalBytes,
  };
}

/** As the record tells it: from what was recorded before, whatever a new core makes of it. */
async function stateBefore(
  directory: string,
  { seq, recorded, decided }: Omit<JournalDivergence, 'before'>,
  key: Uint8Array | null,
): Promise<StateBefore | null> {
  try {
    const { state } = await stateAt(directory, seq - 1, key === null ? {} : { key });
    const blocks = [...new Set([recorded, decided].flatMap(blocksOf))].slice(0, BLOCKS_SHOWN);
    return {
      seq: state.seq,
      hash: hashState(state),
      phase: state.phase,
      blocks: blocks.map((block) => inspectBlock(state, block)),
      stats: statsOf(state, 0),
    };
  } catch (error) {
    if (error instanceof JournalError) return null;
    throw error;
  }
}

function blocksOf(event: CacheEvent | null): number[] {
  if (event === null || !('block' in event)) return [];
  const count = 'count' in event ? Math.min(event.count, BLOCKS_SHOWN) : 1;
  return Array.from({ length: count }, (_, index) => event.block + index);
}

class Findings {
  readonly problems: JournalProblem[] = [];
  status: Exclude<JournalStatus, 'diverged'> = 'sound';

  add(problem: JournalProblem): void {
    if (this.problems.length < PROBLEMS_MAX) this.problems.push(problem);
    // What retention deletes is no part of the journal any more.
    if (problem.kind === 'expired') return;
    const status = problem.kind === 'lost' ? 'damaged' : problem.kind;
    if (RANK.indexOf(status) > RANK.indexOf(this.status)) this.status = status;
  }
}

const RANK = ['sound', 'torn', 'damaged', 'altered'];

/** Without the key whoever changed the journal can leave any digest in it as it was. */
function unprovable(): JournalError {
  const message = 'the journal has a key, and without it a head digest that was noted cannot be held against the chain';
  return new JournalError('CACHETRAIL_JOURNAL_KEY', message);
}

/** The cache went on when the journal could not be written any more, as far as the journal tells. */
async function lacksEnd(directory: string, last: CacheEvent | null): Promise<boolean> {
  if (last === null || last.type === 'closed') return false;
  const newest = await newestHeaderWith(directory, () => true);
  return newest?.continues === true && !(await isMarkedComplete(directory));
}

function missingEnd(lastSeq: number): JournalProblem {
  const message = 'the cache went on when the journal could not be written any more: what it did since is not in it';
  return { kind: 'lost', segment: '', start: 0, end: 0, fromSeq: lastSeq + 1, toSeq: 0, message };
}

function missingHead(expect: string, problems: readonly JournalProblem[]): JournalProblem {
  const expired = problems.some(({ kind }) => kind === 'expired');
  const where = expired ? ', or was in what retention deleted meanwhile' : '';
  const message = `the head digest that was noted, ${expect}, is not in the chain${where}`;
  return { kind: 'altered', segment: '', start: 0, end: 0, fromSeq: 0, toSeq: 0, message };
}
