/**
 * Every event type as it is stored: its code and its fields in order. An event type or a field that is not here does not
 * compile. `docs/JOURNAL.md` is held against this table by a test.
 *
 * What is released never changes: a type that gets another shape gets a new code here, and its old code goes to
 * `old-schemas.ts` with the way up. Codes are not used twice.
 */
import type { CacheEvent, EventType } from '../../../cache/events.js';
import { cause, config, flag, type KindFor, number, numbers, strideOffset, text, texts, time, trace } from './kinds.js';
import * as words from './words.js';

type EventOf<T extends EventType> = Extract<CacheEvent, { type: T }>;
type FieldsOf<T extends EventType> = Exclude<keyof EventOf<T>, 'type' | 'seq'>;

export interface Schema<T extends EventType> {
  readonly code: number;
  readonly fields: { readonly [F in FieldsOf<T>]: KindFor<EventOf<T>[F]> };
}

const fact = { at: number('at'), cause };
/** A fact about a request that was made before. */
const about = { ...fact, op: number('op') };
const request = { ...fact, op: number('op', 1), actor: text('actor'), trace };
/** What a request asks for usually begins behind what the one before asked for; what the device does, where it is asked. */
const range = { block: number('block', 1), count: number('count') };
const run = { block: number('block'), count: number('count') };
const code = text('code');
const survivors = { blocks: numbers, codes: texts, ios: numbers, barrierIo: number('barrierIo') };
const started = { ...fact, ...run, io: number('startedIo', 1) };
const answered = { ...fact, ...run, io: number('answeredIo', 1), startedAt: time('startedAt') };
const failed = { ...answered, code, outcome: words.outcome };
const attempt = number('attempt');
const batch = number('batch');
const clear = words.clearKind;

export const SCHEMAS: { readonly [T in EventType]: Schema<T> } = {
  opened: { code: 1, fields: { ...fact, identity: text('identity'), config } },
  read: { code: 2, fields: { ...request, ...range } },
  readMissed: { code: 3, fields: { ...request, ...range, hits: number('hits') } },
  readFinished: { code: 4, fields: about },
  readFailed: { code: 5, fields: { ...about, io: number('answeredIo'), code } },
  readBlocked: { code: 6, fields: about },
  readResumed: { code: 7, fields: about },
  fillJoined: { code: 8, fields: { ...about, io: number('startedIo') } },
  fillStarted: { code: 9, fields: { ...started, op: number('op'), cached: flag, reason: words.fillReason } },
  fillFinished: { code: 10, fields: answered },
  fillFailed: { code: 11, fields: failed },
  readaheadRequested: { code: 12, fields: { ...request, ...range } },
  writeQueued: {
    code: 13,
    fields: {
      ...request,
      offset: number('offset'),
      length: number('length'),
      through: flag,
      reason: words.queueReason,
    },
  },
  written: {
    code: 14,
    fields: {
      ...request,
      ...range,
      offset: strideOffset,
      length: number('length'),
      generation: number('generation', 1),
      through: flag,
      borrowed: flag,
    },
  },
  writeFinished: { code: 15, fields: about },
  writeFailed: { code: 16, fields: { ...about, ...survivors } },
  flushStarted: {
    code: 58,
    fields: {
      ...request,
      ...range,
      pending: number('pending'),
      generation: number('generation'),
      handle: number('handle'),
    },
  },
  flushFinished: { code: 18, fields: about },
  flushFailed: { code: 19, fields: { ...about, ...survivors } },
  batchPlanned: {
    code: 20,
    fields: {
      ...fact,
      batch: number('batch', 1),
      reason: words.writebackReason,
      blocks: number('blocks'),
      runs: numbers,
    },
  },
  writebackStarted: {
    code: 21,
    fields: { ...started, batch, reason: words.writebackReason, attempt, generation: number('carried') },
  },
  writebackFinished: { code: 22, fields: answered },
  writebackFailed: { code: 23, fields: { ...failed, attempt } },
  writebackRetryScheduled: {
    code: 24,
    fields: { ...fact, ...run, batch, reason: words.writebackReason, attempt, dueAt: time('dueAt') },
  },
  writebackSplit: {
    code: 25,
    fields: { ...fact, ...run, batch, reason: words.writebackReason, splitAt: number('block') },
  },
  blockParked: { code: 26, fields: { ...fact, block: number('block'), io: number('answeredIo'), code } },
  parkedRetried: { code: 27, fields: { ...fact, blocks: numbers } },
  barrierStarted: { code: 28, fields: { ...fact, io: number('startedIo', 1), reason: words.barrierReason } },
  barrierFinished: { code: 29, fields: { ...fact, io: number('answeredIo', 1), startedAt: time('startedAt') } },
  barrierFailed: {
    code: 30,
    fields: { ...fact, io: number('answeredIo', 1), startedAt: time('startedAt'), code, outcome: words.outcome },
  },
  deviceAnsweredLate: {
    code: 31,
    fields: { ...fact, io: number('answeredIo', 1), startedAt: time('startedAt'), code },
  },
  evicted: { code: 32, fields: { ...fact, block: number('evicted', 1), reason: words.evictionReason } },
  invalidated: { code: 33, fields: { ...request, ...range, dropped: number('dropped') } },
  dirtyDiscarded: { code: 34, fields: { ...about, blocks: numbers, reason: text('reason') } },
  clearQueued: { code: 35, fields: { ...request, ...range, kind: clear, reason: text('reason') } },
  clearStarted: { code: 36, fields: { ...started, op: number('op'), kind: clear } },
  clearAnswered: { code: 37, fields: { ...answered, op: number('op'), kind: clear, code, outcome: words.outcome } },
  clearFinished: { code: 38, fields: { ...about, ...run, kind: clear, dropped: number('dropped') } },
  clearFailed: { code: 39, fields: { ...about, ...run, kind: clear, io: number('answeredIo'), code } },
  borrowQueued: { code: 40, fields: { ...request, block: number('block', 1), reason: words.queueReason } },
  borrowed: { code: 41, fields: { ...request, block: number('block', 1) } },
  released: { code: 42, fields: { ...about, block: number('block') } },
  resized: {
    code: 43,
    fields: { ...request, reason: words.resizeReason, capacity: number('capacity'), frames: number('frames') },
  },
  blockSizeRequested: { code: 44, fields: { ...request, to: number('blockSize') } },
  blockSizeChanged: {
    code: 45,
    fields: { ...about, from: number('blockSize'), to: number('blockSize'), capacity: number('capacity') },
  },
  blockSizeFailed: { code: 46, fields: { ...about, ...survivors } },
  optionSet: { code: 47, fields: { ...request, name: text('name'), value: number('value') } },
  requestRefused: {
    code: 48,
    fields: {
      ...request,
      ...range,
      request: words.requestKind,
      offset: number('offset'),
      length: number('length'),
      code,
    },
  },
  requestAborted: { code: 49, fields: { ...about, code } },
  ticked: { code: 50, fields: fact },
  idleChecked: { code: 51, fields: { ...fact, used: number('used') } },
  closeStarted: { code: 52, fields: { ...request, abandon: text('reason'), generation: number('generation') } },
  closeFailed: { code: 53, fields: { ...about, ...survivors } },
  closed: { code: 54, fields: about },
  handleOpened: { code: 55, fields: request },
  handleClosed: { code: 56, fields: { ...request, handle: number('handle') } },
  deviceReplaced: { code: 59, fields: { ...request, identity: text('identity'), deviceBytes: number('deviceBytes') } },
  resolvedTold: {
    code: 57,
    fields: {
      ...about,
      handle: number('handle'),
      blocks: numbers,
      codes: texts,
      ios: numbers,
      ends: texts,
      resolvedAt: numbers,
      resolvedIos: numbers,
      forgotten: number('forgotten'),
    },
  },
  journalFailed: {
    code: 60,
    fields: { ...fact, task: words.journalTask, policy: words.journalPolicy, code, lost: number('lost') },
  },
  journalResumed: { code: 61, fields: { ...fact, lost: number('lost') } },
};
