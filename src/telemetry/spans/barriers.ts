/**
 * Barriers, and what each makes durable. State: one entry for each writeback that the device has taken without a barrier
 * since.
 */
import type { BarrierReason } from '../../cache/events.js';
import { TIMEOUT_CODE } from '../../cache/failure-codes.js';
import { ATTRIBUTE, RELATION, SPAN } from '../names.js';
import type { CarriedWrites } from './carried-writes.js';
import type { DeviceSpans } from './device.js';
import type { EventOf, Run } from './event.js';
import type { Requests } from './requests.js';
import type { SpanRef } from './span-sink.js';
import { distinctLinks } from './spans.js';
import type { Trouble, Troubles } from './troubles.js';

/** What a writeback gave the device. */
interface Written extends Run {
  readonly ref: SpanRef | null;
  /** Of the event. */
  readonly seq: number;
  /** The number of the first barrier that covers it. */
  readonly neededBarrier: number;
}

export class Barriers {
  readonly #requests: Requests;
  readonly #device: DeviceSpans;
  readonly #writes: CarriedWrites;
  readonly #troubles: Troubles;
  #started = 0;
  #written: Written[] = [];
  /** Writes that were at the device when a barrier failed: what they are worth is not known. */
  readonly #doubts = new Map<number, Trouble>();
  readonly #writing = new Set<number>();
  /** Barriers that timed out and that the device has not answered since. */
  readonly #owed = new Set<number>();
  #lastFailed: { readonly io: number; readonly trouble: Trouble } | null = null;

  constructor(requests: Requests, device: DeviceSpans, writes: CarriedWrites, troubles: Troubles) {
    this.#requests = requests;
    this.#device = device;
    this.#writes = writes;
    this.#troubles = troubles;
  }

  /** The number of the next barrier: the first that covers what the device takes now. */
  get next(): number {
    return this.#started + 1;
  }

  /** A write has gone to the device. */
  writing(io: number): void {
    this.#writing.add(io);
  }

  /** The device has answered a write: the barrier that failed meanwhile, or null. */
  doubtOf(io: number): Trouble | null {
    this.#writing.delete(io);
    const doubt = this.#doubts.get(io) ?? null;
    this.#doubts.delete(io);
    return doubt;
  }

  wrote({ block, count, seq }: EventOf<'writebackFinished'>, ref: SpanRef | null): void {
    this.#written.push({ block, count, ref, seq, neededBarrier: this.next });
  }

  /** What the device had taken of a range is in doubt, for another reason than a barrier. */
  doubt(range: Run, trouble: Trouble, seq: number): void {
    this.#writes.doubted(range);
    for (const written of this.#written) {
      const block = Math.max(written.block, range.block);
      const count = Math.min(written.block + written.count, range.block + range.count) - block;
      if (count > 0) this.#troubles.put({ block, count }, trouble, seq);
    }
  }

  started({ seq, at, io, reason }: EventOf<'barrierStarted'>): void {
    this.#started++;
    const parent = this.#parentFor(reason);
    const attributes = { [ATTRIBUTE.reason]: reason };
    this.#device.started(io, { name: SPAN.deviceBarrier, started: { seq, at }, parent, attributes });
  }

  finished(event: EventOf<'barrierFinished'>): void {
    const { seq, at } = event;
    const number = this.#started;
    const covered = this.#written.filter(({ neededBarrier }) => neededBarrier <= number);
    this.#written = this.#written.filter(({ neededBarrier }) => neededBarrier > number);
    const ref = this.#device.answered({ ...event, code: '', links: linksTo(covered) }, SPAN.deviceBarrier);
    for (const run of covered) {
      this.#writes.synced(run, { seq, at, number, ref });
      this.#troubles.cured(run, event, run.seq, ref);
    }
  }

  /** All that no good barrier has covered is dirty again. */
  failed(event: EventOf<'barrierFailed'>): void {
    const ref = this.#device.answered({ ...event, links: linksTo(this.#written) }, SPAN.deviceBarrier);
    const trouble = { ref, code: event.code };
    if (event.code === TIMEOUT_CODE) this.#owed.add(event.io);
    this.#doubtAll(trouble, event.seq);
    this.#lastFailed = { io: event.io, trouble };
  }

  /** A barrier that had timed out and fails now does the same once more. `ref`: the span of the late answer. */
  answeredLate({ io, seq, code }: EventOf<'deviceAnsweredLate'>, ref: SpanRef): void {
    if (this.#owed.delete(io) && code !== '') this.#doubtAll({ ref, code }, seq);
  }

  /** No barrier of another device object covers what this one has taken. */
  replaced(): void {
    for (const run of this.#written) this.#writes.doubted(run);
    this.#written = [];
  }

  #doubtAll(trouble: Trouble, seq: number): void {
    for (const run of this.#written) {
      this.#writes.doubted(run);
      this.#troubles.put(run, trouble, seq);
    }
    this.#written = [];
    for (const io of this.#writing) this.#doubts.set(io, trouble);
  }

  /** The barrier of this number, if it is the last that failed. */
  failedBy(io: number): Trouble | null {
    return this.#lastFailed?.io === io ? this.#lastFailed.trouble : null;
  }

  get size(): number {
    return this.#written.length + this.#doubts.size + this.#writing.size;
  }

  finish(): void {
    this.#started = 0;
    this.#written = [];
    this.#doubts.clear();
    this.#writing.clear();
    this.#owed.clear();
    this.#lastFailed = null;
  }

  #parentFor(reason: BarrierReason): SpanRef | null {
    if (reason === 'flush') return this.#requests.waiting('durable', null);
    return reason === 'clear' ? this.#requests.waiting('zero', null) : null;
  }
}

function linksTo(written: readonly Written[]) {
  return distinctLinks(
    written.flatMap(({ ref }) => (ref === null ? [] : [ref])),
    RELATION.syncs,
  );
}
