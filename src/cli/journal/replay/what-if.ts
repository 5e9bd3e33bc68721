/** `--what-if capacity=256,1024..8192,policy=lru|priority`: every combination of the values, as options of replays. */
import { DEFAULT_LIMITS } from '../../../cache/limits.js';
import type { WorkloadOptions } from '../../../streams/journal/index.js';
import { usage } from '../arguments.js';

export const WHAT_IF_HELP = `KEY=VALUES,KEY=VALUES...   VALUES are separated by commas or |, and each combination is a row. Keys:
                     capacity, in blocks (ranges: 64..4096 doubles, 64..1024+64 adds, 64..4096*4 multiplies);
                     policy (lru, priority); mode (writeback, writethrough, readonly); blockSize, in bytes;
                     and every limit of the cache, such as dirtyHardShare or runBytesMax`;

/** Rows of a table that somebody still reads. */
const COMBINATIONS_MAX = 256;
const RANGE_VALUES_MAX = 256;
const POLICIES = ['lru', 'priority'] as const;
const MODES = ['writeback', 'writethrough', 'readonly'] as const;

/** Throws UsageError. Values that no cache can have are refused later, by the library. */
export function whatIfFrom(texts: readonly string[]): WorkloadOptions[] {
  let combinations: WorkloadOptions[] = [{}];
  for (const [key, values] of valuesByKey(texts)) {
    const options = values.flatMap((value) => optionsOf(key, value));
    combinations = combinations.flatMap((left) => options.map((right) => joined(left, right)));
    if (combinations.length > COMBINATIONS_MAX) {
      throw usage(`--what-if: ${combinations.length} combinations are too many; ${COMBINATIONS_MAX} at most`);
    }
  }
  return combinations;
}

function valuesByKey(texts: readonly string[]): Map<string, string[]> {
  const byKey = new Map<string, string[]>();
  let values: string[] | null = null;
  for (const piece of texts.flatMap((text) => text.split(/[,;\s]+/)).filter((word) => word !== '')) {
    const [, key, first] = /^([A-Za-z]+)=(.*)$/.exec(piece) ?? [];
    if (key !== undefined) {
      if (byKey.has(key)) throw usage(`--what-if: ${key} is given twice`);
      values = [];
      byKey.set(key, values);
    }
    if (values === null) throw usage(`--what-if takes KEY=VALUES, such as capacity=256,1024, not '${piece}'`);
    values.push(...(key === undefined ? piece : first).split('|').filter((value) => value !== ''));
  }
  for (const [key, given] of byKey) if (given.length === 0) throw usage(`--what-if: ${key} has no value`);
  if (byKey.size === 0) throw usage('--what-if: nothing to change, such as capacity=256,1024');
  return byKey;
}

function optionsOf(key: string, value: string): WorkloadOptions[] {
  switch (key) {
    case 'capacity':
      return rangeOf(value).map((capacity) => ({ capacity }));
    case 'policy':
      return [{ policy: wordOf(key, value, POLICIES) }];
    case 'mode':
      return [{ mode: wordOf(key, value, MODES) }];
    case 'blockSize':
      return [{ blockSize: numberFrom(key, value) }];
    default: {
      const names = Object.keys(DEFAULT_LIMITS);
      if (names.includes(key)) return [{ limits: { [key]: numberFrom(key, value) } }];
      const known = ['capacity', 'policy', 'mode', 'blockSize', ...names].join(', ');
      throw usage(`--what-if: a cache has no option '${key}'; there are ${known}`);
    }
  }
}

function joined(left: WorkloadOptions, right: WorkloadOptions): WorkloadOptions {
  const limits = { ...left.limits, ...right.limits };
  return { ...left, ...right, ...(Object.keys(limits).length === 0 ? {} : { limits }) };
}

function wordOf<Word extends string>(key: string, value: string, words: readonly Word[]): Word {
  const word = words.find((name) => name === value);
  if (word !== undefined) return word;
  throw usage(`--what-if: ${key} is one of ${words.join(', ')}, not '${value}'`);
}

function numberFrom(key: string, value: string): number {
  const number = /^\d+(\.\d+)?(e\d+)?$/i.test(value) ? Number(value) : Number.NaN;
  if (Number.isFinite(number)) return number;
  throw usage(`--what-if: ${key} takes numbers, not '${value}'`);
}

/** `64..1024` doubles, `64..1024*4` multiplies, `64..1024+64` adds; the end is included if it is met. */
function rangeOf(value: string): number[] {
  const match = /^(\d+)(?:\.\.(\d+)(?:([*+])(\d+))?)?$/.exec(value);
  if (match === null) throw usage(`--what-if: capacity takes numbers and ranges such as 64..4096, not '${value}'`);
  const [, from, to = from, sign = '*', by = '2'] = match;
  const [first, last, step] = [Number(from), Number(to), Number(by)];
  const goesOn = sign === '*' ? step > 1 && first > 0 : step > 0;
  if (last < first || (last > first && !goesOn)) throw usage(`--what-if: the range ${value} goes nowhere`);
  const values: number[] = [];
  for (let at = first; at <= last; at = sign === '*' ? at * step : at + step) {
    values.push(at);
    if (values.length > RANGE_VALUES_MAX) throw usage(`--what-if: the range ${value} has too many values`);
    if (first === last) break;
  }
  return values;
}
