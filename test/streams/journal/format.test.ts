import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import { verifyJournal } from '../../../src/streams/journal/index.js';
import { EventEncoder } from '../../../src/streams/journal/codec/encoder.js';
import { page, tableRows } from '../../house/markdown.js';
import { FIXTURE_KEY, FIXTURES, fixtures } from './support/fixtures.js';
import { payloadOf, readBack } from './support/recorded.js';
import { eventRows, oldEventRows, wordRows } from './support/page.js';

const PYTHON = path.resolve(FIXTURES, '../reader.py');
const PAGE = path.resolve(FIXTURES, '../../../../docs/JOURNAL.md');

describe('docs/JOURNAL.md', () => {
  const lines = () => page('docs/JOURNAL.md').split('\n');

  it('has every event with its code and its fields as they are stored', () => {
    expect(lines().filter((line) => /^\| \d+ \| `[a-zA-Z]+` \| at /.test(line))).to.deep.equal([
      ...eventRows(),
      ...oldEventRows(),
    ]);
  });

  it('has every word with its number', () => {
    expect(lines().filter((line) => /^\| `\w{4,}` \| [\w-]+,/.test(line))).to.deep.equal(wordRows());
  });

  it('gives an example that is true', () => {
    const encoder = new EventEncoder(100, 0);
    const read = { type: 'read', at: 1000, cause: 0, actor: '', trace: null, count: 1 } as const;
    encoder.add({ ...read, seq: 1, op: 1, block: 5 }, null, null);
    encoder.add({ ...read, seq: 2, op: 2, block: 6 }, null, null);
    const example = /```\n02 {10}code[\s\S]*?```/.exec(page('docs/JOURNAL.md'))?.[0] ?? '';
    const stated = [...example.matchAll(/^((?:[0-9a-f]{2} ?)+) {2,}/gm)].map(([, hex]) => hex.trim()).join(' ');
    const written = Buffer.from(encoder.sink.bytes.subarray(0, encoder.sink.at)).toString('hex');
    expect(written).to.equal(`${stated.replaceAll(' ', '')}0200`);
  });

  it('has tables that are whole', () => {
    expect(tableRows(page('docs/JOURNAL.md')).length).to.be.above(80);
  });
});

describe('the journals of every released version', () => {
  const all = fixtures();

  it('are there', () => {
    expect(all.map(({ name }) => name)).to.include.members([
      'v1-life',
      'v1-types-keyed',
      'v1-types-handles',
      'v1-types-device',
      'v1-types-journal',
    ]);
    const types = new Set(all.flatMap(({ events }) => events.map(({ type }) => type)));
    expect(types.size).to.equal(eventRows().length);
  });

  for (const { name, directory, keyed, events } of all) {
    const key = keyed ? FIXTURE_KEY : undefined;

    it(`still read: ${name}`, async () => {
      expect(await readBack(directory, {}, key)).to.deep.equal({ events, problems: [] });
      // Later cores may decide otherwise, and the samples of types are of no core at all.
      const options = { decisions: false, ...(key === undefined ? {} : { key }) };
      expect(await verifyJournal(directory, options)).to.include({ status: 'sound', events: events.length });
    });

    it(`read in Python, from the page alone: ${name}`, function () {
      if (spawnSync('python3', ['--version']).status !== 0) {
        console.log('      left out: there is no python3 to run the independent reader with');
        this.skip();
      }
      expect(existsSync(PAGE)).to.equal(true);
      const args = [PYTHON, PAGE, directory, ...(key === undefined ? [] : [Buffer.from(key).toString('hex')])];
      const { status, stdout, stderr } = spawnSync('python3', args, { encoding: 'utf8', maxBuffer: 1 << 26 });
      expect(stderr).to.equal('');
      expect(status).to.equal(0);
      const read = stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, unknown>);
      expect(read.map(withoutBytes)).to.deep.equal(events);
      for (const [at, event] of events.entries()) {
        if (name !== 'v1-life' || event.type !== 'written') continue;
        expect(read[at]['payload']).to.equal(Buffer.from(payloadOf(event) ?? []).toString('hex'));
      }
    });
  }
});

function withoutBytes({ payload: _payload, digests: _digests, ...event }: Record<string, unknown>): object {
  return event;
}
