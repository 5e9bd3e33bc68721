/**
 * A durable journal as the kernel's log of the device's writes, in the order in which the device saw them: a write stands
 * where the device had done it, a flush where it was asked for one that it did, with a mark behind.
 */
import type { CacheEvent } from '../../../cache/events.js';
import { TIMEOUT_CODE } from '../../../cache/failure-codes.js';
import { JournalError, type JournalRecord, openJournal } from '../../../streams/journal/index.js';
import { EXIT } from '../../command.js';
import { readJournal } from '../reading.js';
import type { JournalSource } from '../source.js';
import { BarrierEnds } from './barrier-ends.js';
import { type Carried, DeviceBytes } from './device-bytes.js';
import { KnownImage } from './known-image.js';
import { LogWritesFile } from './log-writes-file.js';

type EventOf<Type extends CacheEvent['type']> = Extract<CacheEvent, { type: Type }>;

export interface LogWritesOptions {
  readonly output: string;
  /** An image of the device as it was when the journal began. */
  readonly base: string | null;
}

export interface LogWritten {
  readonly output: string;
  readonly events: number;
  readonly bytes: number;
  readonly entries: number;
  readonly writes: number;
  readonly discards: number;
  readonly flushes: number;
  /** Operations of which nobody knows whether, or how far, the device has done them. */
  readonly unknown: number;
  /** Writes of blocks that were borrowed: they may have carried changes that were told only later. */
  readonly borrowed: number;
}

/** Null if it was interrupted. Rejects with JournalError, ArgumentError, or the system's error; then there is no file. */
export async function exportLogWrites(
  source: JournalSource,
  { output, base }: LogWritesOptions,
): Promise<LogWritten | null> {
  const ends = new BarrierEnds(await openJournal(source.directory, source));
  const file = new LogWritesFile(output);
  const log = new DeviceLog(file, ends, base);
  let isWhole = false;
  try {
    const { exitCode } = await readJournal(source, {}, (record) => log.take(record));
    if (exitCode !== EXIT.ok) return null;
    log.end();
    isWhole = true;
    return { output, bytes: file.bytes, entries: file.entries, ...log.counts() };
  } finally {
    log.close();
    await ends.close();
    if (!isWhole) file.abandon();
  }
}

class DeviceLog {
  readonly #file: LogWritesFile;
  readonly #ends: BarrierEnds;
  readonly #base: string | null;
  #image: KnownImage | null = null;
  #bytes: DeviceBytes | null = null;
  /** Writes at the device, and those that timed out and may still be answered. */
  readonly #carried = new Map<number, Carried>();
  readonly #clears = new Map<number, EventOf<'clearStarted'>>();
  /** A barrier that will be good, and has not been put into the log. */
  #flush: { readonly startedAt: number; readonly seq: number } | null = null;
  #lastSeq = 0;
  #events = 0;
  #writes = 0;
  #discards = 0;
  #flushes = 0;
  #unknown = 0;

  constructor(file: LogWritesFile, ends: BarrierEnds, base: string | null) {
    this.#file = file;
    this.#ends = ends;
    this.#base = base;
  }

  counts() {
    const { borrowed = 0 } = this.#bytes ?? {};
    const [events, writes, discards] = [this.#events, this.#writes, this.#discards];
    return { events, writes, discards, flushes: this.#flushes, unknown: this.#unknown, borrowed };
  }

  take({ event, payload }: JournalRecord): Promise<void> | void {
    this.#checkOrder(event);
    const bytes = this.#opened(event);
    bytes.accept(event, payload);
    switch (event.type) {
      case 'opened':
        return this.#begin(event);
      case 'writebackStarted':
        this.#carried.set(event.io, bytes.carriedBy(event));
        return;
      case 'writebackFinished':
        return this.#written(event.io, event.at);
      case 'writebackFailed':
        return this.#writeFailed(event);
      case 'clearStarted':
        this.#clears.set(event.io, event);
        return;
      case 'clearAnswered':
        return this.#clearAnswered(event);
      case 'deviceAnsweredLate':
        return this.#answeredLate(event);
      case 'barrierStarted':
        return this.#barrierStarted(event);
      case 'barrierFinished':
        return this.#putFlush();
    }
  }

  end(): void {
    this.#file.end();
  }

  close(): void {
    this.#image?.close();
  }

  /** What the device did must be known without a gap, from the beginning. */
  #checkOrder(event: CacheEvent): void {
    this.#events++;
    const expected = this.#lastSeq + 1;
    if (this.#lastSeq === 0 && event.type !== 'opened') {
      const message = `the journal begins with event ${event.seq}, in the middle: what was written before it is gone`;
      throw new JournalError('CACHETRAIL_JOURNAL_RANGE', message);
    }
    if (this.#lastSeq !== 0 && event.seq !== expected) {
      const message = `events ${expected} to ${event.seq - 1} are missing: what the device was given there is unknown`;
      throw new JournalError('CACHETRAIL_JOURNAL_DAMAGED', message);
    }
    this.#lastSeq = event.seq;
  }

  #opened(event: CacheEvent): DeviceBytes {
    if (this.#bytes !== null) return this.#bytes;
    const deviceBytes = event.type === 'opened' ? event.config.deviceBytes : 0;
    this.#image = new KnownImage(`${this.#file.path}.scratch`, this.#base, deviceBytes);
    this.#bytes = new DeviceBytes(this.#image);
    return this.#bytes;
  }

  #known(): { readonly image: KnownImage; readonly bytes: DeviceBytes } {
    const [image, bytes] = [this.#image, this.#bytes];
    if (image === null || bytes === null) throw new TypeError('a journal begins with `opened`');
    return { image, bytes };
  }

  #begin({ seq }: EventOf<'opened'>): void {
    this.#carried.clear();
    this.#clears.clear();
    this.#flush = null;
    this.#file.mark(markOf('opened', seq));
  }

  /** The device has it, since `at`. */
  #written(io: number, at: number): void {
    const carried = this.#carried.get(io);
    this.#carried.delete(io);
    if (carried === undefined) return;
    const { offset, bytes, unknownBlock } = carried;
    if (unknownBlock !== -1) throw unknownBytes(unknownBlock, this.#lastSeq, this.#base !== null);
    this.#putFlushBefore(at);
    this.#file.write(offset, bytes);
    this.#known().image.write(offset, bytes);
    this.#writes++;
  }

  /** A failure says that nothing was written; an unknown outcome that anything may be there now, or come late. */
  #writeFailed({ io, at, code, outcome }: EventOf<'writebackFailed'>): void {
    const carried = this.#carried.get(io);
    if (carried === undefined) return;
    if (outcome === 'unknown') this.#lose(carried.offset, carried.bytes.length, at);
    if (code !== TIMEOUT_CODE) this.#carried.delete(io);
  }

  #clearAnswered(event: EventOf<'clearAnswered'>): void {
    const clear = this.#clears.get(event.io);
    if (clear === undefined) return;
    if (event.code === '') return this.#cleared(clear, event.at);
    // Some devices clear piece by piece: even a plain failure may have left half of it.
    const [offset, length] = this.#known().bytes.rangeOf(clear);
    this.#lose(offset, length, event.at);
    if (event.code !== TIMEOUT_CODE) this.#clears.delete(event.io);
  }

  #answeredLate({ io, at, code }: EventOf<'deviceAnsweredLate'>): void {
    const clear = this.#clears.get(io);
    if (code !== '') this.#carried.delete(io);
    else if (clear === undefined) this.#written(io, at);
    else this.#cleared(clear, at);
  }

  #cleared(clear: EventOf<'clearStarted'>, at: number): void {
    this.#clears.delete(clear.io);
    if (clear.kind === 'drop') return;
    const { image, bytes } = this.#known();
    const [offset, length] = bytes.rangeOf(clear);
    this.#putFlushBefore(at);
    image.clear(offset, length);
    if (clear.kind === 'zero') this.#file.zeros(offset, length);
    else this.#file.discard(offset, length);
    if (clear.kind === 'zero') this.#writes++;
    else this.#discards++;
  }

  #lose(offset: number, length: number, at: number): void {
    this.#putFlushBefore(at);
    this.#known().image.lose(offset, length);
    this.#file.mark(markOf('unknown', this.#lastSeq));
    this.#unknown++;
  }

  /** When the device was asked, and whether it did it, stands where it ended. */
  async #barrierStarted({ seq, io }: EventOf<'barrierStarted'>): Promise<void> {
    const end = await this.#ends.endOf(seq, io);
    if (end?.type === 'barrierFinished') this.#flush = { startedAt: end.startedAt, seq: end.seq };
  }

  /** A barrier covers what the device had answered when it was asked, and no more. */
  #putFlushBefore(at: number): void {
    if (this.#flush !== null && at >= this.#flush.startedAt) this.#putFlush();
  }

  #putFlush(): void {
    if (this.#flush === null) return;
    this.#file.flush();
    this.#file.mark(markOf('barrier', this.#flush.seq));
    this.#flush = null;
    this.#flushes++;
  }
}

/** Of one length: `replay-log` takes a mark for another that it begins with. */
function markOf(kind: 'opened' | 'barrier' | 'unknown', seq: number): string {
  return `${kind}-${String(seq).padStart(10, '0')}`;
}

function unknownBytes(block: number, seq: number, withBase: boolean): JournalError {
  const why = withBase
    ? 'after an operation of which nobody knows whether the device did it'
    : 'which were on the device before the journal began';
  const message = `the device write that ended with event ${seq} carried bytes of block ${block} that the journal does not hold, ${why}`;
  return new JournalError('CACHETRAIL_JOURNAL_NO_BYTES', message);
}
