/** Random requests, in random traces, on a device that goes wrong in every way, in virtual time. */
import { expect } from 'chai';
import {
  type BlockCache,
  CachetrailError,
  type CacheEvent,
  type CacheMode,
  type EventSink,
  type FaultSpec,
  faultDevice,
  latencyDevice,
  memoryDevice,
  openCache,
  type TraceRef,
} from '../../../src/index.js';
import { Random } from '../../simulation/random.js';
import { VirtualClock } from '../../support/virtual-clock.js';
import { callerTrace } from './support.js';

const BLOCK = 512;
const BLOCKS = 24;

export interface RandomRun {
  readonly events: readonly CacheEvent[];
  readonly id: string;
  readonly epochMs: number;
}

export interface RandomRunOptions {
  readonly steps?: number;
  /** Gets the events beside the run. */
  readonly journal?: (clock: VirtualClock) => Promise<EventSink & { close(): Promise<void> }>;
  /** Called when the cache is open, before any request; what it returns is called when it is closed. */
  readonly watch?: (cache: BlockCache) => () => void;
}

/** Each in the order of its share of what can be drawn: without a trace, in a sampled one, in one that is not. */
const TRACES: readonly (TraceRef | undefined)[] = [
  undefined,
  ...Array.from({ length: 6 }, (_, number) => callerTrace(number + 1)),
  callerTrace(7, 0),
];

export async function randomRun(
  seed: number,
  { steps = 60, journal, watch }: RandomRunOptions = {},
): Promise<RandomRun> {
  const random = new Random(seed, 'requests');
  const clock = new VirtualClock();
  const faults = faultDevice(memoryDevice({ sizeBytes: BLOCKS * BLOCK }), { volatile: true });
  const times = { readMs: 2, writeMs: 5, barrierMs: 7, zeroMs: 4, discardMs: 4, jitter: 0.9, seed };
  const device = latencyDevice(faults, { ...times, setTimer: clock.after });
  const events: CacheEvent[] = [];
  const sink = await journal?.(clock);
  const append = (event: CacheEvent, payload?: Uint8Array) => {
    events.push(event);
    sink?.append(event, payload);
  };
  const cache = await openCache(device, {
    clock,
    blockSize: BLOCK,
    capacity: random.between(4, 16),
    mode: random.pick<CacheMode>(['writeback', 'writeback', 'writethrough']),
    seed,
    deviceTimeoutMs: 200,
    limits: { writebacksInFlightMax: random.between(1, 3), runBytesMax: BLOCK * random.between(1, 8) },
    journal: { append },
  });
  const stop = watch?.(cache);
  const all: Promise<unknown>[] = [];
  for (let step = 0; step < steps; step++) {
    if (random.chance(0.15)) faults.inject(faultOf(random));
    if (random.chance(0.05)) faults.cure();
    if (random.chance(0.1)) faults.release();
    const asked = Array.from({ length: random.between(1, 4) }, () => ask(cache, random));
    all.push(...asked);
    if (random.chance(0.7)) await clock.until(Promise.all(asked));
  }
  if (random.chance(0.7)) faults.cure();
  faults.release();
  await clock.until(Promise.all(all));
  await close(cache, clock);
  stop?.();
  await sink?.close();
  return { events, id: cache.id, epochMs: cache.epochMs };
}

function faultOf(random: Random): FaultSpec {
  const on = random.pick(['read', 'write', 'write', 'write', 'barrier', 'barrier', 'zero', 'discard'] as const);
  const range = random.chance(0.5) && on !== 'barrier' ? { offset: random.below(BLOCKS) * BLOCK, length: BLOCK } : null;
  const when = { on, times: random.between(1, 8), ...(range === null ? {} : { range }) };
  const kind = random.pick(['code', 'code', 'code', 'hang', 'short'] as const);
  if (kind === 'hang') return { ...when, hang: random.pick(['before', 'after'] as const) };
  if (kind === 'short' && (on === 'read' || on === 'write')) return { ...when, short: 100 };
  return { ...when, code: random.pick(['EIO', 'ENOSPC', 'EROFS']) };
}

async function ask(cache: BlockCache, random: Random): Promise<unknown> {
  try {
    return await request(cache, random);
  } catch (error) {
    if (!(error instanceof CachetrailError)) throw error;
    return null;
  }
}

async function request(cache: BlockCache, random: Random): Promise<unknown> {
  const trace = random.pick(TRACES);
  const options = { actor: random.pick(['', 'fs', 'sync']), ...(trace === undefined ? {} : { trace }) };
  const block = random.below(cache.blockCount);
  const count = random.between(1, Math.min(6, cache.blockCount - block));
  const range = { block, count };
  const bytes = (length: number) => new Uint8Array(length).fill(random.below(256));
  const kinds = { read: 5, write: 8, writeBytes: 3, flush: 3, discard: 1, zero: 1, drop: 1, borrow: 1, readahead: 1 };
  switch (random.weighted({ ...kinds, invalidate: 1, resize: 0.3, blockSize: 0.2 })) {
    case 'read':
      return cache.read(block, count, undefined, options);
    case 'write':
      return cache.write(block, bytes(count * cache.blockSize), options);
    case 'writeBytes':
      return cache.writeBytes(block * cache.blockSize + 7, bytes(100), { ...options, through: random.chance(0.5) });
    case 'flush':
      return cache.flush(random.chance(0.5) ? undefined : range, options);
    case 'discard':
      return cache.discard(range, options);
    case 'zero':
      return cache.zero(range, options);
    case 'drop':
      return cache.invalidate(range, { ...options, discardDirty: 'the test says so' });
    case 'invalidate':
      return cache.invalidate(range, options);
    case 'readahead':
      return cache.readahead(range, options);
    case 'resize':
      return cache.resize(random.between(2, 16), options);
    case 'blockSize':
      return cache.setBlockSize(random.pick([512, 1024]), options);
    default: {
      using borrowed = await cache.borrow(block, options);
      return random.chance(0.5) ? await borrowed.markDirty() : null;
    }
  }
}

/** A device that still hangs does not close in time: that is told, and the cache is closed all the same. */
async function close(cache: BlockCache, clock: VirtualClock): Promise<void> {
  await clock.until(cache.close({ trace: callerTrace(9) })).catch(() => {});
  if (!cache.closed) await clock.until(cache.close({ abandon: 'the run is over' })).catch(() => {});
  expect(cache.closed).to.equal(true);
}
