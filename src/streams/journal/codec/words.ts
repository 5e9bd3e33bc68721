/** The words that events have, and their numbers on disk. A word that is missing here does not compile. */
import type {
  BarrierReason,
  ClearKind,
  EvictionReason,
  FailureOutcome,
  FillReason,
  JournalPolicy,
  JournalTask,
  QueueReason,
  RequestKind,
  ResizeReason,
  WritebackReason,
} from '../../../cache/events.js';
import { word } from './kinds.js';

export const fillReason = word<FillReason>('fillReason', { read: 0, readahead: 1, borrow: 2, write: 3 });
export const queueReason = word<QueueReason>('queueReason', {
  order: 0,
  locked: 1,
  frames: 2,
  fill: 3,
  'dirty-limit': 4,
});
export const writebackReason = word<WritebackReason>('writebackReason', {
  age: 0,
  background: 1,
  hard: 2,
  pressure: 3,
  flush: 4,
  through: 5,
});
export const barrierReason = word<BarrierReason>('barrierReason', {
  flush: 0,
  batch: 1,
  age: 2,
  pressure: 3,
  clear: 4,
});
export const evictionReason = word<EvictionReason>('evictionReason', { room: 0, resize: 1, idle: 2 });
export const resizeReason = word<ResizeReason>('resizeReason', { asked: 0, growth: 1, idle: 2 });
export const clearKind = word<ClearKind>('clearKind', { discard: 0, zero: 1, drop: 2 });
export const outcome = word<FailureOutcome>('outcome', { failed: 0, unknown: 1 });
export const journalTask = word<JournalTask>('journalTask', { writing: 0, retention: 1 });
export const journalPolicy = word<JournalPolicy>('journalPolicy', { stop: 0, continue: 1 });
export const requestKind = word<RequestKind>('requestKind', {
  read: 0,
  write: 1,
  flush: 2,
  invalidate: 3,
  discard: 4,
  zero: 5,
  drop: 6,
  readahead: 7,
  borrow: 8,
  markDirty: 9,
  resize: 10,
  setBlockSize: 11,
  close: 12,
  openHandle: 13,
  replaceDevice: 14,
});
