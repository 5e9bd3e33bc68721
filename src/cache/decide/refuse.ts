import type { RequestKind, TraceRef } from '../events.js';
import type { CacheState } from '../state.js';
import type { Turn } from '../turn.js';

interface Refusable {
  readonly op: number;
  readonly actor: string;
  readonly trace: TraceRef | null;
  readonly block?: number;
  readonly count?: number;
  readonly offset?: number;
  readonly length?: number;
}

/** States that a request is not taken, and why. */
export function refuse(turn: Turn, request: RequestKind, input: Refusable, code: string): void {
  const { seq, at, cause } = turn;
  const { op, actor, trace, block = 0, count = 0, offset = 0, length = 0 } = input;
  turn.emit({
    type: 'requestRefused',
    seq,
    at,
    cause,
    op,
    actor,
    trace,
    block,
    count,
    request,
    offset,
    length,
    code,
  });
}

/** Why nothing may be asked of the cache now, or '' if it may. */
export function unavailable(state: CacheState): string {
  if (state.phase !== 'open') return 'CACHETRAIL_CLOSED';
  return state.blockSizeOp === 0 ? '' : 'CACHETRAIL_BUSY';
}

/** Why no further request may wait, or ''. */
export function overloaded(state: CacheState): string {
  return state.waitingRequests >= state.limits.waitingRequestsMax ? 'CACHETRAIL_OVERLOADED' : '';
}
