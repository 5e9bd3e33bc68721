/** A device that goes wrong on demand: a filter over any other, for tests of what is said and kept when disks fail. */
import type { BlockDevice, DeviceManifest } from './block-device.js';
import { ArgumentError } from './errors.js';
import {
  type FaultOperation,
  type FaultRule,
  type FaultSpec,
  type Rule,
  RuleBook,
  SYSCALLS,
  systemError,
} from './fault-rules.js';
import { bytesOf, closedError, rangeError } from './transfer.js';
import { type KeptBytes, WriteCache } from './write-cache.js';

export interface FaultDeviceOptions {
  /**
   * Puts a volatile write cache in between: what is written reaches the device beneath at a barrier (or a close), and
   * `powerCut` loses the rest. `supports.durable` is then true: a barrier makes data survive `powerCut`.
   */
  readonly volatile?: boolean;
}

export interface FaultDevice extends BlockDevice {
  /**
   * Makes operations fail from now on. Of several rules that apply to an operation the oldest one is used. Requests
   * that are wrong in themselves (out of range, closed, …) reach no rule.
   * Throws ArgumentError CACHETRAIL_INVALID_ARGUMENT for a rule that could never apply.
   */
  inject(spec: FaultSpec): FaultRule;
  /** Faults injected so far, by all rules. */
  readonly faults: number;
  /** Operations asked for so far, failed ones included; those wrong in themselves are not. */
  readonly operations: Readonly<Record<FaultOperation, number>>;
  /** Cures all rules. */
  cure(): void;
  /** Releases all operations that hang. */
  release(code?: string): void;
  /**
   * Cuts the power: with `volatile`, changes that no barrier has carried are lost, but for the bytes that `keep` names.
   * All requests then reject with ENODEV, those that hang too; what has survived is in the device beneath, once this resolves.
   */
  powerCut(keep?: KeptBytes): Promise<void>;
}

/** Wraps a device so that its operations can be made to fail, hang, lie or lose power. Without rules it changes nothing. */
export function faultDevice(device: BlockDevice, options: FaultDeviceOptions = {}): FaultDevice {
  return new FaultFilter(device, options.volatile === true ? new WriteCache(device) : undefined);
}

class FaultFilter implements FaultDevice {
  readonly operations = { read: 0, write: 0, barrier: 0, discard: 0, zero: 0, close: 0 };
  readonly #beneath: BlockDevice;
  readonly #cache: WriteCache | undefined;
  readonly #rules = new RuleBook();
  #off = false;
  #closing: Promise<void> | undefined;

  constructor(device: BlockDevice, cache: WriteCache | undefined) {
    this.#beneath = cache ?? device;
    this.#cache = cache;
  }

  get supports(): DeviceManifest {
    return this.#beneath.supports;
  }

  get sizeBytes(): number {
    return this.#beneath.sizeBytes;
  }

  get identity(): string {
    return this.#beneath.identity;
  }

  get fd(): number | undefined {
    return this.#beneath.fd;
  }

  get faults(): number {
    return this.#rules.hits;
  }

  inject(spec: FaultSpec): FaultRule {
    if ('loses' in spec && this.#cache === undefined) {
      throw new ArgumentError('CACHETRAIL_INVALID_ARGUMENT', 'only a volatile device `loses` writes');
    }
    return this.#rules.inject(spec);
  }

  cure(): void {
    this.#rules.cure();
  }

  release(code?: string): void {
    this.#rules.release(code);
  }

  async powerCut(keep: KeptBytes = () => 0): Promise<void> {
    this.#off = true;
    this.#rules.release();
    await this.#cache?.powerCut(keep);
  }

  read(offset: number, buffers: readonly Uint8Array[]): Promise<number> {
    return this.#transfer('read', offset, buffers);
  }

  write(offset: number, buffers: readonly Uint8Array[]): Promise<number> {
    return this.#transfer('write', offset, buffers);
  }

  barrier(): Promise<void> {
    const work = () => this.#beneath.barrier();
    const rule = this.#ruleFor('barrier', 0, 0);
    if (rule !== undefined && 'code' in rule.fault && rule.fault.loses === true) this.#cache?.lose();
    return rule === undefined ? this.#reach('barrier', work) : this.#fail(rule, 'barrier', work);
  }

  discard(offset: number, length: number): Promise<void> {
    return this.#clear('discard', offset, length);
  }

  zero(offset: number, length: number): Promise<void> {
    return this.#clear('zero', offset, length);
  }

  setOption(name: string, value: string): Promise<void> {
    if (this.#closing !== undefined) return Promise.reject(closedError(this.identity));
    if (this.#off) return Promise.reject(systemError('ENODEV', 'ioctl'));
    return this.#beneath.setOption(name, value);
  }

  /** Closes the device beneath even if a rule makes this fail, as a close that reports an error does. */
  close(): Promise<void> {
    if (this.#closing !== undefined) return this.#closing;
    const rule = this.#ruleFor('close', 0, 0);
    const closed = this.#beneath.close();
    this.#closing = closed;
    if (rule === undefined) return closed;
    if ('throws' in rule.fault) return this.#fail(rule, 'close', () => closed);
    this.#closing = closed.then(() => this.#fail(rule, 'close', () => closed));
    return this.#closing;
  }

  #transfer(operation: 'read' | 'write', offset: number, buffers: readonly Uint8Array[]): Promise<number> {
    const length = bytesOf(buffers);
    const rule = this.#ruleFor(operation, offset, length);
    const work = () => this.#beneath[operation](offset, buffers);
    if (rule === undefined) return this.#reach(operation, work);
    const { fault } = rule;
    const part = (bytes: number) => this.#beneath[operation](offset, firstBytes(buffers, bytes));
    if ('short' in fault) return part(fault.short);
    if (!('code' in fault)) return this.#fail(rule, operation, work);
    const moved = fault.transferred === undefined ? Promise.resolve(0) : part(fault.transferred);
    return moved.then(() => this.#fail(rule, operation, work));
  }

  #clear(operation: 'discard' | 'zero', offset: number, length: number): Promise<void> {
    const work = () => this.#beneath[operation](offset, length);
    const rule = this.#ruleFor(operation, offset, length);
    return rule === undefined ? this.#reach(operation, work) : this.#fail(rule, operation, work);
  }

  #reach<T>(operation: FaultOperation, work: () => Promise<T>): Promise<T> {
    return this.#off && this.#closing === undefined
      ? Promise.reject(systemError('ENODEV', SYSCALLS[operation]))
      : work();
  }

  /** Counts a request that is sound in itself, and finds the rule for it. */
  #ruleFor(operation: FaultOperation, offset: number, length: number): Rule | undefined {
    if (this.#off || this.#closing !== undefined) return undefined;
    if (rangeError(offset, length, this.sizeBytes) !== undefined) return undefined;
    const { supports } = this;
    const able = operation === 'write' || operation === 'discard' || operation === 'zero' ? supports[operation] : true;
    if (!able) return undefined;
    this.operations[operation]++;
    return this.#rules.match(operation, offset, length);
  }

  /** Not async: one of the faults is to throw synchronously. */
  #fail<T>(rule: Rule, operation: FaultOperation, work: () => Promise<T>): Promise<T> {
    const { fault } = rule;
    if ('throws' in fault) throw systemError(fault.throws, SYSCALLS[operation]);
    if ('hang' in fault) return this.#hang(rule, fault.hang, operation, work);
    if ('twice' in fault)
      return answeringTwice(work(), fault.twice === 'error' ? systemError('EIO', SYSCALLS[operation]) : undefined);
    if ('answer' in fault) return lie(fault.answer);
    return Promise.reject(systemError('code' in fault ? fault.code : 'EIO', SYSCALLS[operation]));
  }

  async #hang<T>(rule: Rule, when: 'before' | 'after', operation: FaultOperation, work: () => Promise<T>): Promise<T> {
    const done = when === 'before' ? work() : undefined;
    // The outcome is asked for only after the wait; until then a failure is no unhandled one.
    done?.catch(() => undefined);
    const code = await rule.hang();
    if (this.#off) throw systemError('ENODEV', SYSCALLS[operation]);
    if (code !== undefined) throw systemError(code, SYSCALLS[operation]);
    return done ?? work();
  }
}

/** The buffers' first bytes, as many as there are up to `length`. */
function firstBytes(buffers: readonly Uint8Array[], length: number): Uint8Array[] {
  let left = length;
  return buffers.map((buffer) => {
    const part = buffer.subarray(0, left);
    left -= part.byteLength;
    return part;
  });
}

/** The one place that breaks a type on purpose: a broken device answers with what it should not. */
function lie<T>(answer: unknown): Promise<T> {
  return Promise.resolve(answer as T);
}

/** A promise that calls back a second time, with the same answer or with `error`: to be seen by calling its `then`. */
function answeringTwice<T>(answer: Promise<T>, error: Error | undefined): Promise<T> {
  return new AnsweringTwice(answer, error);
}

class AnsweringTwice<T> extends Promise<T> {
  readonly #error: Error | undefined;

  /** What is derived from it answers once. */
  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  constructor(answer: Promise<T>, error: Error | undefined) {
    super((resolve, reject) => {
      answer.then(resolve, reject);
    });
    this.#error = error;
  }

  // biome-ignore lint/suspicious/noThenProperty: a promise that keeps no promise is the point
  override then<A = T, B = never>(
    onFulfilled?: ((value: T) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    const first = super.then(onFulfilled, onRejected);
    const second = this.#error === undefined ? super.then() : super.then(() => Promise.reject(this.#error));
    second.then(onFulfilled, onRejected).catch(() => undefined);
    return first;
  }
}
