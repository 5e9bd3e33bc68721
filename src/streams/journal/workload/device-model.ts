/** Devices for replays: what they answer, and when. */
import type { DeviceOperationKind, ModelledAnswer, ModelledOperation, WorkloadDevice } from './types.js';
import type { Survey } from './survey.js';

export interface DeviceModel {
  /** In order; more than one where the first is a timeout and the device answers after all. */
  answersTo(operation: ModelledOperation): readonly ModelledAnswer[];
}

/** A device for one replay. */
export function deviceModel(device: WorkloadDevice, survey: Survey): DeviceModel {
  if (typeof device === 'function') return { answersTo: (operation) => [success(device(operation))] };
  const healthy = new HealthyDevice(survey.latencies);
  return device === 'modelled' ? healthy : new RecordedDevice(survey.answers, healthy);
}

/** The golden ratio: its multiples spread evenly over 0 to 1, however many are taken. */
const SPREAD = 0.618033988749895;

/** Never fails, and takes as long as the recorded operations did: some short, some long, as often as there. */
class HealthyDevice implements DeviceModel {
  readonly #latencies: Readonly<Record<DeviceOperationKind, LatencyTable>>;
  readonly #asked: Record<DeviceOperationKind, number> = { read: 0, write: 0, barrier: 0, discard: 0, zero: 0 };

  constructor(latencies: Readonly<Record<DeviceOperationKind, LatencyTable>>) {
    this.#latencies = latencies;
  }

  answersTo({ kind, bytes }: ModelledOperation): readonly ModelledAnswer[] {
    const share = (++this.#asked[kind] * SPREAD) % 1;
    return [success(this.#latencies[kind].at(bytes, share))];
  }
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

export function keyOf({ kind, block, count }: Pick<ModelledOperation, 'kind' | 'block' | 'count'>): string {
  return `${kind} ${block} ${count}`;
}

function success(delayNs: number): ModelledAnswer {
  return { delayNs: Math.max(0, delayNs), code: '', outcome: 'failed' };
}

const BUCKETS_PER_DOUBLING = 35;

interface Sorted {
  readonly counts: readonly (readonly [bucket: number, count: number])[];
  readonly total: number;
}

/** How long operations of one kind took, for each power of two of their bytes: counts in buckets 2 % wide, so in little memory. */
export class LatencyTable {
  /** By the power of two of the bytes, then by bucket. */
  readonly #counts = new Map<number, Map<number, number>>();
  /** The same in order of the buckets, made when it is first asked for. */
  readonly #sorted = new Map<number, Sorted>();

  add(bytes: number, ns: number): void {
    const size = sizeOf(bytes);
    const counts = this.#counts.get(size) ?? new Map<number, number>();
    this.#counts.set(size, counts);
    const bucket = Math.floor(Math.log2(Math.max(1, ns)) * BUCKETS_PER_DOUBLING);
    counts.set(bucket, (counts.get(bucket) ?? 0) + 1);
    this.#sorted.delete(size);
  }

  /** Nanoseconds that a share (0 to 1) of the operations of about so many bytes stayed below; 0 where none was measured. */
  at(bytes: number, share: number): number {
    const sorted = this.#nearest(sizeOf(bytes));
    if (sorted === null) return 0;
    let rank = share * sorted.total;
    for (const [bucket, count] of sorted.counts) {
      rank -= count;
      if (rank < 0) return Math.round(2 ** ((bucket + 0.5) / BUCKETS_PER_DOUBLING));
    }
    return 0;
  }

  #nearest(size: number): Sorted | null {
    let nearest: number | null = null;
    for (const known of this.#counts.keys()) {
      if (nearest === null || Math.abs(known - size) < Math.abs(nearest - size)) nearest = known;
    }
    if (nearest === null) return null;
    const ready = this.#sorted.get(nearest);
    if (ready !== undefined) return ready;
    const counts = [...(this.#counts.get(nearest) ?? [])].sort(([a], [b]) => a - b);
    const sorted = { counts, total: counts.reduce((sum, [, count]) => sum + count, 0) };
    this.#sorted.set(nearest, sorted);
    return sorted;
  }
}

function sizeOf(bytes: number): number {
  return Math.ceil(Math.log2(Math.max(1, bytes)));
}
