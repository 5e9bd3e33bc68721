/**
 * The bounded way to the device: at most `depth` operations at once, the rest in order behind them. Every operation ends
 * exactly once, in time; an answer that comes after that is told as late, a second answer is not listened to.
 */
import { Observable, type OperatorFunction, type Subscriber } from 'rxjs';
import type { FailureOutcome } from '../cache/events.js';
import { TIMEOUT_CODE } from '../cache/failure-codes.js';
import { CLEAR_PIECE_BYTES, CLEAR_PIECES_MAX } from '../cache/limits.js';
import type { Fill } from '../cache/state.js';
import type { BlockDevice } from '../device/block-device.js';
import { codeOf, DeviceError } from '../device/errors.js';
import type { CancelTimer, Clock } from './clock.js';
import { type DeviceChannelContext, endOnChannel, isDeviceChannelWatched, startOnChannel } from './device-channel.js';

export type DeviceCommand = { readonly io: number } & (
  | { readonly kind: 'read'; readonly offset: number; readonly length: number; readonly fill: Fill | null }
  | { readonly kind: 'write'; readonly offset: number; readonly bytes: Uint8Array }
  | { readonly kind: 'barrier' }
  | { readonly kind: 'discard' | 'zero'; readonly offset: number; readonly length: number }
);

type ClearCommand = Extract<DeviceCommand, { kind: 'discard' | 'zero' }>;

export interface DeviceAnswer {
  readonly command: DeviceCommand;
  /** What was read or written; the device has let go of it. Null for the rest, and until a timed-out operation is answered. */
  readonly bytes: Uint8Array | null;
  /** Nanoseconds since the clock's epoch. */
  readonly startedAt: number;
  readonly at: number;
  /** The device's own error, or null for success. */
  readonly error: unknown;
  /** `unknown`: part of the operation may have been done. */
  readonly outcome: FailureOutcome;
  /** The operation had already ended by timing out. */
  readonly late: boolean;
}

export interface LaneOptions {
  readonly clock: Clock;
  /** Operations at the device at once. */
  readonly depth: number;
  readonly timeoutNs: number;
  /** Operations that may be owed by the device before it is asked for no more. */
  readonly owedMax: number;
  /** Memory for a read of so many bytes, asked for when the read starts. */
  readonly allocate: (bytes: number) => Uint8Array;
  /** Bytes of a block, as of now. */
  readonly blockBytes: () => number;
}

export function deviceLane(device: BlockDevice, options: LaneOptions): OperatorFunction<DeviceCommand, DeviceAnswer> {
  return (commands) =>
    new Observable((subscriber) => {
      const lane = new Lane(device, options, subscriber);
      const subscription = commands.subscribe({
        next: (command) => lane.add(command),
        error: (error) => subscriber.error(error),
        complete: () => lane.complete(),
      });
      return () => {
        subscription.unsubscribe();
        lane.stop();
      };
    });
}

interface Running {
  readonly command: DeviceCommand;
  bytes: Uint8Array | null;
  readonly startedAt: number;
  /** The timeout counts from here: a long clear makes progress piece by piece. */
  movedAt: number;
  /** Has been told as timed out. */
  timedOut: boolean;
  /** What the diagnostics channel has been told of it and waits to hear the end of; null if nobody listened. */
  context: DeviceChannelContext | null;
  /** Neighbours in the order of `movedAt`. A Set would cost as much as the rest of the lane. */
  previous: Running | null;
  next: Running | null;
}

class Lane {
  readonly #device: BlockDevice;
  readonly #options: LaneOptions;
  readonly #subscriber: Subscriber<DeviceAnswer>;
  readonly #waiting: DeviceCommand[] = [];
  /** Operations at the device, in the order in which they began or last moved: the oldest is the first to time out. */
  #oldest: Running | null = null;
  #newest: Running | null = null;
  #running = 0;
  #owed = 0;
  #cancelWatch: CancelTimer | null = null;
  #lookingAfterTurn = false;
  #completing = false;

  constructor(device: BlockDevice, options: LaneOptions, subscriber: Subscriber<DeviceAnswer>) {
    this.#device = device;
    this.#options = options;
    this.#subscriber = subscriber;
  }

  add(command: DeviceCommand): void {
    if (this.#running < this.#options.depth) this.#start(command);
    else this.#waiting.push(command);
  }

  complete(): void {
    this.#completing = true;
    this.#completeWhenEmpty();
  }

  stop(): void {
    this.#waiting.length = 0;
    this.#cancelWatch?.();
    this.#cancelWatch = null;
  }

  #start(command: DeviceCommand): void {
    const bytes = command.kind === 'write' ? command.bytes : null;
    const running = this.#enter(command, bytes);
    if (this.#owed >= this.#options.owedMax) {
      queueMicrotask(() => this.#end(running, stalled(), 'failed'));
      return;
    }
    this.#watch();
    const sent = isDeviceChannelWatched() ? this.#sendWatched(running) : this.#send(running);
    sent.then(
      (moved) => this.#answered(running, moved),
      (error: unknown) => this.#failed(running, error),
    );
  }

  #enter(command: DeviceCommand, bytes: Uint8Array | null): Running {
    const startedAt = this.#options.clock.now();
    const running: Running = {
      command,
      bytes,
      startedAt,
      movedAt: startedAt,
      timedOut: false,
      context: null,
      previous: null,
      next: null,
    };
    this.#append(running);
    this.#running++;
    return running;
  }

  #append(running: Running): void {
    running.previous = this.#newest;
    running.next = null;
    if (this.#newest === null) this.#oldest = running;
    else this.#newest.next = running;
    this.#newest = running;
  }

  #leave(running: Running): void {
    this.#unlink(running);
    this.#running--;
  }

  #unlink(running: Running): void {
    if (running.previous === null) this.#oldest = running.next;
    else running.previous.next = running.next;
    if (running.next === null) this.#newest = running.previous;
    else running.next.previous = running.previous;
  }

  #send(running: Running): Promise<number | undefined> {
    const { command } = running;
    try {
      switch (command.kind) {
        case 'read':
          running.bytes = this.#options.allocate(command.length);
          return Promise.resolve(this.#device.read(command.offset, [running.bytes]));
        case 'write':
          return Promise.resolve(this.#device.write(command.offset, [command.bytes]));
        case 'barrier':
          return nothing(this.#device.barrier());
        case 'discard':
        case 'zero':
          return this.#clear(running, command);
      }
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** A piece after another: what takes long and goes on is no device that does not answer. */
  async #clear(running: Running, { kind, offset, length }: ClearCommand): Promise<undefined> {
    const end = offset + length;
    const pieceBytes = CLEAR_PIECE_BYTES * Math.ceil(length / CLEAR_PIECE_BYTES / CLEAR_PIECES_MAX);
    for (let at = offset; at < end; ) {
      const pieceEnd = Math.min(end, (Math.floor(at / pieceBytes) + 1) * pieceBytes);
      await this.#device[kind](at, pieceEnd - at);
      at = pieceEnd;
      if (at < end) this.#moved(running);
    }
  }

  /** Throws for what has been given up: it goes no further. */
  #moved(running: Running): void {
    if (running.timedOut || this.#subscriber.closed) throw timedOut(this.#options.timeoutNs);
    this.#unlink(running);
    running.movedAt = this.#options.clock.now();
    this.#append(running);
  }

  #sendWatched(running: Running): Promise<number | undefined> {
    const { command } = running;
    const { kind: operation, io } = command;
    const blockBytes = this.#options.blockBytes();
    const { offset, length } = extentOf(command);
    const block = Math.floor(offset / blockBytes);
    const count = Math.ceil(length / blockBytes);
    const context = { operation, device: this.#device.identity, io, block, count, offset, length };
    running.context = context;
    return startOnChannel(context, () => this.#send(running));
  }

  #answered(running: Running, moved: number | undefined): void {
    const { command, bytes } = running;
    if (bytes === null || (command.kind !== 'read' && command.kind !== 'write'))
      return this.#end(running, null, 'failed');
    const wanted = bytes.length;
    if (moved === wanted) return this.#end(running, null, 'failed');
    this.#end(running, transferError(command.kind, wanted, moved), 'unknown');
  }

  /** A timeout of the device's own is an answer like any other: only what has not answered may still answer. */
  #failed(running: Running, error: unknown): void {
    if (codeOf(error) === TIMEOUT_CODE && !running.timedOut) return this.#end(running, ownTimeout(error), 'unknown');
    this.#end(running, error ?? new DeviceError('CACHETRAIL_DEVICE_PROTOCOL', 'no reason given'), 'failed');
  }

  #end(running: Running, error: unknown, outcome: FailureOutcome): void {
    const late = running.timedOut;
    if (late) this.#owed--;
    else this.#leave(running);
    const { command, bytes, startedAt } = running;
    const at = this.#options.clock.now();
    this.#tell(running, { command, bytes, startedAt, at, error, outcome, late });
    this.#startWaiting();
  }

  /** An operation ends once on the channel too: of one that timed out, the late answer is not told there. */
  #tell(running: Running, answer: DeviceAnswer): void {
    const { context } = running;
    if (context === null) return this.#subscriber.next(answer);
    running.context = null;
    endOnChannel(context, answer.error, () => this.#subscriber.next(answer));
  }

  #startWaiting(): void {
    while (this.#running < this.#options.depth) {
      const next = this.#waiting.shift();
      if (next === undefined) break;
      this.#start(next);
    }
    if (this.#running === 0) this.#endWatch();
    this.#completeWhenEmpty();
  }

  #completeWhenEmpty(): void {
    if (this.#completing && this.#running === 0 && this.#waiting.length === 0) this.#subscriber.complete();
  }

  /** One timer watches all operations: armed by the first, it looks for the oldest. */
  #watch(): void {
    if (this.#cancelWatch !== null) return;
    const oldest = this.#oldest;
    if (oldest === null) return;
    this.#cancelWatch = this.#options.clock.setTimer(oldest.movedAt + this.#options.timeoutNs, true, () => {
      this.#cancelWatch = null;
      this.#endOverdue();
    });
  }

  /** At the end of the turn: in a chain of short operations a timer for each would cost more than they do. */
  #endWatch(): void {
    if (this.#lookingAfterTurn || this.#cancelWatch === null) return;
    this.#lookingAfterTurn = true;
    this.#options.clock.afterTurn(() => {
      this.#lookingAfterTurn = false;
      if (this.#running > 0) return;
      this.#cancelWatch?.();
      this.#cancelWatch = null;
    });
  }

  #endOverdue(): void {
    const { clock, timeoutNs } = this.#options;
    const at = clock.now();
    for (let running = this.#oldest; running !== null && running.movedAt + timeoutNs <= at; running = this.#oldest) {
      this.#leave(running);
      running.timedOut = true;
      this.#owed++;
      const { command, startedAt } = running;
      const error = timedOut(timeoutNs);
      this.#tell(running, { command, bytes: null, startedAt, at, error, outcome: 'unknown', late: false });
    }
    this.#startWaiting();
    this.#watch();
  }
}

/** Bytes that an operation is about. */
function extentOf(command: DeviceCommand): { readonly offset: number; readonly length: number } {
  switch (command.kind) {
    case 'barrier':
      return { offset: 0, length: 0 };
    case 'write':
      return { offset: command.offset, length: command.bytes.length };
    default:
      return command;
  }
}

/** The answer of an operation that moves no bytes, whatever its device has made of it. */
async function nothing(answer: Promise<void>): Promise<undefined> {
  await answer;
}

function transferError(kind: 'read' | 'write', wanted: number, moved: number | undefined): DeviceError {
  if (typeof moved !== 'number' || !Number.isInteger(moved) || moved < 0 || moved > wanted) {
    return new DeviceError(
      'CACHETRAIL_DEVICE_PROTOCOL',
      `the device answered a ${kind} of ${wanted} bytes with ${String(moved)}`,
    );
  }
  const code = kind === 'read' ? 'CACHETRAIL_SHORT_READ' : 'CACHETRAIL_SHORT_WRITE';
  return new DeviceError(code, `the device moved ${moved} of ${wanted} bytes`);
}

export function timedOut(timeoutNs: number): DeviceError {
  return new DeviceError(TIMEOUT_CODE, `the device has not answered for ${timeoutNs / 1e6} ms`);
}

function ownTimeout(cause: unknown): Error {
  return Object.assign(new Error('the device reported a timeout of its own', { cause }), { code: 'ETIMEDOUT' });
}

function stalled(): DeviceError {
  return new DeviceError('CACHETRAIL_DEVICE_STALLED', 'the device owes too many answers to be asked for more');
}
