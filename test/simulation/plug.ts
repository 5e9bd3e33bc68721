/** The device is taken away, or not, and another object for it takes its place; somebody may try one for another device first. */
import type { CacheMode } from '../../src/cache/limits.js';
import { codeOf } from '../../src/device/errors.js';
import { CELL_BYTES } from './cells.js';
import type { Boot } from './client.js';
import { demand } from './failure.js';
import type { Medium } from './medium.js';
import { mayBeTold } from './outcomes.js';
import type { Random } from './random.js';
import type { SimDevice } from './sim-device.js';

/** `works`: it is replaced all the same. */
export type Unplugged = 'fails' | 'hangs' | 'works';

export interface Replacement {
  /** The step before which it is taken away, and how many later it is put back. */
  readonly step: number;
  readonly steps: number;
  readonly how: Unplugged;
  /** What no barrier has covered is lost with it, as far as chance will have it. */
  readonly loses: boolean;
  /** The old object says when it is closed. */
  readonly closes: boolean;
  /** What another device, that is tried first, differs by. */
  readonly other: 'identity' | 'size' | 'rights' | null;
}

const OTHER = 'CACHETRAIL_DEVICE_OTHER';
/** Refused because the cache is busy, it is tried again so many steps later. */
const AGAIN_STEPS = 5;

export function drawReplacements(random: Random, steps: number): Replacement[] {
  if (random.chance(0.7)) return [];
  return Array.from({ length: random.magnitude(1, 8) }, () => ({
    step: random.below(steps),
    steps: random.magnitude(1, Math.max(1, steps / 8)),
    how: random.pick(['fails', 'hangs', 'works', 'works']),
    loses: random.chance(0.5),
    closes: random.chance(0.7),
    other: random.pick([null, 'identity', 'size', 'rights']),
  }));
}

/** What another device has otherwise than this one. */
export function differing(
  other: Replacement['other'],
  { sizeBytes, supports }: Pick<SimDevice, 'sizeBytes' | 'supports'>,
): Partial<Pick<SimDevice, 'identity' | 'sizeBytes' | 'supports'>> {
  if (other === 'identity') return { identity: 'another' };
  if (other === 'size') return { sizeBytes: sizeBytes + CELL_BYTES };
  return other === 'rights' ? { supports: { ...supports, write: false } } : {};
}

export interface PlugParts {
  readonly plans: readonly Replacement[];
  readonly mode: CacheMode;
  readonly medium: Medium;
  readonly random: Random;
  /** Another object for the same device, or for one that differs. */
  readonly another: (other: Replacement['other']) => SimDevice;
  readonly first: SimDevice;
}

export class Plug {
  /** The one that the cache is over. */
  device: SimDevice;
  /** Not with the cache any more, or not yet. */
  readonly #others: SimDevice[] = [];
  readonly #parts: PlugParts;
  /** Something was taken away or replaced: failures are to be expected. */
  isUsed = false;
  isOut = false;
  /** By the step at which it is put back. */
  readonly #due = new Map<number, Replacement>();
  #coming: { readonly device: SimDevice; readonly plan: Replacement } | null = null;

  constructor(parts: PlugParts) {
    this.#parts = parts;
    this.device = parts.first;
  }

  /** Nobody waits for it to be replaced. */
  get isSettled(): boolean {
    return this.#coming === null;
  }

  step(boot: Boot, step: number): void {
    for (const plan of this.#parts.plans) {
      if (plan.step !== step) continue;
      this.isUsed = true;
      this.#due.set(step + plan.steps, plan);
      if (plan.how === 'works' || this.#coming !== null) continue;
      this.isOut = true;
      this.device.unplug(plan.how);
    }
    const due = this.#due.get(step);
    if (due === undefined) return;
    this.#due.delete(step);
    const again = () => this.#due.set(step + AGAIN_STEPS, due);
    if (boot.closing || this.#coming !== null) return void again();
    this.#tryOther(boot, due);
    this.#replace(boot, due).then(
      (isDone) => (isDone ? undefined : again()),
      (error: unknown) => boot.checker.report(error),
    );
  }

  /** The event says that the cache goes on with the one that was given to it. */
  replaced(): void {
    const coming = this.#coming;
    demand(coming !== null, 'a device is replaced, and nobody asked for it');
    const { device, plan } = coming;
    if (plan.loses) this.#parts.medium.powerLoss(this.#parts.random);
    // Before it is closed: one that was not replaced after all is closed as any other.
    this.device.retiring = plan.closes ? 'closes' : 'silent';
    this.#others.push(this.device);
    this.device = device;
    this.isOut = false;
  }

  /** In the end it is put back where it is out. Gives what has to happen for that; null if nothing. */
  restore(boot: Boot): Promise<boolean> | null {
    if (!this.isOut || this.#coming !== null) return null;
    return this.#replace(boot, LAST);
  }

  powerOff(): void {
    for (const device of [this.device, ...this.#others]) device.powerOff();
    this.#coming?.device.powerOff();
  }

  /** False if the cache could not do it now. */
  async #replace(boot: Boot, plan: Replacement): Promise<boolean> {
    const device = this.#parts.another(null);
    this.isUsed = true;
    this.#coming = { device, plan };
    try {
      await boot.cache.replaceDevice(device);
      if (!boot.over) demand(this.device === device, 'a device was replaced, and no event said so');
      return true;
    } catch (error) {
      device.powerOff();
      if (boot.over || mayBeTold('replace', codeOf(error), boot)) return false;
      if (codeOf(error) === OTHER && forgetDoubtful(boot)) return false;
      throw error;
    } finally {
      this.#coming = null;
    }
  }

  #tryOther(boot: Boot, { other }: Replacement): void {
    if (other === null || (other === 'rights' && this.#parts.mode === 'readonly')) return;
    const device = this.#parts.another(other);
    this.#others.push(device);
    boot.cache.replaceDevice(device).then(
      () => boot.checker.report(new Error(`a device of another ${other} was taken for the cache's own`)),
      (error: unknown) => {
        const code = codeOf(error);
        if (boot.over || code === OTHER || mayBeTold('replace', code, boot)) return;
        boot.checker.report(error);
      },
    );
  }
}

/**
 * What a clear has or has not changed may read otherwise when the device comes back, which then looks like another one: such
 * blocks are invalidated first. False if there are none.
 */
function forgetDoubtful({ cache, model }: Boot): boolean {
  const cellsPerBlock = cache.blockSize / CELL_BYTES;
  const blocks = new Set<number>();
  for (let cell = 0; cell < model.cells; cell++)
    if (model.isDoubtful(cell)) blocks.add(Math.floor(cell / cellsPerBlock));
  // One that must be kept or is borrowed is not looked at.
  for (const block of blocks) cache.invalidate({ block, count: 1 }).catch(() => undefined);
  return blocks.size > 0;
}

const LAST: Replacement = { step: 0, steps: 0, how: 'works', loses: false, closes: true, other: null };
