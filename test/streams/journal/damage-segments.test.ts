/** What damage.test.ts does to one segment, done to a keyed journal with payloads in several. */
import { createHash } from 'node:crypto';
import { copyFile, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { crc32 } from 'node:zlib';
import { expect } from 'chai';
import type { CacheEvent } from '../../../src/cache/events.js';
import { openJournal, verifyJournal } from '../../../src/streams/journal/index.js';
import { cachetrail } from '../../cli/command.js';
import { flipped, framesOf, segmentFiles } from './support/pieces.js';
import { eventsOf, newDirectory, payloadOf, removeDirectories, writeJournal } from './support/recorded.js';

const events = eventsOf().slice(0, 20);
const KEY = Buffer.alloc(32, 5);
/** Every byte takes a minute: `CACHETRAIL_DAMAGE_STRIDE=1` does it. */
const STRIDE = Number(process.env['CACHETRAIL_DAMAGE_STRIDE'] ?? 31);

describe('a damaged journal of several segments, with a key and payloads', () => {
  let directory: string;
  let files: readonly string[];
  let original: readonly Buffer[];
  let head: string;

  before(async () => {
    directory = await newDirectory();
    await writeJournal(directory, events, { perFrame: 4, segmentBytes: 1500, key: KEY, mode: 'durable' });
    files = await segmentFiles(directory);
    original = await Promise.all(files.map((file) => readFile(file)));
    ({ head } = await verifyJournal(directory, { key: KEY }));
  });
  afterEach(async () => {
    for (const file of await segmentFiles(directory)) await rm(file);
    for (const [at, file] of files.entries()) await writeFile(file, original[at]);
  });
  after(removeDirectories);

  /** Only events that there were, each once, in order, with their own bytes; and the journal is not sound. */
  const expectNamed = async (what: string, expected = head): Promise<string> => {
    let last = 0;
    const journal = await openJournal(directory, { key: KEY });
    for await (const { event, payload } of journal.records({ onProblem: () => undefined })) {
      expect(event.seq, what).to.be.above(last);
      last = event.seq;
      expect(event, what).to.deep.equal(events[event.seq - 1]);
      if (event.type === 'written') expect(payload, what).to.deep.equal(payloadOf(event));
    }
    const { status, problems } = await verifyJournal(directory, { key: KEY, expect: expected });
    expect(status, what).to.be.oneOf(['torn', 'damaged', 'altered']);
    expect(problems, what).to.not.be.empty;
    return status;
  };

  it('has some segments, and is sound before anything is done to it', async () => {
    expect(files.length).to.be.above(2);
    expect((await verifyJournal(directory, { key: KEY, expect: head })).status).to.equal('sound');
  });

  it('is named whichever byte of whichever segment is flipped', async function () {
    this.timeout(300_000);
    for (const [index, file] of files.entries()) {
      for (let at = index; at < original[index].length; at += STRIDE) {
        await flipped(file, original[index], at, 1 << (at % 8));
        const isLast = index === files.length - 1;
        const status = await expectNamed(`byte ${at} of segment ${index + 1}`);
        // What is damaged at the very end looks like what a crash leaves.
        if (!isLast) expect(status).to.not.equal('torn');
      }
      await writeFile(file, original[index]);
    }
  });

  it('is named wherever any segment is cut off', async function () {
    this.timeout(300_000);
    for (const [index, file] of files.entries()) {
      for (let length = index; length < original[index].length; length += STRIDE) {
        await writeFile(file, original[index].subarray(0, length));
        await expectNamed(`segment ${index + 1} cut to ${length}`);
      }
      await writeFile(file, original[index]);
    }
  });

  it('is altered when segments are swapped, missing, or there twice', async () => {
    const [first, second] = files;
    const held = path.join(directory, 'held');
    await rename(first, held);
    await copyFile(second, first);
    await copyFile(held, second);
    await rm(held);
    expect(await expectNamed('swapped')).to.equal('altered');
    for (const file of files.slice(1)) {
      for (const [at, each] of files.entries()) await writeFile(each, original[at]);
      await rm(file);
      expect(await expectNamed(`without ${path.basename(file)}`)).to.equal('altered');
    }
    for (const [at, each] of files.entries()) await writeFile(each, original[at]);
    const next = `${String(files.length + 1).padStart(8, '0')}-${'9'.padStart(16, '0')}.ctj`;
    await copyFile(second, path.join(directory, next));
    expect(await expectNamed('a second one again at the end')).to.equal('altered');
  });

  it('is altered when somebody without the key makes every sum and digest anew', async () => {
    const [file] = files;
    const forged = Buffer.from(original[0]);
    const { start, end } = framesOf(forged)[0];
    const body = forged.subarray(start + 112, end);
    body[body.length - 1] ^= 1;
    const digest = createHash('sha256')
      .update(forged.subarray(start, start + 72))
      .update(body)
      .digest();
    digest.copy(forged, start + 72);
    forged.writeUInt32LE(crc32(body), start + 104);
    forged.writeUInt32LE(crc32(forged.subarray(start, start + 108)), start + 108);
    await writeFile(file, forged);
    const { status, problems } = await verifyJournal(directory, { key: KEY });
    expect(status).to.equal('altered');
    expect(problems[0]).to.include({ kind: 'altered', start, end });
    const given: CacheEvent[] = [];
    for await (const event of (await openJournal(directory, { key: KEY })).read({ onProblem: () => undefined })) {
      given.push(event);
    }
    expect(given.map(({ seq }) => seq)).to.deep.equal(events.slice(4).map(({ seq }) => seq));
  });

  it('is told from a shorter one, cut between two frames, by a noted digest alone', async () => {
    const last = files.length - 1;
    const frames = framesOf(original[last]);
    await writeFile(files[last], original[last].subarray(0, frames[frames.length - 1].start));
    const env = { ...process.env, CACHETRAIL_JOURNAL_KEY: KEY.toString('hex') };
    expect((await cachetrail(['verify', directory], { env })).exitCode).to.equal(0);
    const { exitCode, stdout } = await cachetrail(['verify', directory, '--expect', head], { env });
    expect([exitCode, stdout.includes('is not in the chain')]).to.deep.equal([5, true]);
  });

  it('ends verify with the code of what is wrong', async () => {
    const env = { ...process.env, CACHETRAIL_JOURNAL_KEY: KEY.toString('hex') };
    const codeAfter = async (change: () => Promise<unknown>) => {
      for (const [at, file] of files.entries()) await writeFile(file, original[at]);
      await change();
      return (await cachetrail(['verify', directory], { env })).exitCode;
    };
    const last = files.length - 1;
    expect(await codeAfter(() => writeFile(files[last], original[last].subarray(0, -5)))).to.equal(3);
    expect(await codeAfter(() => flipped(files[0], original[0], original[0].length - 1))).to.equal(4);
    expect(await codeAfter(() => rm(files[1]))).to.equal(5);
    const wrong = { env: { ...env, CACHETRAIL_JOURNAL_KEY: '00'.repeat(32) } };
    expect((await cachetrail(['verify', directory], wrong)).exitCode).to.equal(2);
  });
});
