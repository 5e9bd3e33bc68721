/** Which operations of a fault device go wrong, and how: the rules, without the device. */
import { constants } from 'node:os';
import { getSystemErrorMap } from 'node:util';
import { ArgumentError } from './errors.js';

export type FaultOperation = 'read' | 'write' | 'barrier' | 'discard' | 'zero' | 'close';

/** What goes wrong: exactly one of these. */
export type Fault =
  /**
   * Rejects with a system error of this code (EIO, ENOSPC, …). Of a read or write, the first `transferred` bytes (default
   * 0) are moved before. Of a barrier over a volatile cache, `loses` drops the writes that it was for: they are gone, as
   * the Linux page cache loses them; by default they stay, for the next barrier.
   */
  | { readonly code: string; readonly transferred?: number; readonly loses?: boolean }
  /** A read or write moves this many bytes, at most what was asked, and answers so. */
  | { readonly short: number }
  /** Gives no answer until `release()`; the work is done `before` the wait or `after` it. */
  | { readonly hang: 'before' | 'after' }
  /** Throws a system error of this code synchronously. Nothing is done. */
  | { readonly throws: string }
  /** Answers with this value, whatever it is. Nothing is done: the answer that a good device would give is a lie. */
  | { readonly answer: unknown }
  /** Does the work and gives the answer, then answers again: the same, or with EIO. Seen by who calls `then` itself. */
  | { readonly twice: 'answer' | 'error' };

export type FaultSpec = Fault & {
  readonly on: FaultOperation | readonly FaultOperation[];
  /** Bytes. Only operations that touch them; by default all. Barriers and closes touch none. */
  readonly range?: { readonly offset: number; readonly length: number };
  /** The first of the matching operations that fails, from 1. Default 1. */
  readonly nth?: number;
  /** How many fail. By default all, until cured. */
  readonly times?: number;
};

/** A rule in force. */
export interface FaultRule {
  /** Operations that it has made fail. */
  readonly hits: number;
  /** Operations that wait for `release()`. */
  readonly hanging: number;
  /** Makes no further operation fail. Those that hang go on hanging. */
  cure(): void;
  /** Lets the operations that hang end: as the device answers, or with a system error of this code. */
  release(code?: string): void;
}

export class RuleBook {
  #rules: Rule[] = [];
  /** Of rules that are forgotten. */
  #formerHits = 0;

  inject(spec: FaultSpec): FaultRule {
    const rule = new Rule(spec);
    this.#rules.push(rule);
    return rule;
  }

  /** The rule that makes this operation fail: the oldest that applies. All rules count the operations that match them. */
  match(operation: FaultOperation, offset: number, length: number): Rule | undefined {
    let first: Rule | undefined;
    for (const rule of this.#rules) {
      if (rule.isDue(operation, offset, length)) first ??= rule;
    }
    if (first !== undefined) first.hits++;
    return first;
  }

  get hits(): number {
    return this.#rules.reduce((sum, rule) => sum + rule.hits, this.#formerHits);
  }

  cure(): void {
    for (const rule of this.#rules) rule.cure();
    this.#forget();
  }

  release(code?: string): void {
    for (const rule of this.#rules) rule.release(code);
    this.#forget();
  }

  /** Rules that are cured and that nothing waits for. */
  #forget(): void {
    const over = this.#rules.filter((rule) => rule.isOver);
    for (const rule of over) this.#formerHits += rule.hits;
    this.#rules = this.#rules.filter((rule) => !rule.isOver);
  }
}

export class Rule implements FaultRule {
  readonly fault: Fault;
  hits = 0;
  readonly #spec: FaultSpec;
  #seen = 0;
  #cured = false;
  #waiting: ((code: string | undefined) => void)[] = [];

  constructor(spec: FaultSpec) {
    checkSpec(spec);
    this.#spec = spec;
    this.fault = spec;
  }

  get hanging(): number {
    return this.#waiting.length;
  }

  get isOver(): boolean {
    return this.#cured && this.#waiting.length === 0;
  }

  cure(): void {
    this.#cured = true;
  }

  release(code?: string): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const end of waiting) end(code);
  }

  /** Resolves at the next `release`, with its code. */
  hang(): Promise<string | undefined> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  isDue(operation: FaultOperation, offset: number, length: number): boolean {
    const { on, range, nth = 1, times = Number.POSITIVE_INFINITY } = this.#spec;
    if (this.#cured || !operationsOf(on).includes(operation)) return false;
    if (range !== undefined && !(offset < range.offset + range.length && range.offset < offset + length)) return false;
    this.#seen++;
    return this.#seen >= nth && this.hits < times;
  }
}

/** The system call that an operation is on a file, for the errors. */
export const SYSCALLS: Readonly<Record<FaultOperation, string>> = {
  read: 'read',
  write: 'write',
  barrier: 'fdatasync',
  discard: 'fallocate',
  zero: 'fallocate',
  close: 'close',
};

/** The shape of an error that Node gives for a failed system call. `errno` is there for codes that this system knows. */
export type SystemError = Error & { readonly code: string; readonly syscall: string; readonly errno?: number };

export function systemError(code: string, syscall: string): SystemError {
  const number = Object.entries(constants.errno).find(([name]) => name === code)?.[1];
  if (number === undefined) return Object.assign(new Error(`${code}: ${syscall}`), { code, syscall });
  const text = getSystemErrorMap().get(-number)?.[1] ?? 'unknown error';
  return Object.assign(new Error(`${code}: ${text}, ${syscall}`), { errno: -number, code, syscall });
}

function operationsOf(on: FaultSpec['on']): readonly FaultOperation[] {
  return typeof on === 'string' ? [on] : on;
}

const KINDS = ['code', 'short', 'hang', 'throws', 'answer', 'twice'];
const RANGELESS: readonly FaultOperation[] = ['barrier', 'close'];

/** A rule that can never apply would make a test pass for nothing, so it is refused. */
function checkSpec(spec: FaultSpec): void {
  const operations = operationsOf(spec.on);
  const kinds = KINDS.filter((kind) => kind in spec);
  demand(kinds.length === 1, `a rule has one of ${KINDS.join(', ')}, not ${kinds.join(' and ') || 'none'}`);
  demand(operations.length > 0 && operations.every((name) => name in SYSCALLS), '`on` names operations');
  demand(isCount(spec.nth ?? 1, 1) && isCount(spec.times ?? 1, 1), '`nth` and `times` are whole numbers from 1');
  if (spec.range !== undefined) {
    demand(!operations.some((name) => RANGELESS.includes(name)), 'barriers and closes have no `range`');
    demand(isCount(spec.range.offset, 0) && isCount(spec.range.length, 1), '`range` is whole, and not empty');
  }
  const transfers = operations.every((name) => name === 'read' || name === 'write');
  if ('short' in spec) demand(transfers && isCount(spec.short, 0), '`short` is whole, for reads and writes');
  if ('code' in spec) {
    const { transferred, loses } = spec;
    demand(
      transferred === undefined || (transfers && isCount(transferred, 0)),
      '`transferred` is for reads and writes',
    );
    demand(loses === undefined || operations.every((name) => name === 'barrier'), '`loses` is for barriers');
  }
}

function isCount(value: number, min: number): boolean {
  return Number.isSafeInteger(value) && value >= min;
}

function demand(condition: boolean, message: string): asserts condition {
  if (!condition) throw new ArgumentError('CACHETRAIL_INVALID_ARGUMENT', message);
}
