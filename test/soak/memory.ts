/** What a soak says of memory: samples after a collection, and whether the late ones are above the early ones. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

export interface Sample {
  /** Of the whole run. */
  readonly share: number;
  readonly heapBytes: number;
  /** Buffers outside the heap: frames, staging, the journal's buffer. */
  readonly bufferBytes: number;
  /** What the cache says of its frames and staging. */
  readonly cacheBytes: number;
}

export interface Flatness {
  readonly early: Omit<Sample, 'share'>;
  readonly late: Omit<Sample, 'share'>;
  readonly isFlat: boolean;
}

/** Late medians may be this much above early ones. */
const GROWTH_SHARE = 0.1;
const GROWTH_BYTES = 1 << 20;

setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');

export function sample(share: number, cacheBytes: number): Sample {
  collect();
  // What was reachable from finished promises only goes the second time.
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return { share, heapBytes: heapUsed, bufferBytes: arrayBuffers, cacheBytes };
}

/** Compares the last quarter of a run with its second: in the first, code is compiled and caches fill. */
export function flatness(samples: readonly Sample[]): Flatness {
  const early = medians(samples.filter(({ share }) => share > 0.25 && share <= 0.5));
  const late = medians(samples.filter(({ share }) => share > 0.75));
  const isFlat = (['heapBytes', 'bufferBytes', 'cacheBytes'] as const).every(
    (name) => late[name] <= early[name] * (1 + GROWTH_SHARE) + GROWTH_BYTES,
  );
  return { early, late, isFlat };
}

function medians(samples: readonly Sample[]): Omit<Sample, 'share'> {
  const of = (name: keyof Sample) => {
    const values = samples.map((one) => one[name]).sort((a, b) => a - b);
    return values[values.length >> 1] ?? 0;
  };
  return { heapBytes: of('heapBytes'), bufferBytes: of('bufferBytes'), cacheBytes: of('cacheBytes') };
}
