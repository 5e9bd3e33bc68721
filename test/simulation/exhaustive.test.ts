/**
 * A fixed workload, over and over: the Nth operation of the device fails, for every N, in every way, once and for good, and the
 * power is cut at every N, with and without a durable journal. Nothing may be lost, and whoever it concerns must be told.
 */
import { expect } from 'chai';
import type { Fault, FaultOperation } from '../../src/device/fault-rules.js';
import { loadNative } from '../../src/device/native.js';
import {
  type BlockCache,
  type BlockDevice,
  CachetrailError,
  codeOf,
  faultDevice,
  type KeptBytes,
  memoryDevice,
  openCache,
  WriteError,
} from '../../src/index.js';
import { drain, VirtualClock } from '../support/virtual-clock.js';
import { Blocks, BLOCK_BYTES, BLOCKS, type Kind, type Told, work } from './fixed-workload.js';
import { contentOf, SimFiles, settle } from './sim-files.js';

/** The first import of a module takes real time, which a virtual clock has none of. */
await loadNative();

const OPERATIONS_MAX = 80;
/** More than there are operations. */
const FOR_GOOD = 1_000_000;
const TIMEOUT = 'CACHETRAIL_DEVICE_TIMEOUT';
const SYNC_NS = 1e6;

/** What a request of each kind may be told, beside the code that the device gave. */
const TELLS: Readonly<Record<Kind, readonly string[]>> = {
  read: ['CACHETRAIL_READ_FAILED', 'CACHETRAIL_SHORT_READ', TIMEOUT, 'CACHETRAIL_DEVICE_STALLED'],
  part: ['CACHETRAIL_READ_FAILED', 'CACHETRAIL_SHORT_READ', TIMEOUT, 'CACHETRAIL_ADMISSION_TIMEOUT'],
  write: ['CACHETRAIL_ADMISSION_TIMEOUT'],
  through: ['CACHETRAIL_WRITE_FAILED', 'CACHETRAIL_ADMISSION_TIMEOUT'],
  flush: ['CACHETRAIL_FLUSH_FAILED', 'CACHETRAIL_BARRIER_FAILED', 'CACHETRAIL_FAILURE_RESOLVED'],
  zero: ['CACHETRAIL_CLEAR_FAILED'],
  discard: ['CACHETRAIL_CLEAR_FAILED'],
};

type On = Exclude<FaultOperation, 'close'>;

/** A way to fail: what the device does, and the code by which the caller knows it. */
interface Way {
  readonly name: string;
  readonly on: readonly On[];
  readonly fault: Fault;
  readonly code: string;
}

const EVERYTHING: readonly On[] = ['read', 'write', 'barrier', 'zero', 'discard'];
const WAYS: readonly Way[] = [
  { name: 'fails with EIO', on: EVERYTHING, fault: { code: 'EIO' }, code: 'EIO' },
  { name: 'fails with EROFS', on: EVERYTHING, fault: { code: 'EROFS' }, code: 'EROFS' },
  { name: 'is done in part and fails', on: ['read', 'write'], fault: { code: 'EIO', transferred: 300 }, code: 'EIO' },
  { name: 'fails and loses what it was for', on: ['barrier'], fault: { code: 'EIO', loses: true }, code: 'EIO' },
  { name: 'ends short', on: ['read'], fault: { short: 300 }, code: 'CACHETRAIL_SHORT_READ' },
  { name: 'ends short', on: ['write'], fault: { short: 300 }, code: 'CACHETRAIL_SHORT_WRITE' },
  { name: 'is done and not answered', on: EVERYTHING, fault: { hang: 'before' }, code: TIMEOUT },
  { name: 'is not answered, and done in the end', on: EVERYTHING, fault: { hang: 'after' }, code: TIMEOUT },
];

class Machine {
  readonly clock = new VirtualClock();
  readonly memory = memoryDevice({ sizeBytes: BLOCKS * BLOCK_BYTES });
  readonly faulty = faultDevice(this.memory, { volatile: true });
  readonly blocks = new Blocks();
  readonly disk: SimFiles | null;

  constructor(hasJournal = false) {
    this.disk = hasJournal ? new SimFiles(() => {}) : null;
  }

  open(device: BlockDevice, clock = this.clock): Promise<BlockCache> {
    const { disk } = this;
    disk?.boot((done) => clock.setTimer(clock.now() + SYNC_NS, true, done));
    const limits = { dirtyHardShare: 1, dirtyBackgroundShare: 1, admissionTimeoutNs: 1e9 };
    const journal = disk === null ? {} : { journal: { directory: disk.directory, mode: 'durable' as const } };
    return clock.until(openCache(device, { clock, blockSize: BLOCK_BYTES, capacity: 10, limits, ...journal }));
  }

  work(cache: BlockCache, isOver?: () => boolean): Promise<Told[]> {
    return work(cache, this.blocks, (promise) => this.clock.until(promise), isOver);
  }

  /** All is well again: everything ends, is durable, and is what a read gives. */
  async end(cache: BlockCache, clock = this.clock): Promise<void> {
    this.faulty.cure();
    this.faulty.release();
    await drain();
    await clock.until(flushed(cache));
    cache.checkInvariants();
    const read = await clock.until(cache.read(0, BLOCKS));
    this.blocks.expect(read, this.blocks.now);
    await clock.until(cache.close());
    this.blocks.expectSame(this.memory.bytes, read);
  }
}

/** What has been cured is told once more, to who was there; what is late, when the device has answered. */
async function flushed(cache: BlockCache): Promise<void> {
  try {
    await cache.flush();
  } catch (error) {
    expect(error).to.have.property('code', 'CACHETRAIL_FAILURE_RESOLVED');
    await cache.flush();
  }
}

/** False if there were not so many operations. */
async function failNth(on: On, { fault, code }: Way, nth: number, times: number): Promise<boolean> {
  const machine = new Machine();
  const rule = machine.faulty.inject({ ...fault, on, nth, times });
  const cache = await machine.open(machine.faulty);
  const told = await machine.work(cache);
  if (rule.hits > 0) expectTold(told, on, times, code);
  else expect(told).to.deep.equal([]);
  await machine.end(cache);
  return rule.hits > 0;
}

function expectTold(told: readonly Told[], on: On, times: number, code: string): void {
  for (const { kind, error } of told) {
    if (!(error instanceof CachetrailError)) throw error;
    expect(TELLS[kind], `what a ${kind} is told`).to.include(error.code);
    if (error.code === 'CACHETRAIL_ADMISSION_TIMEOUT') continue;
    const codes = error instanceof WriteError ? error.blocks.map((block) => block.code) : [codeOf(error.cause)];
    for (const one of codes)
      expect(one, `the cause of a ${kind}’s ${error.code}`).to.be.oneOf([code, 'CACHETRAIL_DEVICE_STALLED']);
  }
  const kinds = told.map(({ kind }) => kind);
  const isForGood = times !== 1;
  if (on === 'read') expect(kinds.includes('read') || kinds.includes('part'), 'the reader is told').to.equal(true);
  else if (on === 'zero' || on === 'discard') expect(kinds, 'who cleared is told').to.include(on);
  else if (isForGood) expect(kinds, 'a flush is told').to.include('flush');
  // A write or a barrier without an answer cannot be made again.
  else if (code === TIMEOUT) expect(kinds).to.satisfy(isOfWriters);
  // Another try, or a split, is all that one failure takes, and nobody need know; a zero is told of a barrier that fails.
  else if (code !== 'EROFS') expect(kinds.filter((kind) => kind !== 'zero')).to.deep.equal([]);
}

function isOfWriters(kinds: readonly Kind[]): boolean {
  return kinds.includes('flush') || kinds.includes('through');
}

describe('A fixed workload, whatever fails in it', function () {
  this.timeout(120_000);

  for (const way of WAYS)
    for (const on of way.on)
      for (const [how, times] of [
        ['once', 1],
        ['for good', FOR_GOOD],
      ] as const)
        it(`loses nothing and tells of it when any ${on} ${way.name}, ${how}`, async () => {
          let nth = 1;
          while (nth < OPERATIONS_MAX && (await failNth(on, way, nth, times))) nth++;
          expect(nth - 1, 'operations').to.be.within(3, OPERATIONS_MAX - 1);
        });
});

/** What the device keeps of what no barrier has covered. */
const KEPT: Readonly<Record<string, KeptBytes>> = {
  nothing: () => 0,
  everything: ({ length }) => length,
  'every other change': ({ length }, index) => (index % 2 === 0 ? length : 0),
  'the first block of each change': ({ length }) => Math.min(BLOCK_BYTES, length),
};

/** The power goes at the Nth operation, before the device has done it, or before its answer. False if there were fewer. */
async function cutAt(machine: Machine, nth: number, when: 'before' | 'after', keep: KeptBytes): Promise<boolean> {
  let operations = 0;
  const isOver = () => operations >= nth;
  const counted = withEach(machine.faulty, async (work) => {
    if (++operations !== nth) return work();
    const answer = when === 'after' ? await work() : null;
    await machine.faulty.powerCut(keep);
    return answer ?? work();
  });
  const cache = await machine.open(counted);
  const told = await machine.work(cache, isOver);
  expect(told).to.deep.equal([]);
  return isOver();
}

describe('A fixed workload, whenever the power goes', function () {
  this.timeout(120_000);

  for (const when of ['before', 'after'] as const)
    for (const [what, keep] of Object.entries(KEPT)) {
      it(`keeps all that was told to be durable, ${when} any operation is done, if the device keeps ${what}`, async () => {
        let nth = 1;
        for (let machine = new Machine(); await cutAt(machine, nth, when, keep); machine = new Machine()) {
          machine.blocks.expect(machine.memory.bytes, machine.blocks.safe);
          nth++;
        }
        expect(nth - 1, 'cuts').to.be.within(30, OPERATIONS_MAX);
      });

      it(`keeps all that was acknowledged, ${when} any operation is done, if the device keeps ${what}, with a durable journal`, async () => {
        let nth = 1;
        for (let machine = new Machine(true); await cutAt(machine, nth, when, keep); machine = new Machine(true)) {
          await expectRecovered(machine, nth % 2 === 0);
          nth++;
        }
        expect(nth - 1, 'cuts').to.be.within(30, OPERATIONS_MAX);
      });
    }
});

/** `keepsAll`: the journal's disk has what was not synced as well. */
async function expectRecovered(machine: Machine, keepsAll: boolean): Promise<void> {
  const { disk, memory, blocks } = machine;
  if (disk === null) return;
  disk.powerOff();
  for (const file of disk.files.values()) {
    settle(file, keepsAll ? contentOf(file.synced, file.changes) : file.synced);
  }
  const clock = new VirtualClock();
  const cache = await machine.open(memory, clock);
  blocks.expect(await clock.until(cache.read(0, BLOCKS)), blocks.now);
  await machine.end(cache, clock);
  disk.end();
}

/** The same device, with something around each operation. */
function withEach(device: BlockDevice, around: <T>(work: () => Promise<T>) => Promise<T>): BlockDevice {
  return {
    supports: device.supports,
    sizeBytes: device.sizeBytes,
    identity: device.identity,
    fd: device.fd,
    read: (offset, buffers) => around(() => device.read(offset, buffers)),
    write: (offset, buffers) => around(() => device.write(offset, buffers)),
    barrier: () => around(() => device.barrier()),
    discard: (offset, length) => around(() => device.discard(offset, length)),
    zero: (offset, length) => around(() => device.zero(offset, length)),
    setOption: (name, value) => device.setOption(name, value),
    close: () => device.close(),
  };
}
