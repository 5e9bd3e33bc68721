/** What a journal costs to read that is larger than one wants in memory. */
import { existsSync, readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect } from 'chai';
import type { CacheEvent, Opened, Written } from '../../../src/cache/events.js';
import { openJournal, openJournalWriter } from '../../../src/streams/journal/index.js';
import { VirtualClock } from '../../support/virtual-clock.js';
import { eventsOf, newDirectory, removeDirectories } from './support/recorded.js';

const PAYLOAD_BYTES = 4096;
const WRITES = 10_000;
const WRITES_A_SYNC = 50;
const MIB = 2 ** 20;

describe('a journal of 40 MiB', () => {
  let directory: string;
  const [opened] = eventsOf().filter((event): event is Opened => event.type === 'opened');

  before(async () => {
    directory = await newDirectory();
    const writer = await openJournalWriter(directory, {
      clock: new VirtualClock(),
      mode: 'durable',
      segmentBytes: 4 * MIB,
    });
    writer.append({ ...opened, seq: 1 });
    const payload = new Uint8Array(PAYLOAD_BYTES);
    for (let number = 1; number <= WRITES; number++) {
      writer.append(written(number), payload.fill(number));
      if (number % WRITES_A_SYNC === 0) await writer.flush();
    }
    await writer.close();
  });
  after(removeDirectories);

  it('is read in memory of a few frames', async () => {
    const held = collected();
    const before = held();
    let [most, events] = [0, 0];
    for await (const batch of (await openJournal(directory)).batches()) {
      events += batch.length;
      if (events % 500 < batch.length) most = Math.max(most, held() - before);
    }
    expect(events).to.equal(WRITES + 1);
    expect(most / MIB).to.be.below(8);
  });

  it('is not read before what is asked for, by seq or by time', async function () {
    if (!existsSync('/proc/self/io')) return this.skip();
    const journal = await openJournal(directory);
    for (const filter of [{ from: WRITES - 5 }, { since: (WRITES - 6) / 1000 }]) {
      const before = bytesRead();
      const events: CacheEvent[] = [];
      for await (const event of journal.read(filter)) events.push(event);
      expect(events.at(0)).to.include({ seq: WRITES - 5 });
      expect(events).to.have.length(7);
      expect((bytesRead() - before) / MIB).to.be.below(2);
    }
  });

  it('is not read behind what is asked for', async function () {
    if (!existsSync('/proc/self/io')) return this.skip();
    const before = bytesRead();
    for await (const _event of (await openJournal(directory)).read({ to: 20 }));
    expect((bytesRead() - before) / MIB).to.be.below(2);
  });

  it('gives the same in batches as one by one', async () => {
    const journal = await openJournal(directory);
    const range = { from: 4000, to: 4100, types: ['written'] } as const;
    const single: CacheEvent[] = [];
    for await (const event of journal.read(range)) single.push(event);
    const batched: CacheEvent[] = [];
    for await (const batch of journal.batches(range)) batched.push(...batch.map(({ event }) => event));
    expect(batched).to.deep.equal(single);
    expect(batched).to.have.length(101);
  });
});

/** One a microsecond. */
function written(number: number): Written {
  const place = { block: number, count: 1, offset: number * PAYLOAD_BYTES, length: PAYLOAD_BYTES };
  const request = { seq: number + 1, at: number * 1000, cause: 0, op: number, actor: '', trace: null } as const;
  return { type: 'written', ...request, ...place, generation: number, through: false, borrowed: false };
}

/** Bytes that are still held after a collection. */
function collected(): () => number {
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  return () => {
    collect();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
  };
}

/** What this process has asked the system to read. */
function bytesRead(): number {
  return Number(/^rchar: (\d+)/.exec(readFileSync('/proc/self/io', 'utf8'))?.[1]);
}
