/** Miss ratios by capacity: a line for each combination of the other options. */
import type { WorkloadOptions, WorkloadReport } from '../../../streams/journal/index.js';

export interface CurvePoint {
  /** Blocks. */
  readonly capacity: number;
  /** Of the blocks that reads asked for, the share that was not in the cache: 0 to 1. */
  readonly missRatio: number;
}

export interface CurveSeries {
  readonly label: string;
  /** By capacity. */
  readonly points: readonly CurvePoint[];
}

export interface Curve {
  readonly series: readonly CurveSeries[];
  /** What the recording has seen. */
  readonly recorded: CurvePoint;
  /** Bytes in a block of the recording. */
  readonly blockSize: number;
}

export function curveOf({ recorded, runs }: WorkloadReport): Curve {
  const { config, figures } = recorded;
  const series = new Map<string, CurvePoint[]>();
  for (const run of runs) {
    const label = labelOf(run.options, run.config.policy);
    const points = series.get(label) ?? [];
    series.set(label, points);
    points.push({ capacity: run.config.capacity, missRatio: 1 - run.figures.readHitRatio });
  }
  return {
    series: [...series].map(([label, points]) => ({ label, points: points.sort((a, b) => a.capacity - b.capacity) })),
    recorded: { capacity: config.capacity, missRatio: 1 - figures.readHitRatio },
    blockSize: config.blockSize,
  };
}

/** Everything but the capacity that is not as it was recorded, and the policy. */
export function labelOf({ mode, blockSize, limits = {} }: WorkloadOptions, policy: string): string {
  const others = Object.entries({ ...(blockSize === undefined ? {} : { blockSize }), ...limits });
  return [policy, ...(mode === undefined ? [] : [mode]), ...others.map(([name, value]) => `${name} ${value}`)].join(
    ', ',
  );
}

/** There is something to draw: some line has two points. */
export function isCurve({ series }: Curve): boolean {
  return series.some(({ points }) => new Set(points.map(({ capacity }) => capacity)).size > 1);
}

/** The axes of a drawing. */
export interface Axes {
  /** Capacities at the ends, and those that are written at the axis: powers of two. */
  readonly from: number;
  readonly to: number;
  readonly capacities: readonly number[];
  /** The ratio at the top, and those that are written at the axis. */
  readonly top: number;
  readonly ratios: readonly number[];
}

const TOPS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1];

export function axesOf({ series, recorded }: Curve, capacitiesMax: number): Axes {
  const points = [recorded, ...series.flatMap(({ points }) => points)];
  const capacities = points.map(({ capacity }) => capacity);
  const from = Math.min(...capacities);
  const to = Math.max(...capacities, from * 2);
  const highest = Math.max(...points.map(({ missRatio }) => missRatio));
  const top = TOPS.find((value) => value >= highest) ?? 1;
  return {
    from,
    to,
    capacities: powersOfTwo(from, to, capacitiesMax),
    top,
    ratios: [0, 1, 2, 3, 4].map((part) => (top * part) / 4),
  };
}

function powersOfTwo(from: number, to: number, most: number): number[] {
  const [first, last] = [Math.ceil(Math.log2(from)), Math.floor(Math.log2(to))];
  const step = Math.max(1, Math.ceil((last - first + 1) / most));
  const powers: number[] = [];
  for (let power = first; power <= last; power += step) powers.push(2 ** power);
  return powers;
}

/** Where a capacity lies between the ends, 0 to 1: doubling it is always as far. */
export function placeOf(capacity: number, { from, to }: Axes): number {
  return Math.log2(capacity / from) / Math.log2(to / from);
}

/** 65,536 as 64Ki. */
export function capacityText(capacity: number): string {
  const units = ['', 'Ki', 'Mi', 'Gi'];
  let unit = 0;
  let value = capacity;
  while (value >= 1024 && value % 1024 === 0 && unit + 1 < units.length) {
    value /= 1024;
    unit++;
  }
  return `${value}${units[unit]}`;
}

/** Percent, with as many digits as all ratios of the axis need. */
export function ratioText(ratio: number, { ratios }: Pick<Axes, 'ratios'>): string {
  const isEnough = (digits: number) =>
    ratios.every((value) => isNear(value * 100, Number((value * 100).toFixed(digits))));
  const digits = [0, 1, 2].find(isEnough) ?? 3;
  return `${(ratio * 100).toFixed(digits)} %`;
}

function isNear(a: number, b: number): boolean {
  return Math.abs(a - b) < 1e-9;
}
