import type { Contest } from './measure.js';

export const BLOCK_BYTES = 4096;

export interface Scale {
  /** Blocks cached. */
  readonly blocks: number;
  /** Only to see that it works: few operations, a small device. */
  readonly short: boolean;
}

export interface Case {
  readonly name: string;
  /** The ratio to the first peer that is aimed at, or undefined. */
  readonly target: (blocks: number) => number | undefined;
  readonly rounds: number;
  readonly prepare: (scale: Scale) => Promise<Contest>;
}
