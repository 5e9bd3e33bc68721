/** Reasons that events give in one word, as a person would say them. */
import type { BarrierReason, EvictionReason, FillReason, QueueReason, WritebackReason } from '../../cache/events.js';

export const WRITEBACK_WHY: Readonly<Record<WritebackReason, string>> = {
  age: 'for its age',
  background: 'as many blocks were dirty',
  hard: 'as writes waited at the dirty limit',
  pressure: 'as a request waited for room',
  flush: 'for a flush',
  through: 'as its writer waits for the device',
};

export const BARRIER_WHY: Readonly<Record<BarrierReason, string>> = {
  flush: 'for a flush',
  batch: 'after a batch',
  age: 'for its age',
  pressure: 'as a request waited for room',
  clear: 'for a zero',
};

export const QUEUE_WHY: Readonly<Record<QueueReason, string>> = {
  order: 'those before it',
  locked: 'a clear of its range',
  frames: 'room',
  fill: 'its block to be read',
  'dirty-limit': 'fewer dirty blocks',
};

export const FILL_WHY: Readonly<Record<FillReason, string>> = {
  read: 'for a read',
  readahead: 'ahead of reads',
  borrow: 'for a borrow',
  write: 'for a write that covers it in part',
};

export const EVICTION_WHY: Readonly<Record<EvictionReason, string>> = {
  room: 'room was needed',
  resize: 'the cache was made smaller',
  idle: 'its frame had not been used for long',
};
