import { appendFile, mkdir, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { codeOf } from '../../../src/index.js';
import {
  type JournalOptions,
  type JournalTrouble,
  openJournal,
  openJournalWriter,
  verifyJournal,
} from '../../../src/streams/journal/index.js';
import { VirtualClock } from '../../support/virtual-clock.js';
import { flipped, onlySegment, segmentFiles } from './support/pieces.js';
import {
  appendAll,
  eventsOf,
  newDirectory,
  payloadOf,
  readBack,
  removeDirectories,
  writeJournal,
} from './support/recorded.js';

const events = eventsOf();

/** The same cache opened once more, as it goes on in the same journal. */
function reopened(afterSeq: number) {
  return events.map((event) => ({
    ...event,
    seq: event.seq + afterSeq,
    cause: event.cause === 0 ? 0 : event.cause + afterSeq,
  }));
}

async function failure(promise: Promise<unknown>): Promise<string> {
  return promise.then(() => 'none', codeOf);
}

describe('the journal writer', () => {
  afterEach(removeDirectories);

  for (const options of [{}, { mode: 'durable' }, { contentDigests: true }, { key: Buffer.alloc(32, 7) }] as const) {
    it(`writes what is read back, with ${JSON.stringify(Object.keys(options))}`, async () => {
      const directory = await newDirectory();
      await writeJournal(directory, events, options);
      const key = 'key' in options ? options.key : undefined;
      expect(await readBack(directory, {}, key)).to.deep.equal({ events, problems: [] });
    });
  }

  it('keeps the bytes of every write in durable mode, and their digests where asked for', async () => {
    const directory = await newDirectory();
    await writeJournal(directory, events, { mode: 'durable', contentDigests: true });
    const journal = await openJournal(directory);
    let writes = 0;
    for await (const { event, payload, digests } of journal.records()) {
      if (event.type !== 'written') continue;
      writes++;
      expect(payload).to.deep.equal(payloadOf(event));
      expect(digests?.length).to.equal(event.count * 32);
    }
    expect(writes).to.be.above(2);
  });

  it('gives identical bytes for the same run', async () => {
    const runs = await Promise.all(
      [1, 2].map(async () => {
        const directory = await newDirectory();
        await writeJournal(directory, events, { perFrame: 7, segmentBytes: 2000 });
        const names = (await readdir(directory)).sort();
        return Promise.all(names.map(async (name) => [name, await readFile(path.join(directory, name))]));
      }),
    );
    expect(runs[0].length).to.be.above(2);
    expect(runs[0]).to.deep.equal(runs[1]);
  });

  it('buffers by bytes, and by time on the clock that it was given', async () => {
    const directory = await newDirectory();
    const clock = new VirtualClock();
    const writer = await openJournalWriter(directory, { clock, bufferMs: 50 });
    appendAll(writer, events.slice(0, 3));
    expect(writer.stats()).to.include({ frames: 0, events: 3, bufferedEvents: 3, unsyncedEvents: 3 });
    expect(clock.timers).to.equal(1);
    clock.step();
    expect(clock.now()).to.equal(50e6);
    expect(writer.stats()).to.include({ frames: 1, bufferedBytes: 0, bufferedEvents: 0, unsyncedEvents: 3 });
    expect(clock.timers).to.equal(0);
    await writer.close();
    const small = await openJournalWriter(await newDirectory(), { clock, bufferBytes: 1 });
    appendAll(small, events);
    expect(small.stats()).to.include({ frames: events.length, bufferedBytes: 0 });
    await small.close();
  });

  it('shares one sync among all who wait in one turn', async () => {
    const writer = await openJournalWriter(await newDirectory(), { clock: new VirtualClock(), mode: 'durable' });
    appendAll(writer, events);
    await Promise.all(events.map(({ seq }) => writer.committed(seq)));
    expect(writer.stats()).to.include({ syncs: 1, frames: 1, unsyncedEvents: 0 });
    await writer.close();
  });

  it('begins a new segment when one is full, and deletes the oldest that nobody needs', async () => {
    const directory = await newDirectory();
    let neededFrom = 1;
    const options: Partial<JournalOptions> = { segmentBytes: 1500, retention: { segments: 2 } };
    const writer = await openJournalWriter(directory, {
      clock: new VirtualClock(),
      bufferBytes: 1,
      neededFrom: () => neededFrom,
      ...options,
    });
    const half = Math.floor(events.length / 2);
    appendAll(writer, events.slice(0, half));
    const kept = (await readdir(directory)).length;
    expect(kept).to.be.above(4);
    neededFrom = half;
    appendAll(writer, events.slice(half));
    await writer.close();
    const { events: left, problems } = await readBack(directory);
    expect(problems).to.deep.equal([]);
    expect(left.at(-1)).to.deep.equal(events.at(-1));
    expect(left[0].seq).to.be.at.most(half);
    expect((await readdir(directory)).length).to.be.below(kept + 4);
  });

  it('deletes a segment that is too old also while none is begun', async () => {
    const directory = await newDirectory();
    const clock = new VirtualClock();
    const retention = { ageMs: 60_000 };
    const options = { clock, bufferBytes: 1, segmentBytes: 1200, retention };
    const writer = await openJournalWriter(directory, options);
    appendAll(writer, events.slice(0, 3));
    const before = await segmentFiles(directory);
    expect(before).to.have.length.above(1);
    clock.setTimer(70_000 * 1e6, false, () => undefined);
    while (clock.now() < 70_000 * 1e6) clock.step();
    appendAll(writer, events.slice(3, 4));
    expect(await segmentFiles(directory)).to.deep.equal([before.at(-1)]);
    await writer.close();
  });

  it('goes on with a journal that is there, with the seq after its last', async () => {
    const directory = await newDirectory();
    await writeJournal(directory, events);
    const writer = await openJournalWriter(directory, { clock: new VirtualClock() });
    expect(writer.tail).to.deep.equal({ seq: events.length, tornBytes: 0 });
    const more = reopened(events.length);
    appendAll(writer, more);
    await writer.close();
    expect(await readBack(directory)).to.deep.equal({ events: [...events, ...more], problems: [] });
  });

  it('cuts off a torn end when it goes on, and says how much', async () => {
    const directory = await newDirectory();
    await writeJournal(directory, events, { perFrame: 10 });
    const [name] = (await readdir(directory)).filter((file) => file.endsWith('.ctj'));
    const { size } = await stat(path.join(directory, name));
    await truncate(path.join(directory, name), size - 5);
    const writer = await openJournalWriter(directory, { clock: new VirtualClock() });
    expect(writer.tail.seq).to.equal(events.length - (events.length % 10 || 10));
    expect(writer.tail.tornBytes).to.be.above(0);
    const more = reopened(writer.tail.seq);
    appendAll(writer, more);
    await writer.close();
    const expected = [...events.slice(0, writer.tail.seq), ...more];
    expect(await readBack(directory)).to.deep.equal({ events: expected, problems: [] });
  });

  it('takes away a segment that a crash left without a whole header', async () => {
    const directory = await newDirectory();
    await writeJournal(directory, events);
    await writeFile(path.join(directory, '00000002-0000000000000050.ctj'), new Uint8Array(90));
    const writer = await openJournalWriter(directory, { clock: new VirtualClock() });
    expect(writer.tail).to.deep.equal({ seq: events.length, tornBytes: 90 });
    await writer.close();
    expect(await readBack(directory)).to.deep.equal({ events, problems: [] });
  });

  for (const mode of ['audit', 'durable'] as const) {
    it(`refuses a small journal of which the header is damaged, and leaves what it holds (${mode})`, async () => {
      const directory = await newDirectory();
      await writeJournal(directory, events.slice(0, 3), { mode });
      const { file, bytes } = await onlySegment(directory);
      expect(bytes.length).to.be.below(4096);
      await flipped(file, bytes, 20);
      const damaged = await readFile(file);
      const clock = new VirtualClock();
      expect(await failure(openJournalWriter(directory, { clock, mode }))).to.equal('CACHETRAIL_JOURNAL_DAMAGED');
      expect(await readFile(file)).to.deep.equal(damaged);
    });
  }

  it('refuses a second writer, another key, and a path that is no directory', async () => {
    const directory = await newDirectory();
    const clock = new VirtualClock();
    const writer = await openJournalWriter(directory, { clock, key: Buffer.alloc(16, 1) });
    expect(await failure(openJournalWriter(directory, { clock }))).to.equal('CACHETRAIL_JOURNAL_LOCKED');
    appendAll(writer, events);
    await writer.close();
    expect(await failure(openJournalWriter(directory, { clock }))).to.equal('CACHETRAIL_JOURNAL_KEY');
    const other = { clock, key: Buffer.alloc(16, 2) };
    expect(await failure(openJournalWriter(directory, other))).to.equal('CACHETRAIL_JOURNAL_KEY');
    const file = path.join(directory, 'file');
    await writeFile(file, '');
    expect(await failure(openJournalWriter(file, { clock }))).to.equal('CACHETRAIL_JOURNAL_FAILED');
    await rm(path.join(directory, 'lock'));
    await mkdir(path.join(directory, 'lock'));
    expect(await failure(openJournalWriter(directory, { clock }))).to.equal('CACHETRAIL_JOURNAL_FAILED');
  });

  for (const [name, options] of Object.entries({
    'a key that is a text': { key: 'a secret that is long enough' },
    'a key that is too short': { key: new Uint8Array(15) },
    'a bound that there is not': { retention: { byte: 1 } },
    'a bound that is no number': { retention: { ageMs: Number.NaN } },
    'a segment without room': { segmentBytes: 0 },
  })) {
    it(`refuses ${name}`, async () => {
      const directory = await newDirectory();
      // As from JavaScript.
      const given: object = { clock: new VirtualClock(), ...options };
      const opening = openJournalWriter(directory, given as JournalOptions);
      expect(await failure(opening)).to.equal('CACHETRAIL_INVALID_ARGUMENT');
      expect(await readdir(directory)).to.deep.equal([]);
    });
  }
});

describe('a journal that cannot be written', () => {
  afterEach(removeDirectories);

  it('stops, tells, and rejects whoever waits, by the policy `stop`', async () => {
    const directory = await newDirectory();
    const troubles: JournalTrouble[] = [];
    const onTrouble = (trouble: JournalTrouble) => troubles.push(trouble);
    const writer = await openJournalWriter(directory, { clock: new VirtualClock(), mode: 'durable', onTrouble });
    appendAll(writer, events.slice(0, 5));
    await writer.committed(5);
    await rm(directory, { recursive: true });
    appendAll(writer, events.slice(5, 12));
    expect(await failure(writer.committed(12))).to.equal('CACHETRAIL_JOURNAL_FAILED');
    appendAll(writer, events.slice(12));
    expect(await failure(writer.committed(events.length))).to.equal('CACHETRAIL_JOURNAL_FAILED');
    expect(writer.failure?.code).to.equal('CACHETRAIL_JOURNAL_FAILED');
    expect(troubles.map(({ kind }) => kind)).to.deep.equal(['failed']);
    expect(writer.stats()).to.include({ failures: 1, lost: events.length - 5 });
    expect(await failure(writer.close())).to.equal('CACHETRAIL_JOURNAL_FAILED');
  });

  it('goes on later with a segment that says what was lost, by the policy `continue`', async () => {
    const directory = await newDirectory();
    const clock = new VirtualClock();
    const kinds: string[] = [];
    const onTrouble = ({ kind }: JournalTrouble) => kinds.push(kind);
    const writer = await openJournalWriter(directory, { clock, bufferBytes: 1, onTrouble });
    appendAll(writer, events.slice(0, 5));
    const [name] = (await readdir(directory)).filter((file) => file.endsWith('.ctj'));
    const whole = await readFile(path.join(directory, name));
    await rm(path.join(directory, name));
    appendAll(writer, events.slice(5, 8));
    await writeFile(path.join(directory, name), whole);
    clock.step();
    appendAll(writer, events.slice(8));
    await writer.close();
    expect(kinds).to.deep.equal(['failed', 'resumed']);
    expect(writer.stats()).to.include({ lost: 3, failures: 1, events: events.length });
    const { events: left, problems } = await readBack(directory);
    expect(left).to.deep.equal([...events.slice(0, 5), ...events.slice(8)]);
    expect(problems.map(({ kind, fromSeq, toSeq }) => ({ kind, fromSeq, toSeq }))).to.deep.equal([
      { kind: 'lost', fromSeq: 6, toSeq: 8 },
    ]);
  });

  it('is told apart from what is no journal', async () => {
    const directory = await newDirectory();
    expect(await failure(openJournal(directory))).to.equal('CACHETRAIL_JOURNAL_NONE');
    expect(await failure(openJournal(path.join(directory, 'nowhere')))).to.equal('CACHETRAIL_JOURNAL_NOT_FOUND');
    await writeFile(path.join(directory, 'text'), 'text');
    expect(await failure(openJournal(path.join(directory, 'text')))).to.equal('CACHETRAIL_JOURNAL_NONE');
    await writeJournal(directory, events);
    const [name] = (await readdir(directory)).filter((file) => file.endsWith('.ctj'));
    const text = await newDirectory();
    await writeFile(path.join(text, name), 'text by the name of a segment');
    expect(await failure(readBack(text))).to.equal('CACHETRAIL_JOURNAL_NONE');
    expect(await failure(verifyJournal(text))).to.equal('CACHETRAIL_JOURNAL_NONE');
    const clock = new VirtualClock();
    expect(await failure(openJournalWriter(text, { clock }))).to.equal('CACHETRAIL_JOURNAL_DAMAGED');
    expect(await readFile(path.join(text, name), 'utf8')).to.include('by the name');
    await appendFile(path.join(directory, name), 'half a frame');
    const { problems } = await readBack(directory);
    expect(problems.map(({ kind }) => kind)).to.deep.equal(['torn']);
  });
});
