/** Any event at all, made from the table of fields: whatever the core would never state is in it too. */
import fc from 'fast-check';
import type { CacheEvent, EventType } from '../../../../src/cache/events.js';
import { DEFAULT_LIMITS } from '../../../../src/cache/limits.js';
import { type Field, LAYOUTS } from '../../../../src/streams/journal/codec/layouts.js';

const number = fc.oneof(
  { weight: 6, arbitrary: fc.nat(100) },
  { weight: 4, arbitrary: fc.maxSafeNat() },
  { weight: 1, arbitrary: fc.constantFrom(Number.MAX_SAFE_INTEGER, 2 ** 52, 2 ** 52 - 1, 2 ** 31, 2 ** 32, 127, 128) },
  { weight: 1, arbitrary: fc.maxSafeInteger() },
  { weight: 1, arbitrary: fc.double({ noNaN: false }).map((value) => value + 0) },
);
const text = fc.oneof(
  fc.constantFrom('', 'backup', 'fsck', 'EIO'),
  fc.string({ unit: 'binary' }),
  fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 8 }).map((units) => String.fromCharCode(...units)),
);
const hex = (bytes: number) =>
  fc.uint8Array({ minLength: bytes, maxLength: bytes }).map((value) => Buffer.from(value).toString('hex'));
const trace = fc.oneof(
  { weight: 4, arbitrary: fc.constant(null) },
  {
    weight: 4,
    arbitrary: fc.record({
      traceId: fc.oneof(fc.constant('4bf92f3577b34da6a3ce929d0e0e4736'), hex(16)),
      spanId: fc.oneof(fc.constant('00f067aa0ba902b7'), hex(8)),
      flags: fc.integer({ min: 0, max: 255 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ traceId: text, spanId: text, flags: number }) },
);
const config = fc.record({
  deviceBytes: fc.maxSafeNat(),
  blockSize: fc.constantFrom(512, 4096),
  capacity: fc.nat(),
  policy: fc.constantFrom('lru', 'priority'),
  mode: fc.constantFrom('writeback', 'readonly'),
  seed: fc.integer(),
  limits: fc.constant(DEFAULT_LIMITS),
});

function valueFor(field: Field): fc.Arbitrary<unknown> {
  switch (field.kind.kind) {
    case 'number':
    case 'cause':
      return number;
    case 'flag':
      return fc.boolean();
    case 'text':
      return text;
    case 'word':
      return fc.constantFrom(...field.words);
    case 'trace':
      return trace;
    case 'numbers':
      return fc.array(number, { maxLength: 200 });
    case 'texts':
      return fc.array(text, { maxLength: 20 });
    case 'config':
      return config;
  }
}

/** An event of one type, with seq 0. */
export function eventOf(type: EventType): fc.Arbitrary<CacheEvent> {
  const fields = LAYOUTS.get(type)?.fields ?? [];
  const record = fc.record(Object.fromEntries(fields.map((field) => [field.name, valueFor(field)])));
  return record.map((values) => ({ type, seq: 0, ...values }) as unknown as CacheEvent);
}

/** A list of events of all types, numbered from `firstSeq`. */
export const events: fc.Arbitrary<readonly CacheEvent[]> = fc
  .tuple(
    fc.oneof(fc.constant(1), fc.nat(), fc.constant(2 ** 53 - 100)),
    fc.array(fc.oneof(...[...LAYOUTS.keys()].map(eventOf)), { minLength: 1, maxLength: 40 }),
  )
  .map(([firstSeq, list]) => list.map((event, index) => ({ ...event, seq: firstSeq + index })));
