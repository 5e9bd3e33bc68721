import { readdirSync, unlinkSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import { type Explanation, explainBlock, explainErrors, explainOp } from '../../../src/cli/journal/explain.js';
import { type JournalRecord, openJournal } from '../../../src/streams/journal/index.js';
import { cachetrail } from '../command.js';
import { inProcess } from '../in-process.js';
import { BAD, BLOCK, journalFolder, recordTrouble, TRACE } from './recorded.js';

interface Entry {
  readonly kind: string;
  readonly seq: number;
  readonly time: string;
  readonly text: string;
  readonly op?: number;
  readonly traceId?: string;
}

describe('cachetrail explain', () => {
  const folder = journalFolder();
  let directory: string;

  before(async () => {
    directory = folder('trouble');
    await recordTrouble(directory);
  });

  const explained = async (...options: string[]) => {
    const { exitCode, stdout, stderr } = await cachetrail(['explain', directory, '--json', ...options]);
    expect([exitCode, stderr]).to.deep.equal([0, '']);
    return JSON.parse(stdout);
  };
  const kindsOf = ({ entries }: { entries: Entry[] }) => entries.map(({ kind }) => kind);

  it('tells the life of the block whose write failed, from its writer to its eviction', async () => {
    const { exitCode, stdout, stderr } = await cachetrail(['explain', directory, '--block', String(BAD)]);
    expect([exitCode, stderr]).to.deep.equal([0, '']);
    const lines = stdout.trimEnd().split('\n');
    expect(lines[0])
      .to.include(`block ${BAD} of memory:`)
      .and.include(`bytes ${BAD * BLOCK}-`);
    let from = 0;
    for (const word of [
      'written by writer',
      TRACE,
      'EIO',
      'split',
      'parked',
      'not safe',
      'durable: barrier',
      'evicted',
    ]) {
      const at = stdout.indexOf(word, from);
      expect(at, `'${word}' after ${from}`).to.be.greaterThan(-1);
      from = at;
    }
    expect(lines.at(-1)).to.match(/^at the end: not in the cache/);
  });

  it('gives the same as one object with --json', async () => {
    const object = await explained('--block', String(BAD));
    expect(object).to.include({ block: BAD, blockSize: BLOCK, offset: BAD * BLOCK });
    expect(object.problems).to.deep.equal([]);
    const kinds = kindsOf(object);
    expect(kinds[0]).to.equal('written');
    expect(kinds).to.include.members(['failed', 'retry', 'split', 'parked', 'reported', 'durable', 'evicted']);
    expect(object.entries[0].traceId).to.equal(TRACE);
    const seqs = object.entries.map(({ seq }: Entry) => seq);
    expect(seqs).to.deep.equal([...seqs].sort((a: number, b: number) => a - b));
  });

  it('says so where nothing happened to a block', async () => {
    const { exitCode, stdout } = await cachetrail(['explain', directory, '--block', '60']);
    expect(exitCode).to.equal(0);
    expect(stdout).to.include('nothing');
    expect(kindsOf(await explained('--block', '60'))).to.deep.equal([]);
  });

  it('follows a request to the durability of what it wrote', async () => {
    const { entries } = await explained('--block', String(BAD));
    const { op } = entries[0];
    const life = await explained('--op', String(op));
    expect(kindsOf(life)[0]).to.equal('request');
    expect(kindsOf(life).at(-1)).to.equal('durable');
    expect(life.standing).to.include('durable');
    const { exitCode, stdout } = await cachetrail(['explain', directory, '--op', String(op)]);
    expect(exitCode).to.equal(0);
    expect(stdout).to.include(`block ${BAD}: durable`);
  });

  it('lists write errors, and tells the story around one', async () => {
    const { writeErrors } = await explained('--write-error');
    expect(writeErrors).to.have.length(1);
    expect(writeErrors[0]).to.include({ block: BAD, count: 1, code: 'EIO', outcome: 'durable' });
    const listed = await cachetrail(['explain', directory, '--write-error']);
    expect(listed.stdout).to.include(`#${writeErrors[0].seq}`).and.include('parked');
    const around = await explained('--write-error', String(writeErrors[0].seq));
    expect(around.block).to.equal(BAD);
    expect(kindsOf(around)[0]).to.equal('written');
    expect(kindsOf(around).at(-1)).to.equal('durable');
    const parked = (await explained('--block', String(BAD))).entries.find(({ kind }: Entry) => kind === 'parked');
    expect((await explained(`--write-error=${parked.seq}`)).entries).to.deep.equal(around.entries);
  });

  const wrong: Record<string, string[]> = {
    'nothing to explain': [],
    'two things to explain': ['--block', '1', '--op', '2'],
    'a block that is no number': ['--block', 'x'],
    'a block beyond the device': ['--block', '64'],
    'a request that is not there': ['--op', '100000'],
    'an event that tells no error': ['--write-error', '2'],
    'an event that is not there': ['--write-error', '100000'],
  };
  for (const [what, options] of Object.entries(wrong)) {
    it(`refuses ${what} with exit code 2`, async () => {
      const { exitCode, stderr } = await cachetrail(['explain', directory, ...options]);
      expect(exitCode).to.equal(2);
      expect(stderr).to.match(/^error CACHETRAIL_INVALID_ARGUMENT: /);
    });
  }

  it('says where the journal begins if its oldest segments have been deleted', async () => {
    const shorter = folder('shorter');
    await recordTrouble(shorter, { segmentBytes: 1500, bufferBytes: 200 });
    const [first, second] = readdirSync(shorter).sort();
    unlinkSync(path.join(shorter, first));
    const { exitCode, stdout } = await inProcess(['explain', shorter, '--block', String(BAD)]);
    expect(exitCode).to.equal(0);
    expect(stdout).to.match(new RegExp(`^the journal begins with #${Number(second.slice(9, 25))}: `));
    expect(JSON.parse((await inProcess(['explain', shorter, '--block', '5', '--json'])).stdout)).to.include({
      block: 5,
    });
    expect((await inProcess(['explain', directory, '--block', '5'])).stdout).to.not.include('begins with');
  });

  it('tells the same from the events that it wants as from all of them', async () => {
    const records: JournalRecord[] = [];
    for await (const record of (await openJournal(directory)).records()) records.push(record);
    const told = (explanation: Explanation, seen: readonly JournalRecord[]) => {
      const lines = seen.flatMap((record) => explanation.accept(record));
      return [...lines, ...explanation.end()];
    };
    const make: (() => Explanation)[] = [() => explainErrors()];
    for (let block = 0; block < 40; block++) make.push(() => explainBlock(block, { keep: false }));
    for (let op = 1; op < 12; op++) make.push(() => explainOp(op, { keep: false }));
    let left = 0;
    for (const explanation of make) {
      const { wants } = explanation();
      const wanted = records.filter(({ event }) => wants(event));
      left += records.length - wanted.length;
      expect(told(explanation(), wanted)).to.deep.equal(told(explanation(), records));
    }
    expect(left).to.be.above(1000);
  });
});
