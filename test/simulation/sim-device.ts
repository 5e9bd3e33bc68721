/** The faulty surface of the simulated device: takes time, and goes wrong as the faults say. What it holds is the medium's. */
import type { BlockDevice, DeviceManifest } from '../../src/device/block-device.js';
import type { Agenda } from './agenda.js';
import { AnsweringTwice } from './answering-twice.js';
import { CELL_BYTES, cellCountOf, putTags, tagsOf } from './cells.js';
import { SimulationFailure } from './failure.js';
import type { FaultKind, FaultPlan, Faults, Operation } from './faults.js';
import type { Change, Medium } from './medium.js';
import type { Random } from './random.js';

export interface SimDeviceOptions {
  readonly sizeBytes: number;
  readonly supports: DeviceManifest;
  readonly medium: Medium;
  readonly agenda: Agenda;
  readonly faults: Faults;
  readonly random: Random;
  readonly latencyNs: { readonly least: number; readonly most: number };
  readonly timeoutNs: number;
  readonly identity?: string;
  /** What may not happen at a device, told where the run sees it. */
  readonly report: (error: unknown) => void;
}

/** An operation at work. `work` does as much of it as `part` says, and gives the answer. */
interface Work {
  readonly on: Operation;
  readonly offset: number;
  readonly length: number;
  readonly work: (part: Part) => number | undefined;
}

type Part = 'all' | 'none' | 'some';

export class SimDevice implements BlockDevice {
  readonly supports: DeviceManifest;
  readonly sizeBytes: number;
  readonly identity: string;
  readonly fd = undefined;
  closed = false;
  /** Another takes its place: whether it says so when it is closed. Whatever is under way is over soon after that was asked. */
  retiring: 'closes' | 'silent' | null = null;
  /** Operations under way whose fate is sealed, and that were begun before a cure. */
  doomed = 0;
  /** Operations under way. */
  running = 0;
  readonly #options: SimDeviceOptions;
  /** Operations that do not answer, to be let go by a cure. */
  readonly #hanging: (() => void)[] = [];
  /** Barriers under way that will fail late. */
  #failingLate = 0;
  /** Operations under way that may still do their work. */
  readonly #live = new Set<() => void>();
  #off = false;
  /** Taken away: what it answers from then on. */
  #gone: 'fails' | 'hangs' | null = null;
  #cured = false;

  constructor(options: SimDeviceOptions) {
    this.#options = options;
    this.identity = options.identity ?? 'simulated';
    this.supports = options.supports;
    this.sizeBytes = options.sizeBytes;
  }

  read(offset: number, [bytes]: readonly Uint8Array[]): Promise<number> {
    const { medium } = this.#options;
    const [cell, count] = this.#cells(offset, bytes.length);
    const work = (part: Part) => {
      const read = this.#some(count, part);
      putTags(bytes, medium.current, cell, read);
      return Math.min(read * CELL_BYTES, bytes.length);
    };
    return this.#run({ on: 'read', offset, length: bytes.length, work });
  }

  write(offset: number, [bytes]: readonly Uint8Array[]): Promise<number> {
    const [cell, count] = this.#cells(offset, bytes.length);
    // Bytes are taken when the work is done: they may not change before the answer.
    return this.#run({
      on: 'write',
      offset,
      length: bytes.length,
      ...this.#changing(cell, count, () => tagsOf(bytes, count)),
    });
  }

  async barrier(): Promise<void> {
    const { medium, random } = this.#options;
    const covered = medium.acknowledged();
    const work = (part: Part) => {
      if (part !== 'all') return undefined;
      // One that is told of a failure late has taken it from all others: these succeed, and what had failed is gone.
      if (this.#failingLate > 0 && random.chance(0.5)) return this.#lose();
      medium.makeDurable(covered);
      return undefined;
    };
    await this.#run({ on: 'barrier', offset: 0, length: 0, work });
  }

  async discard(offset: number, length: number): Promise<void> {
    const { random } = this.#options;
    const [cell, count] = this.#cells(offset, length);
    const tag = random.pick([0, GARBAGE]);
    await this.#run({
      on: 'discard',
      offset,
      length,
      ...this.#changing(cell, count, () => new Int32Array(count).fill(tag)),
    });
  }

  async zero(offset: number, length: number): Promise<void> {
    const [cell, count] = this.#cells(offset, length);
    await this.#run({ on: 'zero', offset, length, ...this.#changing(cell, count, () => new Int32Array(count)) });
  }

  setOption(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.closed = true;
    const { agenda, random, timeoutNs } = this.#options;
    if (this.retiring === null || this.#gone !== null) return this.retiring === 'silent' ? NEVER : Promise.resolve();
    const withinNs = timeoutNs / 2;
    for (const work of this.#live) agenda.after(random.below(withinNs), work);
    if (this.retiring === 'silent') return NEVER;
    return new Promise((resolve) => agenda.after(withinNs, resolve));
  }

  /** Nothing that it is asked for is done from here on; what it was at has been done in part. */
  unplug(how: 'fails' | 'hangs'): void {
    if (this.#gone !== null) return;
    for (const work of this.#live) if (this.#options.random.chance(0.5)) work();
    this.#live.clear();
    this.#gone = how;
  }

  /** Says nothing more, and does nothing more: the machine is off. */
  powerOff(): void {
    this.#off = true;
  }

  /** Whatever has not been answered will be, and from now on every answer comes in time. What was taken away is back. */
  cure(): void {
    this.#cured = true;
    this.#gone = null;
    for (const end of this.#hanging.splice(0)) end();
  }

  #changing(cell: number, count: number, tags: () => Int32Array): Pick<Work, 'work'> & { readonly changes: Change[] } {
    const { medium, random } = this.#options;
    const changes: Change[] = [];
    const work = (part: Part) => {
      const all = part === 'none' ? null : tags();
      if (all === null) return 0;
      if (part === 'all') {
        changes.push(medium.apply(cell, all));
        return this.#bytesOf(cell, count);
      }
      const scattered = random.chance(0.5);
      const done = this.#some(count, part);
      if (!scattered && done > 0) medium.apply(cell, all.subarray(0, done));
      for (let at = 0; scattered && at < count; at++) {
        if (random.chance(0.5)) medium.apply(cell + at, all.subarray(at, at + 1));
      }
      return this.#bytesOf(cell, done);
    };
    return { work, changes };
  }

  #run(op: Work & { readonly changes?: readonly Change[] }): Promise<number> {
    const { on, offset, length } = op;
    if (this.closed && this.retiring !== null) return Promise.reject(closedError());
    if (this.closed && !this.#off) this.#report(`a ${on} after the device was closed`);
    const fate = this.#options.faults.fateOf(on, offset, length);
    if (fate?.kind === 'throw') throw failureOf(fate);
    const answer = new Promise<number>((resolve, reject) => this.#schedule(op, fate, resolve, reject));
    return fate?.kind === 'twice' ? new AnsweringTwice(answer) : answer;
  }

  #schedule(
    op: Work & { readonly changes?: readonly Change[] },
    fate: FaultPlan | null,
    resolve: (moved: number) => void,
    reject: (error: unknown) => void,
  ): void {
    const { agenda, random, timeoutNs, latencyNs } = this.#options;
    const isOld = !this.#cured;
    const most = this.#cured ? Math.min(latencyNs.most, timeoutNs / 4) : latencyNs.most;
    const usual = random.magnitude(Math.min(latencyNs.least, most), most);
    const failsLate = op.on === 'barrier' && fate?.kind === 'lateFail';
    if (isOld) this.doomed++;
    if (failsLate) this.#failingLate++;
    this.running++;
    const isLate = fate?.kind === 'late' || fate?.kind === 'lateFail';
    const delay = isLate ? timeoutNs + random.below(2 * timeoutNs) : usual;
    let moved: number | undefined;
    let isDone = false;
    const work = () => {
      if (this.#off || !this.#live.delete(work)) return;
      isDone = true;
      moved = this.#guarded(() => this.#workOf(op, fate));
    };
    if (this.#gone === null) this.#live.add(work);
    const answer = () => {
      if (this.#off) return;
      if (this.#gone === 'hangs') return void this.#hanging.push(answer);
      if (isOld) this.doomed--;
      if (failsLate) this.#failingLate--;
      this.running--;
      if (this.#gone === null) work();
      if (isDone && this.#gone === null) this.#answer(op, fate, moved, resolve, reject);
      else reject(goneError());
    };
    // The work is done at any time before the answer.
    if (random.chance(0.5)) agenda.after(random.below(delay), work);
    if (fate?.kind === 'never') this.#hanging.push(answer);
    else agenda.after(delay, answer);
  }

  #workOf(op: Work, fate: FaultPlan | null): number | undefined {
    const { random } = this.#options;
    switch (fate?.kind) {
      case 'error':
        return op.work('none');
      case 'torn':
      case 'short':
        return op.work('some');
      case 'bogus':
        return op.work(random.pick(['all', 'none', 'some']));
      case 'lateFail':
        return op.on === 'barrier' ? this.#lose() : op.work('some');
      case 'lose':
        return this.#lose();
      default:
        return op.work('all');
    }
  }

  #lose(): undefined {
    this.#options.medium.lose();
  }

  #answer(
    op: Work & { readonly changes?: readonly Change[] },
    fate: FaultPlan | null,
    moved: number | undefined,
    resolve: (moved: number) => void,
    reject: (error: unknown) => void,
  ): void {
    const { random } = this.#options;
    const kind = fate?.kind;
    if (fate !== null && FAILING.includes(fate.kind)) return reject(failureOf(fate));
    if (kind === 'bogus') return resolve(random.pick([-1, Number.NaN, op.length + 1, 0.5]));
    for (const change of op.changes ?? []) change.acknowledged = true;
    resolve(moved ?? 0);
  }

  #guarded(work: () => number | undefined): number | undefined {
    try {
      return work();
    } catch (error) {
      this.#options.report(error);
      return undefined;
    }
  }

  /** Thrown here, it would be taken for a failure of the device. */
  #report(message: string): void {
    this.#options.report(new SimulationFailure(message));
  }

  #some(count: number, part: Part): number {
    if (part === 'all') return count;
    return part === 'none' ? 0 : this.#options.random.below(count);
  }

  #cells(offset: number, length: number): [cell: number, count: number] {
    if (offset % CELL_BYTES !== 0 || length <= 0) this.#report(`an operation at ${offset}, of ${length} bytes`);
    if (offset + length > this.sizeBytes) this.#report('an operation reaches past the end of the device');
    return [offset / CELL_BYTES, cellCountOf(length)];
  }

  #bytesOf(cell: number, count: number): number {
    return Math.min((cell + count) * CELL_BYTES, this.sizeBytes) - cell * CELL_BYTES;
  }
}

/** What is told that it has failed. */
const FAILING: readonly FaultKind[] = ['error', 'torn', 'done', 'lose', 'lateFail'];
/** What a discarded cell may read as. */
const GARBAGE = 0x7eadbeef;

const NEVER = new Promise<void>(() => {});

function goneError(): Error {
  return Object.assign(new Error('ENODEV: simulated, taken away'), { code: 'ENODEV' });
}

function closedError(): Error {
  return Object.assign(new Error('simulated, closed'), { code: 'CACHETRAIL_CLOSED' });
}

function failureOf({ code, on }: FaultPlan): Error {
  return Object.assign(new Error(`${code}: simulated, ${on}`), { code });
}
