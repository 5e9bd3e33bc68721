import { expect } from 'chai';
import { faultDevice, type LatencyOptions, latencyDevice, memoryDevice } from '../../src/device/index.js';
import { anyRejection, rejection, thrown } from './support.js';

/** A timer that fires when the test says so, and notes what it was asked for. */
function heldTimer() {
  const delays: number[] = [];
  let waiting: (() => void)[] = [];
  return {
    delays,
    setTimer(delayMs: number, callback: () => void) {
      delays.push(delayMs);
      waiting.push(callback);
    },
    fire() {
      const due = waiting;
      waiting = [];
      for (const callback of due) callback();
    },
  };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('latencyDevice', () => {
  it('asks its timer for each kind’s own time', async () => {
    const timer = heldTimer();
    const times = { readMs: 1, writeMs: 2, barrierMs: 3, discardMs: 4, zeroMs: 5 };
    const device = latencyDevice(memoryDevice({ sizeBytes: 8 }), { ...times, setTimer: timer.setTimer });
    const bytes = [new Uint8Array(1)];
    const work = [
      device.read(0, bytes),
      device.write(0, bytes),
      device.barrier(),
      device.discard(0, 1),
      device.zero(0, 1),
    ];
    expect(timer.delays).to.deep.equal([1, 2, 3, 4, 5]);
    timer.fire();
    await Promise.all<unknown>(work);
  });

  it('reaches the device after the wait and not before', async () => {
    const timer = heldTimer();
    const memory = memoryDevice({ sizeBytes: 2 });
    const device = latencyDevice(memory, { writeMs: 5, setTimer: timer.setTimer });
    let answered = false;
    const write = device.write(0, [Uint8Array.of(7)]).finally(() => {
      answered = true;
    });
    await turn();
    expect([memory.bytes[0], answered]).to.deep.equal([0, false]);
    timer.fire();
    expect(await write).to.equal(1);
    expect(memory.bytes[0]).to.equal(7);
  });

  it('sets no timer where there is nothing to wait for', async () => {
    const timer = heldTimer();
    const device = latencyDevice(memoryDevice({ sizeBytes: 2 }), { writeMs: 5, readMs: 0, setTimer: timer.setTimer });
    await device.read(0, [new Uint8Array(2)]);
    await device.barrier();
    expect(timer.delays).to.deep.equal([]);
  });

  it('waits with setTimeout if it is given no timer', async () => {
    const order: string[] = [];
    const device = latencyDevice(memoryDevice({ sizeBytes: 2 }), { readMs: 30, writeMs: 1 });
    const bytes = [new Uint8Array(2)];
    await Promise.all([
      device.read(0, bytes).then(() => order.push('read')),
      device.write(0, bytes).then(() => order.push('write')),
    ]);
    expect(order).to.deep.equal(['write', 'read']);
  });

  it('draws the same jitter for the same seed, and keeps it within its share', () => {
    const draw = (seed: number): number[] => {
      const { delays, setTimer } = heldTimer();
      const device = latencyDevice(memoryDevice({ sizeBytes: 2 }), { readMs: 100, jitter: 0.2, seed, setTimer });
      for (let i = 0; i < 200; i++) void device.read(0, [new Uint8Array(2)]);
      return delays;
    };
    expect(draw(7)).to.deep.equal(draw(7));
    expect(draw(7)).to.not.deep.equal(draw(8));
    expect(Math.min(...draw(7))).to.be.within(80, 85);
    expect(Math.max(...draw(7))).to.be.within(115, 120);
  });

  it('passes failures on', async () => {
    const disk = faultDevice(memoryDevice({ sizeBytes: 2 }));
    disk.inject({ on: 'barrier', code: 'EIO' });
    const timer = heldTimer();
    const barrier = anyRejection(latencyDevice(disk, { barrierMs: 5, setTimer: timer.setTimer }).barrier());
    timer.fire();
    expect(await barrier).to.include({ code: 'EIO' });
  });

  it('closes the device when what waits has been answered', async () => {
    const timer = heldTimer();
    const memory = memoryDevice({ sizeBytes: 2 });
    const device = latencyDevice(memory, { writeMs: 5, setTimer: timer.setTimer });
    const write = device.write(0, [Uint8Array.of(7)]);
    const closing = device.close();
    await turn();
    await memory.barrier();
    expect((await rejection(device.barrier())).code).to.equal('CACHETRAIL_CLOSED');
    timer.fire();
    await closing;
    expect(await write).to.equal(1);
    expect((await rejection(memory.barrier())).code).to.equal('CACHETRAIL_CLOSED');
  });

  const wrong: LatencyOptions[] = [
    { readMs: -1 },
    { writeMs: Number.NaN },
    { barrierMs: Number.POSITIVE_INFINITY },
    { zeroMs: 2 ** 31 },
    { jitter: -0.1 },
    { jitter: 1.1 },
    { jitter: Number.NaN },
  ];
  for (const options of wrong) {
    const [[name, value]] = Object.entries(options);
    it(`refuses ${name} ${String(value)}`, () => {
      const error = thrown(() => latencyDevice(memoryDevice({ sizeBytes: 2 }), options));
      expect(error.code).to.equal('CACHETRAIL_INVALID_ARGUMENT');
    });
  }
});
