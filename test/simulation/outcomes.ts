/** What each request may be told. Anything else is a bug. */
import type { Boot } from './client.js';

export type Kind =
  | 'read'
  | 'write'
  | 'through'
  | 'flush'
  | 'invalidate'
  | 'drop'
  | 'borrow'
  | 'zero'
  | 'discard'
  | 'resize'
  | 'blockSize'
  | 'option'
  | 'open'
  | 'closeHandle'
  | 'replace'
  | 'close';

/** Says that nothing of the request was done. */
export const NOT_ACCEPTED: readonly string[] = [
  'CACHETRAIL_ABORTED',
  'CACHETRAIL_ADMISSION_TIMEOUT',
  'CACHETRAIL_OVERLOADED',
  'CACHETRAIL_BUSY',
  'CACHETRAIL_CLOSED',
  'CACHETRAIL_READ_ONLY',
  'CACHETRAIL_READ_FAILED',
  'CACHETRAIL_SHORT_READ',
];

const READ_FAILURES = [
  'CACHETRAIL_READ_FAILED',
  'CACHETRAIL_SHORT_READ',
  'CACHETRAIL_DEVICE_TIMEOUT',
  'CACHETRAIL_DEVICE_STALLED',
  'CACHETRAIL_DEVICE_PROTOCOL',
];
const FLUSH_FAILURES = ['CACHETRAIL_FLUSH_FAILED', 'CACHETRAIL_BARRIER_FAILED'];

/** All is well by now: what had failed is told once. A cache that was closed is closed. */
export const RESOLVED = 'CACHETRAIL_FAILURE_RESOLVED';

/** Only where the device has gone wrong. */
const FAILURES: Readonly<Record<Kind, readonly string[]>> = {
  read: READ_FAILURES,
  write: [...READ_FAILURES, 'CACHETRAIL_WRITE_FAILED'],
  through: [...READ_FAILURES, 'CACHETRAIL_WRITE_FAILED'],
  flush: [...FLUSH_FAILURES, RESOLVED],
  invalidate: [],
  drop: ['CACHETRAIL_CLEAR_FAILED'],
  borrow: READ_FAILURES,
  zero: ['CACHETRAIL_CLEAR_FAILED'],
  discard: ['CACHETRAIL_CLEAR_FAILED'],
  resize: [],
  blockSize: FLUSH_FAILURES,
  option: [],
  open: [],
  closeHandle: [...FLUSH_FAILURES, RESOLVED],
  replace: [],
  close: ['CACHETRAIL_CLOSE_FAILED', 'CACHETRAIL_BARRIER_FAILED', RESOLVED],
};

const WAITING = ['CACHETRAIL_OVERLOADED', 'CACHETRAIL_BUSY', 'CACHETRAIL_ABORTED'];
const WRITING = [...WAITING, 'CACHETRAIL_ADMISSION_TIMEOUT'];

const REFUSALS: Readonly<Record<Kind, readonly string[]>> = {
  read: WAITING,
  write: WRITING,
  through: WRITING,
  flush: WAITING,
  invalidate: [...WAITING, 'CACHETRAIL_DIRTY', 'CACHETRAIL_PINNED'],
  drop: [...WAITING, 'CACHETRAIL_PINNED'],
  borrow: [...WRITING, 'CACHETRAIL_PINNED'],
  zero: [...WAITING, 'CACHETRAIL_PINNED'],
  discard: [...WAITING, 'CACHETRAIL_PINNED', 'CACHETRAIL_UNSUPPORTED'],
  resize: WAITING,
  blockSize: [...WAITING, 'CACHETRAIL_PINNED'],
  option: WAITING,
  open: WAITING,
  closeHandle: WAITING,
  replace: WAITING,
  close: [...WAITING, 'CACHETRAIL_PINNED'],
};

const WRITES: readonly Kind[] = ['write', 'through', 'zero', 'discard'];

export function mayBeTold(kind: Kind, code: string, boot: Pick<Boot, 'closing' | 'isReadOnly' | 'isSound'>): boolean {
  if (REFUSALS[kind].includes(code)) return true;
  if (code === 'CACHETRAIL_CLOSED') return boot.closing;
  if (code === 'CACHETRAIL_READ_ONLY') return boot.isReadOnly && WRITES.includes(kind);
  return FAILURES[kind].includes(code) && !boot.isSound();
}
