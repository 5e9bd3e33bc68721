/**
 * Journals of released formats, checked in: `test/streams/journal/fixtures/VERSION-NAME`, each with its events in
 * `events.json`. They are never made again; `make-fixtures.ts` made them.
 */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { CacheEvent } from '../../../../src/cache/events.js';

export const FIXTURES = path.resolve(import.meta.dirname, '../../../../../test/streams/journal/fixtures');
export const FIXTURE_KEY: Uint8Array = Buffer.alloc(32, 0x2a);

export interface Fixture {
  readonly name: string;
  readonly directory: string;
  readonly keyed: boolean;
  readonly events: readonly CacheEvent[];
}

export function fixtures(): Fixture[] {
  return readdirSync(FIXTURES).map((name) => {
    const directory = path.join(FIXTURES, name);
    const events = JSON.parse(readFileSync(path.join(directory, 'events.json'), 'utf8')) as CacheEvent[];
    return { name, directory, keyed: name.includes('keyed'), events };
  });
}
