/** What writer and reader remember of the events before, within one frame, to predict the next. */
import type { TraceRef } from '../../../cache/events.js';
import type { NumberKind } from './kinds.js';
import { AT, BLOCK, COUNT, LENGTH, NUMBER_REGISTERS, TEXT_REGISTERS, WORD_REGISTERS } from './layouts.js';

export class Registers {
  readonly numbers = new Float64Array(NUMBER_REGISTERS);
  readonly texts: string[] = new Array<string>(TEXT_REGISTERS).fill('');
  readonly words = new Uint8Array(WORD_REGISTERS);
  trace: TraceRef | null = null;
  /** Of the last trace that was not null. */
  traceId = '';
  /** Bytes of a block in the last write, as far as can be told. */
  stride = 0;

  /** At the start of every frame. */
  reset(): void {
    this.numbers.fill(0);
    this.texts.fill('');
    this.words.fill(0);
    this.trace = null;
    this.traceId = '';
    this.stride = 0;
  }

  predict(kind: NumberKind, register: number): number {
    if (kind.prediction === 'register') return this.numbers[register] + kind.step;
    if (kind.prediction === 'at') return this.numbers[AT];
    return this.predictOffset();
  }

  predictOffset(): number {
    // Never -0, which no offset is.
    const offset = this.numbers[BLOCK] * this.stride + 0;
    return Number.isSafeInteger(offset) ? offset : 0;
  }

  /** After a `written`. */
  noteStride(): void {
    const stride = Math.floor(this.numbers[LENGTH] / this.numbers[COUNT]);
    this.stride = Number.isSafeInteger(stride) ? stride : 0;
  }
}
