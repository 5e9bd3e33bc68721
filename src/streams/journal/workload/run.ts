/**
 * One replay of a workload: a core of its own, driven on a time of its own.
 *
 * What a recorded caller did after an answer is not done before that answer has come in the replay, and callers take as long
 * between an answer and their next request as they did: a slower cache is asked later, a faster one sooner.
 */
import { nextDeadline } from '../../../cache/deadline.js';
import { decide } from '../../../cache/decide.js';
import type { CacheEvent, Opened } from '../../../cache/events.js';
import { evolve } from '../../../cache/evolve.js';
import type { Input } from '../../../cache/inputs.js';
import type { CoreConfig } from '../../../cache/limits.js';
import { CacheState, NOBODY } from '../../../cache/state.js';
import { Turn } from '../../../cache/turn.js';
import { Agenda } from './agenda.js';
import { configWith } from './config.js';
import type { DeviceModel } from './device-model.js';
import { endedBy, isWholePart, nextPart, type OpenRequest, openRequest, type RequestInput } from './requests.js';
import { Tally } from './tally.js';
import type { DeviceOperationKind, WorkloadOptions, WorkloadRun } from './types.js';

/** A caller that has waited this long for a device that owes an answer is left behind. */
const WAIT_NS_MAX = 3600 * 1e9;

/** A request of the recording, while it is under way in the replay or its end has not been met in the recording. */
interface Live {
  readonly request: OpenRequest;
  /** Its number in the recording. */
  readonly recordedOp: number;
  /** When it ended in the replay; -1 before. */
  endedAt: number;
}

/** Nothing of it is left to be asked for. */
const ASKED: OpenRequest = {
  input: { type: 'release', at: 0, op: 0, block: 0 },
  offset: 0,
  end: 0,
  blockSize: 0,
  started: true,
};

type WholeRequest = Extract<RequestInput, { type: 'read' | 'write' }>;

export class WorkloadReplay {
  unended = 0;
  readonly #options: WorkloadOptions;
  readonly #device: DeviceModel;
  readonly #failedCloses: ReadonlySet<number>;
  readonly #tally = new Tally();
  readonly #agenda = new Agenda();
  #config: CoreConfig | null = null;
  #state = new CacheState({ bytes: false });
  #turn = this.#newTurn();
  #lastOp = 0;
  /** By the number in the recording, and by those of its parts in the replay. */
  readonly #live = new Map<number, Live>();
  readonly #parts = new Map<number, Live>();
  /** Requests of which a part has ended: the next is to be asked for. */
  readonly #toGoOn: Live[] = [];
  /** Borrows granted in the replay, by their number in the recording. */
  readonly #borrows = new Map<number, number>();
  /** The replay's time, and how far it is from the recording's: what is replayed now happened at `now - lag`. */
  #now = 0;
  #lag = 0;
  #recordedNow = 0;
  #openedAt = 0;
  #deadline: number | null = null;
  /** The request that is being decided on, and when it was answered; -1 while it was not. */
  #watched = 0;
  #watchedEndedAt = -1;

  constructor(options: WorkloadOptions, device: DeviceModel, failedCloses: ReadonlySet<number>) {
    this.#options = options;
    this.#device = device;
    this.#failedCloses = failedCloses;
  }

  /**
   * The next recorded event that makes a request or ends one; `recorded` is the state of the recorded cache before it.
   * Hot: most requests of most recordings are answered by the event that makes them.
   */
  feed(event: CacheEvent, request: RequestInput | null, ended: number | null, recorded: CacheState): void {
    const isAnswered = request !== null && this.#request(request, event, recorded, ended === request.op);
    if (ended !== null && !isAnswered) this.#awaitEnd(ended, event.at);
    this.#recordedNow = Math.max(this.#recordedNow, event.at);
  }

  /** The recorded cache is gone: closed, killed, or behind a gap of the journal. */
  endCache(): void {
    if (this.#state.phase === 'unopened') return;
    this.#tally.addCache(this.#state, Math.max(this.#now, this.#recordedNow + this.#lag) - this.#openedAt);
    this.#state = new CacheState({ bytes: false });
    this.#turn = this.#newTurn();
  }

  result(): Omit<WorkloadRun, 'config'> & { readonly config: CoreConfig | null } {
    return { options: this.#options, config: this.#config, figures: this.#tally.figures(), unended: this.unended };
  }

  #newTurn(): Turn {
    const state = this.#state;
    return new Turn(state, (event) => this.#apply(state, event));
  }

  /** A cache is opened in the recording. */
  open({ at, identity, config }: Pick<Opened, 'at' | 'identity' | 'config'>): void {
    this.#config = configWith(config, this.#options);
    for (const map of [this.#live, this.#parts, this.#borrows]) map.clear();
    this.#toGoOn.length = 0;
    this.#agenda.clear();
    this.#lastOp = 0;
    this.#deadline = null;
    this.#now = at;
    this.#openedAt = at;
    this.#recordedNow = at;
    this.#lag = 0;
    this.#submit({ type: 'open', at, identity, config: this.#config });
  }

  /** True if it was answered at once, in the recording (`endsAtOnce`) and here. */
  #request(input: RequestInput, event: CacheEvent, recorded: CacheState, endsAtOnce: boolean): boolean {
    const at = event.at + this.#lag;
    this.#advance(at);
    const state = this.#state;
    if (state.phase === 'closed') return false;
    const isSameSize = state.blockSize === recorded.blockSize;
    if (isSameSize && input.type === 'read' && input.count <= state.limits.requestBlocksMax) {
      const { op, actor, block, count } = input;
      const part = { type: 'read', at, op: this.#lastOp + 1, actor, trace: null, block, count } as const;
      return this.#askWhole(op, part, endsAtOnce);
    }
    const adapted = this.#adapted(input, event.seq, recorded);
    if (adapted === null) return false;
    if (adapted.type === 'write' && isWholePart(adapted, state)) {
      const { op, actor, offset, length, through } = adapted;
      const part = { type: 'write', at, op: this.#lastOp + 1, actor, trace: null, offset, length, through } as const;
      return this.#askWhole(op, part, endsAtOnce);
    }
    const live: Live = { request: openRequest(adapted, recorded), recordedOp: adapted.op, endedAt: -1 };
    if (adapted.type !== 'release' && adapted.type !== 'abort') this.#live.set(adapted.op, live);
    this.#ask(live, at);
    this.#goOn();
    return false;
  }

  /** A request that is asked for in one piece. */
  #askWhole(recordedOp: number, input: WholeRequest, endsAtOnce: boolean): boolean {
    this.#lastOp = input.op;
    this.#watched = input.op;
    this.#watchedEndedAt = -1;
    this.#submit(input);
    this.#watched = 0;
    const endedAt = this.#watchedEndedAt;
    if (endedAt !== -1 && endsAtOnce) return true;
    // The caller had to wait in the recording, or has to here.
    const live = { request: ASKED, recordedOp, endedAt };
    this.#live.set(recordedOp, live);
    if (endedAt === -1) this.#parts.set(input.op, live);
    return false;
  }

  /** The request as this replay makes it, or null where it makes none. */
  #adapted(input: RequestInput, seq: number, recorded: CacheState): RequestInput | null {
    const { capacity, blockSize, limits = {} } = this.#options;
    switch (input.type) {
      case 'write':
        // Of a write-through cache the journal does not tell which writes were to go through by themselves.
        return recorded.config.mode === 'writethrough' ? { ...input, through: false } : input;
      case 'resize':
        if (capacity !== undefined) return null;
        if (blockSize === undefined) return input;
        return { ...input, capacity: Math.max(1, Math.floor((input.capacity * recorded.blockSize) / blockSize)) };
      case 'setBlockSize':
        return blockSize === undefined ? input : null;
      case 'setOption':
        return input.name in limits ? null : input;
      case 'close': {
        if (!this.#failedCloses.has(seq)) return input;
        const { op, at, actor, trace } = input;
        return { type: 'flush', op, at, actor, trace, block: 0, count: recorded.blockCount, handle: 0 };
      }
      case 'flush':
        // Handles have other numbers here, and only say who is told of what.
        return input.handle === 0 ? input : { ...input, handle: NOBODY };
      case 'replaceDevice':
      case 'openHandle':
      case 'closeHandle':
        return null;
      case 'release': {
        const op = this.#borrows.get(input.op);
        this.#borrows.delete(input.op);
        return op === undefined ? null : { ...input, op };
      }
      case 'abort': {
        for (const [op, live] of this.#parts) if (live.recordedOp === input.op) return { ...input, op };
        return null;
      }
      case 'markDirty': {
        const slot = this.#state.slots.find(input.block);
        const isPinned = slot !== -1 && this.#state.slots.pins[slot] > 0;
        return isPinned || this.#state.blockSize !== recorded.blockSize ? input : null;
      }
      default:
        return input;
    }
  }

  #ask(live: Live, at: number): void {
    const part = nextPart(live.request, this.#state, this.#lastOp + 1, at);
    if (part === null) {
      live.endedAt = this.#now;
      return;
    }
    // A range that holds no whole block of this size asks for nothing.
    if ('count' in part && part.count === 0) {
      live.endedAt = this.#now;
      return;
    }
    if (part.type !== 'release' && part.type !== 'abort') {
      this.#lastOp++;
      this.#parts.set(part.op, live);
    }
    this.#submit(part);
  }

  #goOn(): void {
    for (let live = this.#toGoOn.shift(); live !== undefined; live = this.#toGoOn.shift()) this.#ask(live, this.#now);
  }

  /** Answers and ticks that are due up to a time. */
  #advance(to: number): void {
    while (this.#nextAt <= to) this.#step();
    this.#now = Math.max(this.#now, to);
  }

  get #nextAt(): number {
    return Math.min(this.#agenda.nextAt, this.#deadline ?? Number.POSITIVE_INFINITY);
  }

  #step(): void {
    const { nextAt } = this.#agenda;
    this.#now = Math.max(this.#now, this.#nextAt);
    if (nextAt <= (this.#deadline ?? Number.POSITIVE_INFINITY)) {
      const answer = this.#agenda.take();
      if (answer === undefined) return;
      const { io, startedAt, code, outcome } = answer;
      this.#submit({ type: 'answer', at: nextAt, io, startedAt, code, outcome });
    } else {
      this.#deadline = null;
      this.#submit({ type: 'tick', at: this.#now });
      // What is due and was not done waits for an answer, whose decision sets the deadline anew.
      if (this.#deadline !== null && this.#deadline <= this.#now) this.#deadline = null;
    }
    this.#goOn();
  }

  /** The recorded caller had its answer: the replay goes on until it has it too. */
  #awaitEnd(op: number, recordedAt: number): void {
    const live = this.#live.get(op);
    if (live === undefined) return;
    this.#live.delete(op);
    const giveUpAt = this.#now + WAIT_NS_MAX;
    while (live.endedAt === -1 && this.#nextAt <= giveUpAt) this.#step();
    if (live.endedAt === -1) {
      this.unended++;
      return;
    }
    const recorded = Math.max(recordedAt, this.#recordedNow);
    this.#lag = Math.max(this.#recordedNow + this.#lag, live.endedAt) - recorded;
  }

  #submit(input: Input): void {
    const state = this.#state;
    if (state.phase === 'closed') return;
    const rests = decide(this.#turn, input);
    if (!rests || input.type === 'tick') this.#deadline = nextDeadline(state, input.at);
  }

  #apply(state: CacheState, event: CacheEvent): void {
    this.#tally.accept(event, state);
    evolve(state, event);
    switch (event.type) {
      case 'fillStarted':
        return this.#start('read', event, event.block, event.count);
      case 'writebackStarted':
        return this.#start('write', event, event.block, event.count);
      case 'barrierStarted':
        return this.#start('barrier', event, 0, 0);
      case 'clearStarted':
        return this.#start(event.kind === 'zero' ? 'zero' : 'discard', event, event.block, event.count);
    }
    const ended = endedBy(event);
    if (ended !== null) this.#end(ended, event);
  }

  #start(
    kind: DeviceOperationKind,
    { io, at }: { readonly io: number; readonly at: number },
    block: number,
    count: number,
  ): void {
    const bytes = count === 0 ? 0 : this.#state.bytesOf(block, count);
    for (const { delayNs, code, outcome } of this.#device.answersTo({ kind, block, count, bytes })) {
      this.#agenda.add({ dueAt: at + delayNs, io, startedAt: at, code, outcome });
    }
  }

  #end(op: number, event: CacheEvent): void {
    if (op === this.#watched) {
      this.#watchedEndedAt = event.at;
      return;
    }
    const live = this.#parts.get(op);
    if (live === undefined) return;
    this.#parts.delete(op);
    if (event.type === 'borrowed') this.#borrows.set(live.recordedOp, op);
    const { request } = live;
    if (request.offset < request.end && event.type !== 'requestAborted') this.#toGoOn.push(live);
    else live.endedAt = event.at;
  }
}
