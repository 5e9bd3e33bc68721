import { statSync, truncateSync } from 'node:fs';
import { expect } from 'chai';
import type { CacheEvent } from '../../../src/cache/events.js';
import { memoryDevice } from '../../../src/device/index.js';
import { openCache } from '../../../src/streams/open-cache.js';
import { systemClock } from '../../../src/streams/clock.js';
import { openJournal, openJournalWriter } from '../../../src/streams/journal/index.js';
import { cachetrail, ended, started } from '../command.js';
import { BAD, BLOCK, journalFolder, lastSegment, recordTrouble, TRACE } from './recorded.js';

type Line = CacheEvent & { readonly time: string };

const jsonLines = (stdout: string): Line[] => {
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line): Line => JSON.parse(line));
};

describe('cachetrail log', () => {
  const folder = journalFolder();
  let directory: string;
  let events: CacheEvent[];

  before(async () => {
    directory = folder('trouble');
    await recordTrouble(directory);
    events = [];
    for await (const event of (await openJournal(directory)).read()) events.push(event);
  });

  const filtered = async (...options: string[]) => {
    const { exitCode, stdout, stderr } = await cachetrail(['log', directory, '--json', ...options]);
    expect([exitCode, stderr]).to.deep.equal([0, '']);
    return jsonLines(stdout);
  };

  it('prints one line an event, with time, number, type and what matters', async () => {
    const { exitCode, stdout, stderr } = await cachetrail(['log', directory]);
    expect([exitCode, stderr]).to.deep.equal([0, '']);
    const lines = stdout.trimEnd().split('\n');
    expect(lines).to.have.length(events.length);
    for (const [index, line] of lines.entries()) {
      const { seq, type } = events[index];
      expect(line).to.match(new RegExp(`^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{6}Z +${seq}  ${type}( |$)`));
    }
    expect(lines.find((line) => line.includes('blockParked')))
      .to.include(`block ${BAD}`)
      .and.include('EIO');
  });

  it('prints every field of every event with --json', async () => {
    const lines = await filtered();
    expect(lines.map(({ time, ...event }) => event)).to.deep.equal(events);
    for (const { time } of lines) expect(time).to.match(/^\d{4}-.*\.\d{6}Z$/);
  });

  it('filters by number, type, block, actor, request and trace', async () => {
    expect((await filtered('--from', '5', '--to', '7')).map(({ seq }) => seq)).to.deep.equal([5, 6, 7]);
    const types = await filtered('--type', 'evicted,flushFailed', '--type', 'closed');
    expect(new Set(types.map(({ type }) => type))).to.deep.equal(new Set(['evicted', 'flushFailed', 'closed']));
    const blocks = await filtered('--block', String(BAD), '--type', 'writebackFailed,blockParked');
    expect(blocks.length).to.equal(
      events.filter(({ type }) => type === 'writebackFailed' || type === 'blockParked').length,
    );
    expect(await filtered('--block', '60-63', '--type', 'read')).to.deep.equal([]);
    const actors = await filtered('--actor', 'writer');
    expect(actors.map(({ type }) => type))
      .to.include('flushStarted')
      .and.not.include('read');
    const [written] = events.filter(({ type }) => type === 'written');
    const op = 'op' in written ? written.op : 0;
    expect((await filtered('--op', String(op))).map(({ seq }) => seq)).to.include(written.seq);
    expect((await filtered('--trace', TRACE.toUpperCase())).map(({ seq }) => seq)).to.include(written.seq);
    expect(await filtered('--trace', TRACE.replace('0', '1'))).to.deep.equal([]);
  });

  it('filters by the times that it prints itself', async () => {
    const lines = await filtered();
    const [from, to] = [lines[3].time, lines.at(-3)?.time ?? ''];
    const within = await filtered('--since', from, '--until', to);
    const wanted = lines.filter(({ time }) => time >= from && time <= to);
    expect(within).to.deep.equal(wanted);
    expect(await filtered('--until', '2001-01-01')).to.deep.equal([]);
  });

  it('goes on with what is written later with --follow, until it is interrupted', async () => {
    const live = folder('live');
    const clock = systemClock();
    const journal = await openJournalWriter(live, { clock });
    const cache = await openCache(memoryDevice({ sizeBytes: 64 * BLOCK }), { clock, journal });
    await journal.flush();
    const child = started(['log', live, '--follow', '--json']);
    const done = ended(child);
    const seen = (text: string) =>
      new Promise<void>((resolve) => child.stdout?.on('data', (data) => String(data).includes(text) && resolve()));
    const opened = seen('"opened"');
    await opened;
    const written = seen('"written"');
    await cache.write(3, new Uint8Array(BLOCK));
    await journal.flush();
    await written;
    child.kill('SIGINT');
    const { exitCode, stdout, stderr } = await done;
    expect([exitCode, stderr]).to.deep.equal([0, '']);
    expect(jsonLines(stdout).map(({ type }) => type)).to.include('written');
    await cache.close();
    await journal.close();
  });

  it('says on stderr that the end is torn, and prints the rest', async () => {
    const torn = folder('torn');
    await recordTrouble(torn);
    const file = lastSegment(torn);
    truncateSync(file, statSync(file).size - 3);
    const { exitCode, stdout, stderr } = await cachetrail(['log', torn]);
    expect(exitCode).to.equal(0);
    expect(stderr).to.match(/^warning: torn: /);
    expect(stdout.split('\n').length).to.be.lessThan(events.length);
  });

  const wrong: Record<string, string[]> = {
    'no journal': ['log'],
    'two journals': ['log', 'a', 'b'],
    'an unknown type': ['log', 'a', '--type', 'writen'],
    'a number that is none': ['log', 'a', '--from', 'x'],
    'a time that is none': ['log', 'a', '--since', 'yesterday'],
    'a range of blocks backwards': ['log', 'a', '--block', '7-3'],
    'a trace id that is none': ['log', 'a', '--trace', 'abc'],
  };
  for (const [what, args] of Object.entries(wrong)) {
    it(`refuses ${what} with exit code 2`, async () => {
      const { exitCode, stderr } = await cachetrail(args);
      expect(exitCode).to.equal(2);
      expect(stderr).to.match(/^error CACHETRAIL_INVALID_ARGUMENT: /);
    });
  }
});
