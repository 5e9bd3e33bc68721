import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import type { CacheEvent } from '../../../src/cache/events.js';
import { BlktraceExport } from '../../../src/cli/journal/export/blktrace.js';
import { faultDevice, memoryDevice } from '../../../src/device/index.js';
import { openJournal } from '../../../src/streams/journal/index.js';
import { openCache } from '../../../src/streams/open-cache.js';
import { BLOCK as CORE_BLOCK } from '../../support/core.js';
import * as steps from '../../support/steps.js';
import { cachetrail } from '../command.js';
import { leftOut, systemTool } from '../support.js';
import { coreThrough } from './lives.js';
import { BLOCK, journalFolder, lastSegment } from './recorded.js';

const US_PER_NS = 1e-3;

/** An operation as the journal has it, in the words of a block trace. */
interface Operation {
  readonly begunSeq: number;
  readonly kind: string;
  readonly sector: number;
  readonly bytes: number;
  readonly error: number;
  readonly queuedAt: number;
  readonly issuedAt: number;
  readonly completedAt: number;
}

describe('cachetrail export --format blktrace', () => {
  const folder = journalFolder();
  let directory: string;
  let operations: readonly Operation[];

  before(async () => {
    directory = folder('kinds');
    await recordKinds(directory);
    await recordKinds(directory);
    operations = await operationsOf(directory);
  });

  it('is read by blkparse: every operation queued, issued and completed once, where, how long, and with what error', async function () {
    const blkparse = systemTool('blkparse');
    if (blkparse === undefined) return leftOut(this, 'blkparse is not installed');
    expect(
      (await cachetrail(['export', directory, '--format', 'blktrace', '--output', folder('kinds')])).exitCode,
    ).to.equal(0);
    const format = ['-f', '%a %d %S %N %T.%9t %e %C\n'];
    const output = execFileSync(blkparse, ['-i', 'kinds', ...format], { cwd: folder('.'), encoding: 'utf8' });
    const lines = output.split('\n').filter((line) => /^[A-Z] /.test(line));
    const seen = lines.map((line) => line.trim().split(/ +/));
    const stepsOf = (action: string) => seen.filter(([name]) => name === action);
    const expected = (at: (operation: Operation) => number, withError: boolean) =>
      [...operations]
        .sort((a, b) => at(a) - at(b))
        .map((one) => [one.kind, `${one.sector}`, `${one.bytes}`, withError ? `${-one.error & 0xffff}` : '0']);
    const facts = (rows: readonly string[][]) =>
      rows.map(([, kind, sector, bytes, , error]) => [kind, sector, bytes, error]);
    expect(facts(stepsOf('Q'))).to.deep.equal(expected(({ queuedAt }) => queuedAt, false));
    expect(facts(stepsOf('D'))).to.deep.equal(expected(({ issuedAt }) => issuedAt, false));
    expect(facts(stepsOf('C'))).to.deep.equal(expected(({ completedAt }) => completedAt, true));
    expect(seen.map((row) => row.at(-1))).to.include.members(['reader', 'cachetrail']);
    expect(output).to.include('Skips: 0 forward');
    const times = seen.map((row) => Number(row[4]));
    expect(times).to.deep.equal([...times].sort((a, b) => a - b));
  });

  it('gives btt the latencies of the journal', async function () {
    const [blkparse, btt] = [systemTool('blkparse'), systemTool('btt')];
    if (blkparse === undefined || btt === undefined) return leftOut(this, 'blkparse or btt is not installed');
    const { exitCode } = await cachetrail(['export', directory, '--format', 'blktrace', '--output', folder('btt')]);
    expect(exitCode).to.equal(0);
    const cwd = folder('.');
    execFileSync(blkparse, ['-i', 'btt', '-d', 'btt.bin', '-O'], { cwd, stdio: 'ignore' });
    execFileSync(btt, ['-i', 'btt.bin', '-l', 'btt', '-q', 'btt', '-o', 'btt.out'], { cwd, stdio: 'ignore' });
    const columns = (kind: string) => {
      const text = readFileSync(path.join(cwd, `btt_240,0_${kind}.dat`), 'utf8').trim();
      return text.split('\n').map((line) => Number(line.split(' ')[1]) * 1e6);
    };
    // btt leaves out what moves nothing.
    const moving = operations.filter(({ bytes }) => bytes > 0);
    const expectSame = (found: readonly number[], latenciesNs: readonly number[]) => {
      const sorted = [...found].sort((a, b) => a - b);
      const wanted = latenciesNs.map((ns) => ns * US_PER_NS).sort((a, b) => a - b);
      expect(sorted).to.have.length(wanted.length);
      for (const [at, micros] of sorted.entries()) expect(micros).to.be.closeTo(wanted[at], 1);
    };
    expectSame(
      columns('d2c'),
      moving.map(({ completedAt, issuedAt }) => completedAt - issuedAt),
    );
    expectSame(
      columns('q2c'),
      moving.map(({ completedAt, queuedAt }) => completedAt - queuedAt),
    );
  });

  it('goes through a pipe', async function () {
    const blkparse = systemTool('blkparse');
    if (blkparse === undefined) return leftOut(this, 'blkparse is not installed');
    await cachetrail(['export', directory, '--format', 'blktrace', '--output', folder('piped')]);
    const input = readFileSync(folder('piped.blktrace.0'));
    const output = execFileSync(blkparse, ['-i', '-'], { input, encoding: 'utf8' });
    expect(output).to.match(/Reads Completed: +4,/);
  });

  it('exports an operation whole, or not at all', async () => {
    const barriers = operations.filter(({ kind }) => kind === 'FWS').length;
    const name = folder('barriers');
    const args = ['--format', 'blktrace', '--type', 'barrierStarted', '--output', name, '--json'];
    const { stdout } = await cachetrail(['export', directory, ...args]);
    const written = JSON.parse(stdout);
    expect(written.output).to.equal(`${name}.blktrace.0`);
    const records = recordsOf(readFileSync(written.output)).filter(({ action }) => action >>> 16 !== 1 << 10);
    expect(records).to.have.length(3 * barriers);
  });

  it('leaves a file alone that is there, and leaves none behind where there is no journal', async () => {
    const taken = folder('taken.blktrace.0');
    writeFileSync(taken, 'mine');
    const { exitCode, stderr } = await cachetrail(['export', directory, '--format', 'blktrace', '--output', taken]);
    expect([exitCode, stderr.includes('EEXIST'), readFileSync(taken, 'utf8')]).to.deep.equal([3, true, 'mine']);
    const nowhere = await cachetrail(['export', folder('nothing'), '--format', 'csv', '--output', folder('none')]);
    expect([nowhere.exitCode, existsSync(folder('none'))]).to.deep.equal([2, false]);
  });

  it('wants --output for --json', async () => {
    expect((await cachetrail(['export', directory, '--format', 'csv', '--json'])).exitCode).to.equal(2);
  });

  it('exports what is whole of a journal with a torn end', async () => {
    const torn = folder('torn');
    await recordKinds(torn);
    const segment = lastSegment(torn);
    writeFileSync(segment, Buffer.concat([readFileSync(segment), Buffer.from('CTJF')]));
    const { exitCode, stderr } = await cachetrail(['export', torn, '--format', 'blktrace', '--output', folder('t')]);
    expect([exitCode, stderr.includes('torn')]).to.deep.equal([0, true]);
  });
});

describe('a block trace', () => {
  const shape = { blockSize: CORE_BLOCK, deviceBytes: 64 * CORE_BLOCK };
  const everything = { isWanted: () => true, shape };
  const traced = (events: readonly CacheEvent[]) => {
    const exporter = new BlktraceExport(everything);
    const pieces = [...events.flatMap((event) => exporter.take(event, 5000)), ...exporter.end()];
    return recordsOf(Buffer.concat(pieces)).filter(({ name }) => name !== undefined);
  };
  const told = (events: readonly CacheEvent[]) =>
    traced(events).map(({ name, sector, bytes, error }) => `${name} ${sector} ${bytes} ${error}`);

  it('completes what timed out once, and says in a message that it was answered late', () => {
    const { events } = coreThrough([steps.write(3), steps.flush(), steps.timesOut('writeback'), steps.done(1)]);
    expect(told(events).filter((line) => line.startsWith('C 3'))).to.deep.equal(['C 3 512 65426']);
    const exporter = new BlktraceExport(everything);
    const bytes = Buffer.concat([...events.flatMap((event) => exporter.take(event, 0)), ...exporter.end()]);
    expect(bytes.toString('latin1')).to.include('io 1 answered after it had timed out: done');
  });

  it('only queues what the device never answered', () => {
    const { events } = coreThrough([steps.read(3)]);
    expect(told(events)).to.deep.equal(['Q 3 512 0']);
  });

  it('says where a short last block ends', () => {
    const { events } = coreThrough([steps.read(64), steps.settle], { deviceBytes: steps.SHORT_TAIL_BYTES });
    expect(told(events)[0]).to.equal('Q 64 100 0');
  });

  it('cuts what has more bytes than a record can count', () => {
    const sizeBytes = 5 * 2 ** 30;
    const { events } = coreThrough([steps.clear('discard', 0, sizeBytes / CORE_BLOCK), steps.settle], {
      deviceBytes: sizeBytes,
    });
    const queued = traced(events).filter(({ name }) => name === 'Q');
    expect(queued.map(({ bytes }) => bytes)).to.deep.equal([2 ** 32 - 512, sizeBytes - 2 ** 32 + 512]);
    expect(queued[1].sector).to.equal(2 ** 23 - 1);
  });

  it('is in order of time however long an operation takes', () => {
    const slow = [steps.read(40), steps.read(50)];
    const quick = Array.from({ length: 300 }, (_, at) => [
      steps.read(at % 8),
      steps.done(at + 3),
      steps.invalidate(at % 8, 1),
    ]);
    const { events } = coreThrough([...slow, ...quick.flat(), steps.done(1), steps.done(2)]);
    const records = traced(events);
    const times = records.map(({ time }) => time);
    expect(times).to.deep.equal([...times].sort((a, b) => a - b));
    expect(records.filter(({ name }) => name === 'C')).to.have.length(302);
    expect(records.map(({ sequence }) => sequence)).to.deep.equal(records.map((_, at) => records[0].sequence + at));
  });
});

/** Reads, a failing write, a discard, a zero, a readahead, barriers. */
async function recordKinds(directory: string): Promise<void> {
  const device = faultDevice(memoryDevice({ sizeBytes: 64 * BLOCK }));
  const limits = { retryBaseNs: 1e5, retryCapNs: 1e6 };
  const cache = await openCache(device, { capacity: 16, journal: { directory }, limits });
  await cache.read(20, 4, undefined, { actor: 'reader' });
  device.inject({ on: 'write', code: 'ENOSPC', times: 1 });
  await cache.write(4, new Uint8Array(3 * BLOCK).fill(1));
  await cache.write(40, new Uint8Array(BLOCK).fill(1));
  await cache.flush();
  await cache.discard({ block: 4, count: 2 });
  await cache.zero({ block: 40, count: 8 });
  await cache.readahead({ block: 60, count: 2 });
  await cache.read(60, 1);
  await cache.close();
}

/** What the journal says, by a few lines of the test's own. */
async function operationsOf(directory: string): Promise<readonly Operation[]> {
  const found: Operation[] = [];
  const started = new Map<number, CacheEvent>();
  let firstEpochMs: number | null = null;
  for await (const { event, epochMs } of (await openJournal(directory)).records()) {
    firstEpochMs ??= epochMs;
    const time = (at: number) => (epochMs - (firstEpochMs ?? 0)) * 1e6 + at;
    if (/^(fill|writeback|clear|barrier)Started$/.test(event.type) && 'io' in event) started.set(event.io, event);
    if (!/^((fill|writeback|barrier)(Finished|Failed)|clearAnswered)$/.test(event.type)) continue;
    if (!('io' in event) || !('startedAt' in event)) continue;
    const begun = started.get(event.io);
    expect(begun, `io ${event.io} has begun`).to.not.equal(undefined);
    if (begun === undefined) continue;
    const [block, count] = 'block' in begun && 'count' in begun ? [begun.block, begun.count] : [0, 0];
    found.push({
      begunSeq: begun.seq,
      kind: kindOf(begun),
      sector: (block * BLOCK) / 512,
      bytes: count * BLOCK,
      error: 'code' in event && event.code !== '' ? 28 : 0,
      queuedAt: time(begun.at),
      issuedAt: time(event.startedAt),
      completedAt: time(event.at),
    });
  }
  return found.sort((a, b) => a.begunSeq - b.begunSeq);
}

/** As blkparse writes it: W and R, D for a discard, F for a flush, S where somebody waits, A for readahead. */
function kindOf(event: CacheEvent): string {
  switch (event.type) {
    case 'barrierStarted':
      return 'FWS';
    case 'clearStarted':
      return event.kind === 'discard' ? 'D' : 'W';
    case 'writebackStarted':
      return event.reason === 'flush' || event.reason === 'through' ? 'WS' : 'W';
    case 'fillStarted':
      return event.reason === 'readahead' ? 'RA' : 'R';
    default:
      throw new Error(`${event.type} begins nothing at the device`);
  }
}

/** Records of 48 bytes and what lies behind each, as the kernel's header has them. */
function recordsOf(bytes: Buffer) {
  const records = [];
  for (let at = 0; at < bytes.length; ) {
    expect(bytes.readUInt32LE(at)).to.equal(0x65617407);
    const action = bytes.readUInt32LE(at + 28);
    const names = ['', 'Q', '', '', '', '', '', 'D', 'C'];
    records.push({
      name: (action >>> 16) & (1 << 10) ? undefined : names[action & 0xffff],
      action,
      sequence: bytes.readUInt32LE(at + 4),
      time: Number(bytes.readBigUInt64LE(at + 8)),
      sector: Number(bytes.readBigUInt64LE(at + 16)),
      bytes: bytes.readUInt32LE(at + 24),
      error: bytes.readUInt16LE(at + 44),
    });
    at += 48 + bytes.readUInt16LE(at + 46);
  }
  return records;
}
