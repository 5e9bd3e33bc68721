/** Event types as earlier versions stored them, each with the way up to what it is today. Nothing is ever taken out. */
import type { EventType } from '../../../cache/events.js';
import { type AnyKind, cause, number, text, trace } from './kinds.js';

export interface OldSchema {
  readonly code: number;
  readonly type: EventType;
  readonly fields: Readonly<Record<string, AnyKind>>;
  /** Fields that the type has got since, with what they were before there was another. */
  readonly since: Readonly<Record<string, number | string | boolean>>;
}

export const OLD_SCHEMAS: readonly OldSchema[] = [
  {
    code: 17,
    type: 'flushStarted',
    fields: {
      at: number('at'),
      cause,
      op: number('op', 1),
      actor: text('actor'),
      trace,
      block: number('block', 1),
      count: number('count'),
      pending: number('pending'),
      generation: number('generation'),
    },
    since: { handle: 0 },
  },
];
