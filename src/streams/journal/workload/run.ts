/**
 * One replay of a workload: a core of its own, driven on a time of its own.
 *
 * What a recorded caller did after an answer is not done before that answer has come in the replay, and callers take as long
 * between an answer and their next request as they did: a slower cache is asked later, a faster one sooner (`plan.ts`).
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
import { Plan, type Planned, planned } from './plan.js';
import { endedBy, isWholePart, nextPart, openRequest, type RequestInput } from './requests.js';
import { Tally } from './tally.js';
import type { DeviceOperationKind, LeftOutRequest, WorkloadOptions, WorkloadRun } from './types.js';

/** A caller that has waited this long for a device that owes an answer is left behind. */
const WAIT_NS_MAX = 3600 * 1e9;
/**
 * Requests that are read ahead: callers whose order is another in the replay are found among so many. A journal of any size
 * takes no more memory than these.
 */
const AHEAD_MAX = 512;

interface Borrow {
  readonly planned: Planned;
  readonly block: number;
  /** Its number in the replay; 0 before it is granted there. */
  op: number;
}

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
  readonly #plan = new Plan();
  /** By their number in the recording, until they are answered there. */
  readonly #asked = new Map<number, Planned>();
  /** By the number of their part in the replay. */
  readonly #parts = new Map<number, Planned>();
  /** Answered in the recording, and not yet in the replay. */
  readonly #owed = new Set<Planned>();
  /** Requests of which a part has ended: the next is to be asked for. */
  readonly #toGoOn: Planned[] = [];
  /** Borrows that have not been released, by their number in the recording. */
  readonly #borrows = new Map<number, Borrow>();
  /** Numbers of handles in the replay, by those in the recording. */
  readonly #handles = new Map<number, number>();
  readonly #leftOut: Record<LeftOutRequest, number> = { resize: 0, setBlockSize: 0, setOption: 0 };
  /** The last request or answer of the recording. */
  #lastMark: Planned | null = null;
  #isLastMarkEnd = false;
  #now = 0;
  /** When the last request was made. */
  #madeAt = 0;
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

  /** The next recorded event that makes a request or ends one; `recorded` is the state of the recorded cache before it. */
  feed(event: CacheEvent, input: RequestInput | null, ended: number | null, recorded: CacheState): void {
    if (input !== null) this.#read(input, event, recorded);
    if (ended !== null) this.#answeredInRecording(ended, event.at);
    // While nobody else waits, and nobody has been answered and done nothing since, all that comes follows this.
    const isAlone = this.#asked.size === 0 && this.#plan.unfollowed <= 1;
    const ahead = isAlone ? 0 : AHEAD_MAX;
    while (this.#plan.size > ahead) this.#progress();
  }

  /** The recorded cache is gone: closed, killed, or behind a gap of the journal. `lastAt`: of its last event. */
  endCache(lastAt: number): void {
    if (this.#state.phase === 'unopened') return;
    this.#drain();
    const giveUpAt = this.#now + WAIT_NS_MAX;
    while (this.#owed.size > 0 && this.#nextAt <= giveUpAt) this.#step();
    this.unended += this.#owed.size;
    const end = lastAt + this.#shift();
    while (this.#nextAt <= end) this.#step();
    this.#tally.addCache(this.#state, Math.max(this.#now, end) - this.#openedAt);
    this.#state = new CacheState({ bytes: false });
    this.#turn = this.#newTurn();
  }

  result(): Omit<WorkloadRun, 'config'> & { readonly config: CoreConfig | null } {
    const figures = this.#tally.figures();
    return { options: this.#options, config: this.#config, figures, unended: this.unended, leftOut: this.#leftOut };
  }

  #newTurn(): Turn {
    const state = this.#state;
    return new Turn(state, (event) => this.#apply(state, event));
  }

  /** A cache is opened in the recording. */
  open({ at, identity, config }: Pick<Opened, 'at' | 'identity' | 'config'>): void {
    this.#config = configWith(config, this.#options);
    for (const map of [this.#asked, this.#parts, this.#borrows, this.#handles, this.#owed]) map.clear();
    this.#plan.clear();
    this.#toGoOn.length = 0;
    this.#agenda.clear();
    this.#lastOp = 0;
    this.#lastMark = null;
    this.#deadline = null;
    this.#now = at;
    this.#madeAt = at;
    this.#openedAt = at;
    this.#submit({ type: 'open', at, identity, config: this.#config });
  }

  /** How much later the recording's last request or answer was in the replay. */
  #shift(): number {
    const mark = this.#lastMark;
    if (mark === null) return 0;
    const [at, recordedAt] = this.#isLastMarkEnd ? [mark.endedAt, mark.answeredAt] : [mark.startedAt, mark.at];
    return at === -1 ? 0 : at - recordedAt;
  }

  #read(recordedInput: RequestInput, { seq, at }: CacheEvent, recorded: CacheState): void {
    const input = this.#adapted(recordedInput, seq, recorded);
    if (input === null) return;
    // What comes last of all, in the core as well, is not made before what was asked for earlier.
    if (input.type === 'close' || input.type === 'setBlockSize') this.#drain();
    const next = planned(input, seq, at, recorded);
    this.#lastMark = next;
    this.#isLastMarkEnd = false;
    if (input.type === 'release') {
      const borrow = this.#borrows.get(input.op);
      if (borrow !== undefined) this.#plan.addAfterEnd(next, borrow.planned);
      return;
    }
    if (input.type === 'abort') {
      const waiting = this.#asked.get(input.op);
      if (waiting !== undefined) this.#plan.addAfterStart(next, waiting);
      return;
    }
    this.#asked.set(input.op, next);
    const lent = input.type === 'markDirty' ? this.#borrowOf(input.block) : undefined;
    if (lent !== undefined) return this.#plan.addAfterEnd(next, lent.planned);
    if (input.type === 'borrow') this.#borrows.set(input.op, { planned: next, block: input.block, op: 0 });
    this.#plan.add(next, this.#openedAt);
  }

  #borrowOf(block: number): Borrow | undefined {
    for (const borrow of this.#borrows.values()) if (borrow.block === block) return borrow;
    return undefined;
  }

  #answeredInRecording(op: number, at: number): void {
    const answered = this.#asked.get(op);
    if (answered === undefined) return;
    this.#asked.delete(op);
    if (answered.endedAt === -1) this.#owed.add(answered);
    this.#lastMark = answered;
    this.#isLastMarkEnd = true;
    this.#plan.answered(answered, at);
  }

  /** Makes all requests that have been read. */
  #drain(): void {
    while (this.#plan.size > 0) this.#progress();
  }

  /** What comes next: an answer, a tick, or a request. */
  #progress(): void {
    const plan = this.#plan;
    const { nextAt } = plan;
    if (nextAt === Number.POSITIVE_INFINITY && this.#nextAt > this.#madeAt + WAIT_NS_MAX) {
      if (plan.giveUpOne(this.#now)) this.unended++;
      return;
    }
    if (this.#nextAt <= nextAt) return this.#step();
    const next = plan.take();
    if (next === undefined) return;
    this.#now = Math.max(this.#now, nextAt);
    this.#madeAt = this.#now;
    plan.started(next, nextAt);
    this.#make(next, nextAt);
    this.#goOn();
  }

  /** Hot. */
  #make(next: Planned, at: number): void {
    const state = this.#state;
    const { input } = next;
    if (state.phase === 'closed') return this.#ended(next, at);
    if (state.blockSize === next.blockSize) {
      if (input.type === 'read' && input.count <= state.limits.requestBlocksMax) {
        const { actor, block, count } = input;
        return this.#askWhole(next, { type: 'read', at, op: this.#lastOp + 1, actor, trace: null, block, count });
      }
      if (input.type === 'write' && isWholePart(input, state)) {
        const { actor, offset, length, through } = input;
        const op = this.#lastOp + 1;
        return this.#askWhole(next, { type: 'write', at, op, actor, trace: null, offset, length, through });
      }
    }
    if (this.#isPossible(next)) this.#ask(next, at);
    else this.#ended(next, at);
  }

  /** A request that is asked for in one piece. */
  #askWhole(next: Planned, input: Extract<RequestInput, { type: 'read' | 'write' }>): void {
    this.#lastOp = input.op;
    this.#watched = input.op;
    this.#watchedEndedAt = -1;
    this.#submit(input);
    this.#watched = 0;
    if (this.#watchedEndedAt === -1) this.#parts.set(input.op, next);
    else this.#ended(next, this.#watchedEndedAt);
  }

  #ended(one: Planned, at: number): void {
    this.#owed.delete(one);
    this.#plan.ended(one, at);
  }

  /** The request as this replay makes it, or null where it makes none. */
  #adapted(input: RequestInput, seq: number, recorded: CacheState): RequestInput | null {
    const { capacity, blockSize, limits = {} } = this.#options;
    switch (input.type) {
      case 'write':
        // Of a write-through cache the journal does not tell which writes were to go through by themselves.
        return recorded.config.mode === 'writethrough' ? { ...input, through: false } : input;
      case 'resize':
        if (capacity !== undefined) return this.#without('resize');
        if (blockSize === undefined) return input;
        return { ...input, capacity: Math.max(1, Math.floor((input.capacity * recorded.blockSize) / blockSize)) };
      case 'setBlockSize':
        return blockSize === undefined ? input : this.#without('setBlockSize');
      case 'setOption':
        return input.name in limits ? this.#without('setOption') : input;
      case 'close': {
        if (!this.#failedCloses.has(seq)) return input;
        const { op, at, actor, trace } = input;
        return { type: 'flush', op, at, actor, trace, block: 0, count: recorded.blockCount, handle: 0 };
      }
      default:
        return input;
    }
  }

  #without(request: LeftOutRequest): null {
    this.#leftOut[request]++;
    return null;
  }

  /** A borrow may have been refused here, and what is to be ended may have ended. */
  #isPossible({ input, blockSize }: Planned): boolean {
    const { slots } = this.#state;
    switch (input.type) {
      case 'release':
        return (this.#borrows.get(input.op)?.op ?? 0) !== 0;
      case 'markDirty': {
        const slot = slots.find(input.block);
        return (slot !== -1 && slots.pins[slot] > 0) || this.#state.blockSize !== blockSize;
      }
      case 'abort':
        return this.#partOf(input.op) !== 0;
      case 'closeHandle':
        return this.#handleOf(input.handle) !== NOBODY;
      default:
        return true;
    }
  }

  /** A handle that was open when the journal begins is nobody here. */
  #handleOf(recorded: number): number {
    const handle = recorded === 0 ? 0 : (this.#handles.get(recorded) ?? NOBODY);
    return this.#state.handles.has(handle) ? handle : NOBODY;
  }

  /** The part of a recorded request that is under way; 0 for none. */
  #partOf(recordedOp: number): number {
    for (const [op, one] of this.#parts) if (one.input.op === recordedOp) return op;
    return 0;
  }

  #ask(one: Planned, at: number): void {
    one.request ??= openRequest(one.input, one.blockSize, one.deviceBytes);
    const part = nextPart(one.request, this.#state, this.#lastOp + 1, at);
    // A range that holds no whole block of this size asks for nothing.
    if (part === null || ('count' in part && part.count === 0)) return this.#ended(one, at);
    if (part.type === 'release') {
      const op = this.#borrows.get(part.op)?.op ?? 0;
      this.#borrows.delete(part.op);
      return this.#submit({ ...part, op });
    }
    if (part.type === 'abort') return this.#submit({ ...part, op: this.#partOf(part.op) });
    this.#lastOp++;
    this.#parts.set(part.op, one);
    if (part.type === 'openHandle') this.#handles.set(one.input.op, part.op);
    this.#submit('handle' in part ? { ...part, handle: this.#handleOf(part.handle) } : part);
  }

  #goOn(): void {
    for (let one = this.#toGoOn.shift(); one !== undefined; one = this.#toGoOn.shift()) this.#ask(one, this.#now);
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
      case 'deviceReplaced':
        // What the old one owes, nobody listens to.
        this.#agenda.clear();
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
    const offset = block * this.#state.blockSize;
    for (const { delayNs, code, outcome } of this.#device.answersTo({ kind, block, count, offset, bytes })) {
      if (delayNs === Number.POSITIVE_INFINITY) continue;
      this.#agenda.add({ dueAt: at + delayNs, io, startedAt: at, code, outcome });
    }
  }

  #end(op: number, event: CacheEvent): void {
    if (op === this.#watched) {
      this.#watchedEndedAt = event.at;
      return;
    }
    const one = this.#parts.get(op);
    if (one === undefined) return;
    this.#parts.delete(op);
    const borrow = event.type === 'borrowed' ? this.#borrows.get(one.input.op) : undefined;
    if (borrow !== undefined) borrow.op = op;
    const { request } = one;
    if (request !== null && request.offset < request.end && event.type !== 'requestAborted') this.#toGoOn.push(one);
    else this.#ended(one, event.at);
  }
}
