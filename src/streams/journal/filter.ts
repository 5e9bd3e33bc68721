/** Which frames and events a reader wants. */
import type { CacheEvent } from '../../cache/events.js';
import type { FrameHeader } from './frame.js';
import { microsOf, msOf } from './time.js';
import type { JournalFilter } from './types.js';

export function wantsFrame(filter: JournalFilter, frame: FrameHeader, epochMs: number): boolean {
  const { from = 0, to = Infinity } = filter;
  if (frame.firstSeq > to || frame.firstSeq + frame.count - 1 < from) return false;
  if (isTimeless(filter)) return true;
  const { since = -Infinity, until = Infinity } = filter;
  const [first, last] = [msOf(epochMs, frame.minAt), msOf(epochMs, frame.maxAt)];
  return microsOf(last) >= microsOf(since) && microsOf(first) <= microsOf(until);
}

/** A test of single events, made once for each reading. */
export function eventTest(filter: JournalFilter): (event: CacheEvent, epochMs: number) => boolean {
  const { from = 0, to = Infinity, since = -Infinity, until = Infinity, traceId } = filter;
  const types = filter.types === undefined ? null : new Set<string>(filter.types);
  const actors = filter.actors === undefined ? null : new Set(filter.actors);
  const ops = filter.ops === undefined ? null : new Set(filter.ops);
  const ranges = filter.blocks?.map((block) => (typeof block === 'number' ? { block, count: 1 } : block)) ?? null;
  const timeless = isTimeless(filter);
  const [sinceMicros, untilMicros] = [microsOf(since), microsOf(until)];
  return (event, epochMs) => {
    if (event.seq < from || event.seq > to) return false;
    if (types !== null && !types.has(event.type)) return false;
    if (actors !== null && !('actor' in event && actors.has(event.actor))) return false;
    if (ops !== null && !('op' in event && ops.has(event.op))) return false;
    if (traceId !== undefined && !('trace' in event && event.trace?.traceId === traceId)) return false;
    if (ranges !== null && !ranges.some((range) => namesBlocks(event, range))) return false;
    if (timeless) return true;
    const micros = microsOf(msOf(epochMs, event.at));
    return micros >= sinceMicros && micros <= untilMicros;
  };
}

/** Then events of which the time is not known, because a segment's header is damaged, are given too. */
function isTimeless({ since, until }: JournalFilter): boolean {
  return since === undefined && until === undefined;
}

interface Range {
  readonly block: number;
  readonly count: number;
}

function namesBlocks(event: CacheEvent, range: Range): boolean {
  if ('block' in event) return meets(event.block, 'count' in event ? event.count : 1, range);
  if ('runs' in event) return event.runs.some((block, at) => at % 2 === 0 && meets(block, event.runs[at + 1], range));
  if ('blocks' in event && typeof event.blocks !== 'number')
    return event.blocks.some((block) => meets(block, 1, range));
  return false;
}

function meets(block: number, count: number, range: Range): boolean {
  return block < range.block + range.count && range.block < block + count;
}
