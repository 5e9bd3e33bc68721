/**
 * What events make happen outside the core: bytes are moved, the device is asked, callers are told. Runs with each event,
 * when the state has it and before the next one, so that the bytes are those of that moment.
 */
import { CLEAN } from '../cache/block-state.js';
import type { CacheEvent } from '../cache/events.js';
import { type CacheState, type Fill, overlaps } from '../cache/state.js';
import { BorrowedBlock, type Lender } from './borrowed-block.js';
import type { Callers, ReplaceCaller } from './callers.js';
import type { DeviceCommand } from './device-lane.js';
import type { Failures } from './failures.js';
import type { Staging } from './staging.js';

type EventOf<Type extends CacheEvent['type']> = Extract<CacheEvent, { type: Type }>;

export interface EffectsParts {
  readonly state: CacheState;
  readonly callers: Callers;
  readonly staging: Staging;
  readonly failures: Failures;
  readonly lender: Lender;
  readonly send: (command: DeviceCommand) => void;
  /** Tells the caller, once the journal has the event of this seq where it has to: a crash then takes nothing back. */
  readonly acknowledge: (seq: number, caller: { fail(error: unknown): void }, succeed: () => void) => void;
  /** From here on commands go to this device; the caller is told when it is in use. */
  readonly replaced: (caller: ReplaceCaller) => void;
  /** The cache is closed: lets go of the device, then of the caller. */
  readonly closed: (op: number) => void;
}

interface Given {
  readonly io: number;
  bytes: Uint8Array;
  readonly fill: Fill | null;
}

export class Effects {
  readonly #parts: EffectsParts;
  /** Bytes that the device has let go of and whose answers have not been decided on. Few: usually one. */
  readonly #given: Given[] = [];

  constructor(parts: EffectsParts) {
    this.#parts = parts;
  }

  /** The device let go of bytes: they are handed out while its answer is decided on. */
  accept(command: DeviceCommand, bytes: Uint8Array): void {
    this.#given.push({ io: command.io, bytes, fill: command.kind === 'read' ? command.fill : null });
  }

  /** The answer has been decided on. */
  release(io: number): void {
    const at = this.#given.findIndex((given) => given.io === io);
    if (at === -1) return;
    this.#parts.staging.give(this.#given[at].bytes);
    this.#given.splice(at, 1);
  }

  apply(event: CacheEvent): void {
    switch (event.type) {
      case 'read':
        return this.#readHit(event);
      case 'written':
        return this.#written(event);
      case 'readMissed':
      case 'readResumed':
        return this.#copyHits(event.op);
      case 'fillStarted':
        return this.#startFill(event);
      case 'fillFinished':
        return this.#handOut(event);
      case 'writebackStarted':
        return this.#startWriteback(event);
      case 'barrierStarted':
        return this.#parts.send({ kind: 'barrier', io: event.io });
      case 'clearStarted':
        return this.#startClear(event);
      case 'borrowed':
        return this.#lend(event);
      case 'blockSizeChanged':
        this.#parts.staging.setBlockBytes(event.to);
        return this.#durable(event);
      case 'deviceReplaced':
        return this.#replaced(event.op);
      case 'closed':
        return this.#parts.closed(event.op);
      default:
        return this.#tell(event);
    }
  }

  /** Tells a caller how its request ended, for events that do nothing else. */
  #tell(event: CacheEvent): void {
    const { callers, failures } = this.#parts;
    switch (event.type) {
      case 'readFinished':
        return this.#readDone(event.op);
      case 'readFailed':
        return callers.take(event.op)?.fail(failures.ofRead(event));
      case 'writeFinished':
        return this.#throughDone(event);
      case 'flushFinished':
        return this.#durable(event);
      case 'resolvedTold':
        return failures.noteResolved(event);
      case 'handleOpened':
      case 'handleClosed':
      case 'readaheadRequested':
      case 'optionSet':
        return this.#done(event.op);
      case 'resized':
        return event.reason === 'asked' && event.op !== 0 ? this.#done(event.op) : undefined;
      case 'writeFailed':
      case 'flushFailed':
      case 'closeFailed':
      case 'blockSizeFailed':
        return callers.take(event.op)?.fail(failures.ofSurvivors(event));
      case 'invalidated':
        return this.#invalidated(event.op, event.dropped);
      case 'dirtyDiscarded':
        return this.#noteDiscarded(event);
      case 'clearFinished':
        return this.#cleared(event);
      case 'clearFailed':
        return callers.take(event.op)?.fail(failures.ofClear(event));
      case 'requestRefused':
        return callers.take(event.op)?.fail(failures.ofRefusal(event));
      case 'requestAborted':
        return callers.take(event.op)?.fail(failures.ofAbort(event));
    }
  }

  #readHit(event: EventOf<'read'>): void {
    const { callers, state } = this.#parts;
    const caller = callers.take(event.op);
    if (caller?.kind !== 'read') return;
    for (let block = event.block; block < event.block + event.count; block++) {
      this.#copyOut(block, this.#frame(state.slots.find(block)), caller.into, caller.offset);
    }
    caller.succeed(caller.into);
  }

  #copyHits(op: number): void {
    const { callers, state } = this.#parts;
    const caller = callers.find(op);
    const read = state.reads.get(op);
    if (caller?.kind !== 'read' || read === undefined) return;
    for (let block = read.block; block < read.block + read.count; block++) {
      if (state.slots.statusOf(block) < CLEAN) continue;
      this.#copyOut(block, this.#frame(state.slots.find(block)), caller.into, caller.offset);
      caller.got(block);
    }
  }

  #startFill(event: EventOf<'fillStarted'>): void {
    const { state, send } = this.#parts;
    const { io, block, count } = event;
    const fill = state.ios.get(io);
    if (fill?.kind !== 'fill') throw new TypeError('a fill that has started is in flight');
    send({ kind: 'read', io, offset: block * state.blockSize, length: state.bytesOf(block, count), fill });
  }

  /** Gives what the device read to the frames that still wait for it, and to every reader that does. */
  #handOut(event: EventOf<'fillFinished'>): void {
    const { state } = this.#parts;
    const { slots, blockSize } = state;
    const given = this.#given.find(({ io }) => io === event.io);
    if (given === undefined || given.fill === null) return;
    const { fill, bytes } = given;
    for (let at = 0; at < fill.count; at++) {
      const block = fill.block + at;
      const part = fill.count === 1 ? bytes : bytes.subarray(at * blockSize, (at + 1) * blockSize);
      const slot = slots.find(block);
      for (const op of fill.waiters) this.#giveTo(op, block, part);
      if (fill.cached && slot !== -1 && slots.status[slot] === CLEAN && slots.fill[slot] === fill.io) {
        this.#keep(slot, part, given);
      }
    }
  }

  /** Puts what was read into a frame: by exchange where it fills one, since a copy costs more than all the rest. */
  #keep(slot: number, bytes: Uint8Array, given: Given): void {
    const { state } = this.#parts;
    if (state.frames === null) return;
    if (bytes === given.bytes && bytes.length === state.blockSize) {
      given.bytes = state.frames.exchange(slot, bytes);
    } else {
      state.frames.views[slot].set(bytes);
    }
  }

  /** Gives a reader a block that it asked for and has not got yet. */
  #giveTo(op: number, block: number, bytes: Uint8Array): void {
    const { state, callers } = this.#parts;
    const caller = callers.find(op);
    const read = state.reads.get(op);
    if (caller?.kind !== 'read' || read === undefined || !overlaps(read, block, 1) || caller.has(block)) return;
    this.#copyOut(block, bytes, caller.into, caller.offset);
    caller.got(block);
  }

  #readDone(op: number): void {
    const caller = this.#parts.callers.take(op);
    if (caller?.kind === 'read') caller.succeed(caller.into);
  }

  #written(event: EventOf<'written'>): void {
    const { callers, state } = this.#parts;
    const caller = callers.find(event.op);
    if (caller === undefined) return;
    if (caller.kind === 'write') this.#copyIn(event, caller.data);
    if (event.count > 1 && state.reads.size > 0) this.#showReaders(event);
    if (!event.through && (caller.kind === 'write' || caller.kind === 'plain')) {
      callers.take(event.op);
      this.#parts.acknowledge(event.seq, caller, () => caller.succeed());
    }
  }

  /** Reads under way get all of a write, or they could end with a part of it: of blocks that the device reads only now. */
  #showReaders(event: EventOf<'written'>): void {
    const { callers, state } = this.#parts;
    for (const read of state.reads.values()) {
      const caller = callers.find(read.op);
      if (caller?.kind !== 'read' || !overlaps(event, read.block, read.count)) continue;
      const end = Math.min(event.block + event.count, read.block + read.count);
      for (let block = Math.max(event.block, read.block); block < end; block++) {
        this.#copyOut(block, this.#frame(state.slots.find(block)), caller.into, caller.offset);
        caller.got(block);
      }
    }
  }

  /** The bytes that a write is about to put into the cache, or that a borrower has put there. */
  payloadOf(event: EventOf<'written'>): Uint8Array | undefined {
    const { callers, state } = this.#parts;
    const caller = callers.find(event.op);
    if (caller?.kind === 'write') return caller.data;
    return this.#frame(state.slots.find(event.block)).subarray(0, event.length);
  }

  #copyIn(event: EventOf<'written'>, data: Uint8Array): void {
    const { slots, blockSize } = this.#parts.state;
    if (event.count === 1) {
      const frame = this.#frame(slots.find(event.block));
      frame.set(data, event.offset - event.block * blockSize);
      return;
    }
    let taken = 0;
    for (let block = event.block; block < event.block + event.count; block++) {
      const skip = Math.max(0, event.offset - block * blockSize);
      const part = data.subarray(taken, taken + blockSize - skip);
      this.#frame(slots.find(block)).set(part, skip);
      taken += part.length;
    }
  }

  #startWriteback(event: EventOf<'writebackStarted'>): void {
    const { state, staging, send } = this.#parts;
    const length = state.bytesOf(event.block, event.count);
    const bytes = staging.take(length);
    for (let at = 0; at < event.count; at++) {
      const frame = this.#frame(state.slots.find(event.block + at));
      const from = at * state.blockSize;
      bytes.set(length - from < frame.length ? frame.subarray(0, length - from) : frame, from);
    }
    send({ kind: 'write', io: event.io, offset: event.block * state.blockSize, bytes });
  }

  #startClear(event: EventOf<'clearStarted'>): void {
    const { state, send } = this.#parts;
    if (event.kind === 'drop') return;
    const offset = event.block * state.blockSize;
    send({ kind: event.kind, io: event.io, offset, length: state.bytesOf(event.block, event.count) });
  }

  #lend(event: EventOf<'borrowed'>): void {
    const { callers, state, lender } = this.#parts;
    const caller = callers.take(event.op);
    if (caller?.kind !== 'borrow') return;
    const frame = this.#frame(state.slots.find(event.block));
    const bytes = frame.subarray(0, state.bytesOf(event.block, 1));
    caller.succeed(new BorrowedBlock(lender, event.op, event.block, bytes));
  }

  /** The device has it, but no barrier yet: a durable journal has to have it too. */
  #throughDone(event: EventOf<'writeFinished'>): void {
    const caller = this.#parts.callers.take(event.op);
    if (caller?.kind === 'write' || caller?.kind === 'plain') {
      this.#parts.acknowledge(event.seq, caller, () => caller.succeed());
    }
  }

  /**
   * Durable on the device: a durable journal has to know, or a recovery would put older bytes on top. One that has failed takes
   * no more writes, and holds all that were acknowledged.
   */
  #durable(event: EventOf<'flushFinished' | 'blockSizeChanged'>): void {
    const caller = this.#parts.callers.take(event.op);
    if (caller?.kind !== 'plain') return;
    const succeed = () => caller.succeed();
    this.#parts.acknowledge(event.seq, { fail: succeed }, succeed);
  }

  #done(op: number): void {
    const caller = this.#parts.callers.take(op);
    if (caller?.kind === 'plain' || caller?.kind === 'write') caller.succeed();
  }

  #noteDiscarded(event: EventOf<'dirtyDiscarded'>): void {
    const caller = this.#parts.callers.find(event.op);
    if (caller?.kind === 'invalidate') caller.discarded = event.blocks;
  }

  #replaced(op: number): void {
    const caller = this.#parts.callers.take(op);
    if (caller?.kind === 'replace') this.#parts.replaced(caller);
  }

  /** Clean copies only: nothing that a crash could bring back. */
  #invalidated(op: number, dropped: number): void {
    const caller = this.#parts.callers.take(op);
    if (caller?.kind === 'invalidate') caller.succeed({ dropped, discarded: caller.discarded });
  }

  /** The journal must have it: a recovery would bring back what was there before. */
  #cleared(event: EventOf<'clearFinished'>): void {
    const { callers, acknowledge } = this.#parts;
    const caller = callers.take(event.op);
    if (caller?.kind === 'plain') acknowledge(event.seq, caller, () => caller.succeed());
    if (caller?.kind !== 'invalidate') return;
    const { discarded } = caller;
    const dropped = event.dropped + discarded.length;
    acknowledge(event.seq, caller, () => caller.succeed({ dropped, discarded }));
  }

  /** Copies what a block and a wanted range have in common. */
  #copyOut(block: number, bytes: Uint8Array, into: Uint8Array, offset: number): void {
    const { blockSize } = this.#parts.state;
    const start = block * blockSize - offset;
    const from = Math.max(0, -start);
    const length = Math.min(blockSize - from, into.length - start - from);
    if (length <= 0 || from >= blockSize) return;
    into.set(from === 0 && length === bytes.length ? bytes : bytes.subarray(from, from + length), start + from);
  }

  #frame(slot: number): Uint8Array {
    const { frames } = this.#parts.state;
    if (frames === null) throw new TypeError('a live cache has frames');
    return frames.views[slot];
  }
}
