/** What the metrics must say of a history, found in other ways than they find it. */
import { TIMEOUT_CODE } from '../../../../src/cache/failure-codes.js';
import { evolve } from '../../../../src/cache/evolve.js';
import { CacheState } from '../../../../src/cache/state.js';
import type { CacheEvent, EventType } from '../../../../src/index.js';

type EventOf<Type extends EventType> = Extract<CacheEvent, { type: Type }>;

const S_PER_NS = 1e-9;

export class History {
  readonly #events: readonly CacheEvent[];

  constructor(events: readonly CacheEvent[]) {
    this.#events = events;
  }

  of<Type extends EventType>(...types: readonly Type[]): EventOf<Type>[] {
    const wanted: readonly string[] = types;
    return this.#events.filter((event): event is EventOf<Type> => wanted.includes(event.type));
  }

  /** Seconds from start to end, by `operation`, or `operation,code` of one that failed. */
  deviceSeconds(): Record<string, number[]> {
    const seconds: Record<string, number[]> = {};
    const add = (operation: string, { at, startedAt }: { at: number; startedAt: number }, code = '') => {
      const key = code === '' ? operation : `${operation},${code}`;
      seconds[key] = [...(seconds[key] ?? []), (at - startedAt) * S_PER_NS];
    };
    for (const event of this.of('fillFinished')) add('read', event);
    for (const event of this.of('fillFailed')) add('read', event, event.code);
    for (const event of this.of('writebackFinished')) add('write', event);
    for (const event of this.of('writebackFailed')) add('write', event, event.code);
    for (const event of this.of('barrierFinished')) add('barrier', event);
    for (const event of this.of('barrierFailed')) add('barrier', event, event.code);
    for (const event of this.of('clearAnswered')) add(event.kind, event, event.code);
    return seconds;
  }

  /** Seconds between the decision and the device, by operation. */
  queuedSeconds(): Record<string, number[]> {
    const names = { fill: 'read', writeback: 'write', barrier: 'barrier' } as const;
    const seconds: Record<string, number[]> = {};
    for (const started of this.of('fillStarted', 'writebackStarted', 'barrierStarted', 'clearStarted')) {
      const answer = this.#events.find((event) => 'startedAt' in event && event.io === started.io);
      if (answer === undefined || !('startedAt' in answer)) continue;
      const name =
        started.type === 'clearStarted'
          ? started.kind
          : names[
              started.type === 'fillStarted' ? 'fill' : started.type === 'barrierStarted' ? 'barrier' : 'writeback'
            ];
      seconds[name] = [...(seconds[name] ?? []), (answer.startedAt - started.at) * S_PER_NS];
    }
    return seconds;
  }

  /** Seconds that a queued request waited, by what for, of those that were not admitted in the decision that queued them. */
  waitedSeconds(): Record<string, number[]> {
    const seconds: Record<string, number[]> = {};
    for (const queued of this.of('writeQueued', 'borrowQueued')) {
      const ends = this.of('written', 'borrowed', 'requestAborted', 'requestRefused', 'readFailed');
      const end = ends.find(({ op, seq }) => op === queued.op && seq > queued.seq);
      if (end === undefined || end.cause === queued.seq) continue;
      seconds[queued.reason] = [...(seconds[queued.reason] ?? []), (end.at - queued.at) * S_PER_NS];
    }
    return seconds;
  }

  /** Blocks by `outcome` and code: found from the bases of the folded state, in which nothing is known of outcomes. */
  writeErrorOutcomes(): Record<string, number> {
    const counts: Record<string, number> = {};
    const failed = new Map<number, { readonly code: string; readonly generation: number }>();
    const state = new CacheState({ bytes: false });
    const count = (outcome: string, block: number) => {
      const key = `${outcome},${failed.get(block)?.code}`;
      counts[key] = (counts[key] ?? 0) + 1;
    };
    const settle = (outcome: string, block: number) => {
      if (failed.has(block)) count(outcome, block);
      failed.delete(block);
    };
    const each = (run: { readonly block: number; readonly count: number }, visit: (block: number) => void) => {
      for (let block = run.block; block < run.block + run.count; block++) visit(block);
    };
    for (const event of this.#events) {
      evolve(state, event);
      if (event.type === 'writebackFailed') {
        each(event, (block) => {
          failed.set(block, { code: event.code, generation: state.slots.generation[state.slots.find(block)] });
          if (event.code === TIMEOUT_CODE) count('held', block);
        });
      }
      if (event.type === 'writebackRetryScheduled') each(event, (block) => count('retried', block));
      if (event.type === 'writebackSplit') each(event, (block) => count('split', block));
      if (event.type === 'blockParked') count('parked', event.block);
      if (event.type === 'dirtyDiscarded') for (const block of event.blocks) settle('discarded', block);
      if (event.type === 'clearFinished') each(event, (block) => settle('cleared', block));
      if (event.type !== 'barrierFinished') continue;
      for (const [block, { generation }] of failed) {
        if (isDurable(state, block, generation)) settle('durable', block);
      }
    }
    return counts;
  }
}

/** Nothing up to the generation is still to reach the device, on its way, or there without a barrier. */
function isDurable({ slots }: CacheState, block: number, generation: number): boolean {
  const slot = slots.find(block);
  if (slot === -1) return true;
  const bases = [slots.dirtyBase[slot], slots.carriedBase[slot], slots.writtenBase[slot]];
  return bases.every((base) => base === 0 || base > generation);
}

export function tally(keys: readonly string[], by: (index: number) => number = () => 1): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const [index, key] of keys.entries()) counts[key] = (counts[key] ?? 0) + by(index);
  return counts;
}
