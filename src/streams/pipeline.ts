/**
 * The wiring, top to bottom:
 *
 *   requests, ticks and the device's answers ─► queue ─► decide ─► event ─► journal ─► evolve ─► effects ─► bus
 *                        ▲                                                                        │
 *                        └───── ticks(clock) ◄─ deadlines          device lane ◄─ commands ◄──────┘
 */
import { Observable, Subject, type Subscription } from 'rxjs';
import { decide } from '../cache/decide.js';
import { readHit } from '../cache/decide/reads.js';
import { mayRewrite, rewrite } from '../cache/decide/writes.js';
import { nextDeadline } from '../cache/deadline.js';
import type { CacheEvent, TraceRef } from '../cache/events.js';
import { evolve } from '../cache/evolve.js';
import type { Input } from '../cache/inputs.js';
import { CacheState } from '../cache/state.js';
import { Turn } from '../cache/turn.js';
import type { BlockDevice } from '../device/block-device.js';
import { type CachetrailError, codeOf, DeviceError, InternalError, RequestError } from '../device/errors.js';
import type { Lender } from './borrowed-block.js';
import { EventBus, type SubscriberError } from './bus.js';
import { type AnyCaller, Callers, type PlainCaller, type ReplaceCaller } from './callers.js';
import type { Clock } from './clock.js';
import { type DeviceAnswer, type DeviceCommand, deviceLane, timedOut } from './device-lane.js';
import { Effects } from './effects.js';
import { Failures } from './failures.js';
import { gatedDevice } from './gated-device.js';
import type { TimeLimit } from './in-time.js';
import { Staging } from './staging.js';
import { type Deadline, ticks } from './ticks.js';
import { zeroingDevice } from './zeroing-device.js';

/** Gets every event before it is applied: the seam for a journal. An event that it throws on stops the cache. */
export interface EventSink {
  /** Of a journal: its id, 32 hex digits, as soon as it has the first event. */
  readonly journalId?: string | null;
  /** `payload`: the bytes of a `written`. Read before `append` returns. */
  append(event: CacheEvent, payload?: Uint8Array): void;
}

/** A journal whose policy is `stop`. */
export interface WriteGate {
  /** Set when it has failed: no write, discard or zero may be taken any more. */
  readonly failure: CachetrailError | null;
}

/** Brings events to stable storage: what durable writes are acknowledged by. */
export interface Commits {
  isCommitted(seq: number): boolean;
  /** Resolves when every event up to `seq` is on stable storage. */
  committed(seq: number): Promise<void>;
}

export interface PipelineOptions {
  readonly device: BlockDevice;
  readonly clock: Clock;
  readonly journal: EventSink | null;
  /** Writes are acknowledged when it has them. */
  readonly commits: Commits | null;
  readonly gate: WriteGate | null;
  /** The seq of the journal's last event, which the cache's first follows. */
  readonly lastSeq: number;
  /** Called when the device has been let go of. */
  readonly released: () => Promise<void>;
  readonly blockSize: number;
  readonly runBytesMax: number;
  readonly deviceDepth: number;
  readonly deviceTimeoutNs: number;
  readonly lender: Lender;
}

/** Numbers a request, and finds its trace. */
export interface RequestSource<Options> {
  nextOp(): number;
  trace(options: Options): TraceRef | null;
}

/** Inputs that change what the device is to hold. */
const CHANGES: ReadonlySet<Input['type']> = new Set(['write', 'markDirty', 'clear']);

/** Operations that the device may owe answers to before it is asked for no more. */
const OWED_MAX = 64;

export class Pipeline {
  readonly state = new CacheState({ bytes: true });
  readonly events$: Observable<CacheEvent>;
  readonly slowEvents$: Observable<CacheEvent>;
  readonly errors$: Observable<SubscriberError>;
  readonly callers = new Callers();
  readonly staging: Staging;
  /** Why the cache has stopped: a bug of its own, or a journal that failed. */
  failure: CachetrailError | null = null;
  readonly #options: PipelineOptions;
  readonly #turn: Turn;
  readonly #bus = new EventBus();
  readonly #failures = new Failures(this.state);
  readonly #effects: Effects;
  /** Where commands go. An Observable of our own: on a miss a Subject costs as much as the lane. */
  #send: (command: DeviceCommand) => void = () => {};
  readonly #deadlines = new Subject<Deadline | null>();
  readonly #wires: Subscription[] = [];
  #device: BlockDevice;
  #lane: Subscription;
  readonly #queue: Input[] = [];
  readonly #journal: EventSink | null;
  #deciding = false;
  #lastWrittenSeq = 0;
  #deadlineAt: number | null = null;
  #deadlineKeepsAlive = false;
  #closing: PlainCaller | null = null;

  constructor(options: PipelineOptions) {
    const { device, clock, blockSize, runBytesMax, deviceDepth, lender } = options;
    this.#options = options;
    this.#journal = options.journal;
    this.state.seq = options.lastSeq;
    this.events$ = this.#bus.events$;
    this.slowEvents$ = this.#bus.slowEvents$;
    this.errors$ = this.#bus.errors$;
    this.staging = new Staging(blockSize, runBytesMax, deviceDepth);
    this.#turn = new Turn(this.state, (event) => this.#apply(event));
    this.#effects = new Effects({
      state: this.state,
      callers: this.callers,
      staging: this.staging,
      failures: this.#failures,
      lender,
      send: (command) => this.#sendCommitted(command),
      acknowledge: (seq, caller, succeed) => acknowledge(options.commits, seq, caller, succeed),
      replaced: (caller) => this.#replace(caller),
      closed: (op) => this.#closed(op),
    });
    this.#device = device;
    this.#lane = this.#laneTo(zeroingDevice(device));
    this.#wires.push(
      this.#deadlines.pipe(ticks(clock)).subscribe((at) => {
        this.#deadlineAt = null;
        this.submit({ type: 'tick', at });
      }),
    );
  }

  /** The device that the cache is over now. */
  get device(): BlockDevice {
    return this.#device;
  }

  /** For what the device is asked past the lane. */
  get timeLimit(): TimeLimit {
    return { clock: this.#options.clock, ns: this.#options.deviceTimeoutNs };
  }

  /** Nothing is waiting to be decided, so a cached read may be answered at once. */
  get isIdle(): boolean {
    return !this.#deciding && this.#queue.length === 0;
  }

  /** Decides on an input now, or after what is being decided or delivered. */
  submit(input: Input): void {
    if (this.failure !== null) return;
    if (this.#deciding || this.#bus.isDelivering || this.#queue.length > 0) {
      this.#queue.push(input);
      if (this.#deciding || this.#bus.isDelivering) return;
    } else {
      this.#decide(input);
    }
    this.#drain();
  }

  /** The same for a request, with who waits for it. */
  request(caller: AnyCaller, input: Extract<Input, { op: number }>): void {
    const failure = this.failure ?? (CHANGES.has(input.type) ? this.#options.gate?.failure : null);
    if (failure) return caller.fail(failure);
    this.callers.begin(input.op, caller);
    this.submit(input);
    this.callers.park();
  }

  /** Hot: a cached read of one block whose bytes have been copied. Guarded by the `hit.readNow` benchmark. */
  hit(op: number, block: number, actor: string, trace: TraceRef | null): void {
    const { state } = this;
    const event = readHit(state, this.#options.clock.turn(), op, block, 1, actor, trace);
    this.#commit(event);
    this.#bus.publish(event);
    if (this.#queue.length > 0) this.#drain();
  }

  /** Hot: a write of one whole block over a dirty one; false if it takes more than that. Guarded by `write.cached`. */
  rewrite<Options extends { readonly actor?: string }>(
    source: RequestSource<Options>,
    block: number,
    data: Uint8Array,
    options: Options,
  ): boolean {
    const { state } = this;
    const slot = state.slots.find(block);
    const { commits, gate } = this.#options;
    if (commits !== null || (gate !== null && gate.failure !== null)) return false;
    if (slot === -1 || !this.isIdle || this.#bus.isDelivering || this.failure !== null || !mayRewrite(state, slot))
      return false;
    const at = this.#options.clock.turn();
    const offset = block * state.blockSize;
    const { actor = '' } = options;
    const trace = source.trace(options);
    const event = rewrite(state, { at, op: source.nextOp(), actor, trace, offset, length: data.length }, block);
    this.#commit(event, data);
    state.frames?.views[slot].set(data);
    this.#bus.publish(event);
    if (this.#queue.length > 0) this.#drain();
    return true;
  }

  /** Applies what was decided outside `decide`, whose failures must stop the cache all the same. */
  #commit(event: CacheEvent, payload?: Uint8Array): void {
    try {
      this.#journal?.append(event, payload);
      evolve(this.state, event);
    } catch (error) {
      throw this.#stop(error);
    }
  }

  #decide(input: Input): void {
    if (this.state.phase === 'closed') return this.#refuseLate(input);
    let rests = false;
    this.#deciding = true;
    try {
      rests = decide(this.#turn, input);
      if (input.type === 'answer') this.#effects.release(input.io);
    } catch (error) {
      this.#stop(error);
    }
    this.#deciding = false;
    this.#bus.deliver();
    if (!rests || input.type === 'tick') this.#setDeadline(input.at);
  }

  /** `closed` is the last event: what was lined up behind it is refused without one. */
  #refuseLate(input: Input): void {
    if (!('op' in input)) return;
    this.callers.take(input.op)?.fail(new RequestError('CACHETRAIL_CLOSED', 'the cache is closed'));
  }

  #drain(): void {
    while (!this.#bus.isDelivering) {
      const input = this.#queue.shift();
      if (input === undefined) return;
      if (this.failure === null) this.#decide(input);
    }
  }

  #apply(event: CacheEvent): void {
    this.#journal?.append(event, event.type === 'written' ? this.#effects.payloadOf(event) : undefined);
    evolve(this.state, event);
    if (event.type === 'written') this.#lastWrittenSeq = event.seq;
    this.#effects.apply(event);
    this.#bus.add(event);
  }

  #laneTo(device: BlockDevice): Subscription {
    const { clock, deviceDepth: depth, deviceTimeoutNs: timeoutNs } = this.#options;
    const allocate = (bytes: number) => this.staging.take(bytes);
    const blockBytes = () => this.state.blockSize;
    return new Observable<DeviceCommand>((subscriber) => {
      this.#send = (command) => subscriber.next(command);
    })
      .pipe(deviceLane(device, { clock, depth, timeoutNs, owedMax: OWED_MAX, allocate, blockBytes }))
      .subscribe((answer) => this.#answer(answer));
  }

  /**
   * A device never holds what its durable journal does not: only so can an older copy of it be told from one that is ahead.
   * Under the policy `stop` a journal that fails keeps nothing in the cache all the same.
   */
  #sendCommitted(command: DeviceCommand): void {
    const { commits } = this.#options;
    const isChange = command.kind !== 'read' && command.kind !== 'barrier';
    const seq = command.kind === 'write' ? this.#lastWrittenSeq : this.state.seq;
    if (commits === null || !isChange || commits.isCommitted(seq)) return this.#send(command);
    // The lane of now: what was meant for a device that is replaced meanwhile must not reach another.
    const send = this.#send;
    const go = () => send(command);
    commits.committed(seq).then(go, go);
  }

  /**
   * Nobody listens to the old device from here on. The new one is asked only when the old one is closed, and so has nothing
   * under way that could land on top; but that is not waited for longer than for any answer.
   */
  #replace(caller: ReplaceCaller): void {
    const { clock, deviceTimeoutNs } = this.#options;
    const old = this.#device;
    this.#lane.unsubscribe();
    const gate = new Promise<void>((open) => {
      const cancel = clock.setTimer(clock.now() + deviceTimeoutNs, true, open);
      const closed = new Promise<void>((resolve) => resolve(old.close()));
      closed
        .catch(() => {})
        .then(cancel)
        .then(open);
    });
    this.#device = caller.device;
    this.#lane = this.#laneTo(gatedDevice(zeroingDevice(caller.device), gate));
    gate.then(() => caller.succeed());
  }

  #answer(answer: DeviceAnswer): void {
    const { command, bytes, startedAt, at, error, outcome } = answer;
    if (bytes !== null) this.#effects.accept(command, bytes);
    if (error !== null) this.#failures.note(command.io, error);
    const code = error === null ? '' : codeOf(error);
    this.submit({ type: 'answer', at, io: command.io, startedAt, code, outcome });
  }

  #setDeadline(decidedAt: number): void {
    const at = this.failure === null ? nextDeadline(this.state, decidedAt) : null;
    const keepsAlive = at !== null && (this.state.slots.kept > 0 || this.state.admissions.size > 0);
    if (at === this.#deadlineAt && keepsAlive === this.#deadlineKeepsAlive) return;
    this.#deadlineAt = at;
    this.#deadlineKeepsAlive = keepsAlive;
    this.#deadlines.next(at === null ? null : { at, keepsAlive });
  }

  #closed(op: number): void {
    const caller = this.callers.take(op);
    this.#closing = caller?.kind === 'plain' ? caller : null;
    const resolved = this.#failures.ofResolved(op);
    queueMicrotask(() => this.#letGo(resolved));
  }

  /** After the last event has been delivered. */
  #letGo(resolved: CachetrailError | null = null): void {
    for (const wire of [...this.#wires, this.#lane]) wire.unsubscribe();
    this.#bus.complete();
    const { clock, deviceTimeoutNs, released } = this.#options;
    const fail = (cause: unknown) => {
      const message = 'the device reported an error when it was closed';
      this.#closing?.fail(new DeviceError('CACHETRAIL_DEVICE_CLOSE_FAILED', message, { cause }));
    };
    const dueAt = clock.now() + deviceTimeoutNs;
    const cancel = clock.setTimer(dueAt, this.#closing !== null, () => fail(timedOut(deviceTimeoutNs)));
    // Of a device that throws, this makes a rejection too.
    const closed = new Promise<void>((resolve) => resolve(this.#device.close()));
    closed
      .catch(fail)
      // The device's time is not the journal's.
      .then(cancel)
      .then(released)
      .then(
        () => (resolved === null ? this.#closing?.succeed() : this.#closing?.fail(resolved)),
        (error: unknown) => this.#closing?.fail(error),
      );
  }

  /** For a cache that could not be opened: it does nothing more, and leaves the device to the caller. */
  halt(cause: unknown): void {
    this.failure = new InternalError('the cache could not be opened', { cause });
    this.callers.failAll(this.failure);
    this.#queue.length = 0;
    for (const wire of [...this.#wires, this.#lane]) wire.unsubscribe();
    this.#bus.complete();
  }

  /** A bug of ours: stops before anything can be corrupted. What was durable is safe on the device. */
  #stop(cause: unknown): CachetrailError {
    this.failure = cause instanceof InternalError ? cause : new InternalError('the cache has stopped', { cause });
    this.callers.failAll(this.failure);
    this.#queue.length = 0;
    queueMicrotask(() => this.#letGo());
    return this.failure;
  }
}

/** A request is done when its event is in a durable journal as well. */
function acknowledge(
  commits: Commits | null,
  seq: number,
  caller: { fail(error: unknown): void },
  succeed: () => void,
): void {
  if (commits === null) return succeed();
  commits.committed(seq).then(succeed, (error: unknown) => caller.fail(error));
}
