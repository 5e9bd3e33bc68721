/** Event types as earlier versions stored them, each with the way up to what it is today. Nothing is ever taken out. */
import type { CacheEvent, EventType } from '../../../cache/events.js';
import type { AnyKind } from './kinds.js';

export interface OldSchema {
  readonly code: number;
  readonly type: EventType;
  readonly fields: Readonly<Record<string, AnyKind>>;
  /** Gets the stored fields, `type` and `seq`. */
  readonly upcast: (stored: Readonly<Record<string, unknown>>) => CacheEvent;
}

export const OLD_SCHEMAS: readonly OldSchema[] = [];
