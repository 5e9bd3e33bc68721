/** What damage.test.ts does to one segment, done to a keyed journal with payloads in several, on a disk in memory where it is much. */
import { createHash } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { crc32 } from 'node:zlib';
import { expect } from 'chai';
import type { CacheEvent } from '../../../src/cache/events.js';
import { openJournal, verifyJournal } from '../../../src/streams/journal/index.js';
import { cachetrail } from '../../cli/command.js';
import { SimFiles } from '../../simulation/sim-files.js';
import { flipped, framesOf, segmentFiles } from './support/pieces.js';
import { eventsOf, newDirectory, payloadOf, removeDirectories, writeJournal } from './support/recorded.js';

const events = eventsOf().slice(0, 12);
const KEY = Buffer.alloc(32, 5);
const FORM = { perFrame: 2, segmentBytes: 1300, key: KEY, mode: 'durable' } as const;
/** Every byte takes ten seconds: in CI, or if `CACHETRAIL_DAMAGE_STRIDE` says 1. */
const STRIDE = Number(process.env['CACHETRAIL_DAMAGE_STRIDE'] ?? (process.env['CACHETRAIL_CI'] === undefined ? 17 : 1));

type File = readonly [name: string, bytes: Uint8Array];

describe('a damaged journal of several segments, with a key and payloads', () => {
  let directory: string;
  let files: readonly string[];
  let original: readonly Buffer[];
  let whole: readonly File[];
  let head: string;

  before(async () => {
    directory = await newDirectory();
    await writeJournal(directory, events, FORM);
    files = await segmentFiles(directory);
    original = await Promise.all(files.map((file) => readFile(file)));
    whole = files.map((file, at) => [path.basename(file), original[at]]);
    ({ head } = await verifyJournal(directory, { key: KEY }));
  });
  afterEach(async () => {
    for (const file of await segmentFiles(directory)) await rm(file);
    for (const [at, file] of files.entries()) await writeFile(file, original[at]);
  });
  after(removeDirectories);

  /** Of a journal of these files only events are read that there were, each once, in order, with their own bytes. */
  const judged = async (what: string, held: readonly File[]) => {
    const disk = SimFiles.holding(held, () => {});
    try {
      let last = 0;
      const journal = await openJournal(disk.directory, { key: KEY });
      for await (const { event, payload } of journal.records({ onProblem: () => undefined })) {
        expect(event.seq, what).to.be.above(last);
        last = event.seq;
        expect(event, what).to.deep.equal(events[event.seq - 1]);
        if (event.type === 'written') expect(payload, what).to.deep.equal(payloadOf(event));
      }
      return await verifyJournal(disk.directory, { key: KEY, expect: head, isAtRest: true });
    } finally {
      disk.end();
    }
  };
  /** The same, and the journal is not sound. */
  const expectNamed = async (what: string, held: readonly File[]): Promise<string> => {
    const { status, problems } = await judged(what, held);
    expect(status, what).to.be.oneOf(['torn', 'damaged', 'altered']);
    expect(problems, what).to.not.be.empty;
    return status;
  };
  const replaced = (at: number, bytes: Uint8Array, name = whole[at][0]): File[] =>
    whole.map((file, index) => (index === at ? [name, bytes] : file));
  /** Of all segments, in order. */
  const frames = () => original.flatMap((bytes, segment) => framesOf(bytes).map((frame) => ({ segment, ...frame })));
  /** With the frames `order` says instead of each segment's own. */
  const reframed = (orders: readonly (readonly number[])[]): File[] => {
    const all = frames().map(({ segment, start, end }) => original[segment].subarray(start, end));
    return whole.map(([name], segment) => {
      const header = original[segment].subarray(0, framesOf(original[segment])[0].start);
      return [name, Buffer.concat([header, ...orders[segment].map((frame) => all[frame])])];
    });
  };
  const own = () => original.map((_, segment) => [...frames().keys()].filter((at) => frames()[at].segment === segment));

  it('has some segments, one with two frames, and is sound before anything is done to it', async () => {
    expect(files.length).to.be.above(2);
    expect(frames().length).to.be.above(files.length);
    expect((await judged('whole', whole)).status).to.equal('sound');
    expect((await judged('put together', reframed(own()))).status).to.equal('sound');
  });

  it('is named whichever byte of whichever segment is flipped', async function () {
    this.timeout(300_000);
    for (const [index, bytes] of original.entries()) {
      for (let at = index; at < bytes.length; at += STRIDE) {
        const changed = Buffer.from(bytes);
        changed[at] ^= 1 << (at % 8);
        const status = await expectNamed(`byte ${at} of segment ${index + 1}`, replaced(index, changed));
        // What is damaged at the very end looks like what a crash leaves.
        if (index < original.length - 1) expect(status).to.not.equal('torn');
      }
    }
  });

  it('is named wherever any segment is cut off', async function () {
    this.timeout(300_000);
    for (const [index, bytes] of original.entries()) {
      for (let length = index; length < bytes.length; length += STRIDE) {
        await expectNamed(`segment ${index + 1} cut to ${length}`, replaced(index, bytes.subarray(0, length)));
      }
    }
  });

  it('is altered when any two frames are swapped, within a segment or between two', async () => {
    for (const a of frames().keys()) {
      for (let b = a + 1; b < frames().length; b++) {
        const swapped = own().map((order) => order.map((at) => (at === a ? b : at === b ? a : at)));
        expect(await expectNamed(`frames ${a} and ${b} swapped`, reframed(swapped))).to.equal('altered');
      }
    }
  });

  it('is altered when any frame is missing, or there twice, in whichever segment', async () => {
    for (const frame of frames().keys()) {
      const without = own().map((order) => order.filter((at) => at !== frame));
      expect(await expectNamed(`without frame ${frame}`, reframed(without))).to.equal('altered');
      for (const [segment, order] of own().entries()) {
        for (let place = 0; place <= order.length; place++) {
          const doubled = own();
          doubled[segment].splice(place, 0, frame);
          const what = `frame ${frame} again in segment ${segment + 1} at ${place}`;
          expect(await expectNamed(what, reframed(doubled)), what).to.equal('altered');
        }
      }
    }
  });

  it('is altered when segments are swapped, missing, there twice, or named otherwise', async () => {
    for (const [a, [name, bytes]] of whole.entries()) {
      for (let b = a + 1; b < whole.length; b++) {
        const swapped = replaced(a, whole[b][1]).map((file, at): File => (at === b ? [file[0], bytes] : file));
        expect(await expectNamed(`segments ${a} and ${b} swapped`, swapped)).to.equal('altered');
      }
      // Without its oldest a journal is what retention leaves.
      const without = whole.filter((_, at) => at !== a);
      if (a > 0) expect(await expectNamed(`without segment ${a}`, without)).to.equal('altered');
      else expect((await judged('without the oldest', without)).status).to.equal('sound');
      const next = `${String(whole.length + 1).padStart(8, '0')}-${'13'.padStart(16, '0')}.ctj`;
      expect(await expectNamed(`segment ${a} again at the end`, [...whole, [next, bytes]])).to.equal('altered');
      for (const other of [next, name.replace(/-\d{15}/, '-000000000000007')]) {
        expect(await expectNamed(`segment ${a} as ${other}`, replaced(a, bytes, other))).to.equal('altered');
      }
    }
  });

  it('is altered when a segment is that of another journal, of the same events and the same key', async () => {
    const elsewhere = await newDirectory();
    await writeJournal(
      elsewhere,
      [...events.slice(0, 1).map((event) => ({ ...event, at: 1 })), ...events.slice(1)],
      FORM,
    );
    const others = await Promise.all((await segmentFiles(elsewhere)).map((file) => readFile(file)));
    expect(others).to.have.lengthOf(original.length);
    for (const [at, other] of others.entries()) {
      const disk = SimFiles.holding(replaced(at, other), () => {});
      const { status } = await verifyJournal(disk.directory, { key: KEY, expect: head, isAtRest: true });
      expect(status, `segment ${at}`).to.equal('altered');
      const read: number[] = [];
      const journal = await openJournal(disk.directory, { key: KEY });
      for await (const { seq } of journal.read({ onProblem: () => undefined })) read.push(seq);
      disk.end();
      // The first tells which journal it is.
      const given = [...frames().entries()].filter(([, { segment }]) => (at === 0 ? segment === 0 : segment !== at));
      expect(read, `segment ${at}`).to.deep.equal(given.flatMap(([frame]) => [2 * frame + 1, 2 * frame + 2]));
    }
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
    expect(given.map(({ seq }) => seq)).to.deep.equal(events.slice(2).map(({ seq }) => seq));
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
