/** Which operations of the simulated device go wrong, and how. */
import type { Random } from './random.js';

export type Operation = 'read' | 'write' | 'barrier' | 'zero' | 'discard';

/**
 * - `error`: fails, and nothing was done. `torn`: fails, and any part of it was done. `done`: fails, and all of it was done.
 * - `lose`: a barrier fails and takes everything with it that no barrier has covered.
 * - `short`: moves less than asked, and says so. `bogus`: answers with what is no byte count.
 * - `throw`: throws instead of answering. `twice`: answers two times.
 * - `late`: answers after the timeout. `never`: does not answer until the device is cured, if then.
 * - `lateFail`: answers after the timeout that it has failed: `torn`, or a barrier as `lose`.
 */
export type FaultKind =
  | 'error'
  | 'torn'
  | 'done'
  | 'lose'
  | 'short'
  | 'bogus'
  | 'throw'
  | 'twice'
  | 'late'
  | 'lateFail'
  | 'never';

export interface FaultPlan {
  readonly on: Operation;
  readonly kind: FaultKind;
  readonly code: string;
  /** Share of the matching operations. */
  readonly share: number;
  /** Most operations that it hits. */
  readonly times: number;
  /** In force from step to step. */
  readonly from: number;
  readonly to: number;
  /** Bytes: only operations that touch them. Nothing for barriers. */
  readonly start: number;
  readonly end: number;
}

/** In all runs, by kind. */
export type FaultCounts = Record<FaultKind, number>;

export function noFaults(): FaultCounts {
  const inTime = { error: 0, torn: 0, done: 0, lose: 0, short: 0, bogus: 0, throw: 0, twice: 0 };
  return { ...inTime, late: 0, lateFail: 0, never: 0 };
}

export class Faults {
  /** The step that the run is at. */
  step = 0;
  readonly counts = noFaults();
  /** Operations that have failed, or have not been answered in time, since the last boot. */
  failed: Record<Operation, number> = none();
  #cured = false;
  readonly #rules: { readonly plan: FaultPlan; readonly random: Random; hits: number }[];

  constructor(plans: readonly FaultPlan[], randomOf: (plan: number) => Random) {
    this.#rules = plans.map((plan, at) => ({ plan, random: randomOf(at), hits: 0 }));
  }

  cure(): void {
    this.#cured = true;
  }

  get isCured(): boolean {
    return this.#cured;
  }

  boot(): void {
    this.failed = none();
  }

  /** What goes wrong with an operation that starts now, or null. */
  fateOf(on: Operation, offset: number, length: number): FaultPlan | null {
    if (this.#cured) return null;
    for (const rule of this.#rules) {
      const { plan } = rule;
      if (plan.on !== on || this.step < plan.from || this.step >= plan.to || rule.hits >= plan.times) continue;
      if (on !== 'barrier' && (offset >= plan.end || offset + length <= plan.start)) continue;
      if (!rule.random.chance(plan.share)) continue;
      rule.hits++;
      this.counts[plan.kind]++;
      if (plan.kind !== 'twice') this.failed[on]++;
      return plan;
    }
    return null;
  }
}

function none(): Record<Operation, number> {
  return { read: 0, write: 0, barrier: 0, zero: 0, discard: 0 };
}

const KINDS: Readonly<Record<Operation, Readonly<Partial<Record<FaultKind, number>>>>> = {
  read: { error: 4, short: 2, bogus: 1, throw: 1, twice: 1, late: 3, never: 2 },
  write: { error: 5, torn: 4, done: 2, short: 3, bogus: 1, throw: 1, twice: 1, late: 4, lateFail: 2, never: 2 },
  barrier: { error: 4, lose: 5, done: 2, throw: 1, twice: 1, late: 3, lateFail: 3, never: 2 },
  zero: { error: 2, torn: 3, done: 2, throw: 1, twice: 1, late: 3, lateFail: 1, never: 2 },
  discard: { error: 2, torn: 2, done: 1, throw: 1, late: 2, never: 1 },
};
const CODES = { EIO: 8, ENOSPC: 3, EAGAIN: 2, EROFS: 1, ENODEV: 1, ETIMEDOUT: 1, EMINE: 1 };

/** One fault: passing, until cured, or lasting; of everything, now and then, or of one bad place. */
export function drawFault(random: Random, steps: number, sizeBytes: number): FaultPlan {
  const on = random.weighted({ read: 4, write: 8, barrier: 6, zero: 2, discard: 1 });
  const kind = random.weighted<FaultKind>({ ...noFaults(), ...KINDS[on] });
  const code = random.weighted(CODES);
  const extent = random.weighted({ passing: 4, cured: 4, lasting: 2 });
  const from = random.below(steps);
  const to = extent === 'cured' ? from + random.between(1, Math.max(1, Math.floor(steps / 3))) : steps;
  const times = extent === 'passing' ? random.between(1, 4) : Number.POSITIVE_INFINITY;
  const share = random.pick([1, 1, 0.5, 0.1]);
  const isPlace = random.chance(0.4);
  const start = isPlace ? random.below(sizeBytes) : 0;
  const end = isPlace ? start + random.magnitude(1, Math.max(2, sizeBytes / 4)) : sizeBytes;
  return { on, kind, code, share, times, from, to, start, end };
}

/** Much goes wrong, all the time, so that faults meet each other: what comes of one is disturbed by the next. */
export function stormOf(random: Random, steps: number, sizeBytes: number): FaultPlan[] {
  const always = { code: 'EIO', times: Number.POSITIVE_INFINITY, from: 0, to: steps, start: 0, end: sizeBytes };
  return [
    { ...always, on: 'barrier', kind: 'lose', share: random.pick([0.05, 0.2]) },
    { ...always, on: 'barrier', kind: 'lateFail', share: random.pick([0, 0.02, 0.1]) },
    { ...always, on: 'zero', kind: random.pick(['torn', 'done']), share: 0.2 },
    { ...always, on: 'zero', kind: 'late', share: 0.1 },
    { ...always, on: 'write', kind: random.pick(['torn', 'late', 'short']), share: 0.05 },
  ];
}
