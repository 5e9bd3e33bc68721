/** Exports as Python's own readers of JSON and CSV see them. */
import { spawnSync } from 'node:child_process';
import { expect } from 'chai';
import type { CacheEvent } from '../../../src/cache/events.js';
import { memoryDevice } from '../../../src/device/index.js';
import { openJournal } from '../../../src/streams/journal/index.js';
import { openCache } from '../../../src/streams/open-cache.js';
import { inProcess } from '../in-process.js';
import { leftOut } from '../support.js';
import { BLOCK, journalFolder, TRACE } from './recorded.js';

/** Labels that take apart what is quoted badly. */
const ACTORS = [
  'a,b',
  'say "x"',
  '"',
  "it's",
  'two\nlines',
  'cr\r\nlf',
  ' padded ',
  'ünï€ 😀',
  '=1+1',
  'tab\there',
  '\u2028',
  '{"a":1}',
];

const SCRIPT = `
import csv, io, json, sys
rows, lines = sys.argv[1], sys.argv[2]
with open(rows, newline='', encoding='utf-8') as file: table = list(csv.DictReader(file, strict=True))
with open(lines, encoding='utf-8', newline='\\n') as file: events = [json.loads(line) for line in file]
json.dump({'table': table, 'events': events}, sys.stdout)
`;

describe('exports, read by Python', () => {
  const folder = journalFolder();
  const events: CacheEvent[] = [];
  let read: { readonly table: readonly Record<string, string>[]; readonly events: readonly Record<string, unknown>[] };

  before(async function () {
    if (spawnSync('python3', ['--version']).status !== 0) return leftOut(this, 'there is no python3');
    const directory = folder('labels');
    const cache = await openCache(memoryDevice({ sizeBytes: 64 * BLOCK }), { journal: { directory } });
    for (const [flags, actor] of ACTORS.entries()) {
      const trace = { traceId: TRACE, spanId: 'b7ad6b7169203331', flags: flags % 2 };
      await cache.write(1, new Uint8Array(BLOCK), { actor, trace });
    }
    await cache.write(2, new Uint8Array(BLOCK));
    await cache.invalidate({ block: 2, count: 1 }, { discardDirty: 'a "reason", with\nlines' });
    await cache.close();
    for await (const event of (await openJournal(directory)).read()) events.push(event);
    const [rows, lines] = [folder('events.csv'), folder('events.jsonl')];
    for (const [format, file] of [
      ['csv', rows],
      ['jsonl', lines],
    ]) {
      const { exitCode } = await inProcess(['export', directory, '--format', format, '--output', file]);
      expect(exitCode).to.equal(0);
    }
    const { status, stdout, stderr } = spawnSync('python3', ['-c', SCRIPT, rows, lines], { encoding: 'utf8' });
    expect([status, stderr]).to.deep.equal([0, '']);
    read = JSON.parse(stdout);
  });

  it('are the same events from JSON lines', () => {
    expect(read.events.map(({ time: _, ...event }) => event)).to.deep.equal(events);
  });

  it('are the same events from CSV, put together from the columns and the rest', () => {
    expect(read.table).to.have.length(events.length);
    for (const [index, row] of read.table.entries()) {
      const { rest, time: _, trace_id, span_id, trace_flags, ...columns } = row;
      const event: Record<string, unknown> = { ...events[index] };
      const back: Record<string, unknown> = rest === '' ? {} : JSON.parse(rest);
      for (const [name, text] of Object.entries(columns)) {
        if (name in event) back[name] = typeof event[name] === 'number' ? Number(text) : text;
        else expect(text, name).to.equal('');
      }
      if ('trace' in event) {
        back['trace'] = trace_id === '' ? null : { traceId: trace_id, spanId: span_id, flags: Number(trace_flags) };
      }
      expect(back).to.deep.equal(event);
    }
  });
});
