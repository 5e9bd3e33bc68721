/** The demo's two runs of the same work: through the cache, over a device that fails, and on the device itself. */
import { ext2fsDisk } from '../../adapters/ext2fs.js';
import type { CacheEvent } from '../../cache/events.js';
import type { PolicyName } from '../../cache/limits.js';
import type { BlockDevice } from '../../device/block-device.js';
import { codeOf, type FailedBlock, WriteError } from '../../device/errors.js';
import { faultDevice } from '../../device/index.js';
import type { BlockCache } from '../../streams/block-cache.js';
import { openCache } from '../../streams/open-cache.js';
import { bareDisk } from './bare-disk.js';
import { countingDevice, type DeviceCounts } from './counting-device.js';
import { type WriteErrorPath, WriteErrorPaths } from '../journal/error-paths.js';
import { FaultPlan } from './faults.js';
import { type Mounted, mount } from './mount.js';
import type { Narrator } from '../narrator.js';
import { DemoTrace, type EndedTrace } from './trace.js';
import type { Tree } from './tree.js';
import { type Phase, removeTree, runWorkload, type WorkloadResult } from './workload.js';

export interface RunInput {
  readonly tree: Tree;
  /** Where in the image to work: a directory that does not exist yet. */
  readonly directory: string;
  readonly signal: AbortSignal;
  readonly narrator: Narrator;
}

export interface CacheInput {
  /** Blocks; the cache's own default if undefined. */
  readonly capacity: number | undefined;
  readonly policy: PolicyName;
  /** The folder of the journal; null for none. */
  readonly journal: string | null;
  readonly onEvent: (event: CacheEvent) => void;
}

export interface RunResult {
  readonly workload: WorkloadResult;
  readonly counts: DeviceCounts;
  readonly ms: number;
}

export interface CachedRunResult extends RunResult {
  readonly requests: number;
  readonly hits: number;
  readonly misses: number;
  readonly batches: number;
  readonly meanRunBlocks: number;
  readonly capacityBlocks: number;
  readonly blockSize: number;
  readonly writeErrors: readonly WriteErrorPath[];
  readonly trace: EndedTrace;
}

/** Who asks for the flushes. */
const DEMO = { actor: 'demo' } as const;

/** Mounts, works, unmounts, closes: all on the device itself. */
export async function bareRun(device: BlockDevice, input: RunInput): Promise<RunResult> {
  const counting = countingDevice(device);
  const clock = stopwatch();
  try {
    const disk = bareDisk(counting);
    const mounted = await mount(disk);
    const sync = async () => disk.flush();
    const nothing = () => undefined;
    const workload = await workIn(mounted, input, { sync, beforeFile: nothing, phase: nothing });
    await mounted.unmount();
    return { workload, counts: counting.counts, ms: clock() };
  } finally {
    await counting.close();
  }
}

/** The same through a cache, with a write error that passes and one that lasts until it is cured. */
export async function cachedRun(device: BlockDevice, input: RunInput, options: CacheInput): Promise<CachedRunResult> {
  const faulty = faultDevice(device);
  const counting = countingDevice(faulty);
  const clock = stopwatch();
  const trace = new DemoTrace();
  const cache = await openCacheOver(counting, options, trace);
  trace.begin(cache.id);
  const paths = new WriteErrorPaths();
  const plan = new FaultPlan(faulty, cache.blockSize, input.tree);
  cache.events$.subscribe((event) => {
    options.onEvent(event);
    plan.accept(event);
    paths.accept(event);
  });
  try {
    trace.phase('mount');
    const mounted = await mount(ext2fsDisk(cache, { actor: 'libext2fs' }));
    const sync = (phase: Phase) => flushInPhase(phase, cache, plan, input.narrator);
    const phase = (name: string) => trace.phase(name);
    const workload = await workIn(mounted, input, { sync, phase, beforeFile: (file) => plan.beforeFile(file) });
    trace.phase('unmount');
    await mounted.unmount();
    const stats = cache.stats();
    trace.phase('close');
    await cache.close();
    const { requests, hits, misses, batches, meanRunBlocks, capacityBlocks } = stats;
    const figures = { requests, hits, misses, batches, meanRunBlocks, capacityBlocks, blockSize: cache.blockSize };
    const run = { workload, counts: counting.counts, ms: clock() };
    return { ...run, ...figures, writeErrors: paths.list(), trace: trace.ended() };
  } catch (error) {
    faulty.cure();
    await saveAndClose(cache, input.narrator);
    throw error;
  }
}

async function openCacheOver(
  device: BlockDevice,
  { capacity, policy, journal }: CacheInput,
  trace: DemoTrace,
): Promise<BlockCache> {
  try {
    return await openCache(device, {
      policy,
      clock: trace.clock,
      traceSource: () => trace.current,
      ...(capacity === undefined ? {} : { capacity }),
      ...(journal === null ? {} : { journal: { directory: journal } }),
    });
  } catch (error) {
    await device.close();
    throw error;
  }
}

/**
 * The first flush meets an error that passes. The next two meet one that lasts, and reject; then comes the cure, and one
 * that succeeds. Unmounting, which would turn the error into EIO, comes only after that.
 */
async function flushInPhase(phase: Phase, cache: BlockCache, plan: FaultPlan, narrator: Narrator): Promise<void> {
  await flushAndSay(cache, narrator, phase === 'read' ? 'flush again' : 'flush');
  if (phase !== 'read') return;
  plan.cure();
  narrator.said('the device is cured');
  await cache.flush(undefined, DEMO);
  narrator.said('flush: all is durable');
}

async function flushAndSay(cache: BlockCache, narrator: Narrator, what: string): Promise<void> {
  try {
    await cache.flush(undefined, DEMO);
    narrator.said(`${what}: all is durable`);
  } catch (error) {
    if (!(error instanceof WriteError)) throw error;
    narrator.said(`${what} rejected, ${error.code}: ${blocksText(error.blocks)}; the cache keeps what it holds`);
  }
}

function blocksText(blocks: readonly FailedBlock[]): string {
  const named = blocks.slice(0, 3).map(({ block, code }) => `block ${block} ${code}`);
  const more = blocks.length - named.length;
  return named.join(', ') + (more > 0 ? ` and ${more} more` : '');
}

type Hooks = Pick<Parameters<typeof runWorkload>[3], 'sync' | 'beforeFile' | 'phase'>;

/** Does the file work. If it ends early, what it made is removed and the image is unmounted, as far as that goes. */
async function workIn(mounted: Mounted, input: RunInput, hooks: Hooks): Promise<WorkloadResult> {
  const { narrator, signal, directory } = input;
  const progress = (what: string, done: number, total: number) => narrator.progress(`${what} ${done} of ${total}`);
  const said = (line: string) => narrator.said(line);
  try {
    return await runWorkload(mounted.files, input.tree, directory, { ...hooks, signal, progress, said });
  } catch (error) {
    await attempt(narrator, `remove ${directory}`, () => removeTree(mounted.files, directory));
    await attempt(narrator, 'unmount', () => mounted.unmount());
    throw error;
  }
}

/** The run has failed: whatever can still reach the device shall. */
async function saveAndClose(cache: BlockCache, narrator: Narrator): Promise<void> {
  await attempt(narrator, 'close the cache', () => cache.close());
  if (!cache.closed) await cache.close({ abandon: 'the demo failed, and the device still refuses these blocks' });
}

async function attempt(narrator: Narrator, what: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    // Ended before it had made anything.
    if (codeOf(error) === 'ENOENT') return;
    narrator.said(`could not ${what}: ${codeOf(error)} ${error instanceof Error ? error.message : ''}`);
  }
}

/** Milliseconds since the call. */
function stopwatch(): () => number {
  const start = process.hrtime.bigint();
  return () => Number(process.hrtime.bigint() - start) / 1e6;
}
