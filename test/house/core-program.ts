/**
 * A run of the core by itself: seeded requests, a device that answers out of order and sometimes fails. Nothing but the
 * core and the language, for it is also run where there is nothing else (`closed-core.test.ts`).
 */
import { CacheState, checkInvariants, DEFAULT_LIMITS, decide, evolve, hashState } from '../../src/cache/index.js';
import type { Input } from '../../src/cache/inputs.js';
import { Turn } from '../../src/cache/turn.js';

const BLOCKS = 64;
const MILLISECOND_NS = 1e6;
const STARTS = new Set(['fillStarted', 'writebackStarted', 'barrierStarted', 'clearStarted']);

/** What the run came to, as JSON: how often each type of event was seen, and a digest of the state along the way. */
export function run(steps: number, seed: number): string {
  const state = new CacheState({ bytes: true });
  const counts: Record<string, number> = {};
  const unanswered: { readonly io: number; readonly startedAt: number }[] = [];
  const hashes: string[] = [];
  const turn = new Turn(state, (event) => {
    evolve(state, event);
    counts[event.type] = (counts[event.type] ?? 0) + 1;
    if (STARTS.has(event.type) && 'io' in event) unanswered.push({ io: event.io, startedAt: event.at });
  });
  const below = generator(seed);

  decide(turn, opening(seed));
  for (let step = 1; step <= steps; step++) {
    const at = step * MILLISECOND_NS;
    const answer = unanswered.length > 0 && below(2) === 0;
    decide(
      turn,
      answer ? answerTo(unanswered.splice(below(unanswered.length), 1)[0], at, below) : request(step, at, below),
    );
    checkInvariants(state);
    if (step % 100 === 0) hashes.push(hashState(state));
  }
  return JSON.stringify({ counts, hashes });
}

function opening(seed: number): Input {
  const config = {
    deviceBytes: BLOCKS * 512,
    blockSize: 512,
    capacity: 16,
    policy: 'lru',
    mode: 'writeback',
    seed,
    limits: DEFAULT_LIMITS,
  } as const;
  return { type: 'open', at: 0, identity: 'none', config };
}

function request(op: number, at: number, below: (bound: number) => number): Input {
  const block = below(BLOCKS);
  const who = { at, op, actor: '', trace: null };
  const count = Math.min(1 + below(4), BLOCKS - block);
  switch (below(6)) {
    case 0:
    case 1:
      return { type: 'read', ...who, block, count };
    case 2:
    case 3:
      return { type: 'write', ...who, offset: block * 512, length: count * 512, through: false };
    case 4:
      return { type: 'flush', ...who, block: 0, count: BLOCKS, handle: 0 };
    default:
      return { type: 'clear', ...who, block, count, kind: 'zero', reason: '' };
  }
}

function answerTo(
  io: { readonly io: number; readonly startedAt: number },
  at: number,
  below: (bound: number) => number,
): Input {
  const code = below(8) === 0 ? 'EIO' : '';
  return { type: 'answer', ...io, at, code, outcome: 'failed' };
}

function generator(seed: number): (bound: number) => number {
  let state = seed | 1;
  return (bound) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * bound);
  };
}
