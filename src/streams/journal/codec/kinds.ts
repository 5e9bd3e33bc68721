/**
 * How a field of an event is stored. Each field has a prediction; one bit of the record says whether it came true, and
 * only then nothing more is stored. What is predicted from are registers that begin anew with every frame, so that a
 * frame can be read without those before it.
 */
import type { CoreConfig } from '../../../cache/limits.js';
import type { TraceRef } from '../../../cache/events.js';

/** What a number is predicted to be: its register and so much more, the event's own time, or where a run of blocks lies. */
export type Prediction = 'register' | 'at' | 'stride';

export interface NumberKind {
  readonly kind: 'number';
  readonly register: string;
  readonly step: number;
  readonly prediction: Prediction;
}
/** Predicted 0: the first event of a decision. Stored relative to the seq before this event's. */
export interface CauseKind {
  readonly kind: 'cause';
}
/** The bit of the record is the value. */
export interface FlagKind {
  readonly kind: 'flag';
}
/** Stored once a frame, then by number. */
export interface TextKind {
  readonly kind: 'text';
  readonly register: string;
}
/** One of a few words, each with its number on disk: numbers are never used again for another word. */
export interface WordKind<W extends string = string> {
  readonly kind: 'word';
  readonly register: string;
  readonly numbers: Readonly<Record<W, number>>;
}
export interface TraceKind {
  readonly kind: 'trace';
}
/** Predicted empty. */
export interface NumbersKind {
  readonly kind: 'numbers';
}
export interface TextsKind {
  readonly kind: 'texts';
}
/** Never predicted. */
export interface ConfigKind {
  readonly kind: 'config';
}

export type AnyKind =
  | NumberKind
  | CauseKind
  | FlagKind
  | TextKind
  | WordKind
  | TraceKind
  | NumbersKind
  | TextsKind
  | ConfigKind;

/** The kinds that can hold a value: a field whose value has none does not compile. */
export type KindFor<V> = [V] extends [number]
  ? NumberKind | CauseKind
  : [V] extends [boolean]
    ? FlagKind
    : [V] extends [string]
      ? string extends V
        ? TextKind
        : WordKind<V>
      : [V] extends [TraceRef | null]
        ? TraceKind
        : [V] extends [readonly number[]]
          ? NumbersKind
          : [V] extends [readonly string[]]
            ? TextsKind
            : [V] extends [CoreConfig]
              ? ConfigKind
              : never;

/** As the last value of the register, and `step` more. */
export function number(register: string, step = 0): NumberKind {
  return { kind: 'number', register, step, prediction: 'register' };
}

/** As the time of the event that it belongs to. */
export function time(register: string): NumberKind {
  return { kind: 'number', register, step: 0, prediction: 'at' };
}

export function text(register: string): TextKind {
  return { kind: 'text', register };
}

export function word<W extends string>(register: string, numbers: Readonly<Record<W, number>>): WordKind<W> {
  return { kind: 'word', register, numbers };
}

export const flag: FlagKind = { kind: 'flag' };
export const cause: CauseKind = { kind: 'cause' };
export const trace: TraceKind = { kind: 'trace' };
export const numbers: NumbersKind = { kind: 'numbers' };
export const texts: TextsKind = { kind: 'texts' };
export const config: ConfigKind = { kind: 'config' };
/** Where blocks lie if they are as long as those of the write before. */
export const strideOffset: NumberKind = { kind: 'number', register: 'offset', step: 0, prediction: 'stride' };
