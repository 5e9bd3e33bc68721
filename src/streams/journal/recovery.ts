/**
 * What a crash has left in a durable journal and not on the device: the bytes of every acknowledged write that no barrier
 * had covered. Written again they give each block its last contents, whatever part of them the device had.
 */
import { evolve } from '../../cache/evolve.js';
import type { CoreConfig } from '../../cache/limits.js';
import { CacheState } from '../../cache/state.js';
import { systemClock } from '../clock.js';
import { DurableSample, type ProvenBlock } from './durable-sample.js';
import { JournalError } from './errors.js';
import { openJournal } from './reader.js';
import { firstHeader, firstHeaderWith } from './seek.js';
import type { JournalProblem, JournalRecord } from './types.js';

/** A stretch of bytes to be written again. */
export interface RecoveredBytes {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

export interface Recovery {
  /** In order of offset. */
  readonly writes: readonly RecoveredBytes[];
  readonly blocks: number;
  /** What the device must hold, if it is the one that the journal goes with. */
  readonly proven: readonly ProvenBlock[];
}

/** Names the device that a journal is to be for. */
export interface JournalledDevice {
  readonly identity: string;
  readonly sizeBytes: number;
}

/**
 * Reads what is to be recovered. Rejects with JournalError CACHETRAIL_JOURNAL_DEVICE for the journal of another device and
 * CACHETRAIL_JOURNAL_DAMAGED for one that cannot be trusted; a torn end is what a crash leaves, and no reason to refuse.
 */
export async function recoverWrites(
  directory: string,
  device: JournalledDevice,
  key: Uint8Array | undefined,
  clock = systemClock(),
): Promise<Recovery> {
  const journal = await openJournal(directory, key === undefined ? {} : { key });
  const pending = new PendingWrites(directory, device);
  const header = await firstHeader(directory);
  if (header !== null) pending.begin(header);
  // Of a journal that has never had the bytes of a write a crash may have lost any part: it is no reason to refuse the device.
  if ((await firstHeaderWith(directory, ({ payloads }) => payloads)) === null) return pending.recovery();
  const onProblem = (problem: JournalProblem) => {
    if (problem.kind === 'torn') return;
    throw new JournalError('CACHETRAIL_JOURNAL_DAMAGED', `${directory}: ${problem.segment}: ${problem.message}`);
  };
  for await (const record of journal.records({ onProblem, clock })) pending.add(record);
  return pending.recovery();
}

/** Bytes of one block that are not known to be durable. */
interface PendingBlock {
  readonly bytes: Uint8Array;
  /** 1 where `bytes` counts. */
  readonly mask: Uint8Array;
  /** The opening since which it was last written. */
  session: number;
  /** Borrowed meanwhile: the device may have been given bytes that no write stated. */
  wasBorrowed: boolean;
}

/**
 * A fold over a journal. It lets go of bytes only on evidence that they are durable or replaced: to keep some longer does no
 * harm, since all later writes of a block are applied on top.
 */
export class PendingWrites {
  readonly #directory: string;
  readonly #device: JournalledDevice;
  readonly #blocks = new Map<number, PendingBlock>();
  /** The core's own state since the last opening; null where the journal begins in the middle of one. */
  #state: CacheState | null = null;
  #blockSize = 0;
  #session = 0;
  readonly #sample = new DurableSample();

  constructor(directory: string, device: JournalledDevice) {
    this.#directory = directory;
    this.#device = device;
  }

  /** Where retention has deleted the opening, the oldest segment tells what it said. */
  begin({ identity, config }: { readonly identity: string; readonly config: CoreConfig }): void {
    this.#checkDevice(identity, config.deviceBytes);
    this.#reshape(config.blockSize);
  }

  add({ event, payload }: JournalRecord): void {
    if (event.type === 'opened') {
      this.#checkDevice(event.identity, event.config.deviceBytes);
      this.#state = new CacheState({ bytes: false });
      this.#state.seq = event.seq - 1;
      this.#session++;
      this.#reshape(event.config.blockSize);
    }
    if (this.#state !== null) evolve(this.#state, event);
    switch (event.type) {
      case 'written':
        this.#sample.forget(event.offset, event.length);
        if (payload !== null) this.#write(event.offset, payload);
        return;
      case 'borrowed':
        return this.#borrowed(event.block);
      case 'clearQueued':
        return this.#sample.forget(event.block * this.#blockSize, event.count * this.#blockSize);
      case 'barrierFinished':
        return this.#forgetDurable();
      case 'clearFinished':
        return this.#forget(event.block * this.#blockSize, event.count * this.#blockSize);
      case 'dirtyDiscarded':
        for (const block of event.blocks) this.#forget(block * this.#blockSize, this.#blockSize);
        return;
      case 'blockSizeChanged':
        return this.#reshape(event.to);
      case 'closed':
        this.#forgetDurable();
        this.#blocks.clear();
        return;
    }
  }

  recovery(): Recovery {
    const offsets = [...this.#blocks.keys()].sort((a, b) => a - b);
    const writes = offsets.flatMap((offset) => stretchesOf(offset, this.#blocks.get(offset)));
    return { writes: joined(writes), blocks: offsets.length, proven: this.#sample.blocks };
  }

  #checkDevice(identity: string, deviceBytes: number): void {
    if (identity === this.#device.identity && deviceBytes === this.#device.sizeBytes) return;
    throw new JournalError(
      'CACHETRAIL_JOURNAL_DEVICE',
      `${this.#directory} is the journal of ${identity} (${deviceBytes} bytes), not of ${this.#device.identity} (${this.#device.sizeBytes} bytes)`,
    );
  }

  #write(offset: number, payload: Uint8Array): void {
    const size = this.#blockSize;
    for (let done = 0; done < payload.length; ) {
      const start = Math.floor((offset + done) / size) * size;
      const skip = offset + done - start;
      const part = payload.subarray(done, done + size - skip);
      const block = this.#blockAt(start, size);
      block.bytes.set(part, skip);
      block.mask.fill(1, skip, skip + part.length);
      block.session = this.#session;
      block.wasBorrowed ||= this.#isPinned(start / size);
      done += part.length;
    }
  }

  #blockAt(offset: number, size: number): PendingBlock {
    const known = this.#blocks.get(offset);
    if (known !== undefined) return known;
    const masks = { bytes: new Uint8Array(size), mask: new Uint8Array(size) };
    const block = { ...masks, session: this.#session, wasBorrowed: false };
    this.#blocks.set(offset, block);
    return block;
  }

  /** Blocks are of another size from here on: what is pending goes on counting, in those. */
  #reshape(blockSize: number): void {
    if (blockSize === this.#blockSize) return;
    const writes = this.recovery().writes;
    const sessions = [...this.#blocks.values()].map((block) => block.session);
    this.#blocks.clear();
    this.#blockSize = blockSize;
    for (const { offset, bytes } of writes) this.#write(offset, bytes);
    const oldest = Math.min(...sessions);
    for (const block of this.#blocks.values()) block.session = oldest;
  }

  /** Lets go of the blocks that the core no longer keeps, if this opening has written them. */
  #forgetDurable(): void {
    if (this.#state === null) return;
    const { slots } = this.#state;
    for (const [offset, block] of this.#blocks) {
      if (block.session !== this.#session) continue;
      const slot = slots.find(offset / this.#blockSize);
      if (slot !== -1 && slots.chains.chainOf(slot) !== -1) continue;
      this.#blocks.delete(offset);
      this.#prove(this.#state, offset, block);
    }
  }

  /** A clear that timed out may land on it later; what a borrower changed is not in any payload. */
  #prove(state: CacheState, offset: number, { bytes, mask, wasBorrowed }: PendingBlock): void {
    if (!wasBorrowed && !state.isLocked(offset / this.#blockSize, 1)) this.#sample.add({ offset, bytes, mask });
  }

  #borrowed(block: number): void {
    const offset = block * this.#blockSize;
    const pending = this.#blocks.get(offset);
    if (pending !== undefined) pending.wasBorrowed = true;
    this.#sample.forget(offset, this.#blockSize);
  }

  #isPinned(block: number): boolean {
    const slots = this.#state?.slots;
    const slot = slots?.find(block) ?? -1;
    return slots !== undefined && slot !== -1 && slots.pins[slot] > 0;
  }

  #forget(offset: number, length: number): void {
    for (const start of this.#blocks.keys()) if (start >= offset && start < offset + length) this.#blocks.delete(start);
  }
}

function stretchesOf(offset: number, block: PendingBlock | undefined): RecoveredBytes[] {
  if (block === undefined) return [];
  const stretches: RecoveredBytes[] = [];
  for (let at = block.mask.indexOf(1); at !== -1; ) {
    const end = block.mask.indexOf(0, at);
    const stop = end === -1 ? block.mask.length : end;
    stretches.push({ offset: offset + at, bytes: block.bytes.subarray(at, stop) });
    at = end === -1 ? -1 : block.mask.indexOf(1, end);
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
