/**
 * Given events, when input, then events. The core alone, with nothing around it: time and the device's answers are
 * inputs too. After every step the whole state is checked, and the log must tell all: folded again it gives the same
 * state, and decided again from its first events it gives the same events.
 */
import { expect } from 'chai';
import { decide } from '../../src/cache/decide.js';
import { hashState } from '../../src/cache/digest.js';
import type { CacheEvent, EventType } from '../../src/cache/events.js';
import { evolve } from '../../src/cache/evolve.js';
import { type Input, inputOf } from '../../src/cache/inputs.js';
import { checkInvariants } from '../../src/cache/invariants.js';
import { type CoreConfig, type CoreLimits, DEFAULT_LIMITS } from '../../src/cache/limits.js';
import { CacheState, type DeviceIo } from '../../src/cache/state.js';
import { Turn } from '../../src/cache/turn.js';

/** What can come before: a recorded event, an input, or several of them that depend on what the core is at. */
export type Step = CacheEvent | Input | ((core: Core) => Input | readonly Step[]);

/** An event of which only the named fields are compared; a name alone compares the type. */
export type Expected = EventType | { [T in EventType]: PartOf<T> }[EventType];
type PartOf<T extends EventType> = { readonly type: T } & Partial<Extract<CacheEvent, { type: T }>>;

/** Time that passes before each input, so that no two have the same. */
export const STEP_NS = 1000;
export const BLOCK = 512;

export class Core {
  readonly state = new CacheState({ bytes: true });
  readonly events: CacheEvent[] = [];
  /** The time of the last input. */
  at = 0;
  /** The number of the last request. */
  op = 0;
  readonly #turn = new Turn(this.state, (event) => this.#fold(event));

  /** Does a step and gives the events that it caused. */
  take(step: Step): CacheEvent[] {
    const before = this.events.length;
    const taken = typeof step === 'function' ? step(this) : step;
    if (isSteps(taken)) for (const part of taken) this.take(part);
    else if ('seq' in taken) this.#fold(taken);
    else this.#decide(taken);
    return this.events.slice(before);
  }

  /** The time of the next input. */
  next(): number {
    return this.at + STEP_NS;
  }

  /** Who asks, for the next request. */
  request() {
    return { at: this.next(), op: this.op + 1, actor: '', trace: null };
  }

  /** The oldest device operation of a kind that has not been answered. */
  inFlight<K extends DeviceIo['kind']>(kind: K): Extract<DeviceIo, { kind: K }> {
    for (const io of this.state.ios.values()) if (isOfKind(io, kind)) return io;
    throw new Error(`no ${kind} is in flight`);
  }

  /** Everything that must hold at rest, whatever happened. */
  verify(): void {
    checkInvariants(this.state);
    const folded = new CacheState({ bytes: false });
    for (const event of this.events) evolve(folded, event);
    expect(hashState(folded), 'the events folded again').to.equal(hashState(this.state));
    expect(decidedAgain(this.events), 'the events decided again').to.deep.equal(this.events);
  }

  #decide(input: Input): void {
    this.at = Math.max(this.at, input.at);
    if ('op' in input) this.op = Math.max(this.op, input.op);
    decide(this.#turn, input);
  }

  #fold(event: CacheEvent): void {
    evolve(this.state, event);
    this.at = Math.max(this.at, event.at);
    if ('op' in event) this.op = Math.max(this.op, event.op);
    this.events.push(event);
  }
}

export interface Given {
  readonly core: Core;
  /** More of what came before. */
  and(...steps: readonly Step[]): Given;
  when(...steps: readonly Step[]): When;
}

export interface When extends Given {
  /** Exactly these events, in this order, were caused by the last `when`. */
  then(...expected: readonly Expected[]): Given;
}

/** Starts from an empty state; without an opening step, from a cache opened with the defaults. */
export function given(...steps: readonly Step[]): Given {
  const core = new Core();
  for (const step of steps) core.take(step);
  core.verify();
  return scenario(core);
}

function scenario(core: Core): Given {
  return {
    core,
    and(...steps) {
      for (const step of steps) core.take(step);
      core.verify();
      return scenario(core);
    },
    when(...steps) {
      const caused = steps.flatMap((step) => core.take(step));
      core.verify();
      return {
        ...scenario(core),
        // biome-ignore lint/suspicious/noThenProperty: given, when, then: nobody awaits a scenario
        then(...expected) {
          expectEvents(caused, expected);
          return scenario(core);
        },
      };
    },
  };
}

/** Compares types and order exactly, and of each event the fields that the expected one names. */
export function expectEvents(actual: readonly CacheEvent[], expected: readonly Expected[]): void {
  const wanted = expected.map((event) => (typeof event === 'string' ? { type: event } : event));
  const seen = actual.map((event, at) => (wanted[at]?.type === event.type ? partOf(event, wanted[at]) : event));
  expect(seen).to.deep.equal(wanted);
}

function partOf(event: CacheEvent, fields: object): object {
  return Object.fromEntries(Object.entries(event).filter(([name]) => name in fields));
}

function decidedAgain(events: readonly CacheEvent[]): CacheEvent[] {
  const state = new CacheState({ bytes: false });
  const again: CacheEvent[] = [];
  const turn = new Turn(state, (event) => {
    evolve(state, event);
    again.push(event);
  });
  for (const event of events) if (event.cause === 0) decide(turn, inputOf(event));
  return again;
}

function isSteps(taken: CacheEvent | Input | readonly Step[]): taken is readonly Step[] {
  return Array.isArray(taken);
}

function isOfKind<K extends DeviceIo['kind']>(io: DeviceIo, kind: K): io is Extract<DeviceIo, { kind: K }> {
  return io.kind === kind;
}

export interface OpenOptions extends Partial<Omit<CoreConfig, 'limits' | 'deviceBytes'>> {
  /** Blocks of the device. Default 64. */
  readonly blocks?: number;
  /** Bytes; overrides `blocks`. */
  readonly deviceBytes?: number;
  readonly limits?: Partial<CoreLimits>;
}

/** Opens a small cache of 512-byte blocks: 8 of 64. */
export function open(options: OpenOptions = {}): Step {
  const { blocks = 64, limits, deviceBytes, ...rest } = options;
  const config: CoreConfig = {
    deviceBytes: deviceBytes ?? blocks * BLOCK,
    blockSize: BLOCK,
    capacity: 8,
    policy: 'lru',
    mode: 'writeback',
    seed: 1,
    ...rest,
    limits: { ...DEFAULT_LIMITS, ...limits },
  };
  return { type: 'open', at: 0, identity: 'test', config };
}
