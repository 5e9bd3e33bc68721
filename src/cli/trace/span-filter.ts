/** Which spans of a journal are asked for. */
import type { BlockRange } from '../../device/geometry.js';
import { microsOf } from '../../streams/journal/time.js';
import { ATTRIBUTE, type SpanData } from '../../telemetry/index.js';

/** Every field that is given must hold. */
export interface SpanFilter {
  /** Seqs, both included: the span begins at or before `to` and ends at or after `from`. */
  readonly from?: number;
  readonly to?: number;
  /** Milliseconds since 1970, both included. */
  readonly since?: number;
  readonly until?: number;
  /** Spans that name any of these blocks. */
  readonly blocks?: readonly (number | BlockRange)[];
  readonly ops?: readonly number[];
  readonly actors?: readonly string[];
  readonly traceId?: string;
  readonly errorsOnly?: boolean;
  /** Nanoseconds. */
  readonly slowerThanNs?: number;
}

const ERROR = 2;
const NS_PER_SECOND = 1e9;
const MS_PER_SECOND = 1e3;

/** Tests of single spans, made once. */
export interface SpanTests {
  readonly matches: (span: SpanData) => boolean;
  /** Comes with a span that matches and that it is below. What names other blocks than those asked for does not. */
  readonly comesAlong: (span: SpanData) => boolean;
}

export function spanTests(filter: SpanFilter): SpanTests {
  const ranges = rangesOf(filter);
  const comesAlong = (span: SpanData) => ranges === null || !(ATTRIBUTE.block in span.attributes) || isIn(span, ranges);
  return { matches: matchTest(filter), comesAlong };
}

function matchTest(filter: SpanFilter): (span: SpanData) => boolean {
  const { from = 0, to = Infinity, since = -Infinity, until = Infinity, slowerThanNs = -1 } = filter;
  const { errorsOnly = false, traceId } = filter;
  const ranges = rangesOf(filter);
  const ops = filter.ops === undefined ? null : new Set(filter.ops);
  const actors = filter.actors === undefined ? null : new Set(filter.actors);
  return (span) => {
    const { attributes, startTime, endTime } = span;
    const seq = numberIn(attributes[ATTRIBUTE.seq], numberIn(attributes[ATTRIBUTE.endSeq], 0));
    if (seq > to || numberIn(attributes[ATTRIBUTE.endSeq], seq) < from) return false;
    if (errorsOnly && span.status.code !== ERROR) return false;
    if (traceId !== undefined && span.traceId !== traceId) return false;
    if (ops !== null && !ops.has(numberIn(attributes[ATTRIBUTE.op], -1))) return false;
    if (actors !== null && !actors.has(String(attributes[ATTRIBUTE.actor] ?? ''))) return false;
    if (ranges !== null && !isIn(span, ranges)) return false;
    if (microsOf(msOf(startTime)) > microsOf(until) || microsOf(msOf(endTime)) < microsOf(since)) return false;
    return slowerThanNs < 0 || nanosecondsBetween(startTime, endTime) > slowerThanNs;
  };
}

function rangesOf({ blocks }: SpanFilter): BlockRange[] | null {
  return blocks?.map((block) => (typeof block === 'number' ? { block, count: 1 } : block)) ?? null;
}

/** The span names one of these blocks. */
function isIn({ attributes }: SpanData, ranges: readonly BlockRange[]): boolean {
  const block = numberIn(attributes[ATTRIBUTE.block], -1);
  const end = block + numberIn(attributes[ATTRIBUTE.count], 1);
  return block >= 0 && ranges.some((range) => block < range.block + range.count && range.block < end);
}

function numberIn(value: unknown, otherwise: number): number {
  return typeof value === 'number' ? value : otherwise;
}

function msOf([seconds, ns]: SpanData['startTime']): number {
  return seconds * MS_PER_SECOND + ns / (NS_PER_SECOND / MS_PER_SECOND);
}

function nanosecondsBetween(start: SpanData['startTime'], end: SpanData['startTime']): number {
  return (end[0] - start[0]) * NS_PER_SECOND + (end[1] - start[1]);
}
