/**
 * Makes the fixtures of a format that is new, `node build/test/streams/journal/support/make-fixtures.js v1`, or one of types
 * that are: `… v1 handles handleOpened handleClosed`.
 */
import { isDeepStrictEqual } from 'node:util';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import type { CacheEvent } from '../../../../src/cache/events.js';
import type { JournalOptions } from '../../../../src/streams/journal/index.js';
import { LAYOUTS } from '../../../../src/streams/journal/codec/layouts.js';
import { eventOf } from './arbitrary.js';
import { FIXTURE_KEY, FIXTURES } from './fixtures.js';
import { eventsOf, writeJournal } from './recorded.js';

const TRACE = { traceId: '4bf92f3577b34da6a3ce929d0e0e4736', spanId: '00f067aa0ba902b7', flags: 1 };
const [version, name = 'keyed', ...types] = process.argv.slice(2);
if (version === undefined) throw new Error('name the version, as in v1');

const life = eventsOf().map((event) =>
  'actor' in event && event.op > 0 && event.op % 2 === 0 ? { ...event, actor: 'fsck', trace: TRACE } : event,
);
if (types.length === 0) await make('life', life, { mode: 'durable', contentDigests: true, segmentBytes: 4000 }, 9);

const opened = life.slice(0, 1);
const samples = [...LAYOUTS.keys()]
  .filter(isWanted)
  .flatMap((type) => fc.sample(eventOf(type), { seed: 7, numRuns: 12 }));
// What JSON cannot hold is left to the property tests; a cache opens once.
const plain = samples.filter(
  (event) => event.type !== 'opened' && isDeepStrictEqual(event, JSON.parse(JSON.stringify(event))),
);
const numbered = [...opened, ...plain].map((event, index) => ({ ...event, seq: index + 1 }));
const key = name === 'keyed' ? { key: FIXTURE_KEY } : {};
await make(`types-${name}`, numbered, { ...key, segmentBytes: 20_000 }, 60);

function isWanted(type: string): boolean {
  return types.length === 0 || types.includes(type);
}

async function make(name: string, events: readonly CacheEvent[], options: Partial<JournalOptions>, perFrame: number) {
  const directory = path.join(FIXTURES, `${version}-${name}`);
  mkdirSync(FIXTURES, { recursive: true });
  await writeJournal(directory, events, { ...options, perFrame });
  rmSync(path.join(directory, 'lock'), { force: true });
  writeFileSync(
    path.join(directory, 'events.json'),
    `[\n${events.map((event) => JSON.stringify(event)).join(',\n')}\n]\n`,
  );
}
