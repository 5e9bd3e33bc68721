/** What can come into the core. Plain data, with the time in it: the core reads no clock. */
import { assert } from '../device/errors.js';
import type { CacheEvent, ClearKind, FailureOutcome, JournalPolicy, JournalTask, TraceRef } from './events.js';
import type { CoreConfig } from './limits.js';

interface Arrival {
  /** Nanoseconds since the cache's epoch. */
  readonly at: number;
}

interface RequestInput extends Arrival {
  readonly op: number;
  readonly actor: string;
  readonly trace: TraceRef | null;
}

interface RangeInput extends RequestInput {
  readonly block: number;
  readonly count: number;
}

export type Input =
  | ({ readonly type: 'open'; readonly identity: string; readonly config: CoreConfig } & Arrival)
  | ({ readonly type: 'read' } & RangeInput)
  | ({ readonly type: 'readahead' } & RangeInput)
  | ({
      readonly type: 'write';
      readonly offset: number;
      readonly length: number;
      readonly through: boolean;
    } & RequestInput)
  | ({ readonly type: 'flush'; readonly handle: number } & RangeInput)
  | ({ readonly type: 'openHandle' } & RequestInput)
  | ({ readonly type: 'closeHandle'; readonly handle: number } & RequestInput)
  | ({
      readonly type: 'replaceDevice';
      readonly identity: string;
      readonly deviceBytes: number;
      readonly writable: boolean;
    } & RequestInput)
  | ({ readonly type: 'invalidate' } & RangeInput)
  | ({ readonly type: 'clear'; readonly kind: ClearKind; readonly reason: string } & RangeInput)
  | ({ readonly type: 'borrow'; readonly block: number } & RequestInput)
  | ({ readonly type: 'markDirty'; readonly block: number } & RequestInput)
  | ({ readonly type: 'release'; readonly op: number; readonly block: number } & Arrival)
  | ({ readonly type: 'resize'; readonly capacity: number } & RequestInput)
  | ({ readonly type: 'setBlockSize'; readonly blockSize: number } & RequestInput)
  | ({ readonly type: 'setOption'; readonly name: string; readonly value: number } & RequestInput)
  | ({ readonly type: 'close'; readonly abandon: string } & RequestInput)
  /** The caller, or the pipeline for it, no longer waits for a request. */
  | ({ readonly type: 'abort'; readonly op: number; readonly code: string } & Arrival)
  /** The journal failed, or is written again: nothing to decide on, and to be stated. */
  | ({
      readonly type: 'journalFailed';
      readonly task: JournalTask;
      readonly policy: JournalPolicy;
      readonly code: string;
      readonly lost: number;
    } & Arrival)
  | ({ readonly type: 'journalResumed'; readonly lost: number } & Arrival)
  /** A deadline of the core has come. */
  | ({ readonly type: 'tick' } & Arrival)
  /** The device answered: `code` is '' for success. `at` is when it did. */
  | ({
      readonly type: 'answer';
      readonly io: number;
      readonly startedAt: number;
      readonly code: string;
      readonly outcome: FailureOutcome;
    } & Arrival);

/**
 * The input that a decision's first event came from. Feeding these to a new core must give the same events again.
 */
export function inputOf(event: CacheEvent): Input {
  assert(event.cause === 0, 'only the first event of a decision stands for its input');
  const { at } = event;
  switch (event.type) {
    case 'opened':
      return { type: 'open', at, identity: event.identity, config: event.config };
    case 'read':
    case 'readMissed':
      return rangeInput('read', event);
    case 'readaheadRequested':
      return rangeInput('readahead', event);
    case 'writeQueued':
      return writeInput(event);
    case 'written':
      return event.borrowed ? { type: 'markDirty', ...requestOf(event), block: event.block } : writeInput(event);
    case 'flushStarted':
      return { type: 'flush', ...rangeOf(event), handle: event.handle };
    case 'deviceReplaced': {
      const { identity, deviceBytes } = event;
      return { type: 'replaceDevice', ...requestOf(event), identity, deviceBytes, writable: true };
    }
    case 'handleOpened':
      return { type: 'openHandle', ...requestOf(event) };
    case 'handleClosed':
      return { type: 'closeHandle', ...requestOf(event), handle: event.handle };
    case 'invalidated':
      return rangeInput('invalidate', event);
    case 'clearQueued':
      return { type: 'clear', ...rangeOf(event), kind: event.kind, reason: event.reason };
    case 'borrowQueued':
    case 'borrowed':
      return { type: 'borrow', ...requestOf(event), block: event.block };
    case 'released':
      return { type: 'release', at, op: event.op, block: event.block };
    case 'resized':
      return { type: 'resize', ...requestOf(event), capacity: event.capacity };
    case 'blockSizeRequested':
      return { type: 'setBlockSize', ...requestOf(event), blockSize: event.to };
    case 'optionSet':
      return { type: 'setOption', ...requestOf(event), name: event.name, value: event.value };
    case 'requestRefused':
      return refusedInput(event);
    case 'requestAborted':
      return { type: 'abort', at, op: event.op, code: event.code };
    case 'journalFailed': {
      const { task, policy, code, lost } = event;
      return { type: 'journalFailed', at, task, policy, code, lost };
    }
    case 'journalResumed':
      return { type: 'journalResumed', at, lost: event.lost };
    case 'ticked':
      return { type: 'tick', at };
    case 'closeStarted':
      return { type: 'close', ...requestOf(event), abandon: event.abandon };
    case 'fillFinished':
    case 'writebackFinished':
    case 'barrierFinished':
      return { type: 'answer', at, io: event.io, startedAt: event.startedAt, code: '', outcome: 'failed' };
    case 'fillFailed':
    case 'barrierFailed':
    case 'clearAnswered':
      return { type: 'answer', at, io: event.io, startedAt: event.startedAt, code: event.code, outcome: event.outcome };
    case 'writebackFailed':
      return { type: 'answer', at, io: event.io, startedAt: event.startedAt, code: event.code, outcome: event.outcome };
    case 'deviceAnsweredLate':
      return { type: 'answer', at, io: event.io, startedAt: event.startedAt, code: event.code, outcome: 'failed' };
    default:
      return assertNever(event.type);
  }
}

function assertNever(type: string): never {
  return assert(false, `${type} never comes first in a decision`) as never;
}

type RequestEvent = Extract<CacheEvent, { actor: string }>;
type RangeEvent = Extract<RequestEvent, { block: number; count: number }>;

function requestOf(event: RequestEvent): RequestInput {
  return { at: event.at, op: event.op, actor: event.actor, trace: event.trace };
}

function rangeOf(event: RangeEvent): RangeInput {
  return { ...requestOf(event), block: event.block, count: event.count };
}

/** Field by field: in a replay a spread costs more than the decision. */
function rangeInput(type: 'read' | 'readahead' | 'invalidate', event: RangeEvent): Input {
  const { at, op, actor, trace, block, count } = event;
  return { type, at, op, actor, trace, block, count };
}

function writeInput(event: Extract<CacheEvent, { type: 'written' | 'writeQueued' }>): Input {
  const { at, op, actor, trace, offset, length, through } = event;
  return { type: 'write', at, op, actor, trace, offset, length, through };
}

/** A refused request did nothing, so its range and kind are enough to be refused again for the same reason. */
function refusedInput(event: Extract<CacheEvent, { type: 'requestRefused' }>): Input {
  switch (event.request) {
    case 'read':
    case 'readahead':
    case 'invalidate':
      return rangeInput(event.request, event);
    case 'flush':
      return { type: 'flush', ...rangeOf(event), handle: 0 };
    case 'openHandle':
      return { type: 'openHandle', ...requestOf(event) };
    case 'replaceDevice':
      // Whatever it was, it was another device.
      return { type: 'replaceDevice', ...requestOf(event), identity: '', deviceBytes: event.length, writable: false };
    case 'write':
      return { type: 'write', ...requestOf(event), offset: event.offset, length: event.length, through: false };
    case 'discard':
    case 'zero':
    case 'drop':
      return { type: 'clear', ...rangeOf(event), kind: event.request, reason: '' };
    case 'borrow':
      return { type: 'borrow', ...requestOf(event), block: event.block };
    case 'markDirty':
      return { type: 'markDirty', ...requestOf(event), block: event.block };
    case 'resize':
      return { type: 'resize', ...requestOf(event), capacity: event.count };
    case 'setBlockSize':
      return { type: 'setBlockSize', ...requestOf(event), blockSize: event.length };
    case 'close':
      return { type: 'close', ...requestOf(event), abandon: '' };
    default: {
      const unknown: never = event.request;
      return assertNever(String(unknown));
    }
  }
}
