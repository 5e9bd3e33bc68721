/** Recorded requests as they are made of a cache with other options: in bytes, cut as the public API cuts them. */
import type { CacheEvent } from '../../../cache/events.js';
import { type Input, inputOf } from '../../../cache/inputs.js';
import { dirtyHardBlocks } from '../../../cache/limits.js';
import type { CacheState } from '../../../cache/state.js';

/** What comes to a cache from elsewhere, and not from a caller. */
type OtherInput = Extract<Input, { type: 'open' | 'tick' | 'answer' | 'journalFailed' | 'journalResumed' }>;
export type RequestInput = Exclude<Input, OtherInput>;

/** The request that a recorded event states first, or null: it states something else, or what follows from another. */
export function requestIn(event: CacheEvent): RequestInput | null {
  if (event.cause !== 0) return null;
  const input = inputOf(event);
  switch (input.type) {
    case 'open':
    case 'tick':
    case 'answer':
    case 'journalFailed':
    case 'journalResumed':
      return null;
    default:
      return input;
  }
}

/** The request that an event ends: its caller is answered. Null for the others. */
export function endedBy(event: CacheEvent): number | null {
  switch (event.type) {
    case 'written':
      return event.through ? null : event.op;
    case 'resized':
      return event.cause === 0 ? event.op : null;
    case 'read':
    case 'readFinished':
    case 'readFailed':
    case 'readaheadRequested':
    case 'writeFinished':
    case 'writeFailed':
    case 'flushFinished':
    case 'flushFailed':
    case 'clearFinished':
    case 'clearFailed':
    case 'borrowed':
    case 'invalidated':
    case 'optionSet':
    case 'handleOpened':
    case 'handleClosed':
    case 'deviceReplaced':
    case 'blockSizeChanged':
    case 'blockSizeFailed':
    case 'requestRefused':
    case 'requestAborted':
    case 'closed':
    case 'closeFailed':
      return event.op;
    default:
      return null;
  }
}

/** A request on its way into a cache. `offset` and `end` are bytes: what of it has not been asked for yet. */
export interface OpenRequest {
  readonly input: RequestInput;
  offset: number;
  readonly end: number;
  /** The recorded cache's, in bytes. */
  readonly blockSize: number;
  started: boolean;
}

/** `blockSize` and `deviceBytes`: of the recorded cache when the request was made of it. */
export function openRequest(input: RequestInput, blockSize: number, deviceBytes: number): OpenRequest {
  const [offset, end] = extentOf(input, blockSize, deviceBytes);
  return { input, blockSize, offset, end, started: false };
}

function extentOf(input: RequestInput, blockSize: number, deviceBytes: number): readonly [start: number, end: number] {
  if (input.type === 'write') return [input.offset, input.offset + input.length];
  if (!('block' in input)) return [0, 0];
  const count = 'count' in input ? input.count : 1;
  const offset = input.block * blockSize;
  return [offset, Math.min(offset + count * blockSize, deviceBytes)];
}

/** A write that the public API would hand on in one piece. */
export function isWholePart({ offset, length }: Extract<Input, { type: 'write' }>, state: CacheState): boolean {
  return length <= mostBytes(state) - (offset % state.blockSize);
}

function mostBytes({ blockSize, limits, capacity }: CacheState): number {
  return Math.min(limits.requestBlocksMax, dirtyHardBlocks(limits, capacity)) * blockSize;
}

/** What to ask a cache for next, with the number and time to ask under; null when all of it has been asked for. */
export function nextPart(request: OpenRequest, state: CacheState, op: number, at: number): RequestInput | null {
  const { input } = request;
  if (request.started && request.offset >= request.end) return null;
  request.started = true;
  const who = { op, at, actor: 'actor' in input ? input.actor : '', trace: null };
  const isOtherSize = state.blockSize !== request.blockSize;
  switch (input.type) {
    case 'read':
      return readPart(request, state, who);
    case 'borrow':
      return isOtherSize ? readPart(request, state, who) : whole(request, { ...input, ...who });
    case 'write':
      return writePart(request, state, who, input.through);
    case 'markDirty':
      return isOtherSize ? writePart(request, state, who, false) : whole(request, { ...input, ...who });
    case 'flush':
      return whole(request, { ...input, ...who, ...covering(request, state) });
    case 'readahead':
      return whole(request, { type: 'readahead', ...who, ...covering(request, state) });
    case 'invalidate':
      return whole(request, { type: 'invalidate', ...who, ...within(request, state) });
    case 'clear':
      return whole(request, { ...input, ...who, ...within(request, state) });
    case 'release':
      return whole(request, { ...input, at });
    case 'abort':
      return whole(request, { ...input, at });
    default:
      return whole(request, { ...input, ...who });
  }
}

interface Who {
  readonly op: number;
  readonly at: number;
  readonly actor: string;
  readonly trace: null;
}

function whole(request: OpenRequest, input: RequestInput): RequestInput {
  request.offset = request.end;
  return input;
}

function readPart(request: OpenRequest, state: CacheState, who: Who): RequestInput {
  const { blockSize, limits } = state;
  const { block, count: left } = covering(request, state);
  const count = Math.min(left, limits.requestBlocksMax);
  request.offset = (block + count) * blockSize;
  return { type: 'read', ...who, block, count };
}

function writePart(request: OpenRequest, state: CacheState, who: Who, through: boolean): RequestInput {
  const { offset, end } = request;
  const length = Math.min(end - offset, mostBytes(state) - (offset % state.blockSize));
  request.offset = offset + length;
  return { type: 'write', ...who, offset, length, through };
}

/** The blocks that hold any of it. */
function covering({ offset, end }: OpenRequest, { blockSize }: CacheState) {
  const block = Math.floor(offset / blockSize);
  return { block, count: Math.max(1, Math.ceil(end / blockSize) - block) };
}

/** The blocks that are wholly in it, a short last one included: none where blocks are larger now and it is small. */
function within({ offset, end }: OpenRequest, { blockSize, deviceBytes }: CacheState) {
  const block = Math.ceil(offset / blockSize);
  const last = end === deviceBytes ? Math.ceil(end / blockSize) : Math.floor(end / blockSize);
  return { block, count: Math.max(0, last - block) };
}
