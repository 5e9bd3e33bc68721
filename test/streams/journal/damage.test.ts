import { writeFile } from 'node:fs/promises';
import { expect } from 'chai';
import type { CacheEvent } from '../../../src/cache/events.js';
import { type JournalProblem, type JournalStatus, verifyJournal } from '../../../src/streams/journal/index.js';
import { flipped, framesOf, onlySegment, withFrames } from './support/pieces.js';
import { eventsOf, newDirectory, readBack, removeDirectories, writeJournal } from './support/recorded.js';

const events = eventsOf().slice(0, 24);

interface Honest {
  readonly status: JournalStatus;
  readonly read: readonly CacheEvent[];
  readonly problems: readonly JournalProblem[];
}

/** Whatever was done to it: only events that there were, each once, in order; and something is named. */
async function expectHonest(directory: string, what: string, head: string): Promise<Honest> {
  const { events: read, problems } = await readBack(directory);
  let last = 0;
  for (const event of read) {
    expect(event.seq, what).to.be.above(last);
    last = event.seq;
    expect(event, what).to.deep.equal(events[event.seq - 1]);
  }
  const found = await verifyJournal(directory, { expect: head });
  expect(found.status, what).to.not.equal('sound');
  expect(found.status, what).to.not.equal('diverged');
  expect(found.problems, what).to.not.be.empty;
  expect(found.problems.length, what).to.be.at.least(problems.length);
  return { status: found.status, read, problems };
}

describe('a damaged journal', () => {
  let directory: string;
  let file: string;
  let bytes: Buffer;
  let head: string;

  before(async () => {
    directory = await newDirectory();
    await writeJournal(directory, events, { perFrame: 6 });
    ({ file, bytes } = await onlySegment(directory));
    ({ head } = await verifyJournal(directory));
  });
  after(removeDirectories);

  const keys = () => [...framesOf(bytes).keys()];

  it('has four frames, and is sound before anything is done to it', async () => {
    expect(keys()).to.have.length(4);
    expect(await readBack(directory)).to.deep.equal({ events, problems: [] });
  });

  it('is named, with every other frame still read, whichever byte has a bit flipped', async function () {
    this.timeout(300_000);
    const frames = framesOf(bytes);
    for (let at = 0; at < bytes.length; at++) {
      await flipped(file, bytes, at, 1 << (at % 8));
      const { read } = await expectHonest(directory, `byte ${at}`, head);
      const lost = frames.findIndex(({ start, end }) => at >= start && at < end);
      const whole = events.filter((_, index) => Math.floor(index / 6) !== lost);
      expect(read, `byte ${at}`).to.deep.equal(whole);
    }
  });

  it('is named wherever it is cut off, and every whole frame is still read', async function () {
    this.timeout(300_000);
    const frames = framesOf(bytes);
    for (let length = 0; length < bytes.length; length++) {
      await writeFile(file, bytes.subarray(0, length));
      const { read, problems } = await expectHonest(directory, `cut to ${length}`, head);
      const whole = frames.filter(({ end }) => end <= length).length * 6;
      expect(read, `cut to ${length}`).to.deep.equal(events.slice(0, whole));
      const isBetween = length === frames[0].start || frames.some(({ end }) => end === length);
      expect(
        problems.map(({ kind }) => kind),
        `cut to ${length}`,
      ).to.deep.equal(isBetween ? [] : ['torn']);
    }
  });

  it('is altered when a frame is there twice, wherever', async () => {
    for (const doubled of keys()) {
      for (const place of [...keys(), keys().length]) {
        const order = keys();
        order.splice(place, 0, doubled);
        await withFrames(file, bytes, order);
        expect((await expectHonest(directory, `order ${order}`, head)).status).to.equal('altered');
      }
    }
  });

  it('is altered when two frames are swapped, or one is missing', async () => {
    for (const a of keys()) {
      await withFrames(
        file,
        bytes,
        keys().filter((at) => at !== a),
      );
      expect((await expectHonest(directory, `without ${a}`, head)).status).to.equal('altered');
      for (const b of keys().slice(a + 1)) {
        const order = keys();
        [order[a], order[b]] = [order[b], order[a]];
        await withFrames(file, bytes, order);
        expect((await expectHonest(directory, `order ${order}`, head)).status).to.equal('altered');
      }
    }
  });

  it('is read around a hole of any length, and the hole is given in bytes', async () => {
    const frames = framesOf(bytes);
    for (let end = frames[1].start + 1; end < frames[2].start; end += 7) {
      const holed = Buffer.from(bytes).fill(0, frames[1].start, end);
      await writeFile(file, holed);
      const { events: read, problems } = await readBack(directory);
      expect(read).to.deep.equal(events.filter((_, index) => Math.floor(index / 6) !== 1));
      expect(problems.map(({ kind, start, end }) => ({ kind, start, end }))).to.deep.equal([
        { kind: 'damaged', start: frames[1].start, end: frames[2].start },
      ]);
    }
  });
});
