import { expect } from 'chai';
import { faultDevice, memoryDevice, type VolatileChange } from '../../src/device/index.js';
import { anyRejection } from './support.js';

const filled = (length: number, value: number) => new Uint8Array(length).fill(value);

function volatileDisk(sizeBytes: number) {
  const memory = memoryDevice({ sizeBytes });
  return { memory, disk: faultDevice(memory, { volatile: true }) };
}

async function contents(disk: ReturnType<typeof volatileDisk>['disk']): Promise<number[]> {
  const into = new Uint8Array(disk.sizeBytes);
  expect(await disk.read(0, [into.subarray(0, 1), into.subarray(1)])).to.equal(into.length);
  return [...into];
}

describe('faultDevice with a volatile write cache', () => {
  it('keeps writes from the device beneath until a barrier, and reads them all the same', async () => {
    const { memory, disk } = volatileDisk(5);
    await disk.write(0, [filled(2, 1), filled(1, 2)]);
    await disk.write(2, [filled(2, 3)]);
    await disk.zero(1, 2);
    expect(await contents(disk)).to.deep.equal([1, 0, 0, 3, 0]);
    expect([...memory.bytes]).to.deep.equal([0, 0, 0, 0, 0]);
    await disk.barrier();
    expect([...memory.bytes]).to.deep.equal([1, 0, 0, 3, 0]);
  });

  it('says that barriers make data durable', () => {
    expect(volatileDisk(1).disk.supports.durable).to.equal(true);
  });

  it('loses at a power cut what came after the last barrier', async () => {
    const { memory, disk } = volatileDisk(3);
    await disk.write(0, [filled(1, 1)]);
    await disk.barrier();
    await disk.write(0, [filled(2, 2)]);
    await disk.powerCut();
    expect([...memory.bytes]).to.deep.equal([1, 0, 0]);
  });

  it('takes no request after a power cut, and can be closed', async () => {
    const { memory, disk } = volatileDisk(3);
    disk.inject({ on: 'read', hang: 'before' });
    const hanging = anyRejection(disk.read(0, [filled(1, 0)]));
    await disk.powerCut();
    const calls = [
      disk.read(0, []),
      disk.write(0, [filled(1, 1)]),
      disk.barrier(),
      disk.zero(0, 1),
      disk.setOption('a', ''),
    ];
    for (const call of [...calls.map(anyRejection), hanging]) expect(await call).to.include({ code: 'ENODEV' });
    await disk.close();
    expect([...memory.bytes]).to.deep.equal([0, 0, 0]);
  });

  it('keeps at a power cut the bytes that it is told to, so that writes tear and pass each other', async () => {
    const { memory, disk } = volatileDisk(6);
    await disk.write(0, [filled(2, 1)]);
    await disk.write(2, [filled(2, 2)]);
    await disk.write(4, [filled(2, 3)]);
    const seen: VolatileChange[] = [];
    await disk.powerCut((change, index) => {
      seen.push(change);
      return index;
    });
    expect([...memory.bytes]).to.deep.equal([0, 0, 2, 0, 3, 3]);
    expect(seen.map(({ kind, offset, length }) => [kind, offset, length])).to.deep.equal([
      ['write', 0, 2],
      ['write', 2, 2],
      ['write', 4, 2],
    ]);
  });

  it('keeps writes for the next barrier when one fails', async () => {
    const { memory, disk } = volatileDisk(2);
    disk.inject({ on: 'barrier', code: 'EIO', times: 1 });
    await disk.write(0, [filled(1, 1)]);
    expect(await anyRejection(disk.barrier())).to.include({ code: 'EIO' });
    expect([...memory.bytes]).to.deep.equal([0, 0]);
    await disk.barrier();
    expect([...memory.bytes]).to.deep.equal([1, 0]);
  });

  it('loses writes when a barrier fails, if told so, and the next barrier does not bring them back', async () => {
    const { memory, disk } = volatileDisk(2);
    disk.inject({ on: 'barrier', code: 'EIO', loses: true, times: 1 });
    await disk.write(0, [filled(1, 1)]);
    expect(await anyRejection(disk.barrier())).to.include({ code: 'EIO' });
    await disk.barrier();
    expect([...memory.bytes]).to.deep.equal([0, 0]);
    expect(await contents(disk)).to.deep.equal([0, 0]);
  });

  it('keeps writes when the device beneath fails to take them', async () => {
    const memory = memoryDevice({ sizeBytes: 2 });
    const beneath = faultDevice(memory);
    const disk = faultDevice(beneath, { volatile: true });
    beneath.inject({ on: 'write', range: { offset: 1, length: 1 }, code: 'ENOSPC', times: 1 });
    beneath.inject({ on: 'write', range: { offset: 1, length: 1 }, short: 0, times: 1 });
    await disk.write(0, [filled(1, 1)]);
    await disk.write(1, [filled(1, 2)]);
    expect(await anyRejection(disk.barrier())).to.include({ code: 'ENOSPC' });
    expect(await anyRejection(disk.barrier())).to.include({ code: 'EIO' });
    expect([...memory.bytes]).to.deep.equal([1, 0]);
    await disk.barrier();
    expect([...memory.bytes]).to.deep.equal([1, 2]);
  });

  it('carries only what was written before the barrier, and in order', async () => {
    const memory = memoryDevice({ sizeBytes: 2 });
    const beneath = faultDevice(memory);
    const disk = faultDevice(beneath, { volatile: true });
    const slow = beneath.inject({ on: 'barrier', hang: 'after', times: 1 });
    await disk.write(0, [filled(2, 1)]);
    const first = disk.barrier();
    await disk.write(1, [filled(1, 2)]);
    const second = disk.barrier();
    await disk.write(0, [filled(1, 3)]);
    await new Promise((resolve) => setImmediate(resolve));
    expect([...memory.bytes]).to.deep.equal([1, 1]);
    expect(await contents(disk)).to.deep.equal([3, 2]);
    slow.release();
    await Promise.all([first, second]);
    expect([...memory.bytes]).to.deep.equal([1, 2]);
    expect(await contents(disk)).to.deep.equal([3, 2]);
  });

  it('fails a barrier that the power cut interrupts', async () => {
    const memory = memoryDevice({ sizeBytes: 2 });
    const beneath = faultDevice(memory);
    const disk = faultDevice(beneath, { volatile: true });
    const slow = beneath.inject({ on: 'barrier', hang: 'after' });
    await disk.write(0, [filled(1, 1)]);
    const barrier = anyRejection(disk.barrier());
    await new Promise((resolve) => setImmediate(resolve));
    const cut = disk.powerCut();
    slow.release();
    await cut;
    expect(await barrier).to.include({ code: 'ENODEV' });
  });

  it('brings down at close what is pending', async () => {
    const { memory, disk } = volatileDisk(2);
    await disk.write(0, [filled(1, 1)]);
    await disk.close();
    expect([...memory.bytes]).to.deep.equal([1, 0]);
  });
});
