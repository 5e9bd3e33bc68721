import { unlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { lastValueFrom, take, toArray } from 'rxjs';
import type { CacheEvent } from '../../../src/cache/events.js';
import { type Clock, codeOf, systemClock } from '../../../src/index.js';
import {
  type JournalFilter,
  type JournalProblem,
  openJournal,
  openJournalWriter,
} from '../../../src/streams/journal/index.js';
import { VirtualClock } from '../../support/virtual-clock.js';
import { flipped, framesOf, onlySegment, segmentFiles } from './support/pieces.js';
import { appendAll, eventsOf, newDirectory, readBack, removeDirectories, writeJournal } from './support/recorded.js';

const events = eventsOf();
const TRACE = { traceId: '4bf92f3577b34da6a3ce929d0e0e4736', spanId: '00f067aa0ba902b7', flags: 1 };
/** The same life, where every third request has an actor and a trace. */
const labelled = events.map((event) =>
  'actor' in event && event.seq % 3 === 0 ? { ...event, actor: 'fsck', trace: TRACE } : event,
);

/** Files do not wait for a virtual clock, so this one lets no time pass. */
const eager: Clock = {
  ...systemClock(),
  setTimer(_at, _keepsAlive, callback) {
    const timer = setImmediate(callback);
    return () => clearImmediate(timer);
  },
};

describe('a journal that is read', () => {
  afterEach(removeDirectories);

  const cases: readonly (readonly [string, JournalFilter, (event: CacheEvent) => boolean])[] = [
    ['by seq', { from: 9, to: 20 }, ({ seq }) => seq >= 9 && seq <= 20],
    ['from a seq', { from: 15 }, ({ seq }) => seq >= 15],
    [
      'by time',
      { since: events[8].at / 1e6, until: events[19].at / 1e6 },
      ({ at }) => at >= events[8].at && at <= events[19].at,
    ],
    ['by type', { types: ['read', 'written'] }, ({ type }) => type === 'read' || type === 'written'],
    ['by actor', { actors: ['fsck'] }, (event) => 'actor' in event && event.actor === 'fsck'],
    ['by request', { ops: [2, 3] }, (event) => 'op' in event && (event.op === 2 || event.op === 3)],
    ['by trace', { traceId: TRACE.traceId }, (event) => 'trace' in event && event.trace !== null],
  ];
  for (const [how, filter, matches] of cases) {
    it(`gives exactly the events that match ${how}`, async () => {
      const directory = await newDirectory();
      await writeJournal(directory, labelled, { perFrame: 4, segmentBytes: 1500 });
      const wanted = labelled.filter(matches);
      expect(wanted).to.not.be.empty;
      expect(await readBack(directory, filter)).to.deep.equal({ events: wanted, problems: [] });
    });
  }

  it('finds a block in ranges, runs and lists', async () => {
    const directory = await newDirectory();
    await writeJournal(directory, events);
    const found = (await readBack(directory, { blocks: [5] })).events.map(({ type }) => type);
    expect(found).to.include.members(['written', 'read', 'batchPlanned', 'writebackStarted', 'flushStarted']);
    const far = await readBack(directory, { blocks: [{ block: 50, count: 2 }] });
    expect(far.events.map(({ type }) => type)).to.deep.equal(['flushStarted', 'flushStarted']);
  });

  it('does not look at the events before those that are asked for', async () => {
    const directory = await newDirectory();
    await writeJournal(directory, events, { perFrame: 4 });
    const { file, bytes } = await onlySegment(directory);
    await flipped(file, bytes, framesOf(bytes)[1].end - 1);
    expect((await readBack(directory)).problems).to.have.length(1);
    const later = events.filter(({ seq }) => seq >= 14);
    expect(await readBack(directory, { from: 14 })).to.deep.equal({ events: later, problems: [] });
    const since = { since: events[13].at / 1e6 };
    expect((await readBack(directory, since)).problems).to.deep.equal([]);
  });

  it('does not open the segments before', async () => {
    const directory = await newDirectory();
    await writeJournal(directory, events, { perFrame: 4, segmentBytes: 1500 });
    const [first, , third] = await segmentFiles(directory);
    expect(third).to.not.equal(undefined);
    await flipped(first, Buffer.from('CTJF'), 0);
    const seq = events.length;
    expect(await readBack(directory, { from: seq })).to.deep.equal({ events: events.slice(-1), problems: [] });
    const since = { since: events[seq - 1].at / 1e6 };
    expect((await readBack(directory, since)).problems).to.deep.equal([]);
  });

  it('is an Observable too, which stops when nobody subscribes any more', async () => {
    const directory = await newDirectory();
    await writeJournal(directory, events);
    const journal = await openJournal(directory);
    expect(await lastValueFrom(journal.read$().pipe(toArray()))).to.deep.equal(events);
    expect(await lastValueFrom(journal.read$().pipe(take(3), toArray()))).to.deep.equal(events.slice(0, 3));
  });

  /** As from JavaScript, where nobody checks types. */
  const slips: readonly (readonly [string, object])[] = Object.entries({
    'a seq that is a text': { from: '7' },
    'a seq that is no number': { to: Number.NaN },
    'a time that is a Date': { since: new Date(0) },
    'a type that there is not': { types: ['writen'] },
    'a type that is no list': { types: 'written' },
    'a negative block': { blocks: [-1] },
    'a range without a count': { blocks: [{ block: 1 }] },
    'an actor that is no list': { actors: 'test' },
    'a request that is no number': { ops: ['1'] },
    'a trace that is no text': { traceId: 7 },
    'a signal that is none': { signal: 1 },
  });
  for (const [name, options] of slips) {
    it(`is asked for ${name}, and refuses, as an Observable too`, async () => {
      const directory = await newDirectory();
      await writeJournal(directory, events);
      const journal = await openJournal(directory);
      expect(await journal.read(options).next().catch(codeOf)).to.equal('CACHETRAIL_INVALID_ARGUMENT');
      expect(await lastValueFrom(journal.read$(options)).catch(codeOf)).to.equal('CACHETRAIL_INVALID_ARGUMENT');
    });
  }

  it('is followed to the last event that is asked for, and not beyond', async () => {
    const directory = await newDirectory();
    await writeJournal(directory, events, { perFrame: 5 });
    for (const to of [7, 10, events.length]) {
      const clock = { ...systemClock(), setTimer: () => expect.fail(`waits for more than ${to}`) };
      const { events: seen } = await readBack(directory, { follow: true, to, clock });
      expect(seen).to.deep.equal(events.slice(0, to));
    }
  });

  it('is followed while it is written, over frames half written and new segments', async () => {
    const directory = await newDirectory();
    const writer = await openJournalWriter(directory, {
      clock: new VirtualClock(),
      bufferBytes: 1,
      segmentBytes: 1200,
    });
    appendAll(writer, events.slice(0, 2));
    const journal = await openJournal(directory);
    const stop = new AbortController();
    const seen: CacheEvent[] = [];
    const problems: unknown[] = [];
    const reading = (async () => {
      const onProblem = (problem: unknown) => problems.push(problem);
      for await (const event of journal.read({ follow: true, clock: eager, signal: stop.signal, onProblem })) {
        seen.push(event);
        if (event.seq < events.length) appendAll(writer, events.slice(event.seq + 1, event.seq + 2));
        else stop.abort();
      }
    })();
    await reading;
    await writer.close();
    expect(seen).to.deep.equal(events);
    expect(problems).to.deep.equal([]);
    expect(await segmentFiles(directory)).to.have.length.above(2);
  });

  it('is followed over the death of its writer, of which the next one cuts off what it left', async () => {
    const directory = await newDirectory();
    await writeJournal(directory, events.slice(0, 10));
    const { file, bytes } = await onlySegment(directory);
    await writeFile(file, Buffer.concat([bytes, bytes.subarray(framesOf(bytes)[0].start, bytes.length - 3)]));
    const stop = new AbortController();
    const seen: CacheEvent[] = [];
    const problems: string[] = [];
    let looks = 0;
    const clock: Clock = {
      ...eager,
      setTimer(at, keepsAlive, callback) {
        looks++;
        return eager.setTimer(at, keepsAlive, callback);
      },
    };
    const reading = (async () => {
      const onProblem = ({ kind }: JournalProblem) => problems.push(kind);
      const journal = await openJournal(directory);
      for await (const event of journal.read({ follow: true, clock, signal: stop.signal, onProblem })) {
        seen.push(event);
        if (seen.length === 12) stop.abort();
      }
    })();
    while (looks < 3) await new Promise((resolve) => setImmediate(resolve));
    const writer = await openJournalWriter(directory, { clock: new VirtualClock() });
    appendAll(
      writer,
      events.slice(0, 2).map((event) => ({ ...event, seq: event.seq + 10 })),
    );
    await writer.flush();
    await reading;
    await writer.close();
    expect(seen.map(({ seq }) => seq)).to.deep.equal([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    expect(problems).to.deep.equal([]);
  });

  it('says what retention has deleted before it was read, and reads on', async () => {
    const directory = await newDirectory();
    await writeJournal(directory, events, { perFrame: 4, segmentBytes: 1500 });
    const [, second, third] = await segmentFiles(directory);
    const problems: JournalProblem[] = [];
    const seen: number[] = [];
    const journal = await openJournal(directory);
    for await (const { seq } of journal.read({ onProblem: (problem) => problems.push(problem) })) {
      seen.push(seq);
      if (seq === 1) for (const file of (await segmentFiles(directory)).slice(0, 2)) await unlink(file);
    }
    const from = Number(path.basename(second).slice(9, 25));
    const to = Number(path.basename(third).slice(9, 25)) - 1;
    expect(problems.map(({ kind, fromSeq, toSeq }) => ({ kind, fromSeq, toSeq }))).to.deep.equal([
      { kind: 'expired', fromSeq: from, toSeq: to },
    ]);
    expect(seen).to.deep.equal(events.map(({ seq }) => seq).filter((seq) => seq < from || seq > to));
  });

  it('reads a keyed journal without its key too, unchecked', async () => {
    const directory = await newDirectory();
    await writeJournal(directory, events, { key: Buffer.alloc(32, 1) });
    expect(await readBack(directory)).to.deep.equal({ events, problems: [] });
  });
});
