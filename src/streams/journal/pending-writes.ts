/**
 * A fold over the events of a journal, from its beginning or from the beginning of any segment: the bytes of writes that are
 * not known to be durable. It follows each block through writeback and barrier by the events alone, since the state of a cache
 * is known only from its opening on. It lets go of bytes only on evidence that they are durable or replaced: to keep some longer does
 * no harm, since all later writes of a block are applied on top.
 */
import type { CacheEvent } from '../../cache/events.js';
import { TIMEOUT_CODE } from '../../cache/failure-codes.js';
import type { CoreConfig } from '../../cache/limits.js';
import { DurableSample, type ProvenBlock, SAMPLE_BLOCKS_MAX } from './durable-sample.js';
import { JournalError } from './errors.js';
import type { JournalRecord } from './types.js';

/** A stretch of bytes to be written again. */
export interface RecoveredBytes {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** Names the device that a journal is to be for. */
export interface JournalledDevice {
  readonly identity: string;
  readonly sizeBytes: number;
}

/** What the header of the segment that is read first says. */
export interface FoldStart {
  readonly identity: string;
  readonly config: CoreConfig;
  /** Blocks that were borrowed when it was begun; null where that is not known. */
  readonly borrowed: readonly number[] | null;
}

type EventOf<Type extends CacheEvent['type']> = Extract<CacheEvent, { type: Type }>;

/** What a byte of a block is in `mask`; 0: nothing. */
const OLD = 1;
/** Written since the last opening, whose writebacks and barriers therefore count. */
const NEW = 2;

/** How far what is new of a block has come: `covered` by a barrier that is under way. */
type Progress = 'dirty' | 'inFlight' | 'taken' | 'covered';

interface Masked {
  readonly bytes: Uint8Array;
  readonly mask: Uint8Array;
}

/** Bytes of one block that are not known to be durable. */
interface PendingBlock extends Masked {
  /** Of the oldest write that has a part in it. */
  readonly sinceSeq: number;
  progress: Progress;
  /** The device operation that carries it, if one does. */
  io: number;
  /** The device will hold these bytes and no others: nobody can have changed them but by writes that the journal has. */
  isProof: boolean;
}

interface Clearing {
  readonly start: number;
  readonly end: number;
  /** The operation that timed out; 0 before. */
  readonly io: number;
}

export class PendingWrites {
  readonly #directory: string;
  readonly #device: JournalledDevice;
  readonly #provenFrom: number;
  /** By offset. */
  readonly #blocks = new Map<number, PendingBlock>();
  #blockSize = 0;
  /** Blocks that are borrowed, and how often; null while that is not known. */
  #borrowed: Map<number, number> | null = new Map();
  /** Discards and zeros that may land yet, by their request. */
  readonly #clearings = new Map<number, Clearing>();
  readonly #sample = new DurableSample();
  /** Memory of blocks that are not pending any more: new memory for each write would take longer than to read it. */
  #spare: Masked[] = [];
  /** For each of the blocks that became durable last, the seq from which it is known whole. */
  readonly #provenSince: number[] = [];

  /** Writes before the seq `provenFrom` prove nothing of the device. */
  constructor(directory: string, device: JournalledDevice, provenFrom = 0) {
    this.#directory = directory;
    this.#device = device;
    this.#provenFrom = provenFrom;
  }

  /** Where the reading begins with another event than `opened`, its segment tells what that said. */
  begin({ identity, config, borrowed }: FoldStart): void {
    this.#checkDevice(identity, config.deviceBytes);
    this.#reshape(config.blockSize);
    this.#borrowed = borrowed === null ? null : new Map(borrowed.map((block) => [block, 1]));
  }

  add({ event, payload }: JournalRecord): void {
    switch (event.type) {
      case 'opened':
        return this.#opened(event);
      case 'written':
        return this.#written(event, payload);
      case 'borrowed':
      case 'released':
        return this.#lent(event.block, event.type === 'borrowed' ? 1 : -1);
      case 'writebackStarted':
        return this.#sent(event);
      case 'writebackFinished':
        return this.#answered(event, 'taken');
      case 'writebackFailed':
        return this.#answered(event, 'dirty');
      case 'barrierStarted':
        for (const block of this.#blocks.values()) if (block.progress === 'taken') block.progress = 'covered';
        return;
      case 'barrierFinished':
        return this.#forgetDurable();
      case 'barrierFailed':
      case 'deviceReplaced':
        return this.#doubtAll();
      default:
        return this.#cleared(event);
    }
  }

  /** Events are missing here, and with them all that was pending: anything can have been borrowed, cleared or written. */
  missed(): void {
    this.#blocks.clear();
    this.#borrowed = null;
    this.#sample.forget(0, Number.MAX_SAFE_INTEGER);
  }

  /** In order of offset. */
  get writes(): readonly RecoveredBytes[] {
    const offsets = [...this.#blocks.keys()].sort((a, b) => a - b);
    return joined(offsets.flatMap((offset) => stretchesOf(offset, this.#blocks.get(offset))));
  }

  get blocks(): number {
    return this.#blocks.size;
  }

  get proven(): readonly ProvenBlock[] {
    return this.#sample.blocks;
  }

  /** A later recovery needs nothing before this seq, of what has been read from `from` on. */
  neededFrom(from: number): number {
    const isFull = this.#provenSince.length === SAMPLE_BLOCKS_MAX;
    return Math.min(this.#sinceSeq(), ...(isFull ? this.#provenSince : [from]));
  }

  #cleared(event: CacheEvent): void {
    switch (event.type) {
      case 'clearQueued':
        return this.#clearQueued(event);
      case 'clearFailed':
        return this.#clearFailed(event);
      case 'clearFinished':
        this.#clearings.delete(event.op);
        return this.#forget(event.block, event.count);
      case 'deviceAnsweredLate':
        return this.#answeredLate(event);
      case 'dirtyDiscarded':
        for (const block of event.blocks) this.#forget(block, 1);
        return;
      case 'blockSizeChanged':
        return this.#reshape(event.to, false);
      case 'closed':
        this.#blocks.clear();
        return;
    }
  }

  /** What is left is written again by whoever opens, and counts as before until that is durable. */
  #opened({ identity, config }: EventOf<'opened'>): void {
    this.#checkDevice(identity, config.deviceBytes);
    this.#borrowed = new Map();
    this.#clearings.clear();
    for (const block of this.#blocks.values()) {
      for (let at = 0; at < block.mask.length; at++) if (block.mask[at] === NEW) block.mask[at] = OLD;
      block.progress = 'dirty';
      block.isProof = true;
    }
    this.#reshape(config.blockSize);
  }

  #checkDevice(identity: string, deviceBytes: number): void {
    if (identity === this.#device.identity && deviceBytes === this.#device.sizeBytes) return;
    throw new JournalError(
      'CACHETRAIL_JOURNAL_DEVICE',
      `${this.#directory} is the journal of ${identity} (${deviceBytes} bytes), not of ${this.#device.identity} (${this.#device.sizeBytes} bytes)`,
    );
  }

  #written({ seq, offset, length }: EventOf<'written'>, payload: Uint8Array | null): void {
    this.#sample.forget(offset, length);
    const size = this.#blockSize;
    for (let done = 0; done < length; ) {
      const start = Math.floor((offset + done) / size) * size;
      const skip = offset + done - start;
      const part = Math.min(length - done, size - skip);
      if (payload === null) this.#overwritten(start, skip, part);
      else this.#write(start, skip, payload.subarray(done, done + part), seq);
      done += part;
    }
  }

  #write(start: number, skip: number, part: Uint8Array, seq: number): void {
    const block = this.#blockAt(start, seq);
    block.bytes.set(part, skip);
    block.mask.fill(NEW, skip, skip + part.length);
    block.progress = 'dirty';
    if (!this.#isItsOwn(start)) block.isProof = false;
  }

  /** In an audit journal: what was there is to be brought back until the bytes that nobody knows are durable. */
  #overwritten(start: number, skip: number, length: number): void {
    const block = this.#blocks.get(start);
    if (block === undefined) return;
    for (let at = skip; at < skip + length; at++) if (block.mask[at] === OLD) block.mask[at] = NEW;
    block.progress = 'dirty';
    block.isProof = false;
  }

  #blockAt(offset: number, sinceSeq: number): PendingBlock {
    const known = this.#blocks.get(offset);
    if (known !== undefined) return known;
    const size = this.#blockSize;
    const masked = this.#spare.pop() ?? { bytes: new Uint8Array(size), mask: new Uint8Array(size) };
    const block: PendingBlock = { ...masked, sinceSeq, progress: 'dirty', io: 0, isProof: true };
    this.#blocks.set(offset, block);
    return block;
  }

  /** What a borrower changes is in no payload, and a clear may land late. */
  #isItsOwn(offset: number): boolean {
    if (this.#borrowed === null || this.#borrowed.has(offset / this.#blockSize)) return false;
    for (const { start, end } of this.#clearings.values()) if (offset >= start && offset < end) return false;
    return true;
  }

  /** Of a block that is given back the borrow may have been before the reading began. */
  #lent(block: number, change: 1 | -1): void {
    const count = (this.#borrowed?.get(block) ?? 0) + change;
    if (count > 0) this.#borrowed?.set(block, count);
    else this.#borrowed?.delete(block);
    const offset = block * this.#blockSize;
    const pending = this.#blocks.get(offset);
    if (pending !== undefined) pending.isProof = false;
    this.#sample.forget(offset, this.#blockSize);
  }

  /** Blocks are of another size from here on: what is pending goes on counting, in those. */
  #reshape(blockSize: number, isProof = true): void {
    if (blockSize === this.#blockSize) return;
    const { writes } = this;
    const sinceSeq = this.#sinceSeq();
    this.#blocks.clear();
    this.#spare = [];
    this.#blockSize = blockSize;
    for (const { offset, bytes } of writes) {
      for (let done = 0; done < bytes.length; ) {
        const start = Math.floor((offset + done) / blockSize) * blockSize;
        const skip = offset + done - start;
        const part = bytes.subarray(done, done + blockSize - skip);
        const block = this.#blockAt(start, sinceSeq);
        block.bytes.set(part, skip);
        block.mask.fill(OLD, skip, skip + part.length);
        block.isProof = isProof;
        done += part.length;
      }
    }
  }

  /** Of the oldest write that is pending; Infinity if none is. */
  #sinceSeq(): number {
    let oldest = Infinity;
    for (const { sinceSeq } of this.#blocks.values()) oldest = Math.min(oldest, sinceSeq);
    return oldest;
  }

  #sent({ block, count, io }: EventOf<'writebackStarted'>): void {
    for (let at = block; at < block + count; at++) {
      const pending = this.#blocks.get(at * this.#blockSize);
      if (pending === undefined) continue;
      pending.progress = 'inFlight';
      pending.io = io;
    }
  }

  /** What was written meanwhile is not carried any more. */
  #answered({ block, count, io }: EventOf<'writebackFinished' | 'writebackFailed'>, progress: Progress): void {
    for (let at = block; at < block + count; at++) {
      const pending = this.#blocks.get(at * this.#blockSize);
      if (pending?.progress === 'inFlight' && pending.io === io) pending.progress = progress;
    }
  }

  #forgetDurable(): void {
    const durable = [...this.#blocks].filter(([, block]) => block.progress === 'covered');
    for (const [index, [offset, block]] of durable.entries()) {
      const isLast = index >= durable.length - SAMPLE_BLOCKS_MAX;
      const left = block.mask.includes(OLD) ? without(block.mask, NEW) : null;
      if (isLast) this.#prove(offset, block, left === null ? block.mask : without(block.mask, OLD));
      if (left !== null)
        this.#blocks.set(offset, { ...block, bytes: block.bytes.slice(), mask: left, progress: 'dirty' });
      else if (this.#blocks.delete(offset) && !isLast) this.#reuse(block);
    }
  }

  #prove(offset: number, { bytes, sinceSeq, isProof }: PendingBlock, mask: Uint8Array): void {
    this.#provenSince.push(sinceSeq);
    if (this.#provenSince.length > SAMPLE_BLOCKS_MAX) this.#provenSince.shift();
    if (isProof && sinceSeq >= this.#provenFrom) this.#sample.add({ offset, bytes, mask });
  }

  #reuse({ bytes, mask }: PendingBlock): void {
    mask.fill(0);
    this.#spare.push({ bytes, mask });
  }

  /** No barrier has covered it, and none that is under way or comes counts what was sent before. */
  #doubtAll(): void {
    for (const block of this.#blocks.values()) block.progress = 'dirty';
  }

  #clearQueued({ op, block, count, kind }: EventOf<'clearQueued'>): void {
    const [start, end] = [block * this.#blockSize, (block + count) * this.#blockSize];
    this.#sample.forget(start, end - start);
    if (kind === 'drop') return;
    this.#clearings.set(op, { start, end, io: 0 });
    for (const [offset, pending] of this.#blocks) if (offset >= start && offset < end) pending.isProof = false;
  }

  #clearFailed({ op, block, count, io, code }: EventOf<'clearFailed'>): void {
    const [start, end] = [block * this.#blockSize, (block + count) * this.#blockSize];
    this.#clearings.delete(op);
    if (code === TIMEOUT_CODE) this.#clearings.set(op, { start, end, io });
    for (const [offset, pending] of this.#blocks) if (offset >= start && offset < end) pending.progress = 'dirty';
  }

  /** A barrier that is said to have failed after all puts in doubt what was written since. */
  #answeredLate({ io, code }: EventOf<'deviceAnsweredLate'>): void {
    for (const [op, clearing] of this.#clearings) if (clearing.io === io) this.#clearings.delete(op);
    if (code !== '') this.#doubtAll();
  }

  #forget(block: number, count: number): void {
    const [start, end] = [block * this.#blockSize, (block + count) * this.#blockSize];
    for (const offset of this.#blocks.keys()) if (offset >= start && offset < end) this.#blocks.delete(offset);
  }
}

function without(mask: Uint8Array, what: number): Uint8Array {
  return mask.map((of) => (of === what ? 0 : of));
}

function stretchesOf(offset: number, block: PendingBlock | undefined): RecoveredBytes[] {
  if (block === undefined) return [];
  const { mask, bytes } = block;
  const stretches: RecoveredBytes[] = [];
  for (let at = 0; at < mask.length; at++) {
    if (mask[at] === 0) continue;
    const end = mask.indexOf(0, at);
    const stop = end === -1 ? mask.length : end;
    stretches.push({ offset: offset + at, bytes: bytes.subarray(at, stop) });
    at = stop;
  }
  return stretches;
}

/** Neighbours in one piece, so that they are written back in one run as well. */
function joined(writes: readonly RecoveredBytes[]): RecoveredBytes[] {
  const pieces: RecoveredBytes[] = [];
  for (let first = 0; first < writes.length; ) {
    let last = first;
    while (last + 1 < writes.length && endOf(writes[last]) === writes[last + 1].offset) last++;
    const bytes = new Uint8Array(endOf(writes[last]) - writes[first].offset);
    for (const write of writes.slice(first, last + 1)) bytes.set(write.bytes, write.offset - writes[first].offset);
    pieces.push({ offset: writes[first].offset, bytes });
    first = last + 1;
  }
  return pieces;
}

function endOf({ offset, bytes }: RecoveredBytes): number {
  return offset + bytes.length;
}
