/** The path that each write error took, told from the events alone. */
import type { CacheEvent } from '../../cache/events.js';

export type PathStep =
  | {
      readonly step: 'failed';
      readonly code: string;
      readonly attempt: number;
      readonly block: number;
      readonly count: number;
      readonly seq: number;
    }
  | { readonly step: 'retry'; readonly waitNs: number }
  | { readonly step: 'split'; readonly splitAt: number }
  | { readonly step: 'parked' }
  | { readonly step: 'reported'; readonly by: 'flush' | 'close' | 'write' }
  | { readonly step: 'rewritten' }
  | { readonly step: 'barrier failed'; readonly code: string }
  | { readonly step: 'device replaced' }
  | { readonly step: 'durable' }
  | { readonly step: 'discarded'; readonly reason: string };

/** `written`: the device has it, no barrier yet. `failing`: tries are under way. */
export type ErrorOutcome = 'failing' | 'parked' | 'written' | 'durable' | 'discarded';

export interface WriteErrorPath {
  /** The event of the first failure. */
  readonly seq: number;
  /** First block of the run that failed; a run is narrowed down to the block at fault where splitting finds it. */
  readonly block: number;
  readonly count: number;
  /** The device's own code. */
  readonly code: string;
  readonly steps: readonly PathStep[];
  readonly outcome: ErrorOutcome;
}

const TIMEOUT = 'CACHETRAIL_DEVICE_TIMEOUT';
/** A device that fails for hours must not fill the memory: later steps of a path are left out. */
const STEPS_KEPT_MAX = 500;

interface Trail {
  seq: number;
  block: number;
  count: number;
  code: string;
  steps: PathStep[];
  outcome: ErrorOutcome;
  /** Blocks of the run that are neither written nor followed by a trail of their own. */
  left: number;
  /** Parts of the run have trails of their own, which tell its story. */
  forked: boolean;
  /** Number of the event that said so. */
  writtenSeq: number;
}

/** Follows the events of one cache, in order. */
export class WriteErrorPaths {
  readonly #trails: Trail[] = [];
  /** Those of them that can still change. */
  #live: Trail[] = [];
  /** Barriers that the device has not answered, with the seq of their start. */
  readonly #barriers = new Map<number, number>();

  list(): WriteErrorPath[] {
    return this.#trails
      .filter(({ forked }) => !forked)
      .map(({ seq, block, count, code, steps, outcome }) => ({ seq, block, count, code, steps, outcome }));
  }

  accept(event: CacheEvent): void {
    switch (event.type) {
      case 'opened':
        // Another cache begins: what the one before did not finish is not told any more.
        this.#live = [];
        this.#barriers.clear();
        break;
      case 'writebackFailed': {
        const { block, count, code, attempt, seq } = event;
        for (const trail of this.#failing(block, count, code, seq))
          add(trail, { step: 'failed', code, attempt, block, count, seq });
        break;
      }
      case 'writebackRetryScheduled':
        this.#note(event.block, event.count, { step: 'retry', waitNs: event.dueAt - event.at });
        break;
      case 'writebackSplit':
        this.#note(event.block, event.count, { step: 'split', splitAt: event.splitAt });
        break;
      case 'blockParked':
        this.#park(event.block, event.code, event.seq);
        break;
      case 'writebackFinished':
        this.#written(event.block, event.count, event.seq);
        break;
      case 'flushFailed':
        this.#reported(event.blocks, 'flush');
        break;
      case 'closeFailed':
        this.#reported(event.blocks, 'close');
        break;
      case 'writeFailed':
        this.#reported(event.blocks, 'write');
        break;
      case 'dirtyDiscarded':
        this.#discarded((block) => event.blocks.includes(block), event.reason);
        break;
      case 'clearFinished': {
        const { block: first, count, kind } = event;
        this.#discarded((block) => block >= first && block < first + count, kind);
        break;
      }
      case 'barrierStarted':
        this.#barriers.set(event.io, event.seq);
        break;
      case 'barrierFinished':
        this.#barrier(this.#barriers.get(event.io) ?? 0, { step: 'durable' }, 'durable');
        this.#barriers.delete(event.io);
        break;
      case 'barrierFailed':
        this.#barrier(event.seq, { step: 'barrier failed', code: event.code }, 'failing');
        if (event.code !== TIMEOUT) this.#barriers.delete(event.io);
        break;
      case 'deviceReplaced':
        this.#replaced(event.seq);
        break;
      case 'deviceAnsweredLate':
        if (this.#barriers.delete(event.io) && event.code !== '')
          this.#barrier(event.seq, { step: 'barrier failed', code: event.code }, 'failing');
        break;
    }
  }

  /** The trails that a failed run belongs to: the one of the run itself, or those of blocks that it tried again. */
  #failing(block: number, count: number, code: string, seq: number): Trail[] {
    const known = this.#open().filter((trail) => within(trail, block, count));
    return known.length > 0 ? known : [this.#start(block, count, code, seq)];
  }

  /** A new trail, which goes on from that of the run that was split last, if this is a part of one. */
  #start(block: number, count: number, code: string, seq: number): Trail {
    const larger = this.#open().filter((trail) => within({ block, count }, trail.block, trail.count));
    const parent = larger.sort((a, b) => a.count - b.count)[0];
    if (parent !== undefined) {
      parent.forked = true;
      parent.left -= count;
    }
    const steps = parent === undefined ? [] : [...parent.steps];
    const rest = { outcome: 'failing', left: count, forked: false, writtenSeq: 0 } as const;
    const trail: Trail = { seq: parent?.seq ?? seq, block, count, code, steps, ...rest };
    this.#trails.push(trail);
    this.#live.push(trail);
    return trail;
  }

  #note(block: number, count: number, step: PathStep): void {
    for (const trail of this.#open()) if (within(trail, block, count)) add(trail, step);
  }

  #park(block: number, code: string, seq: number): void {
    const trail =
      this.#open().find((one) => one.block === block && one.count === 1) ?? this.#start(block, 1, code, seq);
    trail.outcome = 'parked';
    add(trail, { step: 'parked' });
  }

  #written(block: number, count: number, seq: number): void {
    for (const trail of this.#open()) {
      const shared = Math.min(trail.block + trail.count, block + count) - Math.max(trail.block, block);
      if (shared <= 0) continue;
      trail.left -= shared;
      if (trail.left > 0 || trail.forked) continue;
      trail.outcome = 'written';
      trail.writtenSeq = seq;
      add(trail, { step: 'rewritten' });
    }
  }

  #reported(blocks: readonly number[], by: 'flush' | 'close' | 'write'): void {
    for (const trail of this.#open()) {
      if (blocks.some((block) => block >= trail.block && block < trail.block + trail.count)) {
        add(trail, { step: 'reported', by });
      }
    }
  }

  #discarded(isGone: (block: number) => boolean, reason: string): void {
    for (const trail of this.#open()) {
      if (!isGone(trail.block)) continue;
      trail.outcome = 'discarded';
      add(trail, { step: 'discarded', reason });
    }
  }

  /** What a barrier says of all that was written up to then: one that is done covers what came before its start. */
  #barrier(writtenSeq: number, step: PathStep, outcome: 'durable' | 'failing'): void {
    for (const trail of this.#live) {
      if (trail.forked || trail.outcome !== 'written' || trail.writtenSeq > writtenSeq) continue;
      trail.outcome = outcome;
      if (outcome === 'failing') trail.left = trail.count;
      add(trail, step);
    }
    this.#live = this.#live.filter((trail) => mayChange(trail));
  }

  /** Of what the old device had taken nothing counts, and what it would not take is tried again. */
  #replaced(seq: number): void {
    for (const trail of this.#open()) if (trail.outcome === 'parked') trail.outcome = 'failing';
    this.#barrier(seq, { step: 'device replaced' }, 'failing');
  }

  #open(): Trail[] {
    return this.#live.filter(({ outcome, left }) => left > 0 && (outcome === 'failing' || outcome === 'parked'));
  }
}

function mayChange({ outcome, forked, left }: Trail): boolean {
  return outcome !== 'durable' && outcome !== 'discarded' && !(forked && left <= 0);
}

function within(run: Pick<Trail, 'block' | 'count'>, block: number, count: number): boolean {
  return run.block >= block && run.block + run.count <= block + count;
}

function add(trail: Trail, step: PathStep): void {
  if (trail.steps.length < STEPS_KEPT_MAX || step.step === 'durable') trail.steps.push(step);
}

/** One step in words. */
export function stepText(step: PathStep): string {
  switch (step.step) {
    case 'failed':
      return `attempt ${step.attempt} failed: ${step.code}, ${runText(step.block, step.count)}`;
    case 'retry':
      return `retry after ${millisecondsText(step.waitNs)}`;
    case 'split':
      return `split at ${step.splitAt}`;
    case 'reported':
      return `${step.by} reported`;
    case 'barrier failed':
      return `barrier failed: ${step.code}`;
    case 'discarded':
      return `discarded: ${step.reason}`;
    case 'parked':
    case 'device replaced':
    case 'rewritten':
    case 'durable':
      return step.step;
    default: {
      const never: never = step;
      throw new Error(`unknown step ${JSON.stringify(never)}`);
    }
  }
}

/** The path for people: tries of the same run told together. */
export function pathText(steps: readonly PathStep[]): string[] {
  const parts: string[] = [];
  for (let at = 0; at < steps.length; at++) {
    const step = steps[at];
    if (step.step !== 'failed') {
      parts.push(stepText(step));
      continue;
    }
    let attempts = 1;
    while (sameRun(step, steps[at + 2]) && steps[at + 1].step === 'retry') {
      attempts++;
      at += 2;
    }
    const tries = attempts === 1 ? 'attempt' : `${attempts} attempts`;
    parts.push(`${tries} failed (${step.code}, ${runText(step.block, step.count)})`);
  }
  return parts;
}

function sameRun(step: PathStep, other: PathStep | undefined): boolean {
  return (
    step.step === 'failed' &&
    other?.step === 'failed' &&
    step.block === other.block &&
    step.count === other.count &&
    step.code === other.code
  );
}

function runText(block: number, count: number): string {
  return count === 1 ? `block ${block}` : `blocks ${block}-${block + count - 1}`;
}

function millisecondsText(ns: number): string {
  return `${Math.max(0, Math.round(ns / 1e6))} ms`;
}
