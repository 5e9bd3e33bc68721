import { expect } from 'chai';
import { rejection } from '../device/support.js';
import { expectBytes, pattern, stateOf } from './support/caches.js';
import { BLOCK, type Faulty, faultyFiles, survivorsOf } from './support/faulty.js';

const OLD = pattern(64 * BLOCK, 1);
const block = (seed: number) => pattern(BLOCK, seed);

describe('writes over a device that takes nothing', () => {
  const open = faultyFiles();

  /** As much is dirty as may be: 12 of 16 blocks. Blocks 40 and 41 are clean. */
  async function full(limits: Parameters<typeof open>[1] = {}): Promise<Faulty> {
    const test = await open(OLD, { capacity: 16, ...limits });
    test.fail('write', 'EIO');
    await test.clock.until(test.cache.read(40, 2));
    for (let at = 0; at < 12; at++) await test.clock.until(test.cache.write(at, block(100 + at)));
    return test;
  }

  it('wait, none is dropped, and reads go on', async () => {
    const { cache, clock } = await full();
    const writes = [cache.write(20, block(1)), cache.writeBytes(21 * BLOCK + 5, block(2)), cache.write(22, block(3))];
    await clock.pass(20_000);
    for (const write of writes) expect(await stateOf(write)).to.equal('pending');
    expect(cache.stats()).to.include({ dirtyBlocks: 12, waitingRequests: 3 });
    const into = new Uint8Array(BLOCK);
    expect(cache.readNow(40, into)).to.equal(true);
    expectBytes(into, OLD.subarray(40 * BLOCK, 41 * BLOCK), 'clean');
    expect(cache.readNow(3, into)).to.equal(true);
    expectBytes(into, block(103), 'dirty');
    expectBytes(await clock.until(cache.read(50, 6)), OLD.subarray(50 * BLOCK, 56 * BLOCK), 'not cached');
    expectBytes(await clock.until(cache.readBytes(0, 64 * BLOCK)), expected(), 'everything');
    await Promise.all([cache.write(5, block(105)), clock.until(Promise.allSettled(writes))]);
  });

  it('take no more memory, however many wait and however long', async () => {
    const { cache, clock, device } = await full({ limits: { runBytesMax: 4 * BLOCK } });
    const writes = Array.from({ length: 100 }, (_, at) => cache.write(12 + (at % 28), block(at)));
    await clock.pass(20_000);
    expect(cache.stats()).to.include({ dirtyBlocks: 12, waitingRequests: 100 });
    const perOperation = 4 * BLOCK;
    expect(cache.stats().memoryBytes).to.be.at.most(16 * BLOCK + 8 * perOperation);
    device.cure();
    await clock.until(Promise.all(writes));
    expect(cache.stats().residentBlocks).to.be.at.most(16);
  });

  it('reach a device that was cured in the order in which they came, block by block', async () => {
    const { cache, clock, device, events } = await full();
    const writes = [30, 30, 30, 31, 30].map((at, index) => cache.write(at, block(index)));
    await clock.pass(5_000);
    device.cure();
    await clock.until(Promise.all(writes));
    await clock.until(cache.flush().catch(() => cache.flush()));
    const of30 = events.flatMap((event) => {
      return event.type === 'writebackStarted' && event.block <= 30 && event.block + event.count > 30
        ? [event.generation]
        : [];
    });
    expect(of30, 'newer and newer').to.deep.equal([...of30].sort((a, b) => a - b));
    expectBytes(await cache.read(30), block(4));
  });

  it('over dirty blocks go on behind nothing', async () => {
    const { cache, clock, device } = await full();
    await cache.write(5, block(200));
    await cache.writeBytes(5 * BLOCK + 7, block(201).subarray(0, 9));
    device.cure();
    await clock.until(cache.flush());
    const bytes = block(200);
    bytes.set(block(201).subarray(0, 9), 7);
    expectBytes(await cache.read(5), bytes);
  });

  it('end when they have waited too long, and were not taken', async () => {
    const { cache, clock, of } = await full();
    const asked = clock.now();
    const first = rejection(cache.write(20, block(1)));
    await clock.pass(10_000);
    const second = rejection(cache.write(21, block(2)));
    expect((await clock.until(first)).code).to.equal('CACHETRAIL_ADMISSION_TIMEOUT');
    expect(clock.now() - asked).to.equal(30e9);
    expect((await clock.until(second)).code).to.equal('CACHETRAIL_ADMISSION_TIMEOUT');
    expect(clock.now() - asked).to.equal(40e9);
    expect(cache.inspect(20).state).to.equal('absent');
    expect(of('requestAborted').map(({ code }) => code)).to.deep.equal(Array(2).fill('CACHETRAIL_ADMISSION_TIMEOUT'));
    expect(cache.stats()).to.include({ dirtyBlocks: 12, waitingRequests: 0 });
  });

  it('drain in the order in which they came once the device is cured, with nobody asking for it', async () => {
    const { cache, clock, device, file, of } = await full();
    const order = [30, 20, 31, 21, 20, 45, 30, 22];
    const writes = order.map((at, index) => cache.write(at, block(index)));
    await clock.pass(15_000);
    device.cure();
    await clock.until(Promise.all(writes));
    expect(
      of('written')
        .slice(12)
        .map((written) => written.block),
    ).to.deep.equal(order);
    const told = await survivorsOf(clock.until(cache.flush()));
    expect(told.code, 'nobody had been told').to.equal('CACHETRAIL_FAILURE_RESOLVED');
    expect(told.blocks.map(({ resolved }) => resolved?.end)).to.deep.equal(told.blocks.map(() => 'durable'));
    await clock.until(cache.flush());
    const bytes = expected();
    for (const [index, at] of order.entries()) bytes.set(block(index), at * BLOCK);
    expectBytes(file(), bytes);
  });

  it('are refused at once when too many wait, and the others are not harmed', async () => {
    const { cache, clock, device } = await full({ limits: { waitingRequestsMax: 4 } });
    const waiting = [20, 21, 22, 23].map((at) => cache.write(at, block(at)));
    expect((await rejection(cache.write(24, block(1)))).code).to.equal('CACHETRAIL_OVERLOADED');
    expect((await rejection(cache.read(60))).code).to.equal('CACHETRAIL_OVERLOADED');
    expect((await rejection(cache.borrow(60))).code).to.equal('CACHETRAIL_OVERLOADED');
    expectBytes(await cache.read(40), OLD.subarray(40 * BLOCK, 41 * BLOCK), 'a cached block');
    device.cure();
    await clock.until(Promise.all(waiting));
    await clock.until(cache.write(24, block(1)));
  });

  it('can be given up by their callers, and those behind them move up', async () => {
    const { cache, clock, device } = await full();
    const abort = new AbortController();
    const first = rejection(cache.write(20, block(1), { signal: abort.signal }));
    const second = cache.write(21, block(2));
    await clock.pass(100);
    abort.abort(new Error('no more time'));
    const error = await first;
    expect(error.code).to.equal('CACHETRAIL_ABORTED');
    expect(error.cause).to.equal(abort.signal.reason);
    device.cure();
    await clock.until(second);
    expect(cache.inspect(20).state).to.equal('absent');
  });

  it('do not keep a close from failing: what waits is told first', async () => {
    const { cache, clock, file, device } = await full();
    const write = rejection(cache.write(20, block(1)));
    const close = survivorsOf(cache.close());
    expect((await clock.until(close)).code).to.equal('CACHETRAIL_CLOSE_FAILED');
    expect((await write).code).to.equal('CACHETRAIL_ADMISSION_TIMEOUT');
    device.cure();
    await clock.until(cache.close());
    expectBytes(file(), expected());
  });

  function expected(): Uint8Array {
    const bytes = OLD.slice();
    for (let at = 0; at < 12; at++) bytes.set(block(100 + at), at * BLOCK);
    return bytes;
  }
});
