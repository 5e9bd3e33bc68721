/** The events of a core by itself over a device that fails in every way, drawn from a seed. */
import { type CacheEvent, CacheState, DEFAULT_LIMITS, decide, evolve } from '../../../../src/cache/index.js';
import type { Input } from '../../../../src/cache/inputs.js';
import { TIMEOUT_CODE } from '../../../../src/cache/failure-codes.js';
import { Turn } from '../../../../src/cache/turn.js';
import { seededRandom } from '../../../../bench/random.js';

const BLOCKS = 48;
const BLOCK = 512;
const MILLISECOND_NS = 1e6;

interface Asked {
  readonly io: number;
  readonly startedAt: number;
}

export function randomHistory(seed: number, steps: number): CacheEvent[] {
  const events: CacheEvent[] = [];
  const asked: Asked[] = [];
  const owed: Asked[] = [];
  const random = seededRandom(seed);
  const below = (bound: number) => Math.floor(random() * bound);
  const state = new CacheState({ bytes: false });
  const turn = new Turn(state, (event) => {
    evolve(state, event);
    events.push(event);
    // What the old device owed, the new one does not.
    if (event.type === 'deviceReplaced') {
      asked.length = 0;
      owed.length = 0;
    }
    if ('io' in event && /^(fill|writeback|barrier|clear)Started$/.test(event.type)) {
      asked.push({ io: event.io, startedAt: event.at });
    }
  });
  const limits = { ...DEFAULT_LIMITS, writeAttemptsMax: 2, retryBaseNs: 2e6, retryCapNs: 4e6, dirtyAgeNs: 20e6 };
  const shape = { deviceBytes: BLOCKS * BLOCK, blockSize: BLOCK, capacity: 16 };
  decide(turn, {
    type: 'open',
    at: 0,
    identity: '',
    config: { ...shape, policy: 'lru', mode: 'writeback', seed, limits },
  });
  for (let step = 1; step <= steps; step++) {
    const at = step * MILLISECOND_NS;
    const draw = below(10);
    if (draw < 5 && asked.length > 0) decide(turn, answer(asked.splice(below(asked.length), 1)[0], at));
    else if (draw === 5 && owed.length > 0) decide(turn, answer(owed.splice(below(owed.length), 1)[0], at));
    else if (draw === 6) decide(turn, { type: 'tick', at });
    else decide(turn, request(step, at));
  }
  return events;

  function answer({ io, startedAt }: Asked, at: number): Input {
    const code = ['EIO', 'EROFS', TIMEOUT_CODE][below(12)] ?? '';
    if (code === TIMEOUT_CODE) owed.push({ io, startedAt });
    return { type: 'answer', at, io, startedAt, code, outcome: code === TIMEOUT_CODE ? 'unknown' : 'failed' };
  }

  function request(op: number, at: number): Input {
    const who = { at, op, actor: '', trace: null };
    const block = below(BLOCKS);
    const count = Math.min(1 + below(4), BLOCKS - block);
    if (below(40) === 0) {
      return { type: 'replaceDevice', ...who, identity: '', deviceBytes: BLOCKS * BLOCK, writable: true };
    }
    switch (below(9)) {
      case 0:
        return { type: 'read', ...who, block, count };
      case 1:
      case 2:
        return { type: 'flush', ...who, block: 0, count: BLOCKS, handle: 0 };
      case 3: {
        const kind = (['zero', 'discard', 'drop'] as const)[below(3)];
        return { type: 'clear', ...who, block, count, kind, reason: kind === 'drop' ? 'drawn' : '' };
      }
      default:
        return { type: 'write', ...who, offset: block * BLOCK, length: count * BLOCK, through: below(4) === 0 };
    }
  }
}
