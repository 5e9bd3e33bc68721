import type { Case } from '../case.js';
import { hitRead } from './hit-read.js';
import { hitReadNow } from './hit-read-now.js';
import { journalAppend } from './journal-append.js';
import { journalHit } from './journal-hit.js';
import { metricsHit, metricsMiss } from './metrics.js';
import { missClean } from './miss-clean.js';
import { tracedDevice, tracedHits, tracedWrites } from './tracing.js';
import { writeCached } from './write-cached.js';
import { zipf } from './zipf.js';

export const CASES: readonly Case[] = [
  hitReadNow,
  hitRead,
  writeCached,
  missClean,
  zipf,
  journalAppend,
  journalHit,
  metricsHit,
  metricsMiss,
  ...tracedHits,
  ...tracedWrites,
  ...tracedDevice,
];
export const BLOCKS: readonly number[] = [1024, 65_536];
