import { expect } from 'chai';
import { CacheState } from '../../src/cache/state.js';
import { CachetrailError, DeviceError, WriteError } from '../../src/device/errors.js';
import { Failures } from '../../src/streams/failures.js';

const fact = { seq: 1, at: 0, cause: 0, op: 1 };
const survivors = (blocks: readonly number[], ios: readonly number[], barrierIo = 0) => ({
  ...fact,
  blocks,
  codes: blocks.map(() => 'EIO'),
  ios,
  barrierIo,
});

describe('the errors that callers get', () => {
  it('of a read have the device’s own as cause, and its code if it is one of ours', () => {
    const failures = new Failures(new CacheState({ bytes: false }));
    const own = Object.assign(new Error('disk'), { code: 'EIO' });
    failures.note(1, own);
    failures.note(2, new DeviceError('CACHETRAIL_SHORT_READ', 'short'));
    const event = { type: 'readFailed', ...fact, code: 'EIO' } as const;
    expect(failures.ofRead({ ...event, io: 1 })).to.include({ code: 'CACHETRAIL_READ_FAILED', cause: own });
    expect(failures.ofRead({ ...event, io: 2 })).to.include({ code: 'CACHETRAIL_SHORT_READ' });
  });

  it('of what could not be made safe name each block, its code and its own cause', () => {
    const failures = new Failures(new CacheState({ bytes: false }));
    const causes = [new Error('one'), new Error('two')];
    failures.note(1, causes[0]);
    failures.note(2, causes[1]);
    const expected = {
      writeFailed: 'CACHETRAIL_WRITE_FAILED',
      flushFailed: 'CACHETRAIL_FLUSH_FAILED',
      closeFailed: 'CACHETRAIL_CLOSE_FAILED',
      blockSizeFailed: 'CACHETRAIL_FLUSH_FAILED',
    } as const;
    for (const type of ['writeFailed', 'flushFailed', 'closeFailed', 'blockSizeFailed'] as const) {
      const error = failures.ofSurvivors({ type, ...survivors([3, 9], [1, 2]) });
      expect(error).to.be.instanceOf(WriteError).and.include({ code: expected[type], cause: causes[0] });
      if (!(error instanceof WriteError)) continue;
      expect(error.blocks).to.deep.equal([
        { block: 3, code: 'EIO', io: 1, cause: causes[0], resolved: null },
        { block: 9, code: 'EIO', io: 2, cause: causes[1], resolved: null },
      ]);
    }
  });

  it('of a barrier alone name no block, and have its cause', () => {
    const failures = new Failures(new CacheState({ bytes: false }));
    const cause = new Error('no sync');
    failures.note(7, cause);
    const error = failures.ofSurvivors({ type: 'flushFailed', ...survivors([], [], 7) });
    expect(error).to.include({ code: 'CACHETRAIL_BARRIER_FAILED', cause });
  });

  it('keep the causes that may still be told, whatever fails in between, and no others', () => {
    const state = new CacheState({ bytes: false });
    const failures = new Failures(state);
    const [cause, barrier] = [new Error('of block 3'), new Error('of the barrier')];
    failures.note(1, cause);
    failures.note(2, barrier);
    state.failures.set(3, { code: 'EIO', io: 1 });
    state.failedBarrierIo = 2;
    for (let io = 3; io < 5000; io++) failures.note(io, new Error('a read'));
    expect(failures.ofSurvivors({ type: 'flushFailed', ...survivors([3], [1]) }).cause).to.equal(cause);
    expect(failures.ofSurvivors({ type: 'flushFailed', ...survivors([], [], 2) }).cause).to.equal(barrier);
    expect(failures.ofSurvivors({ type: 'flushFailed', ...survivors([3], [5]) }).cause).to.equal(undefined);
  });

  it('of a refusal and an abort have the code of the event', () => {
    const failures = new Failures(new CacheState({ bytes: false }));
    const refusal = {
      type: 'requestRefused',
      ...fact,
      actor: '',
      trace: null,
      block: 0,
      count: 1,
      offset: 0,
      length: 0,
    } as const;
    const error = failures.ofRefusal({ ...refusal, request: 'read', code: 'CACHETRAIL_BUSY' });
    expect(error).to.be.instanceOf(CachetrailError).and.include({ code: 'CACHETRAIL_BUSY' });
    expect(failures.ofAbort({ type: 'requestAborted', ...fact, code: 'CACHETRAIL_ADMISSION_TIMEOUT' }).code).to.equal(
      'CACHETRAIL_ADMISSION_TIMEOUT',
    );
  });
});
