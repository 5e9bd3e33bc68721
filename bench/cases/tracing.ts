/** What tracing adds: each lap on one cache, instrumented, and on the same one, not instrumented. */
import { type Context, context, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { memoryDevice } from '../../src/device/index.js';
import { type BlockCache, openCache } from '../../src/index.js';
import { instrument, SpanQueue } from '../../src/telemetry/index.js';
import { BLOCK_BYTES, type Case, type Scale } from '../case.js';
import { type Contest, timed } from '../measure.js';
import { uniform } from '../random.js';

/** The share of the callers' traces that is sampled, and of those that the cache begins; null without an SDK. */
const WAYS: Readonly<Record<string, number | null>> = {
  'no-sdk': null,
  'sampled-0': 0,
  'sampled-1%': 0.01,
  'sampled-all': 1,
};
/** The most that an instrumented cache without an SDK may cost beside one that is not. */
const UNTRACED_RATIO_MAX = 1.03;
/** Requests that a caller makes in one span. */
const OPERATIONS_PER_SPAN = 256;
const CALLERS = 1000;
/** What `instrument` makes is new in each lap, and is compiled in its first thousands of requests. */
const WARMING_LAPS = 2;
// Nothing is written back while the laps run: they are about the write itself.
const NO_WRITEBACK = { dirtyBackgroundShare: 1, dirtyHardShare: 1, dirtyAgeNs: 3600e9 };

export const tracedHits: readonly Case[] = Object.entries(WAYS).map(([way, share]) => ({
  name: `traced.hit.${way}`,
  target: () => (share === null ? UNTRACED_RATIO_MAX : undefined),
  rounds: 61,
  prepare: (scale) => contestOf(scale, share, hits),
}));

export const tracedWrites: readonly Case[] = Object.entries(WAYS).map(([way, share]) => ({
  name: `traced.write.${way}`,
  target: () => (share === null ? UNTRACED_RATIO_MAX : undefined),
  rounds: 61,
  prepare: (scale) => contestOf(scale, share, writes),
}));

/** Per device operation, all spans made: a read that misses has two, a block written back by a flush three. */
export const tracedDevice: readonly Case[] = [
  { name: 'traced.miss', target: () => undefined, rounds: 9, prepare: (scale) => contestOf(scale, 1, misses) },
  { name: 'traced.writeback', target: () => undefined, rounds: 9, prepare: (scale) => contestOf(scale, 1, writebacks) },
];

interface Work {
  readonly cache: BlockCache;
  readonly operations: number;
  readonly body: () => Promise<void> | void;
}

async function contestOf(
  scale: Scale,
  share: number | null,
  work: (scale: Scale, callers: readonly Context[]) => Promise<Work>,
): Promise<Contest> {
  if (share !== null) await register(share);
  const callers = callersOf(share ?? 0);
  const { cache, operations, body } = await work(scale, callers);
  const bystander = await bystanderOf(callers);
  const traced = async (): Promise<number> => {
    const instrumentation = instrument(cache, { metrics: false });
    const ns = await warmTimed(operations, body);
    instrumentation.stop();
    return ns;
  };
  const untraced = () => warmTimed(operations, body);
  const close = async () => {
    await cache.close();
    await bystander.close();
  };
  return { ours: traced, peers: [{ against: 'untraced', lap: untraced }], close };
}

/**
 * A cache that stays instrumented, and has what writes leave there until they are durable. While the other is not, the hidden
 * classes of all that would otherwise be gone, and with them the code that was compiled for them.
 */
async function bystanderOf(callers: readonly Context[]): Promise<BlockCache> {
  const cache = await openCache(memoryDevice({ sizeBytes: 2 * BLOCK_BYTES }), { capacity: 2, limits: NO_WRITEBACK });
  instrument(cache, { metrics: false });
  const data = new Uint8Array(BLOCK_BYTES);
  for (const caller of callers) await context.with(caller, () => cache.write(0, data));
  return cache;
}

async function warmTimed(operations: number, body: () => Promise<void> | void): Promise<number> {
  for (let lap = 0; lap < WARMING_LAPS; lap++) await body();
  return timed(operations, body);
}

async function hits({ blocks, short }: Scale, callers: readonly Context[]): Promise<Work> {
  const cache = await openCache(memoryDevice({ sizeBytes: blocks * BLOCK_BYTES }), { capacity: blocks });
  const into = new Uint8Array(BLOCK_BYTES);
  for (let block = 0; block < blocks; block++) await cache.read(block, 1, into);
  const order = uniform(short ? 20_000 : 40_960, blocks, 1);
  let from = 0;
  const some = () => {
    const end = Math.min(order.length, from + OPERATIONS_PER_SPAN);
    for (let i = from; i < end; i++) if (!cache.readNow(order[i], into)) throw new Error('a miss');
  };
  const body = () => {
    let caller = 0;
    for (from = 0; from < order.length; from += OPERATIONS_PER_SPAN) context.with(callers[caller++ % CALLERS], some);
  };
  return { cache, operations: order.length, body };
}

async function writes({ blocks, short }: Scale, callers: readonly Context[]): Promise<Work> {
  const device = memoryDevice({ sizeBytes: 2 * blocks * BLOCK_BYTES });
  const cache = await openCache(device, { capacity: 2 * blocks, limits: NO_WRITEBACK });
  const data = new Uint8Array(BLOCK_BYTES).fill(1);
  for (let block = 0; block < blocks; block++) await cache.write(block, data);
  const order = uniform(short ? 20_000 : 40_960, blocks, 3);
  let from = 0;
  const some = async () => {
    const end = Math.min(order.length, from + OPERATIONS_PER_SPAN);
    for (let i = from; i < end; i++) await cache.write(order[i], data);
  };
  const body = async () => {
    let caller = 0;
    for (from = 0; from < order.length; from += OPERATIONS_PER_SPAN) {
      await context.with(callers[caller++ % CALLERS], some);
    }
  };
  return { cache, operations: order.length, body };
}

async function misses({ blocks, short }: Scale, callers: readonly Context[]): Promise<Work> {
  const deviceBlocks = short ? 2 * blocks : 2 ** 20;
  const cache = await openCache(memoryDevice({ sizeBytes: deviceBlocks * BLOCK_BYTES }), { capacity: blocks });
  const into = new Uint8Array(BLOCK_BYTES);
  const order = uniform(short ? 4000 : 400_000, deviceBlocks, 5);
  const operations = order.length / 20;
  let next = 0;
  const body = async () => {
    for (let i = 0; i < operations; i++) {
      await context.with(callers[i % CALLERS], () => cache.read(order[next], 1, into));
      next = (next + 1) % order.length;
      if (i % OPERATIONS_PER_SPAN === 0) await turn();
    }
  };
  return { cache, operations, body };
}

/** Lets the exporter have what has ended, as any program does now and then. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Blocks that are no neighbours, so that each is a device write. */
async function writebacks({ blocks, short }: Scale, callers: readonly Context[]): Promise<Work> {
  const device = memoryDevice({ sizeBytes: 2 * blocks * BLOCK_BYTES });
  const cache = await openCache(device, { capacity: 2 * blocks, limits: NO_WRITEBACK });
  const data = new Uint8Array(BLOCK_BYTES).fill(1);
  const perFlush = 256;
  const flushes = short ? 4 : 40;
  const body = async () => {
    for (let flush = 0; flush < flushes; flush++) {
      for (let at = 0; at < perFlush; at++) {
        await context.with(callers[at], () => cache.write(((flush * perFlush + at) * 2) % (2 * blocks), data));
      }
      await context.with(callers[flush], () => cache.flush());
      await turn();
    }
  };
  return { cache, operations: flushes * perFlush, body };
}

/** A provider with our ids and our queue, whose exporter takes everything and does nothing. */
async function register(share: number): Promise<void> {
  const { node, tracing } = await import('@opentelemetry/sdk-node');
  const { journalIds } = await import('../../src/telemetry/index.js');
  const exporter = {
    export: (_spans: unknown, done: (result: { code: number }) => void) => done({ code: 0 }),
    shutdown,
  };
  new node.NodeTracerProvider({
    sampler: new tracing.ParentBasedSampler({ root: new tracing.TraceIdRatioBasedSampler(share) }),
    idGenerator: journalIds(new tracing.RandomIdGenerator()),
    spanProcessors: [new SpanQueue(exporter)],
  }).register();
}

async function shutdown(): Promise<void> {}

/** Contexts as an application has them active, the sampled ones spread evenly. */
function callersOf(share: number): readonly Context[] {
  return Array.from({ length: CALLERS }, (_, number) => {
    const hex = (number + 1).toString(16);
    const traceFlags = Math.round((number + 1) * share) - Math.round(number * share);
    return trace.setSpanContext(ROOT_CONTEXT, {
      traceId: hex.padStart(32, 'a'),
      spanId: hex.padStart(16, 'b'),
      traceFlags,
    });
  });
}
