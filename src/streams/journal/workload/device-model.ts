/** Devices for replays: what they answer, and when. */
import type { ModelledAnswer, ModelledOperation, WorkloadDevice } from './types.js';
import type { Survey } from './survey.js';

export interface DeviceModel {
  /** In order; more than one where the first is a timeout and the device answers after all. */
  answersTo(operation: ModelledOperation): readonly ModelledAnswer[];
}

/** A device for one replay. */
export function deviceModel(device: WorkloadDevice, survey: Survey): DeviceModel {
  if (typeof device === 'function') return { answersTo: (operation) => [success(device(operation))] };
  const modelled = { answersTo: (operation: ModelledOperation) => [success(survey.latencyNs(operation))] };
  return device === 'modelled' ? modelled : new RecordedDevice(survey.answers, modelled);
}

/** Answers the nth operation on some blocks as the nth was answered in the recording. */
class RecordedDevice implements DeviceModel {
  readonly #answers: ReadonlyMap<string, readonly (readonly ModelledAnswer[])[]>;
  readonly #others: DeviceModel;
  readonly #asked = new Map<string, number>();

  constructor(answers: ReadonlyMap<string, readonly (readonly ModelledAnswer[])[]>, others: DeviceModel) {
    this.#answers = answers;
    this.#others = others;
  }

  answersTo(operation: ModelledOperation): readonly ModelledAnswer[] {
    const key = keyOf(operation);
    const before = this.#asked.get(key) ?? 0;
    this.#asked.set(key, before + 1);
    const recorded = this.#answers.get(key)?.[before] ?? [];
    // What the recording ended before is answered all the same.
    return recorded.length > 0 ? recorded : this.#others.answersTo(operation);
  }
}

export function keyOf({ kind, block, count }: Omit<ModelledOperation, 'bytes'>): string {
  return `${kind} ${block} ${count}`;
}

function success(delayNs: number): ModelledAnswer {
  return { delayNs: Math.max(0, delayNs), code: '', outcome: 'failed' };
}

/** How long operations of one kind take by their bytes: a line through what was measured, never below the least. */
export class LatencyLine {
  #count = 0;
  #sumX = 0;
  #sumY = 0;
  #sumXX = 0;
  #sumXY = 0;
  #least = Number.POSITIVE_INFINITY;

  add(bytes: number, ns: number): void {
    this.#count++;
    this.#sumX += bytes;
    this.#sumY += ns;
    this.#sumXX += bytes * bytes;
    this.#sumXY += bytes * ns;
    this.#least = Math.min(this.#least, ns);
  }

  /** 0 where none was measured. */
  at(bytes: number): number {
    if (this.#count === 0) return 0;
    const spread = this.#count * this.#sumXX - this.#sumX * this.#sumX;
    const slope = spread > 0 ? (this.#count * this.#sumXY - this.#sumX * this.#sumY) / spread : 0;
    // Longer operations that were faster say nothing of bytes.
    const perByte = Math.max(0, slope);
    return Math.max(this.#least, (this.#sumY - perByte * this.#sumX) / this.#count + perByte * bytes);
  }
}
