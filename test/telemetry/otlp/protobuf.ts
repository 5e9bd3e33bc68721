/** Reads OTLP's protocol buffers into the objects that its JSON has, by a table of the fields; whatever is not in the table throws. */

type Kind =
  | 'string'
  | 'bytes'
  | 'hex'
  | 'bool'
  | 'enum'
  | 'uint32'
  | 'int64'
  | 'fixed64'
  | 'fixed32'
  | 'double'
  | Message;
interface Field {
  readonly name: string;
  readonly kind: Kind;
  readonly repeated?: true;
}
type Message = () => Readonly<Record<number, Field>>;

const field = (name: string, kind: Kind): Field => ({ name, kind });
const list = (name: string, kind: Kind): Field => ({ name, kind, repeated: true });

/** From opentelemetry-proto 1.x, `common.proto`, `resource.proto` and `trace.proto`. */
const ARRAY: Message = () => ({ 1: list('values', ANY) });
const KEY_VALUES: Message = () => ({ 1: list('values', KEY_VALUE) });
const ANY: Message = () => ({
  1: field('stringValue', 'string'),
  2: field('boolValue', 'bool'),
  3: field('intValue', 'int64'),
  4: field('doubleValue', 'double'),
  5: field('arrayValue', ARRAY),
  6: field('kvlistValue', KEY_VALUES),
  7: field('bytesValue', 'bytes'),
});
const KEY_VALUE: Message = () => ({ 1: field('key', 'string'), 2: field('value', ANY) });
const LINK: Message = () => ({
  1: field('traceId', 'hex'),
  2: field('spanId', 'hex'),
  3: field('traceState', 'string'),
  4: list('attributes', KEY_VALUE),
  5: field('droppedAttributesCount', 'uint32'),
  6: field('flags', 'fixed32'),
});
const STATUS: Message = () => ({ 2: field('message', 'string'), 3: field('code', 'enum') });
const SPAN: Message = () => ({
  1: field('traceId', 'hex'),
  2: field('spanId', 'hex'),
  3: field('traceState', 'string'),
  4: field('parentSpanId', 'hex'),
  5: field('name', 'string'),
  6: field('kind', 'enum'),
  7: field('startTimeUnixNano', 'fixed64'),
  8: field('endTimeUnixNano', 'fixed64'),
  9: list('attributes', KEY_VALUE),
  10: field('droppedAttributesCount', 'uint32'),
  12: field('droppedEventsCount', 'uint32'),
  13: list('links', LINK),
  14: field('droppedLinksCount', 'uint32'),
  15: field('status', STATUS),
  16: field('flags', 'fixed32'),
});
const SCOPE: Message = () => ({
  1: field('name', 'string'),
  2: field('version', 'string'),
  3: list('attributes', KEY_VALUE),
  4: field('droppedAttributesCount', 'uint32'),
});
const SCOPE_SPANS: Message = () => ({
  1: field('scope', SCOPE),
  2: list('spans', SPAN),
  3: field('schemaUrl', 'string'),
});
const RESOURCE: Message = () => ({ 1: list('attributes', KEY_VALUE), 2: field('droppedAttributesCount', 'uint32') });
const RESOURCE_SPANS: Message = () => ({
  1: field('resource', RESOURCE),
  2: list('scopeSpans', SCOPE_SPANS),
  3: field('schemaUrl', 'string'),
});
const REQUEST: Message = () => ({ 1: list('resourceSpans', RESOURCE_SPANS) });

const WIRE = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;
const WIRE_OF: Readonly<Record<string, number>> = {
  ...{ string: WIRE.bytes, bytes: WIRE.bytes, hex: WIRE.bytes, bool: WIRE.varint, enum: WIRE.varint },
  ...{ uint32: WIRE.varint, int64: WIRE.varint, fixed64: WIRE.fixed64, double: WIRE.fixed64, fixed32: WIRE.fixed32 },
};

export function decodeRequest(bytes: Uint8Array): unknown {
  return decode(Buffer.from(bytes), REQUEST);
}

function decode(bytes: Buffer, message: Message): Record<string, unknown> {
  const fields = message();
  const found: Record<string, unknown> = {};
  const reader = new Reader(bytes);
  while (!reader.isAtEnd) {
    const tag = Number(reader.varint());
    const known = fields[tag >>> 3];
    if (known === undefined) throw new Error(`a field ${tag >>> 3} that is not known`);
    const { name, kind, repeated } = known;
    const wire = typeof kind === 'string' ? WIRE_OF[kind] : WIRE.bytes;
    if ((tag & 7) !== wire) throw new Error(`${name} has wire type ${tag & 7}, not ${wire}`);
    const value = typeof kind === 'string' ? reader.value(kind) : decode(reader.bytes(), kind);
    const before = found[name];
    found[name] = repeated ? [...(Array.isArray(before) ? before : []), value] : value;
  }
  return found;
}

class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  varint(): bigint {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = this.#bytes.readUInt8(this.#at++);
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  }

  bytes(): Buffer {
    const length = Number(this.varint());
    const start = this.#at;
    this.#at += length;
    if (this.#at > this.#bytes.length) throw new Error('cut off');
    return this.#bytes.subarray(start, this.#at);
  }

  value(kind: Exclude<Kind, Message>): unknown {
    switch (kind) {
      case 'string':
        return new TextDecoder('utf-8', { fatal: true }).decode(this.bytes());
      case 'bytes':
        return this.bytes().toString('base64');
      case 'hex':
        return this.bytes().toString('hex');
      case 'bool':
        return this.varint() !== 0n;
      case 'enum':
      case 'uint32':
        return Number(this.varint());
      case 'int64':
        return String(BigInt.asIntN(64, this.varint()));
      case 'fixed32':
        this.#at += 4;
        return this.#bytes.readUInt32LE(this.#at - 4);
      case 'fixed64':
        this.#at += 8;
        return String(this.#bytes.readBigUInt64LE(this.#at - 8));
      case 'double':
        this.#at += 8;
        return this.#bytes.readDoubleLE(this.#at - 8);
    }
  }
}
