import { appendFileSync, cpSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import type { CacheEvent } from '../../../src/cache/events.js';
import { openJournal, openJournalWriter } from '../../../src/streams/journal/index.js';
import { VirtualClock } from '../../support/virtual-clock.js';
import { cachetrail } from '../command.js';
import { journalFolder, lastSegment, recordTrouble } from './recorded.js';

const FRAME_MAGIC = 'CTJF';
const KEY = Buffer.from('a key of more than sixteen bytes');

describe('cachetrail verify', () => {
  const folder = journalFolder();
  let sound: string;

  before(async () => {
    sound = folder('sound');
    await recordTrouble(sound);
  });

  /** A copy of the sound journal, to be spoilt. */
  const copy = (name: string): string => {
    cpSync(sound, folder(name), { recursive: true });
    return folder(name);
  };
  const verified = (...args: string[]) => cachetrail(['verify', ...args]);

  it('ends with 0 for a sound journal, and says what it checked', async () => {
    const { exitCode, stdout, stderr } = await verified(sound);
    expect([exitCode, stderr]).to.deep.equal([0, '']);
    const lines = stdout.trimEnd().split('\n');
    expect(stdout).to.include('unbroken').and.include('all the same');
    expect(lines.at(-1)).to.equal('sound');
    const { exitCode: code, stdout: json } = await verified(sound, '--json');
    const found = JSON.parse(json);
    expect(code).to.equal(0);
    expect(found).to.include({ status: 'sound', chainChecked: true, keyed: false, divergence: null });
    expect(found.replayed).to.equal(found.events);
    expect(stdout).to.include(found.head).and.include(found.journalId);
  });

  it('finds a head digest that was noted, and ends with 5 for one that is not in the chain', async () => {
    const { head } = JSON.parse((await verified(sound, '--json')).stdout);
    expect((await verified(sound, '--expect', head.toUpperCase())).exitCode).to.equal(0);
    const { exitCode, stdout } = await verified(sound, '--expect', head.replace(/^./, head[0] === '0' ? '1' : '0'));
    expect(exitCode).to.equal(5);
    expect(stdout).to.include('ALTERED');
  });

  it('ends with 3 where only the end is torn', async () => {
    const directory = copy('torn');
    const file = lastSegment(directory);
    truncateSync(file, statSync(file).size - 5);
    const { exitCode, stdout } = await verified(directory);
    expect(exitCode).to.equal(3);
    expect(stdout).to.include('torn: ').and.include(path.basename(file));
  });

  it('ends with 4 for damage in the middle, and names the bytes', async () => {
    const directory = folder('damaged');
    await recordTrouble(directory, { bufferBytes: 256 });
    const file = lastSegment(directory);
    const bytes = readFileSync(file);
    bytes[Math.floor(bytes.length / 2)] ^= 1;
    writeFileSync(file, bytes);
    const { exitCode, stdout } = await verified(directory, '--json');
    expect(exitCode).to.equal(4);
    const [problem] = JSON.parse(stdout).problems;
    expect(problem.kind).to.equal('damaged');
    expect(problem.start).to.be.at.most(Math.floor(bytes.length / 2));
    expect(problem.end).to.be.greaterThan(Math.floor(bytes.length / 2));
  });

  it('ends with 5 where a frame of its own was put in once more', async () => {
    const directory = folder('altered');
    await recordTrouble(directory, { bufferBytes: 256 });
    const file = lastSegment(directory);
    const bytes = readFileSync(file);
    const first = bytes.indexOf(FRAME_MAGIC);
    appendFileSync(file, bytes.subarray(first, bytes.indexOf(FRAME_MAGIC, first + 1)));
    const { exitCode, stdout } = await verified(directory);
    expect(exitCode).to.equal(5);
    expect(stdout).to.include('altered: ');
  });

  it('ends with 6 where the events are not those that a core would decide, and prints both', async () => {
    const events: CacheEvent[] = [];
    for await (const event of (await openJournal(sound)).read()) events.push(event);
    const directory = folder('diverged');
    const journal = await openJournalWriter(directory, { clock: new VirtualClock() });
    // Written by the real writer, so that sums and chain are right.
    for (const event of events) journal.append(event.type === 'evicted' ? { ...event, block: event.block + 1 } : event);
    await journal.close();
    const { exitCode, stdout } = await verified(directory);
    expect(exitCode).to.equal(6);
    expect(stdout)
      .to.match(/recorded {2}#\d+ evicted/)
      .and.match(/decided {3}#\d+ evicted/)
      .and.match(/state before it, at #\d+: [0-9a-f]{16}, open; \d+ of \d+ blocks cached/)
      .and.match(/block \d+: clean/)
      .and.include('DIVERGED');
    expect((await verified(directory, '--no-decisions')).exitCode).to.equal(0);
  });

  it('checks a keyed journal by its key, from a file or the environment, and says where it has none', async () => {
    const directory = folder('keyed');
    await recordTrouble(directory, { key: KEY });
    const file = folder('key');
    writeFileSync(file, KEY);
    const byKey = await verified(directory, '--key-file', file);
    expect(byKey.exitCode).to.equal(0);
    expect(byKey.stdout).to.include('by the key');
    const env = { ...process.env, CACHETRAIL_JOURNAL_KEY: KEY.toString('hex') };
    expect((await cachetrail(['verify', directory], { env })).stdout).to.include('by the key');
    const without = await verified(directory);
    expect(without.exitCode).to.equal(0);
    expect(without.stdout)
      .to.include('NOT PROVED')
      .and.match(/as far as can be told without the key\n$/);
    writeFileSync(file, Buffer.from(KEY).reverse());
    const { exitCode, stderr } = await verified(directory, '--key-file', file);
    expect(exitCode).to.equal(2);
    expect(stderr).to.match(/^error CACHETRAIL_JOURNAL_KEY: /);
  });

  it('refuses a digest or a key that cannot be with exit code 2', async () => {
    for (const args of [
      ['--expect', 'abc'],
      ['--key-file', folder('none')],
    ]) {
      expect((await verified(sound, ...args)).exitCode).to.equal(2);
    }
  });
});
