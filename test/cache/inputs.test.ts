import { expect } from 'chai';
import type { CacheEvent } from '../../src/cache/events.js';
import { type Input, inputOf } from '../../src/cache/inputs.js';
import { InternalError } from '../../src/device/errors.js';
import { type Core, given, open, type Step } from '../support/core.js';
import {
  abort,
  borrow,
  cached,
  clear,
  close,
  done,
  fails,
  flush,
  grown,
  invalidate,
  markDirty,
  read,
  readahead,
  release,
  resize,
  setBlockSize,
  setOption,
  tick,
  timesOut,
  write,
  writeBytes,
  writeThrough,
} from '../support/steps.js';

const TRACE = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331', flags: 1 };

/** What comes before, and an input that makes an event. */
const INPUTS: readonly (readonly [string, readonly Step[], (core: Core) => Input])[] = [
  ['a read', [cached(3)], read(3)],
  ['a read that misses', [], read(3, 2)],
  ['a readahead', [], readahead(3, 2)],
  ['a write', [], write(3, 2)],
  ['a write of bytes', [], writeBytes(700, 3)],
  ['a write-through', [], writeThrough(3)],
  ['a flush', [], flush(3, 2)],
  ['an invalidation', [], invalidate(3, 2)],
  ['a discard', [], clear('discard', 3, 2)],
  ['a drop', [], clear('drop', 3, 2)],
  ['a borrow', [cached(3)], borrow(3)],
  ['a borrow that misses', [], borrow(3)],
  ['a change through a borrowed view', [cached(3), borrow(3)], markDirty(3)],
  ['a release', [cached(3), borrow(3)], release(3)],
  ['a resize', [], resize(4)],
  ['a change of block size', [], setBlockSize(1024)],
  ['an option', [], setOption('dirtyAgeNs', 5)],
  ['a close', [], close('why')],
  ['an abort', [read(3)], abort(3)],
  ['a tick', [write(3)], tick(5e9)],
  ['a fill', [read(3)], done('fill')],
  ['a fill that fails', [read(3)], fails('fill', 'EIO')],
  ['a fill that times out', [read(3)], timesOut('fill')],
  ['a device write', [write(3), flush()], done('writeback')],
  ['a device write that fails', [write(3), flush()], fails('writeback', 'ENOSPC')],
  ['a barrier', [flush()], done('barrier')],
  ['a barrier that fails', [flush()], fails('barrier', 'EIO')],
  ['a clear', [clear('zero', 3)], done('clear')],
  ['a clear that fails', [clear('zero', 3)], fails('clear', 'EIO')],
  ['a late answer', [read(3), timesOut('fill')], fails(2, 'EIO')],
];

describe('inputOf', () => {
  for (const [name, before, step] of INPUTS) {
    it(`gives ${name} back, from the first event of its decision`, () => {
      const { core } = given(open(), grown, ...before);
      const asked = step(core);
      const input = 'actor' in asked ? { ...asked, actor: 'me', trace: TRACE } : asked;
      const [first] = core.take(input);
      expect(inputOf(first)).to.deep.equal(input);
    });
  }

  it('gives every kind of refused request back well enough to be refused again', () => {
    const { core } = given(open(), grown, write(5), close());
    const requests = [
      read(3),
      write(3),
      flush(),
      invalidate(),
      clear('discard', 3),
      clear('zero', 3),
      clear('drop', 3),
      readahead(3),
      borrow(3),
      resize(4),
      setBlockSize(1024),
      close(),
    ];
    const refused = requests.flatMap((request) => core.take(request));
    expect(refused.map(({ type }) => type)).to.deep.equal(requests.map(() => 'requestRefused'));
    core.verify();
  });

  it('takes the first event of a decision only', () => {
    const { core } = given(open(), read(3));
    const later = core.events.filter(({ cause }) => cause !== 0);
    expect(later).to.not.deep.equal([]);
    for (const event of later) expect(() => inputOf(event)).to.throw(InternalError);
  });

  it('takes no event that never comes first', () => {
    const { core } = given(open(), read(3));
    const [never] = core.events.filter(({ type }) => type === 'fillStarted');
    const wrong: CacheEvent = { ...never, cause: 0 };
    expect(() => inputOf(wrong)).to.throw(InternalError);
  });
});
