/** Sends requests for the public API: numbers them, says who asks and in which trace, and waits, with or without a signal. */
import type { TraceRef } from '../cache/events.js';
import type { Input } from '../cache/inputs.js';
import { CachetrailError, RequestError } from '../device/errors.js';
import { checkSignal } from './arguments.js';
import type { AnyCaller } from './callers.js';
import type { Clock } from './clock.js';
import type { Pipeline } from './pipeline.js';

export interface RequestOptions {
  /** Who asks: stands in the events of the request. */
  readonly actor?: string;
  /**
   * Ends the wait: the request rejects with CACHETRAIL_ABORTED if it is still waiting. A close, a change of block size and
   * what the device is clearing already go on.
   */
  readonly signal?: AbortSignal;
  /** The trace that the request belongs to, instead of the cache's `traceSource`. */
  readonly trace?: TraceRef;
}

type RequestInput = Extract<Input, { op: number }>;

const DONE = Promise.resolve();

export class Requester {
  readonly #pipeline: Pipeline;
  readonly #clock: Clock;
  /** Asked once for every request. */
  traceSource: (() => TraceRef | null) | null;
  #lastOp = 0;

  constructor(pipeline: Pipeline, clock: Clock, traceSource: (() => TraceRef | null) | null) {
    this.#pipeline = pipeline;
    this.#clock = clock;
    this.traceSource = traceSource;
  }

  get isClosed(): boolean {
    return this.#pipeline.state.phase === 'closed' || this.#pipeline.failure !== null;
  }

  nextOp(): number {
    return ++this.#lastOp;
  }

  /** What every request has, for one that is made now. */
  request(options: RequestOptions) {
    const { actor = '' } = options;
    return { at: this.#clock.now(), op: this.nextOp(), actor, trace: this.trace(options) };
  }

  /** The same with the turn's time: for what may cost less than a look at the clock. */
  requestOfTurn(options: RequestOptions) {
    const { actor = '' } = options;
    return { at: this.#clock.turn(), op: this.nextOp(), actor, trace: this.trace(options) };
  }

  trace(options: RequestOptions | undefined): TraceRef | null {
    if (options?.trace !== undefined) return inOrder(options.trace);
    return this.traceSource === null ? null : this.traceSource();
  }

  send<C extends AnyCaller>(caller: C, input: RequestInput, options: RequestOptions): ReturnType<C['promise']>;
  send(caller: AnyCaller, input: RequestInput, options: RequestOptions): Promise<unknown> {
    const { signal } = options;
    if (signal !== undefined) checkSignal(signal);
    if (this.isClosed) caller.fail(this.closedError());
    else if (signal?.aborted) caller.fail(aborted(signal));
    else this.#pipeline.request(caller, input);
    if (!caller.isSettled && signal !== undefined) return this.#abortable(caller, input.op, signal);
    return caller.kind === 'write' && caller.isDone ? DONE : caller.promise();
  }

  checkOpen(): void {
    if (this.isClosed) throw this.closedError();
  }

  closedError(): CachetrailError {
    return this.#pipeline.failure ?? new RequestError('CACHETRAIL_CLOSED', 'the cache is closed');
  }

  async #abortable(caller: AnyCaller, op: number, signal: AbortSignal): Promise<unknown> {
    const abort = () => this.#pipeline.submit({ type: 'abort', at: this.#clock.now(), op, code: 'CACHETRAIL_ABORTED' });
    signal.addEventListener('abort', abort, { once: true });
    try {
      return await caller.promise();
    } catch (error) {
      throw error instanceof CachetrailError && error.code === 'CACHETRAIL_ABORTED' ? aborted(signal) : error;
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }
}

function aborted(signal: AbortSignal): RequestError {
  return new RequestError('CACHETRAIL_ABORTED', 'the caller ended the wait', { cause: signal.reason });
}

/** Fields in the order of the type: the state's digest must not depend on how a caller writes an object down. */
function inOrder({ traceId, spanId, flags }: TraceRef): TraceRef {
  return { traceId, spanId, flags };
}
