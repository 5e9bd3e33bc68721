/** Interleaved laps of a contest, and their medians. */

/** Runs one lap and resolves with nanoseconds of processor time an operation. */
export type Lap = () => Promise<number>;

export interface Contest {
  readonly ours: Lap;
  /** The first is the one that the target is about. */
  readonly peers: readonly { readonly against: string; readonly lap: Lap }[];
  /** Does `operations` of ours, to see what they leave on the heap. */
  readonly work?: (operations: number) => Promise<void>;
  /** The event of the last operation: what `work` cannot do without. */
  readonly event?: () => object;
  readonly close: () => Promise<void>;
}

export interface Figures {
  /** Nanoseconds an operation, ours and each peer's. */
  readonly ns: number;
  readonly peers: readonly { readonly against: string; readonly ns: number }[];
  /** Bytes on the heap an operation of ours, or undefined where the contest does not ask. */
  readonly heapBytes: number | undefined;
  /** Bytes of the event alone. */
  readonly eventBytes: number | undefined;
}

/**
 * Laps go ours, peer, ours, peer, …, so that a machine that slows down slows all of them. The first `warmups` rounds are
 * not counted. Each lap has a loop of its own: a shared one would see the types of all contestants and be fast for none.
 */
export async function measure(contest: Contest, rounds: number, warmups: number): Promise<Figures> {
  const laps = [contest.ours, ...contest.peers.map((peer) => peer.lap)];
  const times: number[][] = laps.map(() => []);
  for (let round = -warmups; round < rounds; round++) {
    for (const [index, lap] of laps.entries()) {
      collect();
      const ns = await lap();
      if (round >= 0) times[index].push(ns);
    }
  }
  const [ns, ...others] = times.map(median);
  return {
    ns,
    peers: contest.peers.map(({ against }, index) => ({ against, ns: others[index] })),
    heapBytes: contest.work === undefined ? undefined : await heapBytesOf(contest.work),
    eventBytes: contest.event === undefined ? undefined : await heapBytesOf(copying(contest.event())),
  };
}

/**
 * Times a lap, in time of the processor, which other programs do not lengthen: all its threads, so that compiling and collecting
 * count too. For loops that await nothing, `body` may be synchronous. The loop is a function made once: of one that is made
 * anew for each lap, the collection before the lap throws the compiled code away, and the lap measures the interpreter too.
 */
export async function timed(operations: number, body: () => Promise<void> | void): Promise<number> {
  const before = process.cpuUsage();
  const pending = body();
  if (pending !== undefined) await pending;
  const { user, system } = process.cpuUsage(before);
  return ((user + system) * 1000) / operations;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Bytes that an operation leaves on the heap: few enough operations that no collection comes between. */
export async function heapBytesOf(work: (operations: number) => Promise<void>): Promise<number> {
  const operations = 2000;
  const samples: number[] = [];
  for (let sample = 0; sample < 15; sample++) {
    collect();
    const before = process.memoryUsage().heapUsed;
    await work(operations);
    const after = process.memoryUsage().heapUsed;
    await work(0);
    samples.push((after - before) / operations);
  }
  return median(samples);
}

/** Makes as many objects of the same shape, and keeps them until it is called with 0. */
function copying(original: object): (operations: number) => Promise<void> {
  const kept: object[] = new Array(4096).fill(original);
  return async (operations) => {
    for (let i = 0; i < operations; i++) kept[i] = { ...original };
    if (operations === 0) kept.fill(original);
  };
}

/** A full collection; the child runs with --expose-gc. */
function collect(): void {
  if (globalThis.gc === undefined) throw new Error('run with --expose-gc');
  globalThis.gc();
}
