/** A journal that is read while retention deletes its oldest segments, and one of very many segments. */
import fs, { appendFileSync, statSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { readFile, rm, symlink, truncate } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import {
  type JournalProblem,
  type JournalWriter,
  openJournal,
  openJournalWriter,
  stateAt,
  verifyJournal,
} from '../../../src/streams/journal/index.js';
import { isKeyed, journalIdIn, openedBefore, startBySince } from '../../../src/streams/journal/seek.js';
import { segmentName } from '../../../src/streams/journal/segments.js';
import { seqAt } from '../../../src/streams/journal/seq-at.js';
import * as steps from '../../support/steps.js';
import { VirtualClock } from '../../support/virtual-clock.js';
import { framesOf, segmentFiles } from './support/pieces.js';
import { eventsOf, LIFE, newDirectory, readBack, removeDirectories, writeJournal } from './support/recorded.js';

const LAST = 900;
/** A life that goes on with cached reads. */
const long = eventsOf([...LIFE, ...Array.from({ length: LAST }, () => steps.read(9))]).slice(0, LAST);
const events = long.slice(0, 50);

describe('a journal that is read while retention deletes segments', () => {
  afterEach(removeDirectories);

  const live = async (directory: string): Promise<{ writer: JournalWriter; grow: (events: number) => number }> => {
    const retention = { segments: 3 };
    const clock = new VirtualClock();
    const writer = await openJournalWriter(directory, { clock, bufferBytes: 1, segmentBytes: 5000, retention });
    let seq = 0;
    return {
      writer,
      grow: (more) => {
        for (let added = 0; added < more && seq < LAST; added++) writer.append(long[seq++]);
        return seq;
      },
    };
  };

  it('is read on behind what is gone, which is named', async () => {
    const directory = await newDirectory();
    const { writer, grow } = await live(directory);
    grow(20);
    const problems: JournalProblem[] = [];
    const seen = new Set<number>();
    for await (const event of (await openJournal(directory)).read({ onProblem: (found) => problems.push(found) })) {
      expect(event).to.deep.equal(long[event.seq - 1]);
      seen.add(event.seq);
      grow(seen.size % 10 === 0 ? 100 : 1);
    }
    await writer.close();
    expect(new Set(problems.map(({ kind }) => kind))).to.deep.equal(new Set(['expired']));
    for (const { fromSeq, toSeq } of problems) for (let seq = fromSeq; seq <= toSeq; seq++) seen.add(seq);
    expect([...seen].sort((a, b) => a - b)).to.deep.equal(Array.from({ length: grow(0) }, (_, at) => at + 1));
  });

  it('is sound to verify', async () => {
    const directory = await newDirectory();
    const { writer, grow } = await live(directory);
    grow(20);
    const found = await verifyJournal(directory, { onProgress: () => grow(60) });
    await writer.close();
    expect(found.status).to.equal('sound');
    expect(new Set(found.problems.map(({ kind }) => kind))).to.deep.equal(new Set(['expired']));
    expect(found.lastSeq).to.equal(LAST);
    expect(found.replayed).to.be.within(1, found.events);
    const expected = await verifyJournal(directory, { expect: '0'.repeat(64) });
    expect(expected.status).to.equal('altered');
  });

  it('ends where it ended when it was looked at, though it has grown and gone on in other segments since', async () => {
    for (let start = 5; start < 20; start++) {
      const directory = await newDirectory();
      const clock = new VirtualClock();
      const writer = await openJournalWriter(directory, { clock, bufferBytes: 1, segmentBytes: 3000 });
      for (const event of long.slice(0, start)) writer.append(event);
      let seq = start;
      // Right after each look at what segments there are: one of the starts makes the last segment full just then.
      const listed = onReaddir(() => {
        for (let added = 0; added < 5 && seq < LAST; added++) writer.append(long[seq++]);
      });
      try {
        const { events: seen, problems } = await readBack(directory);
        expect(problems).to.deep.equal([]);
        expect(seen).to.deep.equal(long.slice(0, seen.length));
        expect(seen.length).to.be.at.least(start);
      } finally {
        listed.end();
        await writer.close();
      }
    }
  });

  it('is not torn where a frame was half written when it was looked at', async () => {
    const directory = await newDirectory();
    await writeJournal(directory, events, { perFrame: 10 });
    const [file] = await segmentFiles(directory);
    const bytes = await readFile(file);
    const half = framesOf(bytes)[2].end - 9;
    await truncate(file, half);
    const found = await verifyJournal(directory, {
      onProgress: () => {
        if (statSync(file).size === half) appendFileSync(file, bytes.subarray(half));
      },
    });
    expect(found).to.include({ status: 'sound', lastSeq: events.length });
  });

  it('is looked into without a segment that has gone since it was listed', async () => {
    const directory = await newDirectory();
    await writeJournal(directory, events, { perFrame: 4, segmentBytes: 1500 });
    const [first, second] = await segmentFiles(directory);
    const secondSeq = Number(path.basename(second).slice(9, 25));
    // What a directory lists and cannot be opened.
    await rm(first);
    await symlink(path.join(directory, 'nothing'), first);
    expect(await isKeyed(directory)).to.equal(false);
    expect(await journalIdIn(directory)).to.match(/^[0-9a-f]{32}$/);
    expect(await openedBefore(directory, events.length)).to.equal(1);
    expect(await startBySince(directory, 0)).to.equal(1);
    expect((await seqAt(directory, Infinity)).seq).to.equal(events.length);
    const later = events.filter(({ seq }) => seq >= secondSeq);
    expect(await readBack(directory)).to.deep.equal({ events: later, problems: [] });
    expect((await verifyJournal(directory)).status).to.equal('sound');
    const code = await stateAt(directory, events.length).then(
      () => 'none',
      (error: { code: string }) => error.code,
    );
    expect(code).to.equal('CACHETRAIL_JOURNAL_RANGE');
    for (const file of await segmentFiles(directory)) await rm(file);
    await symlink(path.join(directory, 'nothing'), path.join(directory, segmentName(9, 9)));
    expect(await isKeyed(directory)).to.equal(false);
  });
});

describe('a journal of many segments', () => {
  afterEach(removeDirectories);

  it('is listed as often as one of few', async () => {
    const calls: number[] = [];
    for (const segments of [4, 24]) {
      const directory = await newDirectory();
      const last = segments * 20;
      await writeJournal(directory, long.slice(0, last), { perFrame: 4, segmentBytes: 1200 });
      expect(await segmentFiles(directory)).to.have.length.above(segments / 2);
      const counted = onReaddir();
      try {
        expect((await readBack(directory)).events).to.have.length(last);
        expect(await verifyJournal(directory)).to.include({ status: 'sound', events: last });
      } finally {
        calls.push(counted.end());
      }
    }
    expect(calls[0]).to.be.above(1);
    expect(calls[1]).to.equal(calls[0]);
  });
});

/** How often directories are listed; `after` is called after each. */
function onReaddir(after: () => void = () => undefined): { readonly end: () => number } {
  const { readdir } = fs.promises;
  let calls = 0;
  const counting = async (...args: Parameters<typeof readdir>) => {
    calls++;
    const names = await readdir(...args);
    after();
    return names;
  };
  Object.assign(fs.promises, { readdir: counting });
  syncBuiltinESMExports();
  return {
    end() {
      Object.assign(fs.promises, { readdir });
      syncBuiltinESMExports();
      return calls;
    },
  };
}
