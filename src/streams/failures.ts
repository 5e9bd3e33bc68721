/** Makes the errors that callers get, with the device's own errors as their causes. */
import type { CacheEvent } from '../cache/events.js';
import type { CacheState } from '../cache/state.js';
import { ERROR_CODES, type ErrorCode } from '../device/error-codes.js';
import { CachetrailError, codeOf, DeviceError, type FailedBlock, RequestError, WriteError } from '../device/errors.js';

type EventOf<Type extends CacheEvent['type']> = Extract<CacheEvent, { type: Type }>;

/** Errors kept by device operation before those that nothing refers to any more are let go of. */
const KEPT_MAX = 1024;

export class Failures {
  readonly #state: CacheState;
  /** What the device threw, by operation: events hold codes only. */
  readonly #causes = new Map<number, readonly unknown[]>();
  /** What is to be told beside the end of the request that is being decided. */
  #resolved: EventOf<'resolvedTold'> | null = null;

  constructor(state: CacheState) {
    this.#state = state;
  }

  note(io: number, error: unknown): void {
    if (this.#causes.size >= KEPT_MAX) this.#letGo();
    // A stack that nobody has read keeps alive all that its frames could see: the buffers of a write, say.
    if (error instanceof Error) Reflect.get(error, 'stack');
    // One that timed out may fail once more, in its own words.
    this.#causes.set(io, [...(this.#causes.get(io) ?? []), error]);
  }

  /** What the device threw when the operation failed with this code; else the last that it threw. */
  #causeOf(io: number, code: string): unknown {
    const causes = this.#causes.get(io) ?? [];
    return causes.find((cause) => codeOf(cause) === code) ?? causes.at(-1);
  }

  ofRead(event: EventOf<'readFailed'>): CachetrailError {
    const cause = this.#causeOf(event.io, event.code);
    return new DeviceError(
      ownCode(cause, 'CACHETRAIL_READ_FAILED'),
      `the device could not read: ${why(cause, event.code)}`,
      {
        cause,
      },
    );
  }

  ofClear(event: EventOf<'clearFailed'>): CachetrailError {
    const cause = this.#causeOf(event.io, event.code);
    const what = `${event.kind} of ${event.count} blocks from ${event.block} failed: ${why(cause, event.code)}`;
    return new DeviceError('CACHETRAIL_CLEAR_FAILED', what, { cause });
  }

  ofSurvivors(event: EventOf<'writeFailed' | 'flushFailed' | 'closeFailed' | 'blockSizeFailed'>): CachetrailError {
    const blocks = event.blocks.map((block, at): FailedBlock => {
      const io = event.ios[at];
      const code = event.codes[at];
      return { block, code, io, cause: this.#causeOf(io, code), resolved: null };
    });
    const told = this.#takeResolved(event.op);
    if (blocks.length === 0 && event.barrierIo === 0 && told !== null) return this.#ofResolved(told);
    if (blocks.length === 0 && told === null) {
      const cause = this.#causeOf(event.barrierIo, '');
      return new DeviceError('CACHETRAIL_BARRIER_FAILED', `the device could not sync: ${why(cause, '')}`, { cause });
    }
    const code = SURVIVOR_CODES[event.type];
    const how = code === 'CACHETRAIL_WRITE_FAILED' ? 'safe' : 'durable';
    const message =
      blocks.length === 0 ? 'the device could not sync' : `${nameBlocks(blocks)} could not be made ${how}`;
    if (told === null) return new WriteError(code, message, blocks);
    const { blocks: resolved, message: more, forgotten } = this.#ofResolved(told);
    return new WriteError(code, `${message}; ${more}`, [...blocks, ...resolved], forgotten);
  }

  /** Comes before the end of its request. */
  noteResolved(event: EventOf<'resolvedTold'>): void {
    this.#resolved = event;
  }

  /** For a request that is done, and is told of failures that have been resolved; null if there are none. */
  ofResolved(op: number): WriteError | null {
    const told = this.#takeResolved(op);
    return told === null ? null : this.#ofResolved(told);
  }

  #takeResolved(op: number): EventOf<'resolvedTold'> | null {
    const told = this.#resolved;
    this.#resolved = null;
    return told?.op === op ? told : null;
  }

  #ofResolved(event: EventOf<'resolvedTold'>): WriteError {
    const { codes, ios, ends, resolvedAt, resolvedIos, forgotten } = event;
    const blocks = event.blocks.map((block, at): FailedBlock => {
      const resolved = { end: ends[at], at: resolvedAt[at], io: resolvedIos[at] };
      return { block, code: codes[at], io: ios[at], cause: this.#causeOf(ios[at], codes[at]), resolved };
    });
    const more = forgotten === 0 ? '' : `${forgotten} failures of blocks that are not known any more`;
    const named = [blocks.length === 0 ? '' : nameBlocks(blocks), more].filter((part) => part !== '').join(' and ');
    return new WriteError(
      'CACHETRAIL_FAILURE_RESOLVED',
      `${named} had failed, and ${blocks.length + forgotten === 1 ? 'is' : 'are'} resolved since`,
      blocks,
      forgotten,
    );
  }

  ofRefusal(event: EventOf<'requestRefused'>): CachetrailError {
    const { code, request } = event;
    return new RequestError(known(code), `${request} refused: ${meaningOf(code)}`);
  }

  ofAbort(event: EventOf<'requestAborted'>): CachetrailError {
    return new RequestError(known(event.code), meaningOf(event.code));
  }

  #letGo(): void {
    const needed = new Set([...this.#state.failures.values()].map((failure) => failure.io));
    for (const { io } of [...this.#state.remembered.values(), ...this.#state.resolved]) needed.add(io);
    needed.add(this.#state.failedBarrierIo);
    for (const io of this.#causes.keys()) if (!needed.has(io)) this.#causes.delete(io);
  }
}

const SURVIVOR_CODES = {
  writeFailed: 'CACHETRAIL_WRITE_FAILED',
  flushFailed: 'CACHETRAIL_FLUSH_FAILED',
  closeFailed: 'CACHETRAIL_CLOSE_FAILED',
  blockSizeFailed: 'CACHETRAIL_FLUSH_FAILED',
} as const;

const NAMED_MAX = 4;

function nameBlocks(blocks: readonly FailedBlock[]): string {
  const named = blocks.slice(0, NAMED_MAX).map(({ block, code }) => `${block} (${code || 'not written'})`);
  const more = blocks.length > NAMED_MAX ? ` and ${blocks.length - NAMED_MAX} more` : '';
  return `${blocks.length === 1 ? 'block' : 'blocks'} ${named.join(', ')}${more}`;
}

function why(cause: unknown, code: string): string {
  return cause instanceof Error ? cause.message : code || codeOf(cause);
}

/** What the cache itself says of a device that failed. A device's own errors are causes only: of one that is closed, say. */
const OF_DEVICES: readonly ErrorCode[] = [
  'CACHETRAIL_DEVICE_TIMEOUT',
  'CACHETRAIL_DEVICE_STALLED',
  'CACHETRAIL_DEVICE_PROTOCOL',
  'CACHETRAIL_SHORT_READ',
];

function ownCode(cause: unknown, otherwise: ErrorCode): ErrorCode {
  return cause instanceof CachetrailError && OF_DEVICES.includes(cause.code) ? cause.code : otherwise;
}

function known(code: string): ErrorCode {
  return isErrorCode(code) ? code : 'CACHETRAIL_INTERNAL';
}

function meaningOf(code: string): string {
  return isErrorCode(code) ? ERROR_CODES[code].meaning : code;
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERROR_CODES, code);
}
