/** Checks what events are asked for: a filter with a slip in it would otherwise match nothing, or too much, and say nothing. */
import { checkSignal } from '../arguments.js';
import { invalid } from '../options.js';
import { SCHEMAS } from './codec/schemas.js';
import type { JournalReadOptions } from './types.js';

/** Throws ArgumentError. */
export function checkReadOptions(options: JournalReadOptions): void {
  const { from, to, since, until, types, blocks, actors, ops, traceId, signal } = options;
  for (const [name, seq] of Object.entries({ from, to })) {
    if (seq !== undefined && seq !== Infinity && !isWhole(seq)) throw mismatch(name, 'a whole number', seq);
  }
  for (const [name, ms] of Object.entries({ since, until })) {
    if (ms === undefined || (typeof ms === 'number' && !Number.isNaN(ms))) continue;
    throw mismatch(name, 'a number of milliseconds since 1970', ms);
  }
  checkEach('types', types, (type) => typeof type === 'string' && Object.hasOwn(SCHEMAS, type), 'types of events');
  checkEach('blocks', blocks, isBlocks, 'block numbers and ranges { block, count }');
  checkEach('actors', actors, (actor) => typeof actor === 'string', 'texts');
  checkEach('ops', ops, isWhole, 'whole numbers');
  if (traceId !== undefined && typeof traceId !== 'string') throw mismatch('traceId', 'a text', traceId);
  if (signal !== undefined) checkSignal(signal);
}

function checkEach(name: string, values: unknown, isRight: (value: unknown) => boolean, what: string): void {
  if (values === undefined) return;
  if (!Array.isArray(values)) throw mismatch(name, `a list of ${what}`, values);
  for (const value of values) if (!isRight(value)) throw mismatch(name, `a list of ${what}`, value);
}

function isBlocks(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return isWhole(value);
  return 'block' in value && isWhole(value.block) && 'count' in value && isWhole(value.count) && value.count !== 0;
}

function isWhole(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function mismatch(name: string, what: string, value: unknown) {
  return invalid(`${name} is ${what}, not ${JSON.stringify(value) ?? String(value)}`);
}
