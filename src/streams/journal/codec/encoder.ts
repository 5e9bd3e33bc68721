/**
 * Events to bytes: the body of a frame. Hot: a cached read and a rewrite of a cached block have paths of their own, which
 * give the same bytes as the table (a test compares them). Guarded by the `journal.append` benchmark.
 */
import type { CacheEvent, Read, TraceRef, Written } from '../../../cache/events.js';
import { assert } from '../../../device/errors.js';
import { ByteSink, hexInto, ROOM, SMALL } from './byte-sink.js';
import {
  ACTOR,
  AT,
  BLOCK,
  COUNT,
  type Field,
  GENERATION,
  LAYOUTS,
  type Layout,
  LENGTH,
  OFFSET,
  OP,
} from './layouts.js';
import { Registers } from './registers.js';
import { SCHEMAS } from './schemas.js';

export const TRACE_NONE = 0;
export const TRACE_WHOLE = 1;
export const TRACE_SAME_ID = 2;
export const TRACE_TEXT = 3;

const READ = SCHEMAS.read.code;
const WRITTEN = SCHEMAS.written.code;
export const WRITTEN_FIELDS = Object.keys(SCHEMAS.written.fields).length;
/** The bits of a `written` record behind those of its fields. */
export const PAYLOAD_BIT = 1 << WRITTEN_FIELDS;
export const DIGESTS_BIT = 2 << WRITTEN_FIELDS;
/** Text numbers: 0 announces a new one, 1 is ''. */
const TEXT_NEW = 0;
const TEXT_EMPTY = 1;

export class EventEncoder {
  readonly sink: ByteSink;
  /** Events since `begin`. */
  count = 0;
  minAt = 0;
  maxAt = 0;
  readonly #registers = new Registers();
  readonly #texts = new Map<string, number>();
  readonly #start: number;

  /** Leaves `start` bytes free before the first event. */
  constructor(bytes: number, start: number) {
    this.sink = new ByteSink(start + bytes + ROOM);
    this.#start = start;
    this.begin();
  }

  /** Starts a new frame: forgets everything. */
  begin(): void {
    this.#registers.reset();
    this.#texts.clear();
    this.sink.at = this.#start;
    this.count = 0;
  }

  /** Bytes of the events since `begin`. */
  get length(): number {
    return this.sink.at - this.#start;
  }

  /** `payload` and `digests` go with a `written`. */
  add(event: CacheEvent, payload: Uint8Array | null, digests: Uint8Array | null): void {
    if (event.type === 'read') return this.addRead(event);
    this.sink.reserve(ROOM);
    if (this.count++ === 0) this.#firstAt(event.at);
    if (event.type === 'written' && payload === null && digests === null) this.#written(event);
    else this.addByTable(event, payload, digests);
    this.#noteAt(event.at);
    this.sink.reserve(ROOM);
  }

  /** Hot: what is looked at here is only ever a read, so that the engine knows where its fields are. */
  addRead(event: Read): void {
    const { sink } = this;
    const registers = this.#registers;
    const { numbers } = registers;
    const { block } = event;
    if (
      event.at !== numbers[AT] ||
      event.op !== numbers[OP] + 1 ||
      event.cause !== 0 ||
      event.count !== numbers[COUNT] ||
      event.actor !== registers.texts[ACTOR] ||
      event.trace !== registers.trace ||
      this.count === 0
    ) {
      return this.#unusualRead(event);
    }
    this.count++;
    numbers[OP] = event.op;
    const predicted = numbers[BLOCK] + 1;
    const delta = block - predicted;
    numbers[BLOCK] = block;
    const { bytes } = sink;
    let at = sink.at;
    bytes[at++] = READ;
    if (block === predicted) {
      bytes[at++] = 0;
    } else if (delta < SMALL && delta >= -SMALL && (delta | 0) === delta && predicted + delta === block) {
      bytes[at++] = 32;
      let rest = (delta << 1) ^ (delta >> 31);
      while (rest > 0x7f) {
        bytes[at++] = rest | 0x80;
        rest >>>= 7;
      }
      bytes[at++] = rest;
    } else {
      bytes[at++] = 32;
      sink.at = at;
      sink.number(block, predicted);
      at = sink.at;
    }
    sink.at = at;
    if (at + ROOM > bytes.length) sink.reserve(ROOM);
  }

  #unusualRead(event: Read): void {
    const { sink } = this;
    const { numbers } = this.#registers;
    sink.reserve(ROOM);
    const { at } = event;
    if (this.count++ === 0) this.#firstAt(at);
    const bitsAt = sink.at + 1;
    sink.bytes[sink.at] = READ;
    sink.at += 2;
    this.#noteAt(at);
    let bits = this.#request(event);
    const { block, count } = event;
    if (block !== numbers[BLOCK] + 1) {
      bits |= 32;
      sink.number(block, numbers[BLOCK] + 1);
    }
    if (count !== numbers[COUNT]) {
      bits |= 64;
      sink.number(count, numbers[COUNT]);
      numbers[COUNT] = count;
    }
    numbers[BLOCK] = block;
    // A text may have moved the buffer.
    sink.bytes[bitsAt] = bits;
    sink.reserve(ROOM);
  }

  #firstAt(at: number): void {
    this.minAt = at;
    this.maxAt = at;
  }

  #noteAt(at: number): void {
    if (at > this.maxAt) this.maxAt = at;
    else if (at < this.minAt) this.minAt = at;
  }

  /** The same for every type, driven by the table. Does not count. */
  addByTable(event: CacheEvent, payload: Uint8Array | null, digests: Uint8Array | null): void {
    const layout = LAYOUTS.get(event.type);
    assert(layout !== undefined, 'the type of the event is in the table');
    // The bits come before the fields, and are known after them.
    const bits = this.#bitsOf(layout, event, payload, digests);
    this.sink.varint(layout.code);
    this.sink.varint(bits);
    // The fields are those of this very type, which TypeScript cannot follow through the table.
    const values = event as unknown as Readonly<Record<string, unknown>>;
    for (let index = 0; index < layout.fields.length; index++) {
      const field = layout.fields[index];
      if ((bits & (1 << index)) !== 0) this.#put(field, values[field.name], event.seq);
      else this.#skip(field, values[field.name]);
    }
    if (layout.code === WRITTEN) this.#registers.noteStride();
    this.#beside(payload, digests);
  }

  #written(event: Written): void {
    const { sink } = this;
    const registers = this.#registers;
    const { numbers } = registers;
    const start = sink.at;
    sink.bytes[start] = WRITTEN;
    sink.at += 2;
    let bits = this.#request(event);
    if (event.block !== numbers[BLOCK] + 1) {
      bits |= 32;
      sink.number(event.block, numbers[BLOCK] + 1);
    }
    numbers[BLOCK] = event.block;
    if (event.count !== numbers[COUNT]) {
      bits |= 64;
      sink.number(event.count, numbers[COUNT]);
      numbers[COUNT] = event.count;
    }
    const offset = registers.predictOffset();
    if (event.offset !== offset) {
      bits |= 128;
      sink.number(event.offset, offset);
    }
    numbers[OFFSET] = event.offset;
    if (event.length !== numbers[LENGTH]) {
      bits |= 256;
      sink.number(event.length, numbers[LENGTH]);
      numbers[LENGTH] = event.length;
    }
    if (event.generation !== numbers[GENERATION] + 1) {
      bits |= 512;
      sink.number(event.generation, numbers[GENERATION] + 1);
    }
    numbers[GENERATION] = event.generation;
    if (event.through) bits |= 1024;
    if (event.borrowed) bits |= 2048;
    registers.noteStride();
    this.#setBits(start + 1, bits);
  }

  /** One byte was left for the bits; if they need two, what follows moves up. */
  #setBits(at: number, bits: number): void {
    const { sink } = this;
    if (bits >= 128) {
      sink.bytes.copyWithin(at + 2, at + 1, sink.at);
      sink.at++;
      sink.bytes[at + 1] = bits >>> 7;
      sink.bytes[at] = (bits & 127) | 128;
    } else sink.bytes[at] = bits;
  }

  /** The five fields that every request begins with. */
  #request(event: Read | Written): number {
    const { sink } = this;
    const registers = this.#registers;
    const { numbers } = registers;
    let bits = 0;
    if (event.at !== numbers[AT]) {
      bits |= 1;
      sink.number(event.at, numbers[AT]);
      numbers[AT] = event.at;
    }
    if (event.cause !== 0) {
      bits |= 2;
      sink.number(event.cause, event.seq - 1);
    }
    if (event.op !== numbers[OP] + 1) {
      bits |= 4;
      sink.number(event.op, numbers[OP] + 1);
    }
    numbers[OP] = event.op;
    if (event.actor !== registers.texts[ACTOR]) {
      bits |= 8;
      this.#text(event.actor);
      registers.texts[ACTOR] = event.actor;
    }
    if (event.trace !== registers.trace && !isSameTrace(event.trace, registers.trace)) {
      bits |= 16;
      this.#trace(event.trace);
    }
    return bits;
  }

  #bitsOf(layout: Layout, event: CacheEvent, payload: Uint8Array | null, digests: Uint8Array | null): number {
    const values = event as unknown as Readonly<Record<string, unknown>>;
    this.#ahead.numbers.set(this.#registers.numbers);
    let bits = 0;
    for (let index = 0; index < layout.fields.length; index++) {
      const field = layout.fields[index];
      if (!this.#isPredicted(field, values[field.name])) bits |= 1 << index;
    }
    if (payload !== null || digests !== null) assert(layout.code === WRITTEN, 'only a write has bytes beside it');
    if (payload !== null) bits |= PAYLOAD_BIT;
    if (digests !== null) bits |= DIGESTS_BIT;
    return bits;
  }

  /** The numbers as they become field by field while the bits are found. */
  readonly #ahead = new Registers();

  #isPredicted(field: Field, value: unknown): boolean {
    const { kind, register } = field;
    switch (kind.kind) {
      case 'number': {
        const ahead = this.#ahead;
        ahead.stride = this.#registers.stride;
        const came = ahead.predict(kind, register) === value;
        ahead.numbers[register] = value as number;
        return came;
      }
      case 'cause':
        return value === 0;
      case 'flag':
        return value === false;
      case 'text':
        return this.#registers.texts[register] === value;
      case 'word':
        return field.words[this.#registers.words[register]] === value;
      case 'trace':
        return isSameTrace(value as TraceRef | null, this.#registers.trace);
      case 'numbers':
      case 'texts':
        return (value as readonly unknown[]).length === 0;
      case 'config':
        return false;
    }
  }

  /** Stores a value that was not predicted. The casts are those of the table: a field's kind is its value's. */
  #put(field: Field, value: unknown, seq: number): void {
    const { kind, register } = field;
    const registers = this.#registers;
    switch (kind.kind) {
      case 'number':
        this.sink.number(value as number, registers.predict(kind, register));
        registers.numbers[register] = value as number;
        return;
      case 'cause':
        return this.sink.number(value as number, seq - 1);
      case 'flag':
        return;
      case 'text':
        this.#text(value as string);
        registers.texts[register] = value as string;
        return;
      case 'word':
        registers.words[register] = field.words.indexOf(value as string);
        return this.sink.varint(registers.words[register]);
      case 'trace':
        return this.#trace(value as TraceRef | null);
      case 'numbers':
        return this.#numbers(value as readonly number[]);
      case 'texts': {
        const list = value as readonly string[];
        this.sink.varint(list.length);
        for (const text of list) this.#text(text);
        return;
      }
      case 'config':
        return this.sink.newText(JSON.stringify(value));
    }
  }

  /** What was predicted still moves its register, where that is predicted to move. */
  #skip(field: Field, value: unknown): void {
    if (field.kind.kind === 'number') this.#registers.numbers[field.register] = value as number;
  }

  #text(text: string): void {
    const { sink } = this;
    sink.reserve(ROOM);
    if (text === '') return sink.varint(TEXT_EMPTY);
    const known = this.#texts.get(text);
    if (known !== undefined) return sink.varint(known);
    this.#texts.set(text, this.#texts.size + TEXT_EMPTY + 1);
    sink.varint(TEXT_NEW);
    sink.newText(text);
    sink.reserve(ROOM);
  }

  #trace(trace: TraceRef | null): void {
    const { sink } = this;
    const registers = this.#registers;
    registers.trace = trace;
    if (trace === null) return sink.varint(TRACE_NONE);
    const { traceId, spanId, flags } = trace;
    const kindAt = sink.at++;
    const isByte = flags >= 0 && flags <= 255 && Math.floor(flags) === flags;
    if (isByte && traceId === registers.traceId && hexInto(spanId, sink.bytes, sink.at, 8)) {
      sink.bytes[kindAt] = TRACE_SAME_ID;
      sink.at += 8;
      sink.bytes[sink.at++] = flags;
      return;
    }
    if (isByte && hexInto(traceId, sink.bytes, sink.at, 16) && hexInto(spanId, sink.bytes, sink.at + 16, 8)) {
      sink.bytes[kindAt] = TRACE_WHOLE;
      sink.at += 24;
      sink.bytes[sink.at++] = flags;
      registers.traceId = traceId;
      return;
    }
    sink.bytes[kindAt] = TRACE_TEXT;
    this.#text(traceId);
    this.#text(spanId);
    sink.number(flags, 0);
    registers.traceId = '';
  }

  #numbers(list: readonly number[]): void {
    const { sink } = this;
    sink.reserve(list.length * 10 + ROOM);
    sink.varint(list.length);
    let before = 0;
    for (const number of list) {
      sink.number(number, before);
      before = number;
    }
  }

  /** What stands beside a `written`: its bytes, and the digests of its blocks. */
  #beside(payload: Uint8Array | null, digests: Uint8Array | null): void {
    for (const bytes of [payload, digests]) {
      if (bytes === null) continue;
      this.sink.reserve(bytes.length + ROOM);
      this.sink.varint(bytes.length);
      this.sink.copy(bytes);
    }
  }
}

function isSameTrace(a: TraceRef | null, b: TraceRef | null): boolean {
  if (a === b) return true;
  return a !== null && b !== null && a.spanId === b.spanId && a.traceId === b.traceId && a.flags === b.flags;
}
