import { expect } from 'chai';
import { type FaultSpec, faultDevice, memoryDevice } from '../../src/device/index.js';
import { anyRejection, rejection, thrown } from './support.js';

const filled = (length: number, value: number) => new Uint8Array(length).fill(value);

/** The error code and system call that an operation rejects with. */
async function failure(promise: Promise<unknown>): Promise<{ code: unknown; syscall: unknown; errno: unknown }> {
  const { code, syscall, errno } = (await anyRejection(promise)) as NodeJS.ErrnoException;
  return { code, syscall, errno };
}

describe('faultDevice', () => {
  it('changes nothing without rules', async () => {
    const disk = faultDevice(memoryDevice({ sizeBytes: 4 }));
    expect(await disk.write(1, [Uint8Array.of(5)])).to.equal(1);
    const into = new Uint8Array(4);
    expect(await disk.read(0, [into])).to.equal(4);
    expect([...into]).to.deep.equal([0, 5, 0, 0]);
    expect(disk.faults).to.equal(0);
    expect(disk.operations).to.deep.equal({ read: 1, write: 1, barrier: 0, discard: 0, zero: 0, close: 0 });
  });

  it('fails with an error like the system’s own, and does nothing', async () => {
    const memory = memoryDevice({ sizeBytes: 4 });
    const disk = faultDevice(memory);
    for (const on of ['read', 'write', 'barrier', 'discard', 'zero'] as const) disk.inject({ on, code: 'EIO' });
    expect(await failure(disk.read(0, [filled(1, 0)]))).to.deep.equal({ code: 'EIO', syscall: 'read', errno: -5 });
    expect(await failure(disk.write(0, [filled(1, 1)]))).to.deep.equal({ code: 'EIO', syscall: 'write', errno: -5 });
    expect(await failure(disk.barrier())).to.deep.equal({ code: 'EIO', syscall: 'fdatasync', errno: -5 });
    expect(await failure(disk.discard(0, 1))).to.deep.equal({ code: 'EIO', syscall: 'fallocate', errno: -5 });
    expect(await failure(disk.zero(0, 1))).to.deep.equal({ code: 'EIO', syscall: 'fallocate', errno: -5 });
    expect([...memory.bytes]).to.deep.equal([0, 0, 0, 0]);
    expect(disk.faults).to.equal(5);
  });

  it('fails from the Nth matching operation on, as often as it is told', async () => {
    const disk = faultDevice(memoryDevice({ sizeBytes: 4 }));
    const rule = disk.inject({ on: 'write', nth: 2, times: 2, code: 'ENOSPC' });
    const outcomes: string[] = [];
    for (let i = 0; i < 5; i++) {
      await disk.read(0, [filled(1, 0)]);
      await disk.write(0, [filled(1, i)]).then(
        () => outcomes.push('done'),
        (error: NodeJS.ErrnoException) => outcomes.push(String(error.code)),
      );
    }
    expect(outcomes).to.deep.equal(['done', 'ENOSPC', 'ENOSPC', 'done', 'done']);
    expect(rule.hits).to.equal(2);
  });

  it('fails in a range until it is cured', async () => {
    const disk = faultDevice(memoryDevice({ sizeBytes: 100 }));
    const rule = disk.inject({ on: 'write', range: { offset: 10, length: 10 }, code: 'EIO' });
    expect(await disk.write(0, [filled(10, 1)])).to.equal(10);
    expect(await disk.write(20, [filled(10, 1)])).to.equal(10);
    for (let i = 0; i < 3; i++) expect((await failure(disk.write(19, [filled(1, 1)]))).code).to.equal('EIO');
    expect((await failure(disk.write(0, [filled(5, 1), filled(6, 1)]))).code).to.equal('EIO');
    rule.cure();
    expect(await disk.write(19, [filled(1, 1)])).to.equal(1);
    expect(rule.hits).to.equal(4);
  });

  it('uses the oldest rule that applies', async () => {
    const disk = faultDevice(memoryDevice({ sizeBytes: 4 }));
    const first = disk.inject({ on: ['read', 'write'], code: 'EIO', times: 1 });
    const second = disk.inject({ on: 'write', code: 'ENOSPC' });
    expect((await failure(disk.write(0, [filled(1, 1)]))).code).to.equal('EIO');
    expect((await failure(disk.write(0, [filled(1, 1)]))).code).to.equal('ENOSPC');
    expect([first.hits, second.hits]).to.deep.equal([1, 1]);
    disk.cure();
    expect(await disk.write(0, [filled(1, 1)])).to.equal(1);
  });

  it('moves part of a failed transfer first', async () => {
    const memory = memoryDevice({ sizeBytes: 6 });
    const disk = faultDevice(memory);
    disk.inject({ on: 'write', code: 'EIO', transferred: 3 });
    expect((await failure(disk.write(1, [filled(2, 1), filled(2, 2)]))).code).to.equal('EIO');
    expect([...memory.bytes]).to.deep.equal([0, 1, 1, 2, 0, 0]);
  });

  it('makes short transfers that answer how much was moved', async () => {
    const memory = memoryDevice({ sizeBytes: 6 });
    const disk = faultDevice(memory);
    disk.inject({ on: ['read', 'write'], short: 3 });
    expect(await disk.write(1, [filled(2, 1), filled(2, 2)])).to.equal(3);
    expect([...memory.bytes]).to.deep.equal([0, 1, 1, 2, 0, 0]);
    const into = filled(5, 9);
    expect(await disk.read(0, [into])).to.equal(3);
    expect([...into]).to.deep.equal([0, 1, 1, 9, 9]);
  });

  for (const when of ['before', 'after'] as const) {
    it(`gives no answer until released, the work done ${when} the wait`, async () => {
      const memory = memoryDevice({ sizeBytes: 2 });
      const disk = faultDevice(memory);
      const rule = disk.inject({ on: 'write', hang: when });
      let answered = false;
      const write = disk.write(0, [filled(1, 7)]).finally(() => {
        answered = true;
      });
      await new Promise((resolve) => setImmediate(resolve));
      expect([answered, rule.hanging, memory.bytes[0]]).to.deep.equal([false, 1, when === 'before' ? 7 : 0]);
      rule.release();
      expect(await write).to.equal(1);
      expect([rule.hanging, memory.bytes[0]]).to.deep.equal([0, 7]);
    });
  }

  it('lets what hangs end with an error', async () => {
    const disk = faultDevice(memoryDevice({ sizeBytes: 2 }));
    disk.inject({ on: 'barrier', hang: 'after' });
    const barrier = disk.barrier();
    disk.release('EIO');
    expect(await failure(barrier)).to.include({ code: 'EIO', syscall: 'fdatasync' });
  });

  it('throws synchronously', () => {
    const disk = faultDevice(memoryDevice({ sizeBytes: 2 }));
    disk.inject({ on: ['read', 'barrier', 'zero', 'close'], throws: 'EIO' });
    for (const call of [() => disk.read(0, []), () => disk.barrier(), () => disk.zero(0, 1), () => disk.close()]) {
      expect(call).to.throw(Error).with.property('code', 'EIO');
    }
  });

  for (const answer of [Number.NaN, 99, -1, 'all of it', undefined, null]) {
    it(`answers ${String(answer)} and does nothing`, async () => {
      const memory = memoryDevice({ sizeBytes: 2 });
      const disk = faultDevice(memory);
      disk.inject({ on: 'write', answer });
      const result: unknown = await disk.write(0, [filled(1, 7)]);
      expect(result).to.deep.equal(answer);
      expect(memory.bytes[0]).to.equal(0);
    });
  }

  it('answers twice', async () => {
    const disk = faultDevice(memoryDevice({ sizeBytes: 2 }));
    disk.inject({ on: 'write', twice: 'answer' });
    disk.inject({ on: 'read', twice: 'error' });
    const calls: unknown[] = [];
    const note = (answer: unknown) => calls.push(answer);
    disk.write(0, [filled(1, 1)]).then(note, note);
    await new Promise((resolve) => setImmediate(resolve));
    expect(calls).to.deep.equal([1, 1]);
    disk.read(0, [filled(2, 1)]).then(note, (error: NodeJS.ErrnoException) => note(error.code));
    await new Promise((resolve) => setImmediate(resolve));
    expect(calls).to.deep.equal([1, 1, 2, 'EIO']);
    expect(await disk.write(0, [filled(2, 1)])).to.equal(2);
  });

  it('closes the device beneath although its own close fails', async () => {
    const memory = memoryDevice({ sizeBytes: 2 });
    const disk = faultDevice(memory);
    disk.inject({ on: 'close', code: 'EIO' });
    expect(await failure(disk.close())).to.include({ code: 'EIO', syscall: 'close' });
    expect((await rejection(memory.barrier())).code).to.equal('CACHETRAIL_CLOSED');
    expect((await rejection(disk.barrier())).code).to.equal('CACHETRAIL_CLOSED');
  });

  it('leaves requests that are wrong in themselves to the device', async () => {
    const disk = faultDevice(memoryDevice({ sizeBytes: 2 }, { discard: false }));
    const rule = disk.inject({ on: ['read', 'write', 'discard', 'barrier'], code: 'EIO' });
    expect((await rejection(disk.read(2, [filled(1, 0)]))).code).to.equal('CACHETRAIL_OUT_OF_RANGE');
    expect((await rejection(disk.discard(0, 1))).code).to.equal('CACHETRAIL_UNSUPPORTED');
    await disk.close();
    expect((await rejection(disk.barrier())).code).to.equal('CACHETRAIL_CLOSED');
    expect([rule.hits, disk.operations.read, disk.operations.discard]).to.deep.equal([0, 0, 0]);
  });

  const useless: [string, FaultSpec][] = [
    ['no fault', { on: 'read' } as unknown as FaultSpec],
    ['two faults', { on: 'read', code: 'EIO', short: 1 } as FaultSpec],
    ['no operation', { on: [], code: 'EIO' }],
    ['an unknown operation', { on: 'seek', code: 'EIO' } as unknown as FaultSpec],
    ['a range on a barrier', { on: 'barrier', range: { offset: 0, length: 1 }, code: 'EIO' }],
    ['an empty range', { on: 'read', range: { offset: 0, length: 0 }, code: 'EIO' }],
    ['nth 0', { on: 'read', nth: 0, code: 'EIO' }],
    ['times 0', { on: 'read', times: 0, code: 'EIO' }],
    ['a short barrier', { on: 'barrier', short: 1 }],
    ['part of a zero', { on: 'zero', code: 'EIO', transferred: 1 }],
    ['a write that loses writes', { on: 'write', code: 'EIO', loses: true }],
    ['lost writes without a volatile cache', { on: 'barrier', code: 'EIO', loses: true }],
  ];
  for (const [name, spec] of useless) {
    it(`refuses a rule with ${name}`, () => {
      const disk = faultDevice(memoryDevice({ sizeBytes: 2 }));
      expect(thrown(() => disk.inject(spec)).code).to.equal('CACHETRAIL_INVALID_ARGUMENT');
    });
  }
});
