import { readFileSync, statSync, truncateSync, writeFileSync, mkdirSync, cpSync } from 'node:fs';
import { expect } from 'chai';
import type { CacheEvent } from '../../../../src/cache/events.js';
import { hashState } from '../../../../src/cache/digest.js';
import { openJournal, stateAt } from '../../../../src/streams/journal/index.js';
import { seqAt } from '../../../../src/streams/journal/seq-at.js';
import type { CacheStats } from '../../../../src/streams/stats.js';
import { cachetrail } from '../../command.js';
import { BAD, journalFolder, lastSegment, recordTrouble } from '../recorded.js';

describe('cachetrail replay', () => {
  const folder = journalFolder();
  let directory: string;
  let counted: CacheStats;
  const events: CacheEvent[] = [];

  before(async () => {
    directory = folder('trouble');
    counted = await recordTrouble(directory);
    for await (const event of (await openJournal(directory)).read()) events.push(event);
  });

  const shown = async (...args: string[]) => {
    const { exitCode, stdout, stderr } = await cachetrail(['replay', directory, '--json', ...args]);
    expect([exitCode, stderr]).to.deep.equal([0, '']);
    return JSON.parse(stdout);
  };
  const seqOf = (type: CacheEvent['type']) => events.find((event) => event.type === type)?.seq ?? 0;

  it('shows the state after the last event as the cache itself has counted it', async () => {
    const report = await shown();
    expect(report.seq).to.equal(events.length);
    expect(report.phase).to.equal('closed');
    expect(report.hash).to.equal(hashState((await stateAt(directory, events.length)).state));
    // The memory is that of a state without bytes, and what is beside the state has no events.
    for (const [name, value] of Object.entries(report.stats)) {
      if (name !== 'memoryBytes') expect(value, name).to.equal(counted[name as keyof CacheStats]);
    }
  });

  it('names what is parked and dirty at an event, and who wrote a block last', async () => {
    const report = await shown('--at', String(seqOf('flushFailed')), '--block', String(BAD));
    expect(report.parked).to.deep.equal([{ block: BAD, count: 1, code: 'EIO' }]);
    expect(report.dirty).to.deep.equal([{ block: BAD, count: 1 }]);
    expect(report.block).to.include({ state: 'dirty', parked: true, lastError: 'EIO', generation: 1 });
    expect(report.block.lastWrite).to.include({ actor: 'writer', seq: seqOf('written'), generation: 1 });
  });

  it('names the requests and the operations of the device that are under way', async () => {
    const { requests, operations, blocks } = await shown('--at', String(seqOf('writebackStarted')));
    expect(requests).to.have.length(1);
    expect(requests[0]).to.include({ kind: 'flush', block: 0, count: 64 });
    expect(operations).to.deep.equal([{ io: 2, kind: 'write', block: 4, count: 3, timedOut: false }]);
    expect(blocks.writing).to.equal(3);
  });

  it('finds the event by its time', async () => {
    const { ms } = await seqAt(directory, Infinity);
    const at = events[events.length - 1].at;
    const epochMs = ms - at / 1e6;
    const wanted = events[Math.floor(events.length / 2)];
    const last = events.filter((event) => event.at <= wanted.at).at(-1);
    const micros = BigInt(Math.ceil(epochMs * 1000 + wanted.at / 1000));
    const time = `${new Date(Number(micros / 1000n)).toISOString().slice(0, -1)}${String(micros % 1000n).padStart(3, '0')}Z`;
    const found = await seqAt(directory, Number(micros) / 1000);
    expect(found.seq).to.be.at.least(last?.seq ?? 0);
    expect((await shown('--at', time)).seq).to.equal(found.seq);
  });

  it('prints it for people without --json', async () => {
    const args = ['replay', directory, '--at', String(seqOf('flushFailed')), '--block', String(BAD)];
    const { exitCode, stdout } = await cachetrail(args);
    expect(exitCode).to.equal(0);
    for (const text of [`after event #${seqOf('flushFailed')}`, 'state hash ', `parked           1  ${BAD}`]) {
      expect(stdout).to.include(text);
    }
    expect(stdout).to.match(/block 5: dirty, parked, generation 1, last error EIO\n {2}last written by writer at /);
  });

  it('says that a block has not been written, and what a block was before the cache had it', async () => {
    const { block } = await shown('--at', '1', '--block', '63');
    expect(block).to.include({ state: 'absent', generation: 0, lastWrite: null });
  });

  it('refuses what cannot be with exit code 2, and a moment that the journal does not have with 3', async () => {
    mkdirSync(folder('empty'));
    for (const args of [
      [folder('none')],
      [folder('empty')],
      [directory, '--at', 'noon'],
      [directory, '--block', '64'],
    ]) {
      const { exitCode, stdout, stderr } = await cachetrail(['replay', ...args]);
      expect([exitCode, stdout]).to.deep.equal([2, '']);
      expect(stderr).to.match(/^error CACHETRAIL_/);
    }
    for (const at of [String(events.length + 1), '2001-01-01']) {
      const { exitCode, stderr } = await cachetrail(['replay', directory, '--at', at]);
      expect(exitCode).to.equal(3);
      expect(stderr).to.match(/^error CACHETRAIL_JOURNAL_RANGE: /);
    }
  });

  it('goes up to the last whole event of a torn journal, and not past damage', async () => {
    const torn = folder('torn');
    await recordTrouble(torn, { bufferBytes: 256 });
    cpSync(torn, folder('damaged'), { recursive: true });
    truncateSync(lastSegment(torn), statSync(lastSegment(torn)).size - 5);
    const whole = await cachetrail(['replay', torn, '--json']);
    expect(whole.exitCode).to.equal(0);
    expect(JSON.parse(whole.stdout).seq).to.be.within(2, events.length - 1);
    const file = lastSegment(folder('damaged'));
    const bytes = readFileSync(file);
    bytes[Math.floor(bytes.length / 2)] ^= 1;
    writeFileSync(file, bytes);
    const { exitCode, stderr } = await cachetrail(['replay', folder('damaged')]);
    expect(exitCode).to.equal(3);
    expect(stderr).to.match(/^error CACHETRAIL_JOURNAL_DAMAGED: /);
  });
});
