/** Inputs to the core by name, with the time and the number of the request filled in. For `given` and `when`. */
import type { CacheEvent, ClearKind } from '../../src/cache/events.js';
import type { Input } from '../../src/cache/inputs.js';
import type { DeviceIo } from '../../src/cache/state.js';
import { BLOCK, type Core, type Step } from './core.js';

/** The same for any core: what a request asks. */
type Asking = (core: Core) => Input;

export function read(block: number, count = 1): Asking {
  return (core) => ({ type: 'read', ...core.request(), block, count });
}

export function readahead(block: number, count = 1): Asking {
  return (core) => ({ type: 'readahead', ...core.request(), block, count });
}

/** Whole blocks. */
export function write(block: number, count = 1): Asking {
  return (core) => {
    const offset = block * core.state.blockSize;
    return writing(core, offset, Math.min(count * core.state.blockSize, core.state.deviceBytes - offset), false);
  };
}

/** Resolves when the device has it. */
export function writeThrough(block: number, count = 1): Asking {
  return (core) => writing(core, block * core.state.blockSize, count * core.state.blockSize, true);
}

/** Bytes, at any alignment. */
export function writeBytes(offset: number, length: number): Asking {
  return (core) => writing(core, offset, length, false);
}

function writing(core: Core, offset: number, length: number, through: boolean): Input {
  return { type: 'write', ...core.request(), offset, length, through };
}

/** Without a range, everything. */
export function flush(block = 0, count?: number, handle = 0): Asking {
  return (core) => ({ type: 'flush', ...core.request(), block, count: count ?? core.state.blockCount, handle });
}

/** Its number will be that of the request. */
export function openHandle(core: Core): Input {
  return { type: 'openHandle', ...core.request() };
}

export function closeHandle(handle: number): Asking {
  return (core) => ({ type: 'closeHandle', ...core.request(), handle });
}

export function invalidate(block = 0, count?: number): Asking {
  return (core) => ({ type: 'invalidate', ...core.request(), block, count: count ?? core.state.blockCount });
}

export function clear(kind: ClearKind, block: number, count = 1): Asking {
  return (core) => ({ type: 'clear', ...core.request(), block, count, kind, reason: kind === 'drop' ? 'test' : '' });
}

export function borrow(block: number): Asking {
  return (core) => ({ type: 'borrow', ...core.request(), block });
}

export function markDirty(block: number): Asking {
  return (core) => ({ type: 'markDirty', ...core.request(), block });
}

export function release(block: number): Asking {
  return (core) => ({ type: 'release', at: core.next(), op: core.op, block });
}

export function resize(capacity: number): Asking {
  return (core) => ({ type: 'resize', ...core.request(), capacity });
}

export function setBlockSize(blockSize: number): Asking {
  return (core) => ({ type: 'setBlockSize', ...core.request(), blockSize });
}

export function setOption(name: string, value: number): Asking {
  return (core) => ({ type: 'setOption', ...core.request(), name, value });
}

export function close(abandon = ''): Asking {
  return (core) => ({ type: 'close', ...core.request(), abandon });
}

export function abort(op: number, code = 'CACHETRAIL_ABORTED'): Asking {
  return (core) => ({ type: 'abort', at: core.next(), op, code });
}

/** A tick when so much time has passed. */
export function tick(afterNs: number): Asking {
  return (core) => ({ type: 'tick', at: core.at + afterNs });
}

/** A tick at a time, nanoseconds since the epoch. */
export function tickAt(at: number): Asking {
  return () => ({ type: 'tick', at });
}

type Answered = DeviceIo['kind'] | number;

/** The device has done the oldest operation of a kind, or the one of a number. */
export function done(what: Answered): Asking {
  return (core) => answer(core, what, '', 'failed');
}

export function fails(what: Answered, code = 'EIO'): Asking {
  return (core) => answer(core, what, code, 'failed');
}

export function shortWrite(what: Answered): Asking {
  return (core) => answer(core, what, 'CACHETRAIL_SHORT_WRITE', 'unknown');
}

export function timesOut(what: Answered): Asking {
  return (core) => answer(core, what, 'CACHETRAIL_DEVICE_TIMEOUT', 'unknown');
}

function answer(core: Core, what: Answered, code: string, outcome: 'failed' | 'unknown'): Input {
  const io = typeof what === 'number' ? what : core.inFlight(what).io;
  return { type: 'answer', at: core.next(), io, startedAt: core.at, code, outcome };
}

/** Everything that the device is asked for is done, until it is asked for nothing more. */
export function settle(core: Core): Step[] {
  for (let answers = 0; core.state.ios.size > 0; answers++) {
    if (answers > 10_000) throw new Error('the device is asked for ever more');
    const [io] = core.state.ios.keys();
    core.take(done(io));
  }
  return [];
}

/** The frames are there: what follows does not have to grow the cache first. */
export function grown(core: Core): Step[] {
  return [read(core.state.blockCount - 1), done('fill'), invalidate()];
}

/** The block is cached and clean. */
export function cached(block: number, count = 1): Step {
  return () => [read(block, count), settle];
}

/** A device's last block is short: 64 whole blocks and 100 bytes. */
export const SHORT_TAIL_BYTES = 64 * BLOCK + 100;

/** All events of one type. */
export function eventsOf<T extends CacheEvent['type']>(core: Core, type: T): Extract<CacheEvent, { type: T }>[] {
  return core.events.filter((event): event is Extract<CacheEvent, { type: T }> => event.type === type);
}
