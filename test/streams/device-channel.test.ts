import { AsyncLocalStorage } from 'node:async_hooks';
import { spawnSync } from 'node:child_process';
import { type TracingChannelSubscribers, tracingChannel } from 'node:diagnostics_channel';
import path from 'node:path';
import { expect } from 'chai';
import {
  type CacheEvent,
  DEVICE_CHANNEL,
  type DeviceChannelContext,
  faultDevice,
  latencyDevice,
  memoryDevice,
} from '../../src/index.js';
import { pattern, testCaches } from '../api/support/caches.js';
import { withParts } from '../api/support/devices.js';
import { TestClock } from '../api/support/virtual-clock.js';
import { rejection } from '../device/support.js';

const BLOCK = 4096;

type Message = 'start' | 'end' | 'asyncStart' | 'asyncEnd' | 'error';

const channel = tracingChannel<unknown, DeviceChannelContext>(DEVICE_CHANNEL);

/** Notes every message until the test is over. */
function watch(also: (message: Message, context: DeviceChannelContext) => void = () => {}) {
  const seen: [Message, DeviceChannelContext][] = [];
  const note = (message: Message) => (context: DeviceChannelContext) => {
    seen.push([message, context]);
    also(message, context);
  };
  const subscribers: TracingChannelSubscribers<DeviceChannelContext> = {
    start: note('start'),
    end: note('end'),
    asyncStart: note('asyncStart'),
    asyncEnd: note('asyncEnd'),
    error: note('error'),
  };
  channel.subscribe(subscribers);
  watching.push(() => channel.unsubscribe(subscribers));
  return seen;
}

const watching: (() => void)[] = [];

describe('the diagnostics channel of devices', () => {
  const open = testCaches();
  afterEach(() => {
    for (const end of watching.splice(0)) end();
  });

  async function opened() {
    const clock = new TestClock();
    const memory = memoryDevice({ sizeBytes: 64 * BLOCK });
    const device = faultDevice(latencyDevice(memory, { readMs: 2, writeMs: 3, barrierMs: 7, setTimer: clock.after }));
    return { ...(await open(device, { clock, capacity: 16, deviceTimeoutMs: 1000 })), clock, device };
  }

  it('tells the start and the end of each operation, with what it is about', async () => {
    const { cache, clock, device } = await opened();
    const seen = watch();
    await clock.until(cache.read(4, 3));
    await clock.until(cache.write(9, pattern(BLOCK, 1)));
    await clock.until(cache.flush());
    await clock.until(cache.discard({ block: 20, count: 2 }));
    const contexts = [...new Set(seen.map(([, context]) => context))];
    const about = (block: number, count: number) => ({ block, count, offset: block * BLOCK, length: count * BLOCK });
    const { identity } = device;
    expect(contexts).to.deep.equal([
      { operation: 'read', device: identity, io: 1, ...about(4, 3) },
      { operation: 'write', device: identity, io: 2, ...about(9, 1) },
      { operation: 'barrier', device: identity, io: 3, ...about(0, 0) },
      { operation: 'discard', device: identity, io: 4, ...about(20, 2) },
    ]);
    for (const context of contexts) {
      const messages = seen.filter(([, other]) => other === context).map(([message]) => message);
      expect(messages).to.deep.equal(['start', 'end', 'asyncStart', 'asyncEnd']);
    }
  });

  it('tells of one operation for each that the events tell of, side by side ones too', async () => {
    const { cache, clock, of } = await opened();
    const seen = watch();
    await clock.until(
      Promise.all([cache.read(0), cache.read(10), cache.read(20, 2), cache.write(30, pattern(BLOCK, 1))]),
    );
    await clock.until(cache.flush());
    const ended = seen.filter(([message]) => message === 'asyncEnd').map(([, { io }]) => io);
    const answered = [...of('fillFinished'), ...of('writebackFinished'), ...of('barrierFinished')];
    expect(ended).to.deep.equal(answered.sort((a, b) => a.seq - b.seq).map(({ io }) => io));
  });

  it('tells the device’s own error, between start and end', async () => {
    const { cache, clock, device } = await opened();
    device.inject({ on: 'read', code: 'EIO', times: 1 });
    const seen = watch();
    const error = await rejection(clock.until(cache.read(4)));
    expect(seen.map(([message]) => message)).to.deep.equal(['start', 'end', 'error', 'asyncStart', 'asyncEnd']);
    const [, context] = seen[0];
    expect(context.error).to.equal((error as Error).cause);
    expect(context.error).to.include({ code: 'EIO' });
  });

  it('tells of a device that throws instead of rejecting as of one that rejects', async () => {
    const thrown = new Error('broken contract');
    const device = withParts(memoryDevice({ sizeBytes: 64 * BLOCK }), {
      read: () => {
        throw thrown;
      },
    });
    const { cache } = await open(device);
    const seen = watch();
    await rejection(cache.read(1));
    expect(seen.map(([message]) => message)).to.deep.equal(['start', 'end', 'error', 'asyncStart', 'asyncEnd']);
    expect(seen[0][1].error).to.equal(thrown);
  });

  it('tells a timeout once, and not what comes late', async () => {
    const { cache, clock, device, of } = await opened();
    device.inject({ on: 'read', hang: 'before', times: 1 });
    const seen = watch();
    await rejection(clock.until(cache.read(4)));
    expect(seen[0][1].error).to.include({ code: 'CACHETRAIL_DEVICE_TIMEOUT' });
    device.release();
    await clock.rest();
    expect(of('deviceAnsweredLate').length).to.equal(1);
    expect(seen.map(([message]) => message)).to.deep.equal(['start', 'end', 'error', 'asyncStart', 'asyncEnd']);
  });

  it('tells the end to those only who could hear the start, so that they come in pairs', async () => {
    const { cache, clock } = await opened();
    const reading = cache.read(4);
    const late = watch();
    await clock.until(reading);
    expect(late).to.deep.equal([]);
    await clock.until(cache.read(8));
    expect(late.length).to.equal(4);
  });

  it('asks the device within the stores that are bound to its start', async () => {
    const storage = new AsyncLocalStorage<number>();
    const stores: (number | undefined)[] = [];
    const memory = memoryDevice({ sizeBytes: 64 * BLOCK });
    const device = withParts(memory, {
      read: (offset, buffers) => {
        stores.push(storage.getStore());
        return memory.read(offset, buffers);
      },
    });
    const { cache } = await open(device);
    channel.start.bindStore(storage, ({ io }) => io * 100);
    watching.push(() => channel.start.unbindStore(storage));
    await cache.read(1);
    expect(storage.getStore()).to.equal(undefined);
    expect(stores).to.deep.equal([100]);
  });

  it('changes no event, whoever listens', async () => {
    const life = async (): Promise<readonly CacheEvent[]> => {
      const { cache, clock, device, events } = await opened();
      device.inject({ on: 'write', code: 'EIO', times: 2 });
      await clock.until(Promise.all([cache.read(0), cache.read(7, 4), cache.writeBytes(5000, pattern(9000, 1))]));
      await clock.until(cache.flush());
      await clock.until(cache.zero({ block: 3, count: 2 }));
      await clock.until(cache.close());
      return events;
    };
    const unwatched = await life();
    const seen = watch();
    expect(await life()).to.deep.equal(unwatched);
    expect(seen).to.not.be.empty;
  });

  it('lets subscribers use the cache in its messages', async () => {
    const { cache, clock, events } = await opened();
    const asked: Promise<unknown>[] = [];
    watch((message, { io }) => {
      if (io < 4 && message !== 'error') asked.push(cache.read(10 * io + asked.length));
    });
    await clock.until(cache.read(0));
    await clock.until(Promise.all(asked));
    expect(asked.length).to.equal(12);
    expect(events.map(({ seq }) => seq)).to.deep.equal(events.map((_, at) => at + 1));
  });

  it('leaves the cache whole when a subscriber throws: Node makes that an uncaught exception', () => {
    const child = path.join(import.meta.dirname, 'device-channel-child.js');
    const { stdout, stderr, status } = spawnSync(process.execPath, [child], { encoding: 'utf8' });
    expect([status, stderr]).to.deep.equal([0, '']);
    expect(JSON.parse(stdout)).to.deep.equal({
      ...{ deviceReads: 1, deviceWrites: 1, barriers: 1, dirtyBlocks: 0, state: 'clean' },
      caught: ['at the start', 'at the end'],
    });
  });
});
