/** All that one seed draws before a run begins. */
import type { CacheMode, CoreLimits, PolicyName } from '../../src/cache/limits.js';
import type { DeviceManifest } from '../../src/device/block-device.js';
import { drawFault, type FaultPlan, stormOf } from './faults.js';
import { drawReplacements, type Replacement } from './plug.js';
import { Random } from './random.js';
import type { JournalDrawn } from './sim-journal.js';

export type Pattern = 'uniform' | 'zipf' | 'sequential' | 'hot' | 'fileSystem' | 'edges';
export type Ask =
  | 'read'
  | 'readNow'
  | 'readBytes'
  | 'write'
  | 'writeBytes'
  | 'through'
  | 'flush'
  | 'invalidate'
  | 'drop'
  | 'readahead'
  | 'borrow'
  | 'zero'
  | 'discard'
  | 'resize'
  | 'blockSize'
  | 'option'
  | 'openHandle'
  | 'closeHandle';

export interface ClientPlan {
  readonly pattern: Pattern;
  /** Requests that it has waiting at once, at most. */
  readonly depth: number;
  readonly weights: Readonly<Record<Ask, number>>;
  /** Most blocks of one request. */
  readonly blocksMax: number;
  /** Share of the requests that come with a signal which ends the wait before long. */
  readonly aborts: number;
  /** Handles of the cache that it has open at once, at most. */
  readonly handlesMax: number;
}

export interface Drawn {
  readonly seed: number;
  readonly steps: number;
  readonly sizeBytes: number;
  readonly blockSize: number;
  readonly capacity: number;
  readonly policy: PolicyName;
  readonly mode: CacheMode;
  readonly deviceDepth: number;
  readonly timeoutNs: number;
  readonly limits: Partial<CoreLimits>;
  readonly supports: DeviceManifest;
  readonly latencyNs: { readonly least: number; readonly most: number };
  /** Time between requests, at most. */
  readonly thinkNs: number;
  readonly clients: readonly ClientPlan[];
  /** Clients that open handles, and ask through them as well as through the cache itself. */
  readonly users: readonly ClientPlan[];
  readonly faults: readonly FaultPlan[];
  /** Steps before which the power is lost. */
  readonly crashes: readonly number[];
  /** Steps before which the cache is closed in good order, and opened again. */
  readonly closes: readonly number[];
  /** Steps at which the device is taken away and put back. */
  readonly replacements: readonly Replacement[];
  /** Null for a cache that keeps none. */
  readonly journal: JournalDrawn | null;
  /** A subscriber asks for reads while events are delivered. */
  readonly reentrant: boolean;
}

/** What a shorter run leaves out: see `shrink.ts`. The names are `f0` for a fault, `c0` for a client, `h0` for a user of handles, `crash`, `close`, `replace`, `journal`, `reentrant`. */
export type LeftOut = ReadonlySet<string>;

const SECOND_NS = 1e9;
const MS_NS = 1e6;

export function draw(seed: number, steps: number, leftOut: LeftOut): Drawn {
  const random = new Random(seed, 'geometry');
  const blockSize = random.pick([512, 512, 512, 1024, 4096]);
  const tail = random.pick([0, 0, 0, 4, 127, 128, 260, 511]);
  const sizeBytes = blockSize * random.magnitude(1, blockSize > 512 ? 24 : 64) + tail;
  const capacity = random.magnitude(1, 32);
  const mode = random.weighted<CacheMode>({ writeback: 14, writethrough: 3, readonly: 1 });
  const least = random.magnitude(1000, MS_NS);
  const isStormy = new Random(seed, 'storm').chance(0.25);
  const clients = Array.from({ length: random.between(1, 4) }, (_, at) => {
    return drawClient(new Random(seed, `client ${at}`), isStormy);
  });
  const faultRandom = new Random(seed, 'faults');
  const faultCount = random.pick([0, 1, 1, 2, 3, 4, 6]);
  const drawnFaults = Array.from({ length: faultCount }, () => drawFault(faultRandom, steps, sizeBytes));
  const faults = isStormy ? [...drawnFaults, ...stormOf(faultRandom, steps, sizeBytes)] : drawnFaults;
  const crashes = momentsOf(new Random(seed, 'crash steps'), random.pick([0, 0, 1, 1, 2, 4]), steps);
  const closes = momentsOf(new Random(seed, 'close steps'), random.pick([0, 0, 0, 1, 2]), steps);
  return {
    seed,
    steps,
    sizeBytes,
    blockSize,
    capacity,
    policy: random.pick(['lru', 'priority']),
    mode,
    deviceDepth: random.between(1, 8),
    timeoutNs: random.magnitude(10 * MS_NS, SECOND_NS),
    limits: drawLimits(random, capacity, blockSize),
    supports: { write: true, durable: true, discard: random.chance(0.7), zero: random.chance(0.7) },
    latencyNs: { least, most: least * random.magnitude(1, 100) },
    thinkNs: random.pick([0, 1000, MS_NS, 10 * MS_NS]),
    clients: clients.filter((_, at) => !leftOut.has(`c${at}`)),
    users: drawUsers(seed).filter((_, at) => !leftOut.has(`h${at}`)),
    faults: faults.map((plan, at) => (leftOut.has(`f${at}`) ? { ...plan, times: 0 } : plan)),
    crashes: leftOut.has('crash') ? [] : crashes,
    closes: leftOut.has('close') ? [] : closes,
    replacements: leftOut.has('replace') ? [] : drawReplacements(new Random(seed, 'replace'), steps),
    journal: leftOut.has('journal')
      ? null
      : drawJournal(new Random(seed, 'journal'), new Random(seed, 'journal keeps')),
    reentrant: random.chance(0.15) && !leftOut.has('reentrant'),
  };
}

/** All that can be left out of a run. */
export function partsOf(drawn: Drawn): string[] {
  const parts = drawn.faults.map((_, at) => `f${at}`);
  for (const [part, isThere] of [
    ['crash', drawn.crashes.length > 0],
    ['close', drawn.closes.length > 0],
    ['replace', drawn.replacements.length > 0],
    ['reentrant', drawn.reentrant],
    ['journal', drawn.journal !== null],
  ] as const) {
    if (isThere) parts.push(part);
  }
  return [...parts, ...drawn.clients.map((_, at) => `c${at}`), ...drawn.users.map((_, at) => `h${at}`)];
}

function drawJournal(random: Random, keepsRandom: Random): JournalDrawn | null {
  const mode = random.weighted({ none: 7, audit: 1, durable: 2 });
  if (mode === 'none') return null;
  return {
    mode,
    bufferBytes: random.magnitude(64, 64 * 1024),
    bufferMs: random.magnitude(1, 1000),
    segmentBytes: random.magnitude(4096, 1024 * 1024),
    contentDigests: random.chance(0.2),
    syncNs: random.magnitude(1000, 10 * MS_NS),
    ...drawKeeps(keepsRandom),
  };
}

/** Small segments, of which few are kept, and snapshots now and then. */
function drawKeeps(random: Random): Partial<JournalDrawn> {
  const snapshots = random.chance(0.4) ? { snapshotEvents: random.magnitude(5, 500) } : {};
  if (random.chance(0.5)) return snapshots;
  const segmentBytes = random.magnitude(1024, 16 * 1024);
  const retention = random.pick([{ segments: random.between(1, 5) }, { bytes: segmentBytes * random.between(1, 5) }]);
  return { ...snapshots, segmentBytes, retention };
}

function momentsOf(random: Random, count: number, steps: number): number[] {
  return Array.from({ length: count }, () => random.below(steps));
}

function drawLimits(random: Random, capacity: number, blockSize: number): Partial<CoreLimits> {
  const dirtyHardShare = random.pick([0.1, 0.5, 0.8, 0.8, 1]);
  return {
    dirtyHardShare,
    dirtyBackgroundShare: dirtyHardShare * random.pick([0.2, 0.6, 1]),
    dirtyAgeNs: random.magnitude(MS_NS, 5 * SECOND_NS),
    runBytesMax: blockSize * random.magnitude(1, 32),
    writebacksInFlightMax: random.between(1, 4),
    batchBlocksMax: random.magnitude(1, 64),
    writeAttemptsMax: random.between(1, 4),
    barrierAttemptsMax: random.between(1, 3),
    retryBaseNs: MS_NS,
    retryCapNs: random.magnitude(MS_NS, SECOND_NS),
    fillBlocksMax: random.magnitude(1, 16),
    requestBlocksMax: random.magnitude(1, 16),
    waitingRequestsMax: random.pick([4, 64, 65_536]),
    admissionTimeoutNs: random.magnitude(50 * MS_NS, 30 * SECOND_NS),
    pinnedShare: random.pick([0.1, 0.5, 1]),
    readaheadBlocksMax: random.magnitude(1, 32),
    idleShrinkNs: random.magnitude(10 * MS_NS, 60 * SECOND_NS),
    slabBytes: blockSize * random.magnitude(1, Math.max(1, capacity)),
  };
}

const MIXES: readonly Readonly<Partial<Record<Ask, number>>>[] = [
  { read: 20, write: 20, writeBytes: 10, readBytes: 5, flush: 2 },
  { read: 5, write: 40, writeBytes: 10, flush: 1 },
  { read: 40, write: 5, readahead: 3, flush: 1 },
  { write: 10, through: 20, read: 10, flush: 5 },
  { write: 20, read: 10, zero: 4, discard: 2, drop: 1, flush: 3 },
  { write: 20, read: 10, borrow: 15, resize: 2, flush: 2 },
];
const RARE: Readonly<Record<Ask, number>> = {
  read: 2,
  readNow: 2,
  readBytes: 1,
  write: 2,
  writeBytes: 1,
  through: 0.5,
  flush: 0.5,
  invalidate: 0.5,
  drop: 0.1,
  readahead: 0.5,
  borrow: 0.5,
  zero: 0.3,
  discard: 0.2,
  resize: 0.2,
  blockSize: 0.05,
  option: 0.1,
  openHandle: 0,
  closeHandle: 0,
};

/** Where the device goes wrong all the time, what is at stake is asked for all the time. */
const STORMY: Partial<Record<Ask, number>> = { zero: 5, discard: 1, flush: 5 };

/** They ask often what has become of what they wrote. */
function drawUsers(seed: number): ClientPlan[] {
  const random = new Random(seed, 'handles');
  if (random.chance(0.6)) return [];
  return Array.from({ length: random.between(1, 2) }, (_, at) => {
    const plan = drawClient(new Random(seed, `handles ${at}`), false);
    const weights = { ...plan.weights, flush: random.pick([2, 10]), openHandle: 3, closeHandle: random.pick([0.5, 3]) };
    return { ...plan, weights, handlesMax: random.between(1, 4) };
  });
}

function drawClient(random: Random, isStormy: boolean): ClientPlan {
  const pattern = random.weighted({ uniform: 2, zipf: 2, sequential: 2, hot: 2, fileSystem: 2, edges: 1 });
  return {
    pattern,
    depth: random.pick([1, 1, 2, 4, 8]),
    weights: { ...RARE, ...random.pick(MIXES), ...(isStormy ? STORMY : {}) },
    blocksMax: random.magnitude(1, 12),
    aborts: random.pick([0, 0, 0, 0.05]),
    handlesMax: 0,
  };
}
