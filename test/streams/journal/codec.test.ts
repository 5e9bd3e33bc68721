import { expect } from 'chai';
import fc from 'fast-check';
import type { CacheEvent, Read } from '../../../src/cache/events.js';
import { MalformedError } from '../../../src/streams/journal/codec/byte-source.js';
import { EventDecoder } from '../../../src/streams/journal/codec/decoder.js';
import { EventEncoder } from '../../../src/streams/journal/codec/encoder.js';
import { number, trace } from '../../../src/streams/journal/codec/kinds.js';
import { byCode, LAYOUTS } from '../../../src/streams/journal/codec/layouts.js';
import { SCHEMAS } from '../../../src/streams/journal/codec/schemas.js';
import { eventOf, events } from './support/arbitrary.js';

function encoded(list: readonly CacheEvent[], bufferBytes = 64): Uint8Array {
  const encoder = new EventEncoder(bufferBytes, 0);
  for (const event of list) encoder.add(event, null, null);
  return encoder.sink.bytes.slice(0, encoder.sink.at);
}

function decoded(bytes: Uint8Array, firstSeq: number, count: number, decoder = new EventDecoder()): CacheEvent[] {
  decoder.begin(bytes, 0, bytes.length, firstSeq, count);
  const list: CacheEvent[] = [];
  for (let event = decoder.next(); event !== null; event = decoder.next()) list.push(event);
  return list;
}

function read(seq: number, block: number): Read {
  return { type: 'read', seq, at: 5, cause: 0, op: seq, actor: '', trace: null, block, count: 1 };
}

describe('the codec', () => {
  it('gives back every event exactly, whatever is in it and in whatever order', () => {
    fc.assert(
      fc.property(events, (list) => {
        expect(decoded(encoded(list), list[0].seq, list.length)).to.deep.equal(list);
      }),
      { numRuns: 300, examples: [[[read(1, -5e-324), read(2, 1), read(3, 5e-324)]]] },
    );
  });

  for (const type of LAYOUTS.keys()) {
    it(`gives back each ${type}`, () => {
      fc.assert(
        fc.property(fc.array(eventOf(type), { minLength: 1, maxLength: 8 }), (list) => {
          const numbered = list.map((event, index) => ({ ...event, seq: index + 1 }));
          expect(decoded(encoded(numbered), 1, list.length)).to.deep.equal(numbered);
        }),
        { numRuns: 25 },
      );
    });
  }

  it('stores the hot events exactly as the table says', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(eventOf('read'), eventOf('written')), { minLength: 1, maxLength: 20 }), (list) => {
        const byTable = new EventEncoder(1 << 20, 0);
        for (const event of list) byTable.addByTable(event, null, null);
        expect(encoded(list, 1 << 20)).to.deep.equal(byTable.sink.bytes.slice(0, byTable.sink.at));
      }),
      { numRuns: 200, examples: [[[read(1, -5e-324), read(2, 1), read(3, 5e-324)]]] },
    );
  });

  it('stores a cached read in at most 10 bytes', () => {
    const far = [2 ** 53 - 1, 0, 2 ** 40, 7].map((block, index) => read(index + 1, block));
    const near = Array.from({ length: 1000 }, (_, index) => read(index + 5, (index * 7919) % 65_536));
    expect(encoded(near).length / near.length).to.be.below(6);
    expect(encoded([...far]).length / far.length).to.be.at.most(12);
  });

  it('carries what a write brought, and its digests', () => {
    fc.assert(
      fc.property(
        eventOf('written'),
        fc.option(fc.uint8Array({ maxLength: 5000 })),
        fc.option(fc.uint8Array({ maxLength: 64 })),
        (event, payload, digests) => {
          const encoder = new EventEncoder(64, 0);
          encoder.add({ ...event, seq: 1 }, payload, digests);
          encoder.add(read(2, 1), null, null);
          const decoder = new EventDecoder();
          decoder.begin(encoder.sink.bytes, 0, encoder.sink.at, 1, 2);
          expect(decoder.next()).to.deep.equal({ ...event, seq: 1 });
          expect(decoder.payload).to.deep.equal(payload);
          expect(decoder.digests).to.deep.equal(digests);
          expect(decoder.next()).to.deep.equal(read(2, 1));
          expect(decoder.payload).to.equal(null);
        },
      ),
    );
  });

  it('throws nothing but MalformedError on bytes that are no events', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(50), (bytes, count) => {
        try {
          decoded(bytes, 1, count);
        } catch (error) {
          expect(error).to.be.instanceOf(MalformedError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe('the table of fields', () => {
  it('gives each type a code of its own', () => {
    const codes = Object.values(SCHEMAS).map(({ code }) => code);
    expect(new Set(codes).size).to.equal(codes.length);
  });

  it('reads what an older version stored through its upcaster', () => {
    const { cause, at, op, actor } = SCHEMAS.read.fields;
    const old = {
      code: 99,
      type: 'read' as const,
      // As if reads had once been of single blocks.
      fields: { at, cause, op, actor, trace, block: number('block', 1) },
      since: { count: 1 },
    };
    const layouts = byCode([...LAYOUTS.values()], [old]);
    // Code 99, one bit for `block`, 41 blocks further than predicted.
    const bytes = Uint8Array.of(99, 32, 82);
    const [event] = decoded(bytes, 7, 1, new EventDecoder(layouts));
    expect(event).to.deep.equal({ ...read(7, 42), at: 0, op: 1 });
  });
});
