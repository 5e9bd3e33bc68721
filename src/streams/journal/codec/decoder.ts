/** Bytes to events: the body of a frame, record by record. The way back of `encoder.ts`. */
import type { CacheEvent, TraceRef } from '../../../cache/events.js';
import { ByteSource, MalformedError } from './byte-source.js';
import {
  DIGESTS_BIT,
  PAYLOAD_BIT,
  TRACE_NONE,
  TRACE_SAME_ID,
  TRACE_TEXT,
  TRACE_WHOLE,
  WRITTEN_FIELDS,
} from './encoder.js';
import {
  ACTOR,
  AT,
  BLOCK,
  COUNT,
  type Field,
  GENERATION,
  type Layout,
  LAYOUTS_BY_CODE,
  LENGTH,
  OFFSET,
  OP,
} from './layouts.js';
import { Registers } from './registers.js';
import { SCHEMAS } from './schemas.js';

const READ = SCHEMAS.read.code;
const WRITTEN = SCHEMAS.written.code;
/** Text number 1 is ''. */
const TEXTS_AT_START = [''];

type Stored = Record<string, unknown>;

export class EventDecoder {
  /** Of the last event, if it was a `written` that has them: views into the frame. */
  payload: Uint8Array | null = null;
  digests: Uint8Array | null = null;
  readonly #registers = new Registers();
  readonly #layouts: readonly (Layout | undefined)[];
  #source = new ByteSource(new Uint8Array(0), 0, 0);
  #texts: string[] = [...TEXTS_AT_START];
  #seq = 0;
  #left = 0;

  constructor(layouts: readonly (Layout | undefined)[] = LAYOUTS_BY_CODE) {
    this.#layouts = layouts;
  }

  /** Starts a frame of `count` events, the first of which has `firstSeq`. */
  begin(bytes: Uint8Array, start: number, end: number, firstSeq: number, count: number): void {
    this.#source = new ByteSource(bytes, start, end);
    this.#registers.reset();
    this.#texts = [...TEXTS_AT_START];
    this.#seq = firstSeq;
    this.#left = count;
  }

  /** The next event, or null at the end of the frame. Throws MalformedError. */
  next(): CacheEvent | null {
    const source = this.#source;
    if (this.#left === 0) {
      if (source.at !== source.end) throw new MalformedError('bytes follow the last event of a frame');
      return null;
    }
    this.#left--;
    this.payload = null;
    this.digests = null;
    const code = source.varint();
    const bits = source.varint();
    const seq = this.#seq++;
    if (code === READ) return this.#read(bits, seq);
    if (code === WRITTEN) return this.#written(bits, seq);
    const layout = this.#layouts[code];
    if (layout === undefined) throw new MalformedError(`there is no event with code ${code}`);
    return this.#byTable(layout, bits, seq);
  }

  #byTable(layout: Layout, bits: number, seq: number): CacheEvent {
    const { fields } = layout;
    if (bits >= 2 ** fields.length) throw new MalformedError(`a ${layout.type} has fields that are not known`);
    const event: Stored = { type: layout.type, seq };
    for (let index = 0; index < fields.length; index++) {
      const field = fields[index];
      event[field.name] = (bits & (1 << index)) !== 0 ? this.#take(field, seq) : this.#predicted(field);
    }
    if (layout.upcast !== null) return layout.upcast(event);
    // The parsing edge: the table has exactly the fields of this type, each with a kind that its value can have.
    return event as unknown as CacheEvent;
  }

  /** Hot: the same for the most frequent event, without the table. Guarded by `npm run bench:journal`, as is the next. */
  #read(bits: number, seq: number): CacheEvent {
    if (bits > 127) throw new MalformedError('a read has fields that are not known');
    const cause = this.#request(bits, seq);
    const registers = this.#registers;
    const { numbers, texts } = registers;
    return {
      type: 'read',
      seq,
      at: numbers[AT],
      cause,
      op: numbers[OP],
      actor: texts[ACTOR],
      trace: registers.trace,
      block: numbers[BLOCK],
      count: numbers[COUNT],
    };
  }

  #written(bits: number, seq: number): CacheEvent {
    if (bits >= 2 ** (WRITTEN_FIELDS + 2)) throw new MalformedError('a written has fields that are not known');
    const cause = this.#request(bits, seq);
    const source = this.#source;
    const registers = this.#registers;
    const { numbers, texts } = registers;
    const offset = registers.predictOffset();
    numbers[OFFSET] = (bits & 128) !== 0 ? source.number(offset) : offset;
    if ((bits & 256) !== 0) numbers[LENGTH] = source.number(numbers[LENGTH]);
    numbers[GENERATION] = (bits & 512) !== 0 ? source.number(numbers[GENERATION] + 1) : numbers[GENERATION] + 1;
    registers.noteStride();
    if ((bits & PAYLOAD_BIT) !== 0) this.payload = source.take(source.varint());
    if ((bits & DIGESTS_BIT) !== 0) this.digests = source.take(source.varint());
    return {
      type: 'written',
      seq,
      at: numbers[AT],
      cause,
      op: numbers[OP],
      actor: texts[ACTOR],
      trace: registers.trace,
      block: numbers[BLOCK],
      count: numbers[COUNT],
      offset: numbers[OFFSET],
      length: numbers[LENGTH],
      generation: numbers[GENERATION],
      through: (bits & 1024) !== 0,
      borrowed: (bits & 2048) !== 0,
    };
  }

  /** Hot: what a `read` and a `written` begin with. Returns the cause; the rest is in the registers. */
  #request(bits: number, seq: number): number {
    const source = this.#source;
    const registers = this.#registers;
    const { numbers } = registers;
    if ((bits & 1) !== 0) numbers[AT] = source.number(numbers[AT]);
    const cause = (bits & 2) !== 0 ? source.number(seq - 1) : 0;
    numbers[OP] = (bits & 4) !== 0 ? source.number(numbers[OP] + 1) : numbers[OP] + 1;
    if ((bits & 8) !== 0) registers.texts[ACTOR] = this.#text();
    if ((bits & 16) !== 0) registers.trace = this.#trace();
    numbers[BLOCK] = (bits & 32) !== 0 ? source.number(numbers[BLOCK] + 1) : numbers[BLOCK] + 1;
    if ((bits & 64) !== 0) numbers[COUNT] = source.number(numbers[COUNT]);
    return cause;
  }

  /** The value of a field for which nothing is stored. */
  #predicted(field: Field): unknown {
    const { kind, register } = field;
    const registers = this.#registers;
    switch (kind.kind) {
      case 'number': {
        const value = registers.predict(kind, register);
        registers.numbers[register] = value;
        return value;
      }
      case 'cause':
        return 0;
      case 'flag':
        return false;
      case 'text':
        return registers.texts[register];
      case 'word':
        return wordOf(field, registers.words[register]);
      case 'trace':
        return registers.trace;
      case 'numbers':
      case 'texts':
        return [];
      case 'config':
        throw new MalformedError('a configuration is missing');
    }
  }

  #take(field: Field, seq: number): unknown {
    const { kind, register } = field;
    const registers = this.#registers;
    const source = this.#source;
    switch (kind.kind) {
      case 'number': {
        const value = source.number(registers.predict(kind, register));
        registers.numbers[register] = value;
        return value;
      }
      case 'cause':
        return source.number(seq - 1);
      case 'flag':
        return true;
      case 'text':
        registers.texts[register] = this.#text();
        return registers.texts[register];
      case 'word': {
        const index = source.varint();
        const word = wordOf(field, index);
        registers.words[register] = index;
        return word;
      }
      case 'trace':
        registers.trace = this.#trace();
        return registers.trace;
      case 'numbers':
        return this.#numbers();
      case 'texts':
        return Array.from({ length: this.#length() }, () => this.#text());
      case 'config':
        return this.#config();
    }
  }

  #text(): string {
    const index = this.#source.varint();
    if (index === 0) {
      const text = this.#source.newText();
      this.#texts.push(text);
      return text;
    }
    if (index > this.#texts.length) throw new MalformedError(`there is no text ${index}`);
    return this.#texts[index - 1];
  }

  #trace(): TraceRef | null {
    const source = this.#source;
    const registers = this.#registers;
    const kind = source.byte();
    switch (kind) {
      case TRACE_NONE:
        return null;
      case TRACE_WHOLE:
        registers.traceId = source.hex(16);
        return { traceId: registers.traceId, spanId: source.hex(8), flags: source.byte() };
      case TRACE_SAME_ID:
        return { traceId: registers.traceId, spanId: source.hex(8), flags: source.byte() };
      case TRACE_TEXT:
        registers.traceId = '';
        return { traceId: this.#text(), spanId: this.#text(), flags: source.number(0) };
      default:
        throw new MalformedError(`there is no trace of kind ${kind}`);
    }
  }

  #numbers(): number[] {
    const length = this.#length();
    const list: number[] = [];
    let before = 0;
    for (let index = 0; index < length; index++) {
      before = this.#source.number(before);
      list.push(before);
    }
    return list;
  }

  /** Of a list, each entry of which takes a byte at least: so that a wrong one allocates nothing. */
  #length(): number {
    const length = this.#source.varint();
    this.#source.need(length);
    return length;
  }

  #config(): unknown {
    const text = this.#source.newText();
    try {
      return JSON.parse(text) as unknown;
    } catch {
      throw new MalformedError('a configuration is no JSON');
    }
  }
}

function wordOf(field: Field, index: number): string {
  if (index >= field.words.length) throw new MalformedError(`${field.name} has no word ${index}`);
  return field.words[index];
}
