import { expect } from 'chai';
import { rejection } from '../device/support.js';
import { expectBytes, pattern } from './support/caches.js';
import { BLOCK, faultyFiles, survivorsOf } from './support/faulty.js';

const OLD = pattern(64 * BLOCK, 1);
const NEW = pattern(BLOCK, 2);

describe('handles of one cache, over a real file', () => {
  const open = faultyFiles();

  /** Block 8 could not be written, which only the cache itself was told, and was made durable by it since. */
  async function cured() {
    const test = await open(OLD, { limits: { writeAttemptsMax: 1 } });
    const { cache, clock, fail } = test;
    const mapper = await cache.open({ actor: 'mapper' });
    fail('write', 'EROFS', 8, 1);
    await mapper.write(8, NEW);
    await survivorsOf(clock.until(cache.flush()));
    await clock.until(cache.flush());
    return { ...test, mapper };
  }

  it('are each told once of a failure that has been cured, with what it was and how it ended', async () => {
    const { cache, clock, mapper, file, of } = await cured();
    expectBytes(file(8, 1), NEW);
    const error = await survivorsOf(clock.until(mapper.flush()));
    expect(error.code).to.equal('CACHETRAIL_FAILURE_RESOLVED');
    expect(error.cause).to.include({ code: 'EROFS' });
    const { io, at } = of('barrierFinished')[1];
    const [{ io: failedIo }] = of('writebackFailed');
    expect(error.blocks.map(({ cause: _cause, ...rest }) => rest)).to.deep.equal([
      { block: 8, code: 'EROFS', io: failedIo, resolved: { end: 'durable', at, io } },
    ]);
    await clock.until(mapper.flush());
    await clock.until((await cache.open()).flush());
    await clock.until(cache.flush());
  });

  it('name themselves in the events of their requests', async () => {
    const { clock, cache, mapper, of } = await cured();
    await mapper.flush({ block: 0, count: 4 });
    await clock.until(mapper.read(30));
    expect(mapper.readNow(30, new Uint8Array(BLOCK))).to.equal(true);
    expect(of('handleOpened')).to.have.lengthOf(1);
    expect(of('handleOpened')[0]).to.include({ op: mapper.handle, actor: 'mapper' });
    expect(of('flushStarted').at(-1)).to.include({ actor: 'mapper', handle: mapper.handle });
    expect([...of('readMissed'), ...of('read')].map(({ actor }) => actor)).to.deep.equal(['mapper', 'mapper']);
    await mapper.writeBytes(30 * BLOCK + 5, NEW.subarray(0, 9), { actor: 'someone else' });
    expect(of('written').at(-1)?.actor).to.equal('someone else');
    expect(cache.closed).to.equal(false);
  });

  it('tell what they owe when they are closed, and are closed all the same', async () => {
    const { cache, clock, mapper, of } = await cured();
    const error = await survivorsOf(clock.until(mapper.close()));
    expect(error.code).to.equal('CACHETRAIL_FAILURE_RESOLVED');
    expect(await rejection(mapper.close()), 'the same again').to.equal(error);
    expect(mapper.closed).to.equal(true);
    expect((await rejection(mapper.write(3, NEW))).code).to.equal('CACHETRAIL_CLOSED');
    expect(() => mapper.readNow(3, new Uint8Array(BLOCK))).to.throw('the handle is closed');
    expect(of('handleClosed')[0]).to.include({ handle: mapper.handle, actor: 'mapper' });
    await clock.until(cache.close());
  });

  it('leave to the cache what they could not make durable', async () => {
    const { cache, clock, device, file, fail } = await open(OLD, { limits: { writeAttemptsMax: 1 } });
    const handle = await cache.open();
    fail('write', 'EIO', 8);
    await handle.write(8, NEW);
    expect((await survivorsOf(clock.until(handle.close()))).code).to.equal('CACHETRAIL_FLUSH_FAILED');
    expect((await survivorsOf(clock.until(cache.flush()))).code).to.equal('CACHETRAIL_FLUSH_FAILED');
    device.cure();
    await clock.until(cache.close());
    expectBytes(file(8, 1), NEW);
    await handle.close().catch(() => {});
  });

  it('do not keep a cache from closing, which is closed though it tells what had failed', async () => {
    const { cache, clock, fail, file, of } = await open(OLD, { limits: { writeAttemptsMax: 1 } });
    const other = await cache.open();
    fail('write', 'EIO', 8, 1);
    await cache.write(8, NEW);
    await survivorsOf(clock.until(other.flush()));
    const error = await survivorsOf(clock.until(cache.close()));
    expect(error.code).to.equal('CACHETRAIL_FAILURE_RESOLVED');
    expect(cache.closed).to.equal(true);
    expectBytes(file(8, 1), NEW);
    expect(of('closed')).to.have.lengthOf(1);
    await other.close();
    expect((await rejection(cache.open())).code).to.equal('CACHETRAIL_CLOSED');
  });
});
